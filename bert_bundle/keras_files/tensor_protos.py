"""dtypes, shapes and constants in TensorFlow's protocol buffers: `DataType`, `TensorShapeProto`, `TensorProto`.

The numbers are those of tensorflow/core/framework/types.proto, tensor_shape.proto and tensor.proto.
"""

import math
import struct
from typing import Dict, Optional, Tuple

import numpy as np

from bert_bundle.errors import FormatError, LimitError
from bert_bundle.keras_files.wire import Message

MAX_BYTES = 1 << 35  # of one tensor
STRING, RESOURCE, VARIANT = 7, 20, 21

DTYPES: Dict[int, np.dtype] = {
    1: np.dtype("float32"),
    2: np.dtype("float64"),
    3: np.dtype("int32"),
    4: np.dtype("uint8"),
    5: np.dtype("int16"),
    6: np.dtype("int8"),
    9: np.dtype("int64"),
    10: np.dtype("bool"),
    17: np.dtype("uint16"),
    19: np.dtype("float16"),
    22: np.dtype("uint32"),
    23: np.dtype("uint64"),
}
_FIELDS = {  # dtype -> the field that holds its values one by one
    **dict.fromkeys(("int32", "uint8", "int16", "int8", "uint16"), 7),
    "float32": 5,
    "float64": 6,
    "int64": 10,
    "bool": 11,
    "float16": 13,
    "uint32": 16,
    "uint64": 17,
}
_FLOATS = {"float32": 4, "float64": 8}  # the bytes of one packed value


def dtype_of(number: int, place: str) -> np.dtype:
    """Return a NumPy dtype. Raises FormatError for a dtype that no classifier's tensor has."""
    if number not in DTYPES:
        raise FormatError("a dtype that a rescue does not read", place=place, found="DataType {}".format(number))
    return DTYPES[number]


def shape_of(message: Message) -> Optional[Tuple[int, ...]]:
    """Return a shape with -1 for an axis of any size, or None for one of unknown rank."""
    return None if message.integer(3) else tuple(axis.integer(1) for axis in message.messages(2))


def full_shape(message: Message, itemsize: int) -> Tuple[int, ...]:
    """Return the shape of a stored tensor. Raises FormatError if it is not known, LimitError if it is too large."""
    shape = shape_of(message)
    if shape is None or min(shape, default=0) < 0:
        raise FormatError("a stored tensor without a shape", place=message.place, found=shape)
    if math.prod(shape) * itemsize > MAX_BYTES:
        raise LimitError("a tensor that is too large", place=message.place, wanted=MAX_BYTES, found=shape)
    return shape


def constant(message: Message) -> np.ndarray:
    """Return the value of a `TensorProto`; strings as an array of bytes objects.

    Its values stand in one block, or one by one, where the last is repeated until the shape is full.
    """
    number = message.integer(1)
    if number == STRING:
        return _strings(message)
    dtype = dtype_of(number, message.place)
    shape = full_shape(message.message(2), dtype.itemsize)
    size, content = math.prod(shape), message.blob(4)
    if content:
        if len(content) != size * dtype.itemsize:
            raise _wrong(message, size, len(content) // dtype.itemsize)
        return np.frombuffer(content, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
    return _filled(_values(message, dtype), size, message).reshape(shape)


def _values(message: Message, dtype: np.dtype) -> np.ndarray:
    number = _FIELDS[dtype.name]
    if dtype.name in _FLOATS:
        return np.array(_packed_floats(message, number, _FLOATS[dtype.name]), dtype)
    if dtype.name == "float16":
        return np.array(message.integers(number), np.uint16).view(np.float16)
    return np.array(message.integers(number)).astype(dtype)


def _packed_floats(message: Message, number: int, itemsize: int) -> Tuple[float, ...]:
    values: Tuple[float, ...] = ()
    kind = "<f" if itemsize == 4 else "<d"
    for value in message.raw(number):
        data = value.to_bytes(itemsize, "little") if isinstance(value, int) else value
        if len(data) % itemsize:
            raise _wrong(message, "whole floats", len(data))
        values += tuple(item[0] for item in struct.iter_unpack(kind, data))
    return values


def _strings(message: Message) -> np.ndarray:
    shape = full_shape(message.message(2), 1)
    values = np.empty(len(message.blobs(8)), object)
    values[:] = message.blobs(8)
    return _filled(values, math.prod(shape), message).reshape(shape)


def _filled(values: np.ndarray, size: int, message: Message) -> np.ndarray:
    if len(values) == size:
        return values
    if len(values) > size:
        raise _wrong(message, size, len(values))
    last = values[-1:] if len(values) else np.array([b""] if values.dtype == object else [0], values.dtype)
    return np.concatenate([values, np.repeat(last, size - len(values))])


def _wrong(message: Message, wanted: object, found: object) -> FormatError:
    return FormatError(
        "a constant does not have the values of its shape", place=message.place, wanted=wanted, found=found
    )
