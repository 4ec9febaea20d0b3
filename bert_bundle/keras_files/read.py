"""Read a model from any file that Keras 2 writes. The bytes of a file decide its kind, not its name."""

import hashlib
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional

import numpy as np

from bert_bundle.encoders import families
from bert_bundle.errors import FormatError, LimitError, UnsafeError
from bert_bundle.format import strict_json
from bert_bundle.keras_files import checkpoint, keras_metadata, saved_model, structural_names
from bert_bundle.keras_files.checkpoint import Checkpoint
from bert_bundle.keras_files.hdf5 import MAX_RATIO, Hdf5
from bert_bundle.keras_files.keras_metadata import KerasObject
from bert_bundle.keras_files.malformed import malformed
from bert_bundle.keras_files.stored_model import HDF5, KERAS_ZIP, SAVED_MODEL, StoredModel

ARCHIVE = ("metadata.json", "config.json", "model.weights.h5")
MAX_JSON = 64 << 20  # bytes of a document in an archive

_WEIGHTS = "model_weights"
_HDF5, _ZIP = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"
_OF_TRAINING = ("optimizer/", "keras_api/", "save_counter/")  # how the keys of tensors begin that only training needs
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
    """Return what a SavedModel, an HDF5 file or an archive of Keras holds.

    Raises FormatError, IntegrityError, LimitError or UnsafeError, RuntimeUnavailableError for HDF5 without pyfive.
    """
    return {SAVED_MODEL: _saved_model, HDF5: _hdf5, KERAS_ZIP: _archive}[kind_of(path)](path)


def _saved_model(path: Path) -> StoredModel:
    model = saved_model.read(path)
    tensors = Checkpoint(path / saved_model.VARIABLES)
    objects = keras_metadata.read(path, model)
    root = objects[keras_metadata.ROOT].metadata if keras_metadata.ROOT in objects else {}
    arrays = _arrays(tensors)
    versions = {"tensorflow": model.tensorflow, "keras": str(root.get("keras_version", ""))}
    versions["transformers"] = _transformers_version([found.metadata.get("config") for found in objects.values()])
    return StoredModel(
        kind=SAVED_MODEL,
        path=str(path.resolve()),
        versions={name: version for name, version in versions.items() if version},
        arrays=arrays,
        architecture=_architecture(objects),
        flags=keras_metadata.flags(objects) or None,
        serving=model,
        objects=tuple(objects.values()),
        digest=_digest([path / saved_model.FILE_NAME, *sorted((path / "variables").iterdir())]),
    )


def _arrays(tensors: Checkpoint) -> Dict[str, np.ndarray]:
    """Return full name -> array of every variable of the model. Raises FormatError for a name that is there twice."""
    found = {}
    for name, all_keys in tensors.keys_by_name().items():
        keys = [key for key in all_keys if not key.startswith(_OF_TRAINING) and _SLOT not in key]
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
    file = Hdf5(path, path.name)
    attributes = file.attributes()
    if "model_config" not in attributes:
        raise FormatError(
            "an HDF5 file without a model",
            place=path.name,
            found="weights alone" if file.paths else "nothing: the save that made it failed",
        )
    architecture = _document(str(attributes["model_config"]).encode("utf-8"), path.name + " model_config")
    return StoredModel(
        kind=HDF5,
        path=str(path.resolve()),
        versions=_versions(str(attributes.get("keras_version", "")), architecture),
        arrays=_legacy_arrays(file, _WEIGHTS, path.name),
        architecture=architecture,
        in_order=True,
        digest=_digest([path]),
    )


def _legacy_arrays(file: Hdf5, group: str, place: str) -> Dict[str, np.ndarray]:
    """Return full name -> array, in the order of the layers and of the weights of each."""
    arrays: Dict[str, np.ndarray] = {}
    for layer in _names(file.attributes(group), "layer_names"):
        for name in _names(file.attributes("{}/{}".format(group, layer)), "weight_names"):
            key = name.partition(":")[0]
            if key in arrays:
                raise FormatError("two tensors of one name", place=place, found=name)
            arrays[key] = file.array("/".join([group, layer, name]))
    return arrays


def _names(attributes: Mapping[str, Any], key: str) -> List[str]:
    """Return a list of names, which Keras cuts into pieces where it is longer than an attribute may be."""
    if key in attributes:
        return list(attributes[key])
    pieces: List[str] = []
    while key + str(len(pieces)) in attributes:
        pieces.append(key + str(len(pieces)))
    return [name for piece in pieces for name in attributes[piece]]


def _archive(path: Path) -> StoredModel:
    with malformed("an archive that cannot be read", path.name), zipfile.ZipFile(path) as archive:
        _check_members(archive, path)
        metadata, architecture = (_document(archive.read(name), path.name + " " + name) for name in ARCHIVE[:2])
        file = Hdf5(archive.read(ARCHIVE[2]), path.name + " " + ARCHIVE[2])
    with malformed("a configuration that is not whole", path.name):
        names = structural_names.full_names(architecture, list(file.paths), path.name)
    return StoredModel(
        kind=KERAS_ZIP,
        path=str(path.resolve()),
        versions=_versions(str(metadata.get("keras_version", "")), architecture),
        arrays={name: file.array(place) for place, name in names.items()},
        architecture=architecture,
        digest=_digest([path]),
    )


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


def _document(data: bytes, place: str) -> Mapping[str, Any]:
    document = strict_json.parse(data, place)
    if not isinstance(document, dict):
        raise FormatError("not a JSON object", place=place)
    return document


def _versions(keras: str, architecture: Mapping[str, Any]) -> Dict[str, str]:
    versions = {"keras": keras, "transformers": _transformers_version(architecture)}
    return {name: version for name, version in versions.items() if version}


def _transformers_version(config: Any) -> str:
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


def _digest(paths: List[Path]) -> str:
    """Return the SHA-256 of the files, one after another."""
    found = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                found.update(block)
    return found.hexdigest()
