"""What a file of Keras holds, whatever its format: architecture, arrays by name, flags, versions, serving function.

Every reader returns this record, and a rescue starts from it. It can be written to a folder for another process.
"""

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Mapping, Optional, Tuple

import numpy as np

from bert_bundle.format import strict_json, tensors
from bert_bundle.format.model_kinds import CHECKPOINT, HUGGING_FACE, KERAS_ZIP, SAVED_MODEL
from bert_bundle.keras_files.keras_metadata import KerasObject
from bert_bundle.keras_files.saved_model import SavedModel

HDF5, LEGACY_WEIGHTS, STRUCTURAL_WEIGHTS = "h5", "h5_weights", "weights_h5"  # beside those of `model_kinds`
WEIGHTS_ALONE = (LEGACY_WEIGHTS, STRUCTURAL_WEIGHTS, CHECKPOINT)
KINDS = (SAVED_MODEL, HDF5, KERAS_ZIP, HUGGING_FACE, *WEIGHTS_ALONE)

_RECORD, _ARRAYS = "stored_model.json", "arrays.safetensors"


@dataclass(frozen=True)
class StoredModel:
    """One stored model.

    kind           one of `KINDS`
    path           the file or folder, absolute
    versions       package -> version, of those that the file names
    arrays         full name of a variable, without `:0` -> array, in the order of the file; of STRUCTURAL_WEIGHTS by
                   the path in the file
    architecture   `{"class_name": ..., "config": ...}` of Keras, None where the file has none
    flags          names of a layer and of the layers that hold it, joined by slashes -> `trainable`; None if not stored
    in_order       whether the order of `arrays` tells which are frozen: the trainable ones of a layer come first
    serving        the SavedModel, which can be computed
    objects        the objects of Keras in it, a holder before what it holds
    digest         SHA-256 of the files
    findings       what was changed while it was read: one sentence each
    """

    kind: str
    path: str
    versions: Mapping[str, str]
    arrays: Mapping[str, np.ndarray]
    architecture: Optional[Mapping[str, Any]] = None
    flags: Optional[Mapping[str, bool]] = None
    in_order: bool = False
    serving: Optional[SavedModel] = None
    objects: Tuple[KerasObject, ...] = ()
    digest: str = ""
    findings: Tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """Return the name of the file or folder."""
        return os.path.basename(self.path)


def write(stored: StoredModel, folder: Path) -> None:
    """Write a record, apart from what only a SavedModel has, into a folder."""
    record = asdict(replace(stored, arrays={}, serving=None, objects=()))
    record["names"] = list(stored.arrays)
    (folder / _ARRAYS).write_bytes(tensors.to_bytes({str(i): array for i, array in enumerate(stored.arrays.values())}))
    (folder / _RECORD).write_bytes(strict_json.canonical(record))


def read(folder: Path) -> StoredModel:
    """Return the record that `write` wrote."""
    record = strict_json.parse((folder / _RECORD).read_bytes(), _RECORD)
    arrays = tensors.from_bytes((folder / _ARRAYS).read_bytes(), _ARRAYS)
    by_name = {name: arrays[str(position)] for position, name in enumerate(record.pop("names"))}
    return StoredModel(**{**record, "arrays": by_name, "findings": tuple(record["findings"])})
