"""Read a model from any file that Keras 2 writes. The bytes of a file decide its kind, not its name."""

import glob
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Mapping, Optional

import numpy as np

from bert_bundle.encoders import families
from bert_bundle.errors import FormatError, LimitError, UnsafeError
from bert_bundle.format import model_kinds
from bert_bundle.keras_files import (
    checkpoint,
    hugging_face,
    keras_metadata,
    legacy_weights,
    saved_model,
    structural_names,
    tensor_protos,
)
from bert_bundle.keras_files.checkpoint import Checkpoint
from bert_bundle.keras_files.hdf5 import MAX_RATIO, Hdf5
from bert_bundle.keras_files.keras_metadata import KerasObject
from bert_bundle.keras_files.malformed import malformed
from bert_bundle.keras_files.source_files import check_plain, digest, document, transformers_version, versions
from bert_bundle.keras_files.stored_model import HDF5, LEGACY_WEIGHTS, STRUCTURAL_WEIGHTS, StoredModel

ARCHIVE = ("metadata.json", "config.json", "model.weights.h5")
MAX_JSON = 64 << 20  # bytes of a document in an archive

_WEIGHTS = "model_weights"
_OF_TRAINING = re.compile(r"(?:\A|/)(?:optimizer|keras_api|save_counter)/")  # in keys of what only training needs
_SLOT = "/.OPTIMIZER_SLOT/"
_KINDS = (
    "a SavedModel folder, an .h5 file, an archive of Keras (.keras), weights (.weights.h5), a checkpoint, "
    "or a folder of transformers"
)


def read(path: Path) -> StoredModel:
    """Return what a file or folder of Keras, TensorFlow or transformers holds; `path` may be a checkpoint's prefix.

    Raises FormatError for anything else, IntegrityError, LimitError, UnsafeError or ModelError for what is refused,
    RuntimeUnavailableError for HDF5 without pyfive.
    """
    kind = model_kinds.kind_of(path)
    if kind == model_kinds.PICKLE:
        raise hugging_face.refused_pickle(path.name)
    if kind not in _READERS:
        what = "folder" if path.is_dir() else "file"
        raise FormatError("not a {} that TensorFlow or Keras wrote".format(what), place=path.name, wanted=_KINDS)
    return _READERS[kind](path)


def _saved_model(path: Path) -> StoredModel:
    index = path / (saved_model.VARIABLES + model_kinds.INDEX)
    files = [path / saved_model.FILE_NAME, *sorted(index.parent.iterdir() if index.parent.is_dir() else [])]
    check_plain(path, [*files, *filter(Path.exists, [path / keras_metadata.FILE_NAME])])
    model = saved_model.read(path)
    arrays = _arrays(Checkpoint(path / saved_model.VARIABLES))
    objects = keras_metadata.read(path, model)
    root = objects[keras_metadata.ROOT].metadata if keras_metadata.ROOT in objects else {}
    found = {"tensorflow": model.tensorflow, "keras": str(root.get("keras_version", ""))}
    found["transformers"] = transformers_version([each.metadata.get("config") for each in objects.values()])
    return StoredModel(
        kind=model_kinds.SAVED_MODEL,
        path=str(path.resolve()),
        versions={name: version for name, version in found.items() if version},
        arrays=arrays,
        architecture=_architecture(objects),
        flags=keras_metadata.flags(objects) or None,
        serving=model,
        objects=tuple(objects.values()),
        digest=digest(files),
    )


def _checkpoint(path: Path) -> StoredModel:
    """Return the variables of a checkpoint; one without a graph of objects has their names as its keys."""
    prefix = model_kinds.checkpoint_prefix(path)
    index = prefix.with_name(prefix.name + model_kinds.INDEX)
    files = [index, *sorted(prefix.parent.glob(glob.escape(prefix.name) + ".data-*"))]
    check_plain(prefix.parent, files)
    tensors = Checkpoint(prefix)
    return StoredModel(
        kind=model_kinds.CHECKPOINT,
        path=str(prefix.parent.resolve() / prefix.name),
        versions={},
        arrays=_arrays(tensors) if checkpoint.OBJECT_GRAPH in tensors.entries else _by_key(tensors),
        digest=digest(files),
    )


def _by_key(tensors: Checkpoint) -> Dict[str, np.ndarray]:
    return {key: tensors.read(key) for key, entry in tensors.entries.items() if entry.dtype != tensor_protos.STRING}


def _arrays(tensors: Checkpoint) -> Dict[str, np.ndarray]:
    """Return full name -> array of every variable of the model. Raises FormatError for a name that is there twice."""
    found = {}
    for name, all_keys in tensors.keys_by_name().items():
        keys = [key for key in all_keys if not _OF_TRAINING.search(key) and _SLOT not in key]
        if len(keys) > 1:
            raise FormatError("two variables of one name", place=checkpoint.OBJECT_GRAPH, found=name)
        if keys:
            found[name] = tensors.read(keys[0])
    return found


