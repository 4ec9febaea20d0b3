"""The description of a stored model, which is not built: its kind by its bytes, its writer, what a rescue needs."""

import json
import shutil
from pathlib import Path

import pytest
from support.command_line import bert_bundle

from bert_bundle import inspect
from bert_bundle.errors import FormatError, ModelError, SignatureError
from bert_bundle.format.model_kinds import kind_of, models_in, rescue_command
from bert_bundle.rescuing.description import BUILD, CONFIG, TOKENIZER, describe
from bert_bundle.rescuing.location import model_at

OF_2_15 = {"tensorflow": "2.15.1", "keras": "2.15.1", "transformers": "4.40.2"}


def article(old_models: Path, folder: Path) -> Path:
    """Copy what the article leaves into a folder of its own: the model, and configuration with tokenizer."""
    shutil.copytree(old_models / "with_features" / "saved_model", folder / "my_bert_classifier_keras")
    shutil.copytree(old_models / "with_features" / "classifier", folder / "my_bert_classifier")
    return folder


@pytest.mark.parametrize(
    ("name", "kind", "versions"),
    [
        ("with_features/saved_model", "saved_model", {"tensorflow", "keras", "transformers"}),
        ("with_features/model.h5", "h5", {"keras", "transformers"}),
        ("with_features/model.keras", "keras", {"keras", "transformers"}),
        ("with_features/legacy.h5", "h5_weights", {"keras"}),
        ("with_features/model.weights.h5", "weights_h5", set()),
        ("with_features/ckpt", "checkpoint", set()),
        ("with_features/ckpt.index", "checkpoint", set()),
        ("with_a_head/hugging_face", "hugging_face", {"keras", "transformers"}),
        ("with_a_head/safetensors", "hugging_face", {"transformers"}),
    ],
)
def test_each_kind_is_told_with_its_writer_and_its_weights(
    name: str, kind: str, versions: set[str], old_models: Path
) -> None:
    found = describe(old_models / name)
    assert found.kind == kind
    assert found.versions == {package: OF_2_15[package] for package in versions}
    assert (BUILD in found.needs) == (kind in ("h5_weights", "weights_h5", "checkpoint"))
    assert found.refused == ""
    assert bool(found.proof) == (kind == "saved_model")
    assert found.tokenizer == str((old_models / name).parent / "classifier")
    assert f"rescue {found.path} " in found.command


def test_frozen_parts_are_named_and_a_file_that_does_not_tell_says_so(old_models: Path) -> None:
    parts = ("my_encoder.bert.encoder.layer.0", "my_encoder.bert.pooler")
    assert describe(old_models / "frozen" / "model.h5").frozen == parts
    assert describe(old_models / "frozen" / "model.keras").frozen is None
    assert describe(old_models / "with_features" / "saved_model").frozen == ()


def test_what_is_missing_is_named_by_its_option(old_models: Path, tmp_path: Path) -> None:
    shutil.copy(old_models / "with_features" / "model.h5", tmp_path)
    found = describe(tmp_path / "model.h5")
    assert found.needs == {TOKENIZER: "no tokenizer is in the file or beside it"}
    assert found.command.endswith("model.h5 --tokenizer DIR --reference FILE -o BUNDLE")
    for name in ("a", "b"):
        shutil.copytree(old_models / "with_features" / "classifier", tmp_path / name)
    assert describe(tmp_path / "model.h5").needs == {TOKENIZER: "several folders with a tokenizer: a, b"}


def test_a_model_that_is_code_says_so_and_a_damaged_one_is_refused(old_models: Path, tmp_path: Path) -> None:
    data = (old_models / "with_features" / "model.h5").read_bytes()
    (tmp_path / "model.h5").write_bytes(data.replace(b'"class_name": "Concatenate"', b'"class_name": "Konkatenate"'))
    found = describe(tmp_path / "model.h5")
    assert found.needs[BUILD] == "a layer that a bundle cannot represent @ model.h5 layer concatenate: Konkatenate"
    assert (found.encoders, found.frozen, found.refused) == ({}, None, "")
    (tmp_path / "model.h5").write_bytes(data.replace(b'"output_layers": [', b'"output_layerz": ['))
    found = describe(tmp_path / "model.h5")
    assert found.refused.startswith("a model without inputs or outputs @ model.h5")
    assert BUILD not in found.needs


