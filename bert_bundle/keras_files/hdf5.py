"""An HDF5 file, read with pyfive behind a check of its layout: every tensor by path, the attributes of groups.

HDF5 can point outside of itself: to other files, to raw bytes of any file, to parts of other datasets. A file of Keras
does none of this, so the layout is checked before any value is read, and what is not plain is refused.
"""

import math
from io import BytesIO
from pathlib import Path
from typing import Any, Iterator, Mapping, Tuple, Union

import numpy as np

from bert_bundle.errors import FormatError, LimitError, RuntimeUnavailableError, UnsafeError
from bert_bundle.keras_files.malformed import malformed

MAX_OBJECTS = 100_000
MAX_DEPTH = 64
MAX_RATIO = 1000  # bytes that a compressed dataset declares, for each byte of the file

_UNREADABLE = "an HDF5 file that cannot be read"
_EXTERNAL_FILES = 0x0007  # a message of an object header, HDF5 file format specification, IV.A.2.h
_COMPACT, _CONTIGUOUS, _CHUNKED = 0, 1, 2
_GZIP, _SHUFFLE = 1, 2
_NUMBERS = "biuf"


class Hdf5:
    """The datasets of a file by path, and the attributes of its groups. Nothing but plain numbers can be read."""

    def __init__(self, source: Union[Path, bytes], place: str) -> None:
        """Open a file, or the bytes of one. Raises FormatError, LimitError or UnsafeError with the object's path."""
        pyfive = _library(place)
        self._place = place
        self._objects = 0
        self._size = len(source) if isinstance(source, bytes) else source.stat().st_size
        with malformed(_UNREADABLE, place):
            self._file = pyfive.File(BytesIO(source) if isinstance(source, bytes) else str(source))
            self._datasets = dict(self._walk(self._file, "", ()))

    @property
    def paths(self) -> Tuple[str, ...]:
        """Return the path of every dataset, in the order of the file."""
        return tuple(self._datasets)

    def array(self, path: str) -> np.ndarray:
        """Return a dataset. Raises FormatError if there is none of that path."""
        if path not in self._datasets:
            raise FormatError("a tensor that the file does not have", place=self._place, wanted=path)
        with malformed(_UNREADABLE, self._place):
            return np.asarray(self._datasets[path][()])

    def attributes(self, path: str = "") -> Mapping[str, Any]:
        """Return the attributes of a group: text, numbers, or lists of text."""
        with malformed(_UNREADABLE, self._place):
            group = self._file[path] if path else self._file
            return {name: _plain(value) for name, value in group.attrs.items()}

    def _walk(self, group: Any, path: str, above: Tuple[int, ...]) -> Iterator[Tuple[str, Any]]:
        if len(above) > MAX_DEPTH:
            raise LimitError("groups nested too deeply", place=self._at(path), wanted=MAX_DEPTH)
        for name, address in group._links.items():
            inner = path + "/" + name if path else name
            if not isinstance(address, int):
                raise UnsafeError("a link to another place", place=self._at(inner), wanted="a hard link", found=address)
            if address in above:
                raise UnsafeError("a group that contains itself", place=self._at(inner))
            header = self._file._get_dataobjects(address)  # pyfive has no public way to an object's header
            if header.is_dataset:
                self._check(header, inner)
                yield inner, group.get_lazy_view(name)
            elif header.is_datatype:
                raise UnsafeError("a type that is stored as an object", place=self._at(inner))
            else:
                yield from self._walk(group[name], inner, (*above, address))

    def _check(self, header: Any, path: str) -> None:
        """Raise for a dataset that is not plain numbers inside of this file."""
        place = self._at(path)
        self._objects += 1
        if self._objects > MAX_OBJECTS:
            raise LimitError("a file of too many tensors", place=place, wanted=MAX_OBJECTS)
        if header.find_msg_type(_EXTERNAL_FILES):
            raise UnsafeError("a tensor whose values are in another file", place=place)
        _, layout, _ = header.get_id_storage_params()
        if layout not in (_COMPACT, _CONTIGUOUS, _CHUNKED):
            raise UnsafeError("a tensor that is made of others", place=place, found="layout {}".format(layout))
        dtype = np.dtype(header.ptype.dtype)
        if dtype.kind not in _NUMBERS:
            raise UnsafeError("a tensor that is not plain numbers", place=place, found=dtype)
        size = math.prod(header.shape) * dtype.itemsize
        filters = set(header._filter_ids or ()) if layout == _CHUNKED else set()
        if filters - {_GZIP, _SHUFFLE}:
            raise UnsafeError("a tensor that is compressed in an unusual way", place=place, found=sorted(filters))
        if size > self._size * (MAX_RATIO if _GZIP in filters else 1):
            raise LimitError("a tensor larger than what the file can hold", place=place, wanted=self._size, found=size)

    def _at(self, path: str) -> str:
        return "{} {}".format(self._place, path)


def _library(place: str) -> Any:
    try:
        import pyfive
    except ImportError as error:
        raise RuntimeUnavailableError(
            "a file that needs another package to be read",
            place=place,
            wanted="pyfive, on Python 3.11 or newer",
            found=error,
            fix="pip install 'bert-bundle[matrix]'",
        ) from None
    return pyfive


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    return value