def _architecture(objects: Mapping[str, KerasObject]) -> Optional[Mapping[str, Any]]:
    root = objects.get(keras_metadata.ROOT)
    config, class_name = (root.metadata.get("config"), str(root.metadata.get("class_name"))) if root else (None, "")
    if root is None or not isinstance(config, dict):
        return None
    if class_name in families.BY_TENSORFLOW:
        own = keras_metadata.encoder_config(objects.values(), keras_metadata.ROOT)
        return {"class_name": class_name, "config": _plain(own or config), "name": root.name}
    if "layers" not in config:
        return None
    layers = [_with_config(record, objects.values()) for record in config["layers"]]
    return {"class_name": class_name, "config": _plain({**config, "layers": layers}), "name": root.name}


def _with_config(record: Any, objects: Iterable[KerasObject]) -> Any:
    """Return the record of a layer; for an encoder that was saved without its configuration, with it."""
    if not isinstance(record, dict) or record.get("class_name") not in families.BY_TENSORFLOW:
        return record
    config = record.get("config")
    if isinstance(config, dict) and "model_type" in config.get("config", config):
        return record
    path = next((found.path for found in objects if found.names == record.get("name")), "")
    own = keras_metadata.encoder_config(objects, path) if path else None
    return {**record, "config": own} if own is not None else record


def _plain(value: Any) -> Any:
    """Return a configuration with its tuples, which TensorFlow's metadata writes as objects, as lists."""
    if isinstance(value, dict):
        if value.get("class_name") == "__tuple__" and set(value) == {"class_name", "items"}:
            return _plain(value["items"])
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _hdf5(path: Path) -> StoredModel:
    """Return a model of Keras 2 in HDF5, or the weights of one in one of two layouts."""
    file = Hdf5(path, path.name)
    attributes = file.attributes()
    keras = str(attributes.get("keras_version", ""))
    stored = StoredModel("", str(path.resolve()), versions(keras, None), {}, digest=digest([path]))
    if "model_config" in attributes:
        architecture = document(str(attributes["model_config"]).encode("utf-8"), path.name + " model_config")
        arrays, found = legacy_weights.arrays(file, _WEIGHTS, path.name), versions(keras, architecture)
        return replace(stored, kind=HDF5, versions=found, arrays=arrays, architecture=architecture, in_order=True)
    if legacy_weights.is_in(attributes):
        return replace(stored, kind=LEGACY_WEIGHTS, arrays=legacy_weights.arrays(file, "", path.name))
    by_path = {place: file.array(place) for place in structural_names.of_weights(file.paths)}
    if not by_path:
        what = "tensors that Keras does not name" if file.paths else "nothing: the save that made it failed"
        raise FormatError("an HDF5 file without a model", place=path.name, found=what)
    return replace(stored, kind=STRUCTURAL_WEIGHTS, arrays=by_path)


def _archive(path: Path) -> StoredModel:
    with malformed("an archive that cannot be read", path.name), zipfile.ZipFile(path) as archive:
        _check_members(archive, path)
        metadata, architecture = (document(archive.read(name), path.name + " " + name) for name in ARCHIVE[:2])
        file = Hdf5(archive.read(ARCHIVE[2]), path.name + " " + ARCHIVE[2])
    stored = StoredModel(
        kind=model_kinds.KERAS_ZIP,
        path=str(path.resolve()),
        versions=versions(str(metadata.get("keras_version", "")), architecture),
        arrays={},
        digest=digest([path]),
    )
    if not structural_names.has_architecture(architecture):  # of a subclassed model it has the weights alone
        by_path = {place: file.array(place) for place in structural_names.of_weights(file.paths)}
        return replace(stored, kind=STRUCTURAL_WEIGHTS, arrays=by_path)
    with malformed("a configuration that is not whole", path.name):
        names = structural_names.full_names(architecture, list(file.paths), path.name)
    return replace(stored, arrays={name: file.array(place) for place, name in names.items()}, architecture=architecture)


def _check_members(archive: zipfile.ZipFile, path: Path) -> None:
    """Raise UnsafeError or LimitError unless the archive has the three members of Keras, of a plausible size."""
    members = archive.infolist()
    names = sorted(member.filename for member in members)
    if names != sorted(ARCHIVE):
        raise UnsafeError("an archive with other members", place=path.name, wanted=", ".join(ARCHIVE), found=names)
    for member in members:
        most = MAX_RATIO * path.stat().st_size if member.filename == ARCHIVE[2] else MAX_JSON
        if member.flag_bits & 1 or member.file_size > most:
            raise LimitError("a member that is encrypted or too large", place=path.name, found=member.filename)


_READERS: Mapping[str, Callable[[Path], StoredModel]] = {
    model_kinds.SAVED_MODEL: _saved_model,
    model_kinds.ANY_HDF5: _hdf5,
    model_kinds.KERAS_ZIP: _archive,
    model_kinds.CHECKPOINT: _checkpoint,
    model_kinds.HUGGING_FACE: hugging_face.read,
}
