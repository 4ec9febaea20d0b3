"""A TensorFlow checkpoint (`PREFIX.index` and its data files), read with NumPy: each tensor, and the names it has.

The index is a LevelDB table (github.com/google/leveldb/blob/main/doc/table_format.md) whose values are messages of
tensorflow/core/protobuf/tensor_bundle.proto. A checkpoint of objects also has the graph of the objects
(trackable_object_graph.proto), which gives the variables their full names.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Tuple

import numpy as np

from bert_bundle.errors import FormatError, IntegrityError, LimitError
from bert_bundle.format.model_kinds import INDEX, TABLE_MAGIC
from bert_bundle.keras_files import crc32c, tensor_protos, wire
from bert_bundle.keras_files.wire import Message

OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
VALUE = "VARIABLE_VALUE"
MAX_INDEX = 64 << 20  # bytes; the index of BERT-large with an optimizer has about 100 thousand

_FOOTER = 48  # bytes
_TRAILER = 5  # of a block: its compression and its checksum
_NOT_COMPRESSED = 0


@dataclass(frozen=True)
class Entry:
    """Where one tensor is: its DataType, shape, data file, first byte, number of bytes and masked CRC-32C."""

    dtype: int
    shape: Tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int


class Checkpoint:
    """The tensors of a checkpoint by key. Their checksums are compared as they are read."""

    def __init__(self, prefix: Path) -> None:
        """Read the index. Raises FormatError, IntegrityError or LimitError with the file."""
        self._prefix = prefix
        path = prefix.with_name(prefix.name + INDEX)
        if not path.is_file():
            raise FormatError("the index of a checkpoint is missing", place=str(path))
        if path.stat().st_size > MAX_INDEX:
            raise LimitError("the index of a checkpoint is too large", place=path.name, wanted=MAX_INDEX)
        records = dict(_records(path.read_bytes(), path.name))
        header = Message(records.pop(b"", b""), path.name)
        self._shards = header.integer(1)
        if not 1 <= self._shards <= 1024 or header.integer(2):
            raise FormatError("not an index of a checkpoint in little endian", place=path.name, found=self._shards)
        self.entries: Mapping[str, Entry] = {
            _text(key, path.name): _entry(value, "{} {}".format(path.name, _text(key, path.name)))
            for key, value in records.items()
        }
        self._check_spans(path.name)

    def read(self, key: str) -> np.ndarray:
        """Return a tensor. Raises FormatError if it is not there, IntegrityError if its data has changed."""
        if key not in self.entries:
            raise FormatError("a tensor that the checkpoint does not have", place=str(self._prefix.name), wanted=key)
        entry = self.entries[key]
        dtype, data = tensor_protos.dtype_of(entry.dtype, key), self._data(key)
        self._check(key, data)
        return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False).reshape(entry.shape)

    def objects(self) -> Message:
        """Return the graph of the objects that were saved, an empty message where there is none."""
        if OBJECT_GRAPH not in self.entries:
            return Message(b"", OBJECT_GRAPH)
        return Message(self._string(OBJECT_GRAPH), OBJECT_GRAPH)

    def keys_by_name(self) -> Dict[str, List[str]]:
        """Return the full name of each variable -> the keys of its tensors, from the graph of the objects."""
        found: Dict[str, List[str]] = {}
        for node in self.objects().messages(1):
            for attribute in node.messages(2):
                if attribute.text(1) == VALUE and attribute.text(3) in self.entries:
                    found.setdefault(attribute.text(2), []).append(attribute.text(3))
        return found

    def _string(self, key: str) -> bytes:
        """Return a string without axes: its length, a checksum of that, and the bytes.

        The checksum of all has the length as four bytes, after `WriteStringTensor` of tensor_bundle.cc.
        """
        entry, data = self.entries[key], self._data(key)
        if entry.dtype != tensor_protos.STRING or entry.shape:
            raise FormatError("not one string", place=key)
        size, start = wire.varint(memoryview(data), 0, key)
        text = data[start + 4 :]
        if len(text) != size:
            raise FormatError("a string does not have its length", place=key, wanted=size, found=len(text))
        self._check(key, size.to_bytes(4, "little") + data[start:])
        return text

    def _check(self, key: str, data: bytes) -> None:
        if crc32c.masked(data) != self.entries[key].checksum:
            raise IntegrityError("a tensor of the checkpoint has changed since it was written", place=key)

    def _data(self, key: str) -> bytes:
        entry = self.entries[key]
        path = self._shard(entry.shard)
        with open(path, "rb") as file:
            file.seek(entry.offset)
            data = file.read(entry.size)
        if len(data) != entry.size:
            raise IntegrityError(
                "the data of a checkpoint ends early", place=path.name, wanted=entry.size, found=len(data)
            )
        return data

    def _shard(self, number: int) -> Path:
        return self._prefix.with_name("{}.data-{:05d}-of-{:05d}".format(self._prefix.name, number, self._shards))

    def _check_spans(self, place: str) -> None:
        """Raise unless each tensor lies inside of a data file that is there, and no two overlap."""
        ends: Dict[int, int] = {}
        for key, entry in sorted(self.entries.items(), key=lambda item: (item[1].shard, item[1].offset, item[1].size)):
            if not 0 <= entry.shard < self._shards or not self._shard(entry.shard).is_file():
                raise FormatError("a data file of the checkpoint is missing", place=key, wanted=entry.shard)
            if entry.offset < ends.get(entry.shard, 0):
                raise FormatError("two tensors of the checkpoint overlap", place=key)
            ends[entry.shard] = entry.offset + entry.size
            if ends[entry.shard] > os.stat(self._shard(entry.shard)).st_size:
                raise FormatError("a tensor ends after its data file", place="{} {}".format(place, key))


def _entry(data: bytes, place: str) -> Entry:
    message = Message(data, place)
    if 7 in message:
        raise FormatError("a tensor that was saved in slices", place=place)
    number = message.integer(1)
    itemsize = 1 if number == tensor_protos.STRING else tensor_protos.dtype_of(number, place).itemsize
    shape = tensor_protos.full_shape(message.message(2), itemsize)
    entry = Entry(number, shape, message.integer(3), message.integer(4), message.integer(5), message.integer(6))
    if entry.offset < 0 or entry.size < 0:
        raise FormatError("a tensor with a negative offset or size", place=place)
    if number != tensor_protos.STRING and entry.size != int(np.prod(shape, dtype=np.int64)) * itemsize:
        raise FormatError("a tensor does not have the bytes of its shape", place=place, wanted=shape, found=entry.size)
    return entry


def _records(data: bytes, place: str) -> Iterator[Tuple[bytes, bytes]]:
    """Yield (key, value) of a table, in order. Raises FormatError for a damaged one or a key that is there twice."""
    if len(data) < _FOOTER or data[-8:] != TABLE_MAGIC:
        raise FormatError("not the index of a checkpoint", place=place)
    footer = memoryview(data)[-_FOOTER:]
    position = wire.varint(footer, wire.varint(footer, 0, place)[1], place)[1]  # after the handle of the metadata
    last = None
    for _, handle in _block(data, *_handle(footer[position:], place), place):
        for key, value in _block(data, *_handle(memoryview(handle), place), place):
            if last is not None and key <= last:
                raise FormatError("the keys of a checkpoint are not in order", place=place, found=key)
            last = key
            yield key, value


def _handle(view: memoryview, place: str) -> Tuple[int, int]:
    offset, position = wire.varint(view, 0, place)
    return offset, wire.varint(view, position, place)[0]


def _block(data: bytes, offset: int, size: int, place: str) -> Iterator[Tuple[bytes, bytes]]:
    """Yield the records of one block, whose keys leave out what they share with the key before."""
    end = offset + size
    if end + _TRAILER > len(data):
        raise FormatError("a block ends after the index", place=place)
    if data[end] != _NOT_COMPRESSED:
        raise FormatError("an index that is compressed", place=place)
    if crc32c.masked(data[offset : end + 1]) != int.from_bytes(data[end + 1 : end + _TRAILER], "little"):
        raise IntegrityError("the index of the checkpoint has changed since it was written", place=place)
    restarts = int.from_bytes(data[end - 4 : end], "little")
    view = memoryview(data)[offset : max(offset, end - 4 * (restarts + 1))]
    key, position = b"", 0
    while position < len(view):
        shared, position = wire.varint(view, position, place)
        rest, position = wire.varint(view, position, place)
        length, position = wire.varint(view, position, place)
        if shared > len(key) or rest + length > len(view) - position:
            raise FormatError("a record ends after its block", place=place)
        key = key[:shared] + bytes(view[position : position + rest])
        position += rest
        yield key, bytes(view[position : position + length])
        position += length


def _text(key: bytes, place: str) -> str:
    try:
        return key.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError("a key that is not UTF-8", place=place, found=key) from None
