"""Safetensors read by the package: each fault of a header is refused, every valid file as the library reads it."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load as library_load
from safetensors.numpy import save as library_save

from bert_bundle.errors import FormatError, LimitError
from bert_bundle.format import tensors

PLACE = "weights.safetensors"
FIXED = settings(max_examples=200, derandomize=True, deadline=None)
DTYPES = ("?", "<i4", "<i8", "<f2", "<f4", "<f8")
F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter("__metadata__".__ne__)
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_dims=4, max_side=4))
)


def raw(header: bytes, body: bytes = b"", length: int | None = None) -> bytes:
    return (len(header) if length is None else length).to_bytes(8, "little") + header + body


def made(body: int = 8, **entries: Any) -> bytes:
    """Return a file of these entries over `body` zero bytes."""
    return raw(json.dumps(entries).encode(), bytes(body))


def a(**changes: Any) -> dict[str, Any]:
    return {**F32, **changes}


FAULTS: dict[str, tuple[bytes, str, str]] = {
    "no bytes": (b"", "the file is shorter than a safetensors header", ""),
    "seven bytes": (bytes(7), "the file is shorter than a safetensors header", ""),
    "a header longer than the file": (raw(b"{}", length=1000), "the header is longer than the file", ""),
    "a header cut by one byte": (made(0, a=F32)[:-1], "the header is longer than the file", ""),
    "an empty header": (raw(b""), "the header is not a JSON object", ""),
    "a leading space": (raw(b" {}"), "the header is not a JSON object", ""),
    "a list": (raw(b"[]"), "the header is not a JSON object", ""),
    "a byte order mark": (raw(b"\xef\xbb\xbf{}"), "the header is not a JSON object", ""),
    "no JSON": (raw(b"{not json}"), "not JSON", "header"),
    "a name twice": (
        raw(b'{"a":%s,"a":%s}' % ((json.dumps(F32).encode(),) * 2), bytes(8)),
        "a key appears twice in one object",
        "header",
    ),
    "NaN in the header": (raw(b'{"a":NaN}'), "not a JSON number", "header"),
    "an entry that is a list": (made(a=[]), "a tensor's entry is not dtype, shape and data_offsets", "tensor a"),
    "an entry without dtype": (made(a={"shape": [2], "data_offsets": [0, 8]}), "a tensor's entry is not", "tensor a"),
    "an entry with more": (made(a=a(strides=[1])), "a tensor's entry is not", "tensor a"),
    "overlap": (made(a=F32, b=F32), "tensors overlap or leave a gap", "tensor b"),
    "overlap by half": (made(12, a=F32, b=a(data_offsets=[4, 12])), "tensors overlap or leave a gap", "tensor b"),
    "a hole": (made(20, a=F32, b=a(data_offsets=[12, 20])), "tensors overlap or leave a gap", "tensor b"),
    "a hole in front": (made(12, a=a(data_offsets=[4, 12])), "tensors overlap or leave a gap", "tensor a"),
    "trailing bytes": (made(9, a=F32), "bytes after the last tensor", ""),
    "a zip behind the tensors": (made(8, a=F32) + b"PK\x05\x06" + bytes(18), "bytes after the last tensor", ""),
    "data cut by one byte": (made(7, a=F32), "a tensor's offsets do not match its shape", "tensor a"),
    "offsets too long": (made(12, a=a(data_offsets=[0, 12])), "a tensor's offsets do not match its shape", "tensor a"),
    "offsets backwards": (made(a=a(data_offsets=[8, 0])), "a tensor's offsets do not match its shape", "tensor a"),
    "a shape beyond the data": (made(a=a(shape=[2**52])), "a tensor with more elements than any array", "tensor a"),
    "a product that overflows": (made(a=a(shape=[2**33] * 4)), "a tensor with more elements than any", "tensor a"),
    "a product that wraps to 2": (made(a=a(shape=[2**32, 2**32, 2])), "a tensor with more elements", "tensor a"),
    "a huge shape made empty by 0": (
        made(0, a=a(shape=[0, 2**52, 2**52], data_offsets=[0, 0])),
        "a tensor with more elements than any array",
        "tensor a",
    ),
    **{
        f"offsets {offsets}": (made(a=a(data_offsets=offsets)), "not natural numbers", "tensor a")
        for offsets in ([-8, 0], [0.0, 8.0], ["0", "8"], [False, 8], [0], [0, 8, 8], None, "08", [0, 2**64], {"0": 8})
    },
    **{
        f"shape {shape}": (made(a=a(shape=shape)), "not natural numbers", "tensor a")
        for shape in ([-2], [2.0], ["2"], [True, 2], None, 2, "2", [1] * 9 + [2], [2**53])
    },
    **{
        f"dtype {dtype}": (made(a=a(dtype=dtype)), "a dtype that a bundle cannot contain", "tensor a")
        for dtype in ("F8_E4M3", "F8_E5M2", "BF16", "U8", "I8", "C64", "F4", "f32", "float32", "", None, 3, ["F32"])
    },
    "metadata that is no text": (
        made(0, __metadata__={"format": 1}),
        "the metadata is not text by name",
        "__metadata__",
    ),
    "metadata that is null": (made(0, __metadata__=None), "the metadata is not text by name", "__metadata__"),
    "metadata that is a list": (made(0, __metadata__=["pt"]), "the metadata is not text by name", "__metadata__"),
    "a truth value of 2": (
        raw(b'{"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}', b"\x01\x02"),
        "a boolean that is neither 0 nor 1",
        "tensor a",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_crafted_file_is_refused_with_its_tensor(fault: str) -> None:
    data, message, place = FAULTS[fault]
    with pytest.raises(FormatError, match=message) as caught:
        tensors.from_bytes(data, PLACE)
    assert caught.value.place.startswith(PLACE)
    assert place in caught.value.place


@pytest.mark.parametrize("length", [2**63 - 1, 2**64 - 1, 101 << 20, (16 << 20) + 1])
def test_a_header_too_long_is_a_limit_before_anything_is_parsed(length: int) -> None:
    with pytest.raises(LimitError, match="the header is too long") as caught:
        tensors.from_bytes(raw(b"{}", length=length), PLACE)
    assert caught.value.found == str(length)


def test_huge_metadata_is_a_limit() -> None:
    with pytest.raises(LimitError, match="the header is too long"):
        tensors.from_bytes(made(0, __metadata__={"a": "x" * (17 << 20)}), PLACE)


def test_a_deep_header_is_a_limit() -> None:
    with pytest.raises(LimitError, match="nested too deeply"):
        tensors.from_bytes(raw(b'{"a":' + b"[" * 100_000), PLACE)


@FIXED
@given(st.dictionaries(NAMES, ARRAYS, max_size=5))
@example({"scalar": np.array(1.5, "<f4"), "none": np.zeros((0, 3), "<f8")})
@example({"odd": np.array([True]), "wide": np.array([-0.0, 5e-324, -5e-324, np.nan, np.inf], "<f8")})
def test_arrays_come_back_to_the_bit_and_as_the_library_reads_them(arrays: dict[str, Any]) -> None:
    data = tensors.to_bytes(arrays, {"format": "pt"})
    read = tensors.from_bytes(data, PLACE)
    assert set(read) == set(arrays)
    for name, array in library_load(data).items():
        for other in (arrays[name], array):
            assert read[name].dtype == other.dtype
            assert read[name].shape == other.shape
            assert read[name].tobytes() == other.tobytes()


@FIXED
@given(st.dictionaries(NAMES, ARRAYS.filter(lambda array: array.ndim > 0), max_size=5))
def test_what_the_library_writes_is_read(arrays: dict[str, Any]) -> None:
    read = tensors.from_bytes(library_save({k: np.ascontiguousarray(v) for k, v in arrays.items()}), PLACE)
    assert {k: (v.shape, v.tobytes()) for k, v in read.items()} == {
        k: (v.shape, v.tobytes()) for k, v in arrays.items()
    }


def test_negative_zero_and_subnormals_keep_their_bits() -> None:
    values = np.array([-0.0, 1e-45, -1e-45, 1.1754942e-38], "<f4")
    read = tensors.from_bytes(tensors.to_bytes({"a": values}), PLACE)["a"]
    assert read.view("<u4").tolist() == [0x80000000, 1, 0x80000001, 0x007FFFFF]


def test_equal_arrays_give_equal_bytes_whatever_their_order_or_strides() -> None:
    first = np.arange(6, dtype="<f4").reshape(2, 3)
    other = {"b": first[:, ::-1][:, ::-1], "a": np.asfortranarray(first)}
    assert tensors.to_bytes({"a": first, "b": first}) == tensors.to_bytes(other)


def test_a_file_without_tensors_is_valid() -> None:
    assert tensors.from_bytes(tensors.to_bytes({}), PLACE) == {}


def test_what_is_read_cannot_be_written_to() -> None:
    read = tensors.from_bytes(tensors.to_bytes({"a": np.zeros(2, "<f4")}), PLACE)["a"]
    with pytest.raises(ValueError, match="read-only"):
        read[0] = 1


@pytest.mark.parametrize("dtype", [">f4", "<u2", "<c8", "<i2", "U3", "O"])
def test_an_unsupported_dtype_is_never_written(dtype: str) -> None:
    with pytest.raises(FormatError, match="a dtype that a bundle cannot contain") as caught:
        tensors.to_bytes({"layer/kernel": np.zeros(2, dtype)})
    assert caught.value.place == "layer/kernel"


@FIXED
@given(st.data())
def test_a_changed_header_raises_only_errors_of_this_package(data: st.DataObject) -> None:
    whole = bytearray(tensors.to_bytes({"a": np.ones((2, 3), "<f4"), "b": np.ones(2, "?")}, {"format": "pt"}))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = tensors.from_bytes(bytes(whole), PLACE)
    except (FormatError, LimitError):
        return
    assert sum(array.nbytes for array in read.values()) == 26
