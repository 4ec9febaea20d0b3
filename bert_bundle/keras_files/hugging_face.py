"""A folder that `save_pretrained` of transformers wrote: a class with a head, its configuration and its weights.

Weights are read by the ends of their names: transformers writes the name of every model that the class was inside of,
and then does not find them again. A file of PyTorch is a pickle, which runs code as it is read, and is refused.
"""

from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np

from bert_bundle.encoders import checkpoint_names, families
from bert_bundle.encoders.families import Family
from bert_bundle.errors import FormatError, ModelError, UnsafeError
from bert_bundle.format import tensors
from bert_bundle.format.model_kinds import CONFIG, HUB_WEIGHTS, HUGGING_FACE, SAFETENSORS, TF_WEIGHTS, TORCH_WEIGHTS
from bert_bundle.keras_files import hub_shards, legacy_weights
from bert_bundle.keras_files.hdf5 import Hdf5
from bert_bundle.keras_files.malformed import malformed
from bert_bundle.keras_files.source_files import check_plain, digest, document, limited, versions
from bert_bundle.keras_files.stored_model import StoredModel
from bert_bundle.keras_files.structural_names import snake_case

MAX_CONFIG = 16 << 20  # bytes
MAX_WEIGHTS = 64 << 30

_BUFFERS = ("position_ids", "token_type_ids")  # of PyTorch's embeddings, which are no weights
_PICKLE_FIX = (
    "open it where its transformers is installed and you trust it, and save it again: "
    "model.save_pretrained(folder, safe_serialization=True)"
)


def refused_pickle(place: str) -> UnsafeError:
    """Return the error for a file of PyTorch."""
    return UnsafeError(
        "weights of PyTorch in a pickle, which runs code when it is read",
        place=place,
        wanted="{} or {}".format(SAFETENSORS, TF_WEIGHTS),
        fix=_PICKLE_FIX,
    )


def read(path: Path) -> StoredModel:
    """Return the class with a head in a folder.

    Raises ModelError for an encoder alone or a class that a bundle cannot represent, UnsafeError for weights in a
    pickle or a link in place of a file, FormatError or LimitError for files that are not whole.
    """
    present = next(name for name in HUB_WEIGHTS if (path / name).is_file())
    check_plain(path, [path / CONFIG, path / present])
    config = document(limited(path / CONFIG, MAX_CONFIG), "{}/{}".format(path.name, CONFIG))
    if present.startswith(TORCH_WEIGHTS):
        raise refused_pickle("{}/{}".format(path.name, present))
    family = with_a_head(config, path.name)
    with malformed("weights that cannot be read", path.name):
        files, keras, arrays = _tensors(path, present)
        plain, findings = _in_float32(arrays, path.name)
    return StoredModel(
        kind=HUGGING_FACE,
        path=str(path.resolve()),
        versions=versions(keras, config),
        arrays=_named(plain, family, path.name),
        architecture={"class_name": family.tensorflow, "config": config, "name": snake_case(family.tensorflow)},
        in_order=present == TF_WEIGHTS,
        digest=digest([path / CONFIG, *files]),
        findings=findings,
    )


def with_a_head(config: Mapping[str, Any], place: str) -> Family:
    """Return the family of the class that a configuration names. Raises ModelError unless it has a head."""
    named = config.get("architectures")
    name = str(named[0]) if isinstance(named, list) and named else "no class"
    family = families.CLASSES.get(name)
    if family is None or not family.head:
        raise ModelError(
            "an encoder without a classifier" if family else "a class that a bundle cannot represent",
            place="{}/{}#/architectures".format(place, CONFIG),
            wanted="a class with a head: " + ", ".join(families.HEADS),
            found=name,
            fix="the classifier was saved elsewhere: rescue the file that model.save or model.save_weights wrote, "
            "with this folder as --config",
        )
    return family


def _tensors(folder: Path, present: str) -> Tuple[List[Path], str, Dict[str, np.ndarray]]:
    """Return the files of weights, the version of Keras, and the arrays in their order by the names in the files."""
    if present == TF_WEIGHTS:
        opened = Hdf5(folder / present, present)
        keras = str(opened.attributes().get("keras_version", ""))
        return [folder / present], keras, legacy_weights.arrays(opened, "", present)
    if present == SAFETENSORS:
        return [folder / present], "", _of_safetensors(folder / present)
    files, found = hub_shards.read(
        folder, present, _of_hdf5_shard if present.startswith(TF_WEIGHTS) else _of_safetensors
    )
    return [folder / present, *files], "", found


def _of_hdf5_shard(file: Path) -> Dict[str, np.ndarray]:
    """Return the tensors of one of several files, each stored under its own name."""
    opened = Hdf5(file, file.name)
    return {path: opened.array(path) for path in opened.paths}


def _of_safetensors(file: Path) -> Dict[str, np.ndarray]:
    return tensors.from_bytes(limited(file, MAX_WEIGHTS), file.name, bfloat16=True)


def _in_float32(arrays: Mapping[str, np.ndarray], place: str) -> Tuple[Dict[str, np.ndarray], Tuple[str, ...]]:
    """Return the arrays by their names as TensorFlow writes them, in float32 if they have less, and what is said of it.

    Buffers of PyTorch are left out.
    """
    found: Dict[str, np.ndarray] = {}
    narrow: Dict[str, int] = {}
    for name, array in arrays.items():
        if "/" not in name:  # of PyTorch
            if name.rpartition(".")[2] in _BUFFERS:
                continue
            name = checkpoint_names.tensorflow_path(name)
        if array.dtype == tensors.BFLOAT16:
            narrow["bfloat16"] = narrow.get("bfloat16", 0) + 1
            array = (array.astype(np.uint32) << 16).view(np.float32)
        elif array.dtype == np.float16:
            narrow["float16"] = narrow.get("float16", 0) + 1
            array = array.astype(np.float32)
        key = name.partition(":")[0]
        if key in found:
            raise FormatError("two tensors of one name", place=place, found=name)
        found[key] = array
    return found, tuple(
        "{} of {} tensors were stored in {}, and have the same values in float32".format(count, len(found), dtype)
        for dtype, count in narrow.items()
    )


def _named(arrays: Mapping[str, np.ndarray], family: Family, place: str) -> Dict[str, np.ndarray]:
    """Return the arrays by the names that a model of the class by itself gives them."""
    found: Dict[str, np.ndarray] = {}
    inside = "/{}/".format(family.weights.prefix)
    for name, array in arrays.items():
        _, marker, tail = ("/" + name).rpartition(inside)
        module = checkpoint_names.to_pytorch(name, family)[0]  # raises for a name of neither encoder nor head
        own = inside[1:] + tail if marker else "{}/{}".format(*_path_and_last(module, name))
        key = "{}/{}".format(snake_case(family.tensorflow), own)
        if key in found:
            raise FormatError("two tensors of one variable", place=place, found=name)
        found[key] = array
    return found


def _path_and_last(module: str, name: str) -> Tuple[str, str]:
    """Return a module's path in TensorFlow, and the variable's own name: `classifier/dense`, `kernel`."""
    return checkpoint_names.tensorflow_path(module.rpartition(".")[0]), name.rpartition("/")[2]
