"""Folders that `save_pretrained` wrote: one class, the same weights in each file, names read by their ends."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from bert_bundle.errors import FormatError, LimitError, ModelError
from bert_bundle.format import tensors
from bert_bundle.keras_files.read import read
from bert_bundle.loading.parts import Parts
from bert_bundle.rescuing.model_parts import parts_of

Arrays = dict[str, np.ndarray]


def parts(folder: Path) -> Parts:
    return parts_of(read(folder)).parts


def as_pytorch(old_models: Path, folder: Path, dtype: str = "float32", more: Arrays | None = None) -> Path:
    """Write the same model as PyTorch's transformers does: names with dots, kernels transposed, buffers too."""
    shutil.copytree(old_models / "with_a_head" / "safetensors", folder)
    (weights,) = parts(old_models / "with_a_head" / "hugging_face").encoders.values()
    plain = {name: np.ascontiguousarray(array, dtype) for name, array in weights.items()}
    (folder / "model.safetensors").write_bytes(tensors.to_bytes({**plain, **(more or {})}, {"format": "pt"}))
    return folder


def check_same(found: Parts, wanted: Parts, tolerance: float = 0.0) -> None:
    assert (found.graph, found.configs) == (wanted.graph, wanted.configs)
    (ours,), (theirs,) = found.encoders.values(), wanted.encoders.values()
    assert ours.keys() == theirs.keys()
    assert all(np.abs(ours[name] - theirs[name]).max() <= tolerance for name in ours)


def test_every_file_holds_the_same_class_and_weights(old_models: Path, tmp_path: Path) -> None:
    wanted = parts(old_models / "with_a_head" / "hugging_face")
    assert [layer.class_name for layer in wanted.graph.layers] == ["BertForSequenceClassification"]
    buffer = {"bert.embeddings.position_ids": np.arange(32)[None]}
    check_same(parts(old_models / "with_a_head" / "safetensors"), wanted)
    check_same(parts(as_pytorch(old_models, tmp_path / "pytorch", more=buffer)), wanted)
    check_same(parts(as_pytorch(old_models, tmp_path / "half", "float16")), wanted, tolerance=1e-3)


def test_names_of_a_model_that_it_was_inside_of_are_left_out(old_models: Path) -> None:
    inside = old_models / "with_a_head" / "inside"
    assert b"holder/" in (inside / "tf_model.h5").read_bytes()
    check_same(parts(inside), parts(old_models / "with_a_head" / "hugging_face"))


def test_a_tensor_too_many_too_few_or_twice_is_refused(old_models: Path, tmp_path: Path) -> None:
    more = {"bert.pooler.more.weight": np.zeros(2, "float32")}
    with pytest.raises(ModelError, match="an encoder's variable that a checkpoint does not name"):
        parts(as_pytorch(old_models, tmp_path / "more", more=more))
    twice = {"other.bert.pooler.dense.bias": np.zeros(8, "float32")}
    with pytest.raises(FormatError, match="two tensors of one variable"):
        parts(as_pytorch(old_models, tmp_path / "twice", more=twice))
    folder = as_pytorch(old_models, tmp_path / "fewer")
    arrays = tensors.from_bytes((folder / "model.safetensors").read_bytes(), "model.safetensors")
    fewer = {name: array for name, array in arrays.items() if name != "classifier.bias"}
    (folder / "model.safetensors").write_bytes(tensors.to_bytes(fewer))
    with pytest.raises(FormatError, match="does not fit its configuration"):
        parts(folder)


@pytest.mark.parametrize(
    ("architectures", "message"),
    [
        (["BertModel"], "an encoder without a classifier"),
        (["BertForMaskedLM"], "a class that a bundle cannot represent"),
        ([], "a class that a bundle cannot represent"),
        ("BertForSequenceClassification", "a class that a bundle cannot represent"),
    ],
)
def test_a_folder_without_a_class_with_a_head_says_what_is_missing(
    architectures: object, message: str, old_models: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(old_models / "with_a_head" / "safetensors", tmp_path / "hub"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": architectures}))
    with pytest.raises(ModelError, match=message) as caught:
        read(folder)
    assert "as --config" in caught.value.fix


def test_a_configuration_that_is_not_an_object_or_too_large_is_refused(old_models: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(old_models / "with_a_head" / "safetensors", tmp_path / "hub"))
    (folder / "config.json").write_text("[]")
    with pytest.raises(FormatError, match="not a JSON object"):
        read(folder)
    (folder / "config.json").write_bytes(b" " * (17 << 20))
    with pytest.raises(LimitError, match="a file that is too large"):
        read(folder)
