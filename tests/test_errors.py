"""Errors: how they read, what a worker's answer carries of them, and which code a command ends with."""

import pytest

from bert_bundle import errors
from bert_bundle.errors import BertBundleError, BundleError, FormatError, WorkerError, from_json, printable


def every(cls: type[BertBundleError] = BertBundleError) -> list[type[BertBundleError]]:
    return [cls, *(found for child in cls.__subclasses__() for found in every(child))]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain é 東京 🙏", "plain é 東京 🙏"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("two\r\nlines\ttab", r"two\r\nlines\ttab"),
        ("\u202egnp.exe\u200b", r"\u202egnp.exe\u200b"),
        ("\ud800", r"\ud800"),
        ("a\0b", r"a\x00b"),
        (3, "3"),
        (None, "None"),
        (["\x1b"], r"['\x1b']"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 300 + "..."),
        ("\x1b" * 100_000, (r"\x1b" * 75) + "..."),
    ],
)
def test_a_value_is_shown_on_one_line_escaped_and_cut(value: object, shown: str) -> None:
    assert printable(value) == shown


def test_an_error_is_printed_with_place_wanted_found_and_fix() -> None:
    error = FormatError("a file is missing", place="graph.json", wanted="a file", found="none", fix="copy it")
    assert str(error) == "a file is missing @ graph.json\n  wanted: a file\n  found: none\n  fix: copy it"
    assert str(FormatError("a file is missing")) == "a file is missing"


def test_every_part_is_escaped() -> None:
    error = FormatError("\x1b1", place="\x1b2", wanted="\x1b3", found="\x1b4", fix="\x1b5")
    assert "\x1b" not in str(error)
    assert str(error).count(r"\x1b") == 5


@pytest.mark.parametrize("cls", every())
def test_an_error_survives_the_transport_from_a_worker(cls: type[BertBundleError]) -> None:
    error = cls("what", place="where", wanted="this", found="that", fix="do")
    again = from_json({**error.to_json()})
    assert type(again) is cls
    assert str(again) == str(error)


def test_an_error_of_an_unknown_class_becomes_a_worker_error() -> None:
    error = from_json({"class": "os.system", "message": "boom", "place": "task", "found": None})
    assert type(error) is WorkerError
    assert error.message == "os.system: boom"
    assert error.place == "task"
    assert type(from_json({})) is WorkerError


def test_a_worker_error_knows_how_it_ended() -> None:
    assert WorkerError("it crashed").outcome == "crashed"
    assert WorkerError("it slept", outcome="timeout").outcome == "timeout"


def test_bundle_errors_exit_with_5_and_other_errors_with_their_own_codes() -> None:
    codes = {cls.__name__: cls.exit_code for cls in every() if not issubclass(cls, BundleError)}
    assert codes == {
        "BertBundleError": 5,
        "ConfigError": 2,
        "EnvironmentNotMadeError": 4,
        "InterruptedRunError": 130,
        "HubError": 3,
        "WorkerError": 3,
    }
    assert {cls.exit_code for cls in every(BundleError)} == {errors.REFUSED} == {5}


def test_every_class_has_a_docstring() -> None:
    assert all(cls.__doc__ for cls in every())
