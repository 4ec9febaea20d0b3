"""Files that TensorFlow 2.15 wrote: every format gives the same parts, and NumPy the predictions."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bert_bundle.errors import BundleError, FormatError, IntegrityError, ModelError, UnsafeError
from bert_bundle.keras_files.read import read
from bert_bundle.keras_files.saved_model import VARIABLES
from bert_bundle.keras_files.stored_model import StoredModel
from bert_bundle.loading.parts import Parts
from bert_bundle.numpy_interpreter import serving
from bert_bundle.rescuing.model_parts import parts_of


def noted(folder: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    with np.load(folder / "noted.npz") as file:
        return {name: file[name] for name in file.files if name != "predictions"}, file["predictions"]


def computed(stored: StoredModel, arrays: dict[str, np.ndarray], *, float64: bool = False) -> np.ndarray:
    assert stored.serving is not None
    (outputs,) = serving.outputs(stored.serving, stored.arrays, arrays, float64=float64).values()
    return outputs


def test_a_serving_function_computes_what_the_live_model_predicted(old_models: Path) -> None:
    arrays, predictions = noted(old_models / "with_features")
    stored = read(old_models / "with_features" / "saved_model")
    assert stored.versions == {"tensorflow": "2.15.1", "keras": "2.15.1", "transformers": "4.40.2"}
    for float64 in (False, True):
        np.testing.assert_allclose(computed(stored, arrays, float64=float64), predictions, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
def test_every_format_gives_the_same_graph_and_the_same_weights(name: str, old_models: Path) -> None:
    wanted = parts_of(read(old_models / "with_features" / "saved_model")).parts
    found = parts_of(read(old_models / "with_features" / name)).parts
    assert found.configs == wanted.configs
    assert found.graph == wanted.graph
    check_equal(found, wanted)


def check_equal(found: Parts, wanted: Parts) -> None:
    encoders = [(weights, wanted.encoders[name]) for name, weights in found.encoders.items()]
    for ours, theirs in [(found.weights, wanted.weights), *encoders]:
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[key], theirs[key]) for key in ours)


def test_frozen_parts_are_found_in_the_order_of_the_weights_which_go_where_their_names_say(old_models: Path) -> None:
    found = parts_of(read(old_models / "frozen" / "model.h5"))
    assert found.findings == ("my_encoder: frozen when it was saved: bert.encoder.layer.0, bert.pooler",)
    (encoder,) = (layer for layer in found.parts.graph.layers if layer.encoder)
    assert encoder.flags == {"bert.encoder.layer.0": False, "bert.pooler": False}
    archive = parts_of(read(old_models / "frozen" / "model.keras"))
    assert archive.findings == ("my_encoder: the file does not say which parts were frozen; all are trainable",)
    check_equal(found.parts, archive.parts)


def test_the_name_of_a_file_does_not_decide_its_kind(old_models: Path, tmp_path: Path) -> None:
    shutil.copy(old_models / "with_features" / "model.h5", tmp_path / "model.keras")
    shutil.copy(old_models / "with_features" / "model.keras", tmp_path / "model.h5")
    assert read(tmp_path / "model.keras").kind == "h5"
    assert read(tmp_path / "model.h5").kind == "keras"
    (tmp_path / "text").write_text("not a model")
    with pytest.raises(FormatError, match="not a file that TensorFlow or Keras wrote"):
        read(tmp_path / "text")


def test_a_changed_weight_is_found_by_its_checksum(old_models: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(old_models / "with_features" / "saved_model", tmp_path / "saved_model"))
    (data,) = (folder / "variables").glob("variables.data-*")
    changed = bytearray(data.read_bytes())
    changed[100] ^= 1
    data.write_bytes(changed)
    with pytest.raises(IntegrityError, match="has changed since it was written"):
        read(folder)


def test_an_op_outside_of_the_table_is_refused_before_anything_is_computed(old_models: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(old_models / "with_features" / "saved_model", tmp_path / "saved_model"))
    path = folder / "saved_model.pb"
    path.write_bytes(path.read_bytes().replace(b"Softmax", b"PyFuncX"))
    arrays, _ = noted(old_models / "with_features")
    with pytest.raises(UnsafeError, match="an op that a rescue does not compute"):
        computed(read(folder), arrays)


def test_weights_in_an_order_that_keras_does_not_write_are_refused(old_models: Path) -> None:
    stored = read(old_models / "frozen" / "model.h5")
    names = list(stored.arrays)
    shuffled = {name: stored.arrays[name] for name in [*names[7:20], *names[:7], *names[30:], *names[20:30]]}
    with pytest.raises(FormatError, match="an order that Keras does not write"):
        parts_of(replace(stored, arrays=shuffled))


def test_a_tensor_too_many_and_a_tensor_too_few_are_refused(old_models: Path) -> None:
    stored = read(old_models / "with_features" / "model.h5")
    arrays = dict(stored.arrays)
    with pytest.raises(FormatError, match="a tensor that no layer of the model has"):
        parts_of(replace(stored, arrays={**arrays, "other/kernel": np.zeros(2)}))
    name = next(name for name in arrays if "pooler/dense/bias" in name)
    with pytest.raises(FormatError, match="does not fit its configuration"):
        parts_of(replace(stored, arrays={key: array for key, array in arrays.items() if key != name}))


def test_a_lambda_and_an_op_without_a_tensor_are_refused_by_name(old_models: Path) -> None:
    stored = read(old_models / "with_features" / "model.h5")
    with pytest.raises(ModelError, match=r"a layer that a bundle cannot represent @ model\.h5 layer dense"):
        parts_of(_changed(stored, "dense", class_name="Lambda"))
    hashing = {"name": "dense", "num_bins": 6, "salt": [1, 2]}  # TensorFlow 2.4 writes a salt where none was given
    with pytest.raises(ModelError, match=r"a lookup, which is read from a live model only @ model\.h5 layer dense"):
        parts_of(_changed(stored, "dense", class_name="Hashing", config=hashing))
    name = "tf.__operators__.getitem"
    call = [["_CONSTANT_VALUE", -1, "path", {"contents": "x"}]]
    with pytest.raises(UnsafeError, match="an op that takes no tensor"):
        parts_of(_changed(stored, name, config={"name": name, "function": "io.write_file"}, inbound_nodes=call))


def _changed(stored: StoredModel, layer: str, **fields: Any) -> StoredModel:
    assert stored.architecture is not None
    config = stored.architecture["config"]
    layers = [{**record, **(fields if record["name"] == layer else {})} for record in config["layers"]]
    return replace(stored, architecture={**stored.architecture, "config": {**config, "layers": layers}})


def test_an_index_that_is_damaged_anywhere_is_refused_or_gives_the_same_weights(
    old_models: Path, tmp_path: Path
) -> None:
    """Bytes that nothing is read from: padding, and the index of metadata, which Keras leaves empty."""
    folder = Path(shutil.copytree(old_models / "with_features" / "saved_model", tmp_path / "saved_model"))
    index = folder / (VARIABLES + ".index")
    wanted, data, refused = read(folder).arrays, index.read_bytes(), 0
    for position in range(0, len(data), 211):
        index.write_bytes(data[:position] + bytes([data[position] ^ 0x55]) + data[position + 1 :])
        try:
            found = read(folder).arrays
        except BundleError:
            refused += 1
        else:
            assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
    assert refused > len(data) / 211 / 2


def test_a_configuration_with_any_part_left_out_is_read_or_refused_with_a_typed_error(old_models: Path) -> None:
    """One key, or one item of a list, is left out at a time, at every depth."""
    stored = read(old_models / "with_features" / "model.h5")
    changed = list(without_one(stored.architecture))
    refused = 0
    for architecture in changed:
        try:
            parts_of(replace(stored, architecture=architecture))
        except BundleError:
            refused += 1
    assert len(changed) > 150
    assert refused > 50


def without_one(value: Any) -> Iterator[Any]:
    """Yield the value without each of its items, and with each item without each of its own."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield {other: kept for other, kept in value.items() if other != key}
            yield from ({**value, key: changed} for changed in without_one(item))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield value[:place] + value[place + 1 :]
            yield from ([*value[:place], changed, *value[place + 1 :]] for changed in without_one(item))


def test_a_folder_without_its_variables_and_metadata_outside_of_the_model_are_refused(
    old_models: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(old_models / "with_features" / "saved_model", tmp_path / "saved_model"))
    metadata = folder / "keras_metadata.pb"
    metadata.write_bytes(metadata.read_bytes().replace(b"root.layer_with_weights", b"boot.layer_with_weights"))
    with pytest.raises(FormatError, match="metadata of an object outside of the model"):
        read(folder)
    shutil.rmtree(folder / "variables")
    with pytest.raises(FormatError, match="the index of a checkpoint is missing"):
        read(folder)


def test_a_name_of_a_variable_that_was_changed_is_found_by_its_checksum(old_models: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(old_models / "with_features" / "saved_model", tmp_path / "saved_model"))
    (data,) = (folder / "variables").glob("variables.data-*")
    data.write_bytes(data.read_bytes().replace(b"dense/kernel", b"dense/kernal", 1))
    with pytest.raises(IntegrityError, match="has changed since it was written"):
        read(folder)
