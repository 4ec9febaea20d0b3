"""What the original predicted, as its owner noted it: arrays by the names of inputs, and `predictions`."""

from pathlib import Path
from typing import Any, Dict

import numpy as np

from bert_bundle.errors import FormatError, LimitError
from bert_bundle.format import strict_json
from bert_bundle.keras_files.malformed import malformed

MAX_BYTES = 256 << 20

_ZIP = b"PK\x03\x04"


def read(path: Path) -> Dict[str, np.ndarray]:
    """Return the arrays of an .npz file, or of a JSON object of lists of numbers; the bytes tell which.

    Raises FormatError for anything else, LimitError for a file that is too large.
    """
    if path.stat().st_size > MAX_BYTES:
        raise LimitError("a reference that is too large", place=path.name, wanted="at most {} bytes".format(MAX_BYTES))
    with open(str(path), "rb") as file:
        is_npz = file.read(4) == _ZIP
    with malformed("a reference that cannot be read", path.name):
        if is_npz:
            with np.load(str(path), allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        document = strict_json.parse(path.read_bytes(), path.name)
        if not isinstance(document, dict):
            raise FormatError("a reference that is not an object of arrays", place=path.name)
        return {name: _array(value, "{} {}".format(path.name, name)) for name, value in document.items()}


def _array(value: Any, place: str) -> np.ndarray:
    try:
        found = np.asarray(value)
    except ValueError:  # lists of different lengths
        found = np.asarray(None)
    if found.dtype.kind not in "if":
        raise FormatError("not a rectangular list of numbers", place=place, found=type(value).__name__)
    return found
