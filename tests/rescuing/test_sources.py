"""What is looked for beside a model is used where there is one, and asked for where there are several."""

import json
from pathlib import Path

import numpy as np
import pytest

from bert_bundle.errors import FormatError, ProofError, SignatureError, TokenizerError
from bert_bundle.keras_files.stored_model import HDF5, StoredModel, read, write
from bert_bundle.rescuing.sources import Sources
from bert_bundle.rescuing.witness import Witness


def model_in(folder: Path) -> StoredModel:
    path = folder / "model.h5"
    path.touch()
    return StoredModel(kind=HDF5, path=str(path), versions={}, arrays={})


def saved(folder: Path, model_type: str = "bert") -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    (folder / "vocab.txt").write_text("[PAD]\n")
    return folder


def test_the_only_folder_beside_the_model_is_used(tmp_path: Path) -> None:
    classifier = saved(tmp_path / "classifier")
    (tmp_path / "other").mkdir()
    found = Sources(model_in(tmp_path), None, None)
    assert found.tokenizer_folder() == classifier
    assert found.encoder_config() == {"model_type": "bert"}


def test_which_of_several_folders_belongs_to_the_model_is_asked(tmp_path: Path) -> None:
    first, second = saved(tmp_path / "a"), saved(tmp_path / "b", "roberta")
    found = Sources(model_in(tmp_path), None, None)
    with pytest.raises(SignatureError, match="several folders with a tokenizer") as caught:
        found.tokenizer_folder()
    assert (caught.value.found, caught.value.fix) == ("a, b", "name the one of this model by --tokenizer")
    with pytest.raises(SignatureError, match="several folders with a configuration of transformers"):
        found.encoder_config()
    assert Sources(model_in(tmp_path), second, None).encoder_config() == {"model_type": "roberta"}
    assert Sources(model_in(tmp_path), second, first).tokenizer_folder() == first


def test_a_folder_without_what_was_asked_of_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = Sources(model_in(tmp_path), tmp_path / "empty", None)
    with pytest.raises(FormatError, match="a folder without a configuration of transformers"):
        found.encoder_config()
    with pytest.raises(TokenizerError, match="no tokenizer is in the file or beside it"):
        found.tokenizer_folder()
    assert Sources(model_in(tmp_path), None, None).encoder_config() is None


@pytest.mark.parametrize(("float32", "float64"), [(2e-6, 0.0), (0.0, 2e-6), (float("nan"), 0.0), (0.0, float("nan"))])
def test_a_difference_above_the_tolerance_and_a_nan_are_refused(float32: float, float64: float) -> None:
    Witness("the reference", 1e-7, None).check("model.h5")
    with pytest.raises(ProofError, match="the rescued model does not predict what the original predicts"):
        Witness("the reference", float32, float64).check("model.h5")


def test_a_record_is_read_back_from_its_folder_in_its_order(tmp_path: Path) -> None:
    arrays = {"b/kernel": np.ones((2, 1), "float32"), "a/kernel": np.zeros(3, "float32")}
    stored = StoredModel(HDF5, "/models/model.h5", {"keras": "2.10.0"}, arrays, {"class_name": "Model"}, in_order=True)
    write(stored, tmp_path)
    found = read(tmp_path)
    assert list(found.arrays) == list(arrays)
    assert all(np.array_equal(found.arrays[name], array) for name, array in arrays.items())
    assert (found.source, found.architecture, found.in_order) == ("model.h5", {"class_name": "Model"}, True)
