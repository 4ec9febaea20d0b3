"""The command `rescue`: the two folders that the article leaves become bundles, with TensorFlow and without it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support import old_files
from support.command_line import bert_bundle
from support.paths import ROOT

from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.graph.graph import Apply, refs
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.keras_files.read import read
from bert_bundle.rescuing.model_parts import parts_of

JAX, WRITER = "keras3.15-jax0.12-py3.13", "tf2.15-hf4.40-py3.11"
SERVING = "the file's own serving function"
OF_CODE = {  # shape -> classes of the layers of its graph
    "subclassed": "BertModel Dropout Dense Dense",
    "subclassed_with_features": "BertModel Dense Dense",
    "subclassed_last_four": "BertModel Dense",
    "subclassed_around_a_head": "BertForSequenceClassification",
    "custom_layer": "BertModel Dense Variable Variable Dense",
    "with_a_lambda": "BertModel Dense",
    "with_two_lambdas": "BertModel Dropout Dense",
}
FAMILIES = ("distilbert", "roberta", "electra", "albert", "mpnet")


@pytest.fixture(scope="module")
def families(made: Callable[[str], ReadyEnvironment], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("families")
    old_files.write(made(WRITER), folder, [f"{family}:model.h5,model.keras" for family in FAMILIES])
    return folder


def article(old_models: Path, shape: str, folder: Path) -> tuple[Path, Path]:
    """Copy the two folders of a shape, and nothing else; return them."""
    model = shutil.copytree(old_models / shape / "saved_model", folder / "my_bert_classifier_keras")
    return Path(model), Path(shutil.copytree(old_models / shape / "classifier", folder / "my_bert_classifier"))


@pytest.mark.parametrize("environment", [JAX, WRITER])
def test_the_two_folders_of_the_article_become_a_bundle(environment: str, old_models: Path, tmp_path: Path) -> None:
    model, _ = article(old_models, "with_features", tmp_path)
    out = tmp_path / "out" / "classifier"
    code, document = bert_bundle("rescue", model, "-o", out, "--env", environment, "--labels", "no,yes")
    assert (code, document["kind"], document["environment"]) == (0, "saved_model", environment)
    assert document["witness"]["name"] == SERVING
    assert document["witness"]["float32"] < 1e-6
    assert document["witness"]["float64"] < 1e-8
    manifest = open_bundle(str(out)).manifest
    assert list(manifest.labels) == ["no", "yes"]
    assert manifest.metadata["rescue"]["versions"]["tensorflow"] == "2.15.1"
    assert manifest.proof["proven"] is True


def test_a_frozen_hdf5_file_that_keras_opens_wrong_is_rescued_right(old_models: Path, tmp_path: Path) -> None:
    shape = old_models / "frozen"
    arguments = ("--config", shape / "classifier", "-o", tmp_path / "frozen", "--env", WRITER)
    code, document = bert_bundle("rescue", shape / "model.h5", *arguments, "--reference", shape / "noted.npz")
    assert code == 0
    assert document["witness"]["float32"] < 1e-6
    assert document["findings"] == ["my_encoder: frozen when it was saved: bert.encoder.layer.0, bert.pooler"]


def test_a_file_without_a_witness_is_said_to_be_unproven_and_another_prediction_is_refused(
    old_models: Path, tmp_path: Path
) -> None:
    shape = old_models / "with_features"
    arguments = ("--config", shape / "classifier", "--env", WRITER)
    code, document = bert_bundle("rescue", shape / "model.keras", *arguments, "-o", tmp_path / "unproven")
    assert (code, document["witness"]) == (1, None)
    found = open_bundle(str(tmp_path / "unproven")).manifest.metadata["rescue"]
    assert found["witness"] == "not proven against the original"
    with np.load(shape / "noted.npz") as file:
        np.savez(tmp_path / "other.npz", **{**file, "predictions": file["predictions"] + 0.01})
    code, document = bert_bundle(
        "rescue", shape / "model.keras", *arguments, "-o", tmp_path / "refused", "--reference", tmp_path / "other.npz"
    )
    assert (code, document["error"]["class"]) == (5, "ProofError")
    assert not (tmp_path / "refused").exists()


@pytest.mark.parametrize("family", FAMILIES)
def test_both_formats_of_another_family_have_the_same_weights_and_no_frozen_part(family: str, families: Path) -> None:
    found, other = (parts_of(read(families / family / name)) for name in ("model.h5", "model.keras"))
    assert "shows no frozen parts" in found.findings[0]
    assert found.parts.graph == other.parts.graph
    (ours,), (theirs,) = found.parts.encoders.values(), other.parts.encoders.values()
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_a_file_of_another_family_predicts_what_was_noted(families: Path, tmp_path: Path) -> None:
    shape = families / "distilbert"
    arguments = ("--tokenizer", shape / "classifier", "-o", tmp_path / "bundle", "--env", WRITER)
    code, document = bert_bundle("rescue", shape / "model.h5", *arguments, "--reference", shape / "noted.npz")
    assert code == 0
    assert document["witness"]["float32"] < 1e-6


BUILD = """
import sys
sys.path.insert(0, {folder!r})
import old_models
def make():
    return old_models.with_features()
