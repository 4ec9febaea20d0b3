"""Models in HDF5, and in Keras' archives, as `StoredModel`."""

import zipfile
from pathlib import Path
from typing import Any, Dict, List, Mapping

import numpy as np

from bert_bundle.errors import FormatError, LimitError, UnsafeError
from bert_bundle.format import strict_json
from bert_bundle.keras_files import read as core
from bert_bundle.keras_files import structural_names
from bert_bundle.keras_files.hdf5 import Hdf5
from bert_bundle.keras_files.stored_model import HDF5, KERAS_ZIP, StoredModel

ARCHIVE = ("metadata.json", "config.json", "model.weights.h5")
MAX_MEMBER = 1 << 35  # bytes of a member of an archive
_WEIGHTS = "model_weights"


def read(path: Path) -> StoredModel:
    """Return what a SavedModel, an HDF5 file or an archive of Keras holds.

    Raises FormatError, IntegrityError, LimitError or UnsafeError.
    """
    kind = core.kind_of(path)
    if kind == HDF5:
        return _hdf5(path)
    return _archive(path) if kind == KERAS_ZIP else core.read(path)


def _hdf5(path: Path) -> StoredModel:
    file = Hdf5(path, path.name)
    attributes = file.attributes()
    if "model_config" not in attributes:
        raise FormatError(
            "an HDF5 file without a model",
            place=path.name,
            found="weights alone" if file.paths else "nothing: the save that made it failed",
        )
    architecture = _document(attributes["model_config"], path.name + " model_config")
    return StoredModel(
        kind=HDF5,
        path=str(path.resolve()),
        versions=_versions(str(attributes.get("keras_version", "")), architecture),
        arrays=_legacy_arrays(file, _WEIGHTS, path.name),
        architecture=architecture,
        in_order=True,
        digest=core.digest([path]),
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
    with _opened(path) as archive:
        metadata, architecture = (
            _document(archive.read(name).decode("utf-8"), path.name + " " + name) for name in ARCHIVE[:2]
        )
        file = Hdf5(archive.read(ARCHIVE[2]), path.name + " " + ARCHIVE[2])
    names = structural_names.full_names(architecture, list(file.paths), path.name)
    return StoredModel(
        kind=KERAS_ZIP,
        path=str(path.resolve()),
        versions=_versions(str(metadata.get("keras_version", "")), architecture),
        arrays={name: file.array(place) for place, name in names.items()},
        architecture=architecture,
        digest=core.digest([path]),
    )


def _opened(path: Path) -> zipfile.ZipFile:
    """Return an archive with the three members of Keras and nothing else."""
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise FormatError("not an archive of Keras", place=path.name, found=error) from None
    members = archive.infolist()
    names = sorted(member.filename for member in members)
    if names != sorted(ARCHIVE):
        archive.close()
        raise UnsafeError("an archive with other members", place=path.name, wanted=", ".join(ARCHIVE), found=names)
    for member in members:
        if member.flag_bits & 1 or member.file_size > MAX_MEMBER:
            archive.close()
            raise LimitError("a member that is encrypted or too large", place=path.name, found=member.filename)
    return archive


def _document(text: str, place: str) -> Mapping[str, Any]:
    document = strict_json.parse(text.encode("utf-8"), place)
    if not isinstance(document, dict):
        raise FormatError("not a JSON object", place=place)
    return document


def _versions(keras: str, architecture: Mapping[str, Any]) -> Dict[str, str]:
    versions = {"keras": keras, "transformers": core.transformers_version(architecture)}
    return {name: version for name, version in versions.items() if version}