def test_a_folder_with_the_article_s_two_folders_is_enough(old_models: Path, tmp_path: Path) -> None:
    found = describe(article(old_models, tmp_path))
    assert found.path == str(tmp_path / "my_bert_classifier_keras")
    assert found.config == found.tokenizer == str(tmp_path / "my_bert_classifier")
    assert found.needs == {}
    assert found.command == f"bert-bundle rescue {found.path} -o BUNDLE"


def test_two_models_in_one_folder_are_listed_with_what_chooses(old_models: Path, tmp_path: Path) -> None:
    shutil.copy(old_models / "with_features" / "model.h5", article(old_models, tmp_path))
    with pytest.raises(SignatureError, match="several models in one folder") as caught:
        model_at(tmp_path)
    assert caught.value.found == "model.h5, my_bert_classifier_keras"
    assert "name the one to rescue as PATH" in caught.value.fix
    assert model_at(tmp_path / "model.h5") == tmp_path / "model.h5"


def test_an_encoder_of_transformers_beside_the_model_is_its_configuration_and_not_a_second_model(
    old_models: Path, tmp_path: Path
) -> None:
    encoder = encoder_alone(old_models, article(old_models, tmp_path) / "encoder")
    assert models_in(tmp_path) == [tmp_path / "my_bert_classifier_keras", encoder]
    assert model_at(tmp_path) == tmp_path / "my_bert_classifier_keras"
    shutil.copy(old_models / "with_features" / "model.h5", encoder)
    assert model_at(encoder) == encoder / "model.h5"
    assert describe(encoder).config == str(encoder)


def encoder_alone(old_models: Path, folder: Path) -> Path:
    shutil.copytree(old_models / "with_a_head" / "hugging_face", folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["BertModel"]}))
    return folder


def test_an_encoder_alone_is_refused_with_what_is_missing(old_models: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="an encoder without a classifier") as caught:
        describe(encoder_alone(old_models, tmp_path / "encoder"))
    assert "the classifier was saved elsewhere" in caught.value.fix


@pytest.mark.parametrize("name", ["", "my_bert_classifier_keras"])
def test_the_error_of_a_command_that_wants_a_bundle_ends_with_the_command_to_type(
    name: str, old_models: Path, tmp_path: Path
) -> None:
    path = article(old_models, tmp_path) / name
    with pytest.raises(FormatError, match=r"not a bundle: it has no bundle\.json") as caught:
        inspect(path)
    assert caught.value.fix == f"make a bundle of it: bert-bundle rescue {path} -o BUNDLE"
    code, document = bert_bundle("verify", path)
    assert (code, document["error"]["fix"]) == (5, caught.value.fix)


def test_files_that_are_not_models_are_of_no_kind(old_models: Path, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").touch()  # nothing was written
    (tmp_path / "model.h5").write_text("not HDF5")
    (tmp_path / "variables.index").write_bytes(b"no table")
    shutil.copy(old_models / "with_features" / "noted.npz", tmp_path)
    assert [kind_of(path) for path in (tmp_path, *tmp_path.iterdir())] == [""] * 5
    assert rescue_command(tmp_path) == rescue_command("no\0where") == ""
    assert rescue_command(old_models / "with_features" / "classifier") == ""


def test_the_commands_that_inspect_and_diagnose_say_the_same_and_doctor_ends_with_1_if_something_is_missing(
    old_models: Path, tmp_path: Path
) -> None:
    article(old_models, tmp_path)
    assert bert_bundle("inspect", tmp_path) == bert_bundle("doctor", tmp_path)
    shutil.rmtree(tmp_path / "my_bert_classifier")
    code, document = bert_bundle("doctor", tmp_path)
    assert (code, list(document["needs"])) == (1, [TOKENIZER])
    assert bert_bundle("inspect", tmp_path) == (0, document)
    assert CONFIG not in document["command"]