"""


@pytest.mark.parametrize("name", ["legacy.h5", "model.weights.h5", "ckpt"])
def test_weights_alone_are_given_to_the_model_that_a_function_builds(
    name: str, old_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = old_models / "with_features"
    (tmp_path / "of_the_user.py").write_text(BUILD.format(folder=str(ROOT / "tests" / "in_environment")))
    monkeypatch.chdir(tmp_path)
    arguments = ("--config", shape / "classifier", "-o", tmp_path / "bundle", "--env", WRITER)
    code, document = bert_bundle("rescue", shape / name, *arguments)
    assert (code, document["error"]["fix"][:25]) == (5, "give the function of your")
    code, document = bert_bundle(
        "rescue", shape / name, *arguments, "--build", "of_the_user:make", "--reference", shape / "noted.npz"
    )
    assert code == 0
    assert document["witness"]["float32"] < 1e-6


@pytest.mark.parametrize("name", ["hugging_face", "safetensors", "inside", "sharded", "sharded_safetensors"])
def test_a_folder_of_transformers_with_a_head_becomes_a_bundle(name: str, old_models: Path, tmp_path: Path) -> None:
    shape = old_models / "with_a_head"
    arguments = ("--tokenizer", shape / "classifier", "-o", tmp_path / "bundle", "--env", WRITER)
    code, document = bert_bundle("rescue", shape / name, *arguments, "--reference", shape / "noted.npz")
    assert (code, document["kind"]) == (0, "hugging_face")
    assert document["witness"]["float32"] < 1e-6


def test_the_folder_that_holds_both_folders_of_the_article_is_enough(old_models: Path, tmp_path: Path) -> None:
    model, _ = article(old_models, "with_features", tmp_path / "left")
    code, document = bert_bundle("rescue", model.parent, "-o", tmp_path / "classifier", "--env", WRITER)
    assert (code, document["source"], document["kind"]) == (0, str(model), "saved_model")


@pytest.fixture(scope="module")
def of_code(made: Callable[[str], ReadyEnvironment], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("of_code")
    old_files.write(made(WRITER), folder, [f"{shape}:saved_model" for shape in OF_CODE])
    return folder


@pytest.mark.parametrize(("shape", "classes"), OF_CODE.items())
def test_the_layers_of_a_model_of_code_are_read_off_its_serving_function(
    shape: str, classes: str, of_code: Path
) -> None:
    found = parts_of(read(of_code / shape / "saved_model"))
    assert found.findings[0] == "the architecture was read off the serving function"
    assert [layer.class_name for layer in found.parts.graph.layers] == classes.split()


def test_hidden_states_are_told_by_the_norms_that_end_them(of_code: Path) -> None:
    graph = parts_of(read(of_code / "subclassed_last_four" / "saved_model")).parts.graph
    names = [ref.output for node in graph.nodes if isinstance(node, Apply) for ref in refs(node.arguments)]
    assert list(filter(None, names)) == ["hidden_states.1", "hidden_states.2", "hidden_states.3", "last_hidden_state"]


def test_what_is_left_out_and_what_was_frozen_are_findings(of_code: Path) -> None:
    assert (
        "left out as their place is not known: dropout"
        in parts_of(read(of_code / "subclassed_with_features" / "saved_model")).findings[1]
    )
    found = parts_of(read(of_code / "with_a_lambda" / "saved_model"))
    assert found.findings[1] == "my_encoder: frozen when it was saved: bert.pooler"


@pytest.mark.parametrize("shape", ["subclassed", "with_two_lambdas"])
def test_a_model_of_code_becomes_a_bundle_without_tensorflow(shape: str, of_code: Path, tmp_path: Path) -> None:
    arguments = ("--config", of_code / shape / "classifier", "-o", tmp_path / "bundle", "--env", JAX)
    code, document = bert_bundle("rescue", of_code / shape / "saved_model", *arguments)
    assert code == 0
    assert document["witness"]["name"] == SERVING
    assert document["witness"]["float32"] < 1e-6
    assert document["witness"]["float64"] < 1e-8
