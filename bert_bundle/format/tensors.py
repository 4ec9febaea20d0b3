"""Named arrays as safetensors bytes: written by the safetensors library, read by the strict parser in this module.

The library accepts duplicate names, any name and NaN, and raises untyped errors for some dtypes (measured with 0.5.3
and 0.8.0). So the header of an untrusted file is parsed here, after the description of the format
(github.com/huggingface/safetensors, "Format"): eight bytes of length, a JSON header, the data without gaps.
"""

import json
import math
from typing import Dict, List, Mapping, Optional, Tuple

import numpy as np

from bert_bundle.errors import FormatError, LimitError
from bert_bundle.format import strict_json

MAX_HEADER = 16 << 20  # bytes; the header of BERT-large has 50 thousand
MAX_RANK = 8
MAX_ELEMENTS = 1 << 48

_DTYPES = {
    "BOOL": np.dtype("?"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}
BFLOAT16 = np.dtype("<u2")  # the upper half of the bits of a float32, for which NumPy has no dtype


def to_bytes(tensors: Mapping[str, np.ndarray], metadata: Optional[Dict[str, str]] = None) -> bytes:
    """Return one safetensors file; equal arrays give equal bytes. dtypes: bool, int32, int64, float16/32/64."""
    from safetensors.numpy import save

    # Not ascontiguousarray, which gives a scalar the shape (1,).
    plain = {name: np.asarray(tensors[name], order="C") for name in sorted(tensors)}
    for name, array in plain.items():
        if array.dtype not in _DTYPES.values():
            raise FormatError("a dtype that a bundle cannot contain", place=name, found=array.dtype)
    if not plain:  # without tensors, safetensors 0.3.1 writes a header that it cannot read
        header = json.dumps({"__metadata__": metadata or {}}).encode("ascii")
        return len(header).to_bytes(8, "little") + header
    data: bytes = save(plain, metadata)
    return data


def from_bytes(data: bytes, place: str, *, bfloat16: bool = False) -> Dict[str, np.ndarray]:
    """Return name -> array, views of `data`. Raises FormatError with the tensor, LimitError for a huge header.

    `bfloat16`: whether to accept BF16, which a bundle does not contain; its dtype is BFLOAT16.
    """
    dtypes = {**_DTYPES, "BF16": BFLOAT16} if bfloat16 else _DTYPES
    header, start = _header(data, place)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise FormatError("the metadata is not text by name", place=place + " __metadata__")
    spans: List[Tuple[int, int, str]] = []
    result = {}
    for name, entry in header.items():
        where = "{} tensor {}".format(place, name)
        dtype, shape, begin, end = _entry(entry, where, dtypes)
        count = math.prod(shape)
        if begin < 0 or end - begin != count * dtype.itemsize or start + end > len(data):
            raise FormatError(
                "a tensor's offsets do not match its shape",
                place=where,
                wanted="{} bytes inside the file".format(count * dtype.itemsize),
                found="offsets {} to {}".format(begin, end),
            )
        spans.append((begin, end, name))
        result[name] = np.frombuffer(data, dtype, count, start + begin).reshape(shape)
        if dtype.kind == "b" and bool((result[name].view(np.uint8) > 1).any()):
            raise FormatError("a boolean that is neither 0 nor 1", place=where)
    position = 0
    for begin, end, name in sorted(spans):
        if begin != position:
            raise FormatError(
                "tensors overlap or leave a gap",
                place="{} tensor {}".format(place, name),
                wanted="offset {}".format(position),
                found="offset {}".format(begin),
            )
        position = end
    if start + position != len(data):
        raise FormatError(
            "bytes after the last tensor", place=place, found="{} bytes".format(len(data) - start - position)
        )
    return result


def _header(data: bytes, place: str) -> Tuple[Dict[str, object], int]:
    if len(data) < 8:
        raise FormatError(
            "the file is shorter than a safetensors header", place=place, found="{} bytes".format(len(data))
        )
    length = int.from_bytes(data[:8], "little")
    if length > MAX_HEADER:
        raise LimitError(
            "the header is too long",
            place=place,
            wanted="at most {} bytes".format(MAX_HEADER),
            found="{}".format(length),
        )
    if 8 + length > len(data):
        raise FormatError("the header is longer than the file", place=place, found="{} bytes".format(length))
    if data[8:9] != b"{":
        raise FormatError("the header is not a JSON object", place=place)
    header = strict_json.parse(data[8 : 8 + length], place + " header")
    if not isinstance(header, dict):
        raise FormatError("the header is not a JSON object", place=place)
    return header, 8 + length


def _entry(entry: object, where: str, dtypes: Mapping[str, np.dtype]) -> Tuple[np.dtype, Tuple[int, ...], int, int]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise FormatError("a tensor's entry is not dtype, shape and data_offsets", place=where)
    dtype = dtypes.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise FormatError(
            "a dtype that a bundle cannot contain", place=where, wanted=", ".join(dtypes), found=entry["dtype"]
        )
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _naturals(shape) or len(shape) > MAX_RANK or not _naturals(offsets) or len(offsets) != 2:
        raise FormatError("a tensor's shape or offsets are not natural numbers", place=where)
    if math.prod(max(size, 1) for size in shape) > MAX_ELEMENTS:  # NumPy refuses it even when a 0 makes it empty
        raise FormatError("a tensor with more elements than any array", place=where, found=shape)
    return dtype, tuple(shape), offsets[0], offsets[1]


def _naturals(values: object) -> bool:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 2**53 for v in values)


def check_finite(arrays: Mapping[str, np.ndarray], place: str) -> None:
    """Raise FormatError for NaN or infinity among weights: no trained model has one."""
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise FormatError(
                "a weight is NaN or infinity",
                place="{} tensor {}".format(place, name),
                fix="resume training from the last checkpoint whose weights are finite",
            )
