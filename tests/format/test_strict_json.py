"""Strict JSON: what is refused, with which message, and that everything else survives a round trip."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bert_bundle.errors import FormatError, LimitError
from bert_bundle.format import strict_json

PLACE = "bundle.json"
FIXED = settings(max_examples=300, derandomize=True, deadline=None)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("data", "message", "found"),
    [
        (b'{"sha256": 1, "sha256": 1}', "a key appears twice in one object", "sha256"),
        (b'{"a": {"b": 1, "\\u0062": 2}}', "a key appears twice in one object", "b"),
        (b'{"a": NaN}', "not a JSON number", "NaN"),
        (b'{"a": Infinity}', "not a JSON number", "Infinity"),
        (b'{"a": -Infinity}', "not a JSON number", "-Infinity"),
        (b'{"a": 1e999}', "a number too large for a 64-bit float", "1e999"),
        (b'{"a": -1e999}', "a number too large for a 64-bit float", "-1e999"),
        (b"1" * 10_000, "not JSON", "an integer of too many digits|Exceeds the limit"),
        (b'"\\ud800"', "a lone surrogate in a string", ""),
        (b'{"a": ["\\udc00x"]}', "a lone surrogate in a string", ""),
        (b'{"\\ud800": 1}', "a lone surrogate in a string", ""),
        (b'"\xed\xa0\x80"', "not UTF-8", ""),
        (b'"\xff"', "not UTF-8", ""),
        (b'"\xc0\x80"', "not UTF-8", ""),
        ("{}".encode("utf-16"), "not UTF-8", ""),
        (b"\xef\xbb\xbf{}", "not JSON", "BOM"),
        (b'"\x00"', "not JSON", "Invalid control character"),
        (b"", "not JSON", "Expecting value"),
        (b"   ", "not JSON", "Expecting value"),
        (b'{"a": 1', "not JSON", "delimiter"),
        (b"{} {}", "not JSON", "Extra data"),
        (b"{'a': 1}", "not JSON", "Expecting property name"),
        (b'{"a": 1,}', "not JSON", "property name|trailing comma"),
        (b"// x\n{}", "not JSON", "Expecting value"),
    ],
)
def test_what_json_does_not_have_is_refused_with_its_place(data: bytes, message: str, found: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        strict_json.parse(data, PLACE)
    assert caught.value.place.startswith(PLACE)
    assert not found or any(part in caught.value.found for part in found.split("|"))


def test_a_message_escapes_what_a_hostile_key_brings() -> None:
    with pytest.raises(FormatError) as caught:
        strict_json.parse(b'{"\\u001b[31m\\ud800": 1, "\\u001b[31m\\ud800": 2}', PLACE)
    assert caught.value.found == r"\x1b[31m\ud800"


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_a_hostile_depth_is_a_limit_and_not_a_recursion(opening: bytes) -> None:
    started = time.monotonic()
    with pytest.raises(LimitError, match="nested too deeply") as caught:
        strict_json.parse(opening * 100_000, PLACE)
    assert caught.value.wanted == "at most 64 levels"
    assert time.monotonic() - started < 0.5


def test_sixty_four_levels_are_read_and_sixty_five_are_not() -> None:
    strict_json.parse(b"[" * 64 + b"]" * 64, PLACE)
    with pytest.raises(LimitError):
        strict_json.parse(b"[" * 65 + b"]" * 65, PLACE)


@pytest.mark.parametrize("text", ["[" * 1000, '\\"[' * 1000, "\\\\" + "]" * 100 + "[" * 1000])
def test_brackets_inside_a_string_do_not_count_as_depth(text: str) -> None:
    data = json.dumps([text]).encode()
    assert strict_json.parse(data, PLACE) == [text]


def test_a_string_that_ends_in_a_backslash_does_not_hide_depth() -> None:
    with pytest.raises(LimitError):
        strict_json.parse(b'["\\\\",' + b"[" * 100, PLACE)


@FIXED
@given(VALUES)
def test_what_is_written_is_read_again_type_for_type(value: Any) -> None:
    data = strict_json.canonical(value)
    assert repr(_sorted(strict_json.parse(data, PLACE))) == repr(_sorted(value))


@FIXED
@given(VALUES)
def test_canonical_is_ascii_and_the_same_bytes_again(value: Any) -> None:
    data = strict_json.canonical(value)
    assert data.isascii()
    assert strict_json.canonical(strict_json.parse(data, PLACE)) == data


@FIXED
@given(st.binary(max_size=60) | st.text('{}[]",:0123456789eE+-.\\untrfalse \n', max_size=60).map(str.encode))
def test_whatever_the_bytes_the_end_is_a_value_or_an_error_of_ours(data: bytes) -> None:
    try:
        value = strict_json.parse(data, PLACE)
    except (FormatError, LimitError):
        return
    assert value == json.loads(data)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [-float("inf")]])
def test_numbers_that_json_does_not_have_are_never_written(value: Any) -> None:
    with pytest.raises(ValueError, match="Out of range float values"):
        strict_json.canonical(value)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
