"""Folders that `save_pretrained` wrote: one class, the same weights in each file, names read by their ends."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from bert_bundle.errors import BundleError, FormatError, LimitError, ModelError, UnsafeError
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


def as_bfloat16(weights: Mapping[str, np.ndarray], folder: Path) -> None:
    """Write the weights as safetensors whose numbers are cut to the upper half of their bits."""
    header: dict[str, object] = {}
    data = b""
    for name, array in sorted(weights.items()):
        part = (np.ascontiguousarray(array).view(np.uint32) >> 16).astype("<u2").tobytes()
        offsets = [len(data), len(data) + len(part)]
        header[name] = {"dtype": "BF16", "shape": list(array.shape), "data_offsets": offsets}
        data += part
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)


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
    check_same(parts(old_models / "with_a_head" / "sharded"), wanted)
    check_same(parts(old_models / "with_a_head" / "sharded_safetensors"), wanted)


def test_narrower_floating_point_is_widened_and_said(old_models: Path, tmp_path: Path) -> None:
    wanted = parts(old_models / "with_a_head" / "hugging_face")
    half = as_pytorch(old_models, tmp_path / "half", "float16")
    check_same(parts(half), wanted, tolerance=1e-3)
    count = len(next(iter(wanted.encoders.values())))
    said = f"{count} of {count} tensors were stored in {{}}, and have the same values in float32"
    assert said.format("float16") in parts_of(read(half)).findings
    brain = as_pytorch(old_models, tmp_path / "brain")
    (weights,) = wanted.encoders.values()
    as_bfloat16(weights, brain)
    check_same(parts(brain), wanted, tolerance=2**-7)
    (found,) = parts(brain).encoders.values()
    assert {array.dtype for array in found.values()} == {np.dtype("float32")}
    assert said.format("bfloat16") in parts_of(read(brain)).findings


def sharded_as_pytorch(old_models: Path, folder: Path) -> Path:
    """Cut the safetensors of PyTorch into three files with an index."""
    as_pytorch(old_models, folder)
    arrays = tensors.from_bytes((folder / "model.safetensors").read_bytes(), "")
    (folder / "model.safetensors").unlink()
    names, listed = sorted(arrays), {}
    for number in range(3):
        file = f"model-0000{number + 1}-of-00003.safetensors"
        (folder / file).write_bytes(tensors.to_bytes({name: arrays[name] for name in names[number::3]}))
        listed.update(dict.fromkeys(names[number::3], file))
    index = {"metadata": {"total_size": 1}, "weight_map": listed}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def test_several_files_of_pytorch_are_read_as_one(old_models: Path, tmp_path: Path) -> None:
    folder = sharded_as_pytorch(old_models, tmp_path / "hub")
    check_same(parts(folder), parts(old_models / "with_a_head" / "hugging_face"))
    before = read(folder).digest
    shard = folder / "model-00002-of-00003.safetensors"
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    assert read(folder).digest != before


Change = Callable[[dict[str, str], Path], object]
FIRST, LAST = "model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors"


def linked(listed: dict[str, str], folder: Path) -> None:
    (folder / FIRST).rename(folder.parent / "elsewhere")
    (folder / FIRST).symlink_to(folder.parent / "elsewhere")


HOSTILE: dict[str, tuple[Change, type[BundleError], str]] = {
    "outside": (
        lambda listed, folder: listed.update({min(listed): "../" + FIRST}),
        UnsafeError,
        "a file that an index of transformers does not name",
    ),
    "absolute": (
        lambda listed, folder: listed.update({min(listed): "/etc/passwd"}),
        UnsafeError,
        "a file that an index of transformers does not name",
    ),
    "pickle": (
        lambda listed, folder: listed.update({min(listed): "pytorch_model-00001-of-00003.bin"}),
        UnsafeError,
        "a file that an index of transformers does not name",
    ),
    "link": (linked, UnsafeError, "a link or device where a model has a file"),
    "missing": (lambda listed, folder: (folder / LAST).unlink(), FormatError, "a file of weights is missing"),
    "not_named": (
        lambda listed, folder: [listed.pop(name) for name, file in list(listed.items()) if file == LAST],
        FormatError,
        "an index that does not name the files of its set",
    ),
    "two_sets": (
        lambda listed, folder: listed.update({min(listed): "model-00001-of-00002.safetensors"}),
        FormatError,
        "files of several sets in one index",
    ),
    "after_the_last": (
        lambda listed, folder: listed.update({min(listed): "model-00004-of-00003.safetensors"}),
        FormatError,
        "an index that does not name the files of its set",
    ),
    "twice": (
        lambda listed, folder: listed.update({"x/" + min(listed): listed[min(listed)]}),
        FormatError,
        "a tensor that the index lists twice",
    ),
    "not_listed": (
        lambda listed, folder: listed.pop(min(listed)),
        FormatError,
        "a tensor that the index does not list",
    ),
    "elsewhere": (
        lambda listed, folder: listed.update({min(listed): LAST}),
        FormatError,
        "a tensor that the index does not list|a tensor that the index lists is not in its file",
    ),
    "not_text": (
        lambda listed, folder: listed.update({min(listed): 1}),  # type: ignore[dict-item]
        FormatError,
        "an index without the files of tensors",
    ),
    "many": (
        lambda listed, folder: listed.update(dict.fromkeys(listed, "model-00001-of-99999.safetensors")),
        LimitError,
        "an index of too many files",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_index_is_refused(name: str, old_models: Path, tmp_path: Path) -> None:
    change, kind, message = HOSTILE[name]
    folder = sharded_as_pytorch(old_models, tmp_path / "hub")
    index = folder / "model.safetensors.index.json"
    listed = json.loads(index.read_text())["weight_map"]
    change(listed, folder)
    index.write_text(json.dumps({"weight_map": listed}))
    with pytest.raises(kind, match=message):
        read(folder)


def test_a_tensor_in_two_files_and_an_index_that_names_one_twice_are_refused(old_models: Path, tmp_path: Path) -> None:
    folder = sharded_as_pytorch(old_models, tmp_path / "hub")
    index = folder / "model.safetensors.index.json"
    text = index.read_text()
    name = json.dumps("classifier.bias")
    index.write_text(text.replace('"weight_map": {', f'"weight_map": {{{name}: "{LAST}", '))
    with pytest.raises(FormatError, match="a key appears twice in one object"):
        read(folder)
    shutil.copy(folder / FIRST, folder / LAST)
    listed = {key: file for key, file in json.loads(text)["weight_map"].items() if file != LAST}
    prefixed = {"x/" + key: LAST for key, file in listed.items() if file == FIRST}
    index.write_text(json.dumps({"weight_map": {**listed, **prefixed}}))
    with pytest.raises(FormatError, match="a tensor that is in two files"):
        read(folder)


def test_an_index_of_pickles_is_refused_as_they_are(old_models: Path, tmp_path: Path) -> None:
    folder = as_pytorch(old_models, tmp_path / "hub")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin.index.json")
    with pytest.raises(UnsafeError, match="weights of PyTorch in a pickle"):
        read(folder)


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
