"""Protocol buffers: every kind of field, and bytes that are none."""

import pytest

from bert_bundle.errors import FormatError
from bert_bundle.keras_files.wire import Message


def message(*data: int) -> Message:
    return Message(bytes(data), "file")


def test_fields_of_every_kind_are_read() -> None:
    found = message(0x08, 0x96, 0x01, 0x12, 0x02, 0x68, 0x69, 0x1D, 0, 0, 0x80, 0x3F, 0x22, 0x02, 0x03, 0x04)
    assert found.integer(1) == 150
    assert found.text(2) == "hi"
    assert found.float(3) == 1.0
    assert found.integers(4) == [3, 4]
    assert 5 not in found
    assert (found.text(5), found.integer(5, 7)) == ("", 7)


def test_a_negative_number_has_ten_bytes() -> None:
    assert message(0x08, *[0xFF] * 9, 0x01).integer(1) == -1


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ((0x12, 0x05, 0x61), "a field is longer than its message"),
        ((0x08, 0x80), "an integer does not end"),
        ((0x08, *[0x80] * 10), "an integer does not end"),
        ((0x0B,), "not a protocol buffer"),
        ((0x0F,), "not a protocol buffer"),
        ((0x19, 1, 2), "a field is longer than its message"),
    ],
)
def test_bytes_that_are_no_message_are_refused(data: tuple[int, ...], error: str) -> None:
    with pytest.raises(FormatError, match=error):
        message(*data)


def test_text_that_is_not_utf_8_and_a_field_of_another_kind_are_refused() -> None:
    with pytest.raises(FormatError, match="a message has a field of another kind"):
        message(0x12, 0x01, 0xFF).text(2)
    with pytest.raises(FormatError, match="a message has a field of another kind"):
        message(0x08, 0x01).text(1)
