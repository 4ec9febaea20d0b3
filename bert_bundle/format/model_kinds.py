"""Kinds of stored models that are not bundles, told by their bytes: what a rescue may be able to read.

Looks at the first or last bytes of files and at what is in a folder. Does not know: how any kind is read.
"""

import os
import re
import shlex
import zipfile
from pathlib import Path
from typing import Any, List

SAVED_MODEL, KERAS_ZIP, CHECKPOINT, HUGGING_FACE = "saved_model", "keras", "checkpoint", "hugging_face"
ANY_HDF5 = "hdf5"  # a model, or weights alone: its first bytes do not tell
PICKLE = "pickle"  # of PyTorch

MODEL_FILE, CONFIG, INDEX = "saved_model.pb", "config.json", ".index"
TABLE_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")  # the end of a checkpoint's index
SAFETENSORS, TF_WEIGHTS, TORCH_WEIGHTS = "model.safetensors", "tf_model.h5", "pytorch_model.bin"
SHARD_INDEX = ".index.json"  # after a name of weights: which of several files has which tensor
HUB_WEIGHTS = tuple(
    name + end for name in (SAFETENSORS, TF_WEIGHTS, TORCH_WEIGHTS) for end in ("", SHARD_INDEX)
)  # in the order in which transformers looks for them
SHARD = re.compile(r"(model|tf_model|pytorch_model)-([0-9]{5})-of-([0-9]{5})\.(safetensors|h5|bin)")

_HDF5, _ZIP, _PICKLE = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"\x80"
_SCHEMA_VERSION = b"\x08"  # the first field of a SavedModel
_OF_KERAS, _OF_TORCH = "model.weights.h5", "/data.pkl"
_MOST = 2000  # entries of a folder that are looked at


def kind_of(path: Path) -> str:
    """Return the kind of a file, a folder or the prefix of a checkpoint; empty for anything else."""
    if path.is_dir():
        return _of_folder(path)
    if _is_index(path.with_name(path.name + INDEX)) or _is_index(path):
        return CHECKPOINT
    head = _bytes(path, 0, 8)
    if head == _HDF5:
        return ANY_HDF5
    if head[:4] == _ZIP:
        return _of_zip(path)
    return PICKLE if head[:1] == _PICKLE else ""


def models_in(folder: Path) -> List[Path]:
    """Return the models directly in a folder, in the order of their names; a checkpoint by its prefix.

    Folders of transformers come last. Files of PyTorch, and the parts of a folder that is a model, are none of them.
    """
    found = []
    entries = sorted(entry.name for entry, _ in zip(os.scandir(folder), range(_MOST)))
    for path in (folder / name for name in entries if name not in HUB_WEIGHTS and not SHARD.fullmatch(name)):
        kind = kind_of(path)
        if kind and kind != PICKLE:
            found.append(checkpoint_prefix(path) if kind == CHECKPOINT else path)
    return sorted(found, key=lambda path: path.is_dir() and kind_of(path) == HUGGING_FACE)


def checkpoint_prefix(path: Path) -> Path:
    """Return the prefix of a checkpoint, which may be given by its index."""
    return path.with_name(path.name[: -len(INDEX)]) if path.name.endswith(INDEX) else path


def rescue_command(path: Any) -> str:
    """Return the command that makes a bundle of what is at `path`, empty if a rescue reads nothing there."""
    given = os.fspath(path)
    try:
        source = Path(given)
        known = kind_of(source) or (source.is_dir() and models_in(source))
    except (OSError, ValueError):  # not readable, or not a path at all
        return ""
    return "bert-bundle rescue {} -o BUNDLE".format(shlex.quote(given)) if known else ""


def _of_folder(path: Path) -> str:
    if _bytes(path / MODEL_FILE, 0, 1) == _SCHEMA_VERSION:
        return SAVED_MODEL
    if (path / CONFIG).is_file() and any((path / name).is_file() for name in HUB_WEIGHTS):
        return HUGGING_FACE
    return ""


def _of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(str(path)) as archive:
            names = archive.namelist()
    except Exception:  # zipfile raises its own errors, and those of struct and of codecs
        return ""
    if _OF_KERAS in names:
        return KERAS_ZIP
    return PICKLE if any(name.endswith(_OF_TORCH) for name in names) else ""


def _is_index(path: Path) -> bool:
    return path.name.endswith(INDEX) and _bytes(path, -8, 8) == TABLE_MAGIC


def _bytes(path: Path, offset: int, count: int) -> bytes:
    """Return bytes of a regular file, counted from the end if `offset` is negative; nothing where there are fewer."""
    if not path.is_file():
        return b""
    with open(str(path), "rb") as file:
        if os.fstat(file.fileno()).st_size < abs(offset):
            return b""
        file.seek(offset, os.SEEK_SET if offset >= 0 else os.SEEK_END)
        return file.read(count)
