"""Protocol buffer messages, read field by field without their definitions, within limits.

After the description of the encoding (protobuf.dev/programming-guides/encoding). Only what TensorFlow writes is read:
groups, which were removed from the format, are refused.
"""

import struct
from typing import Dict, Iterator, List, Tuple, Union

from bert_bundle.errors import FormatError, LimitError

MAX_FIELDS = 10_000_000  # of one message; the graph of BERT-large has about 20 thousand nodes

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

Value = Union[int, bytes]  # fixed32 and fixed64 as unsigned integers


class Message:
    """One message: the values of each field by its number, in order. Nested messages are parsed when asked for."""

    def __init__(self, data: Union[bytes, memoryview], place: str) -> None:
        """Parse the fields. Raises FormatError with `place` for what is not a message, LimitError for too many."""
        self.place = place
        self._fields: Dict[int, List[Value]] = {}
        for number, value in _fields(memoryview(data), place):
            self._fields.setdefault(number, []).append(value)

    def __contains__(self, number: int) -> bool:
        return number in self._fields

    def raw(self, number: int) -> List[Value]:
        """Return the values of a field as they were read."""
        return self._fields.get(number, [])

    def messages(self, number: int) -> "List[Message]":
        """Return the nested messages of a repeated field."""
        return [Message(value, self.place) for value in self.blobs(number)]

    def message(self, number: int) -> "Message":
        """Return one nested message, an empty one if the field is missing."""
        blobs = self.blobs(number)
        return Message(blobs[-1] if blobs else b"", self.place)

    def blobs(self, number: int) -> List[bytes]:
        """Return the values of a repeated field of bytes."""
        values = self._fields.get(number, [])
        if not all(isinstance(value, bytes) for value in values):
            raise self._wrong(number, "bytes")
        return values  # type: ignore[return-value]

    def blob(self, number: int) -> bytes:
        """Return the bytes of a field, empty if it is missing."""
        blobs = self.blobs(number)
        return blobs[-1] if blobs else b""

    def texts(self, number: int) -> List[str]:
        """Return the values of a repeated field of text. Raises FormatError if one is not UTF-8."""
        try:
            return [blob.decode("utf-8") for blob in self.blobs(number)]
        except UnicodeDecodeError:
            raise self._wrong(number, "text in UTF-8") from None

    def text(self, number: int) -> str:
        """Return the text of a field, empty if it is missing."""
        texts = self.texts(number)
        return texts[-1] if texts else ""

    def integers(self, number: int) -> List[int]:
        """Return the signed integers of a repeated field, packed or not."""
        found: List[int] = []
        for value in self._fields.get(number, []):
            found += [value] if isinstance(value, int) else packed(value, self.place)
        return [value - (1 << 64) if value >> 63 else value for value in found]

    def integer(self, number: int, default: int = 0) -> int:
        """Return the signed integer of a field."""
        values = self.integers(number)
        return values[-1] if values else default

    def float(self, number: int) -> float:
        """Return the 32-bit float of a field, 0 if it is missing."""
        value = self.integer(number)
        result: float = struct.unpack("<f", struct.pack("<I", value & 0xFFFFFFFF))[0]
        return result

    def map(self, number: int) -> "Dict[str, Message]":
        """Return a map whose keys are text, as key -> the entry, a message with the value in field 2."""
        return {entry.text(1): entry for entry in self.messages(number)}

    def _wrong(self, number: int, wanted: str) -> FormatError:
        return FormatError("a message has a field of another kind", place=self.place, wanted=wanted, found=number)


def packed(data: bytes, place: str) -> List[int]:
    """Return the unsigned integers that follow each other in `data`."""
    view, position, values = memoryview(data), 0, []
    while position < len(view):
        value, position = varint(view, position, place)
        values.append(value)
    return values


def varint(view: memoryview, position: int, place: str) -> Tuple[int, int]:
    """Return the integer at a position, and the position behind it. Raises FormatError if it does not end."""
    value = shift = 0
    while shift < 70:
        if position >= len(view):
            break
        byte = view[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value & (1 << 64) - 1, position
        shift += 7
    raise FormatError("an integer does not end", place="{} byte {}".format(place, position))


def _fields(view: memoryview, place: str) -> Iterator[Tuple[int, Value]]:
    position = count = 0
    while position < len(view):
        key, position = varint(view, position, place)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, position = varint(view, position, place)
            yield number, value
        elif kind in (_FIXED64, _FIXED32, _BYTES):
            size = 8 if kind == _FIXED64 else 4
            if kind == _BYTES:
                size, position = varint(view, position, place)
            if size > len(view) - position:
                raise FormatError(
                    "a field is longer than its message",
                    place="{} field {}".format(place, number),
                    wanted="at most {} bytes".format(len(view) - position),
                    found="{} bytes".format(size),
                )
            data = bytes(view[position : position + size])
            position += size
            yield number, data if kind == _BYTES else int.from_bytes(data, "little")
        else:
            raise FormatError("not a protocol buffer", place="{} byte {}".format(place, position), found=key)
        count += 1
        if count > MAX_FIELDS:
            raise LimitError("a message of too many fields", place=place, wanted=MAX_FIELDS)
