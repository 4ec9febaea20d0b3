"""Tell what kind of file a path is, by its bytes, and read it."""

import hashlib
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

import numpy as np

from bert_bundle.encoders import families
from bert_bundle.errors import FormatError
from bert_bundle.keras_files import checkpoint, keras_metadata, saved_model
from bert_bundle.keras_files.checkpoint import Checkpoint
from bert_bundle.keras_files.stored_model import HDF5, KERAS_ZIP, SAVED_MODEL, StoredModel

_HDF5, _ZIP = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"
_NOT_THE_MODEL_S = ("optimizer/", "keras_api/", "save_counter/")  # of training: what begins the keys of such tensors
_KINDS = "a SavedModel folder, an HDF5 file (.h5) or an archive of Keras (.keras)"
_SLOT = "/.OPTIMIZER_SLOT/"


def kind_of(path: Path) -> str:
    """Return the kind of a file or folder. Raises FormatError for anything that Keras does not write."""
    if path.is_dir():
        if (path / saved_model.FILE_NAME).is_file():
            return SAVED_MODEL
        raise FormatError("not a folder that TensorFlow or Keras wrote", place=path.name, wanted=_KINDS)
    with open(path, "rb") as file:
        head = file.read(8)
    if head == _HDF5:
        return HDF5
    if head[:4] == _ZIP:
        return KERAS_ZIP
    raise FormatError("not a file that TensorFlow or Keras wrote", place=path.name, wanted=_KINDS, found=head)


def read(path: Path) -> StoredModel:
    """Return what a SavedModel folder holds. Raises FormatError, IntegrityError or LimitError."""
    kind = kind_of(path)
    if kind != SAVED_MODEL:
        raise FormatError("a kind of file that is read on the host", place=path.name, found=kind)
    return _saved_model(path)


def _saved_model(path: Path) -> StoredModel:
    model = saved_model.read(path)
    metadata = keras_metadata.read(path, model)
    root = metadata.get(keras_metadata.ROOT, {})
    tensors = Checkpoint(path / saved_model.VARIABLES)
    arrays = _arrays(tensors)
    versions = {"tensorflow": model.tensorflow, "keras": str(root.get("keras_version", ""))}
    versions["transformers"] = transformers_version(root.get("config"))
    return StoredModel(
        kind=SAVED_MODEL,
        path=str(path.resolve()),
        versions={name: version for name, version in versions.items() if version},
        arrays=arrays,
        architecture=_architecture(root),
        flags=keras_metadata.frozen(metadata) or None,
        serving=model,
        digest=digest([path / saved_model.FILE_NAME, *sorted((path / "variables").iterdir())]),
    )


def _arrays(tensors: Checkpoint) -> Dict[str, np.ndarray]:
    """Return full name -> array of every variable of the model. Raises FormatError for a name that is there twice."""
    found = {}
    for name, all_keys in tensors.keys_by_name().items():
        keys = [key for key in all_keys if not key.startswith(_NOT_THE_MODEL_S) and _SLOT not in key]
        if len(keys) > 1:
            raise FormatError("two variables of one name", place=checkpoint.OBJECT_GRAPH, found=name)
        if keys:
            found[name] = tensors.read(keys[0])
    return found


def _architecture(root: Mapping[str, Any]) -> Optional[Mapping[str, Any]]:
    config, class_name = root.get("config"), str(root.get("class_name"))
    if not isinstance(config, dict) or not ("layers" in config or class_name in families.BY_TENSORFLOW):
        return None
    return {"class_name": class_name, "config": _plain(config), "name": root.get("name")}


def _plain(value: Any) -> Any:
    """Return a configuration with its tuples, which TensorFlow's metadata writes as objects, as lists."""
    if isinstance(value, dict):
        if value.get("class_name") == "__tuple__" and set(value) == {"class_name", "items"}:
            return _plain(value["items"])
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def transformers_version(config: Any) -> str:
    """Return the version of transformers that the first encoder in a configuration names."""
    found: List[str] = []
    stack = [config]
    while stack and not found:
        value = stack.pop()
        if isinstance(value, dict):
            version = value.get("transformers_version")
            found += [version] if isinstance(version, str) else []
            stack += list(value.values())
        elif isinstance(value, list):
            stack += value
    return found[0] if found else ""


def digest(paths: List[Path]) -> str:
    """Return the SHA-256 of the files, one after another."""
    found = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                found.update(block)
    return found.hexdigest()
