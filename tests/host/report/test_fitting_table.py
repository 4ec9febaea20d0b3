"""Tables leave columns out before they fold anything, and are ASCII where the stream is."""

import re
import sys
from pathlib import Path

import pytest
from rich.text import Text
from support.made_up_results import audit, made, run, verdict
from support.terminals import run_in_terminal

from bert_bundle.host.report import terminal
from bert_bundle.host.report.reports import AuditReport, CrossReport
from bert_bundle.host.report.style import Style
from bert_bundle.host.report.text import runs

LONGEST = "with-tensorflow-2.21.0-transformers-4.57.6-and-keras-3.15.0"  # an id of 60 characters
LIST = (sys.executable, "-m", "bert_bundle", "matrix", "list")


def drawn(width: int, *, encoding: str = "utf-8") -> str:
    table = terminal.table(["id", "grade", "b", "a", "words"], drop=("a", "b"), fold=("words",))
    table.add_row(Text("tf2.15-hf4.40-py3.11"), "bitwise", "b" * 10, "a" * 10, "one two three four five six seven")
    return terminal.render(Style(width=width, encoding=encoding), table)


def test_a_wide_terminal_shows_every_column() -> None:
    assert drawn(100).splitlines() == [
        "id                    grade    b           a           words",
        "─" * 88,
        "tf2.15-hf4.40-py3.11  bitwise  bbbbbbbbbb  aaaaaaaaaa  one two three four five six seven",
    ]


def test_what_may_be_folded_is_folded_before_a_column_is_left_out_for_it() -> None:
    lines = drawn(80).splitlines()
    assert lines[2].endswith("aaaaaaaaaa  one two three four five")
    assert lines[3].strip() == "six seven"
    assert "left out" not in drawn(80)


def test_a_word_stands_whole_in_a_column_that_is_folded() -> None:
    table = terminal.table(["id", "packages", "groups"], fold=("packages", "groups"))
    table.add_row("i" * 40, "tensorflow-cpu==2.15.1\ntransformers==4.40.2", "ci, full, demo")
    assert terminal.render(Style(width=72), table).splitlines()[2:] == [
        "i" * 40 + "  tensorflow-cpu==2.15.1  ci,",
        " " * 42 + "transformers==4.40.2    full,",
        " " * 66 + "demo",
    ]


def test_columns_are_left_out_in_their_order_and_named() -> None:
    assert drawn(55).endswith("left out, for a wider terminal or --json: a\n")
    assert " ".join(drawn(45).split()).endswith("left out, for a wider terminal or --json: b, a")
    assert "bbb" in drawn(55)
    assert "bbb" not in drawn(45)


def test_what_is_left_stands_whole_though_it_is_wider_than_the_terminal() -> None:
    row = drawn(20).splitlines()[2]
    assert row.startswith("tf2.15-hf4.40-py3.11  bitwise  one")


def test_a_table_is_ascii_where_the_stream_is() -> None:
    shown = drawn(100, encoding="ascii")
    assert shown.isascii()
    assert shown.splitlines()[1] == "-" * 88
    assert [line.replace("-", "─") for line in shown.splitlines()][1] == drawn(100).splitlines()[1]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
@pytest.mark.parametrize("name", ["tf2.15-hf4.40-py3.11", LONGEST])
def test_id_and_grade_of_an_audit_stand_whole_at_any_width(width: int, name: str) -> None:
    bad = {"grade": "retokenized", "as_expected": False}
    report = AuditReport(run=run([verdict("w", name, **bad, accuracy=1.0)], made(name)))
    row = next(line for line in runs.audit(report, Style(width=width)).splitlines() if line.startswith(name))
    assert "retokenized!" in row
    assert len(row) <= max(width, len(f"{name}  retokenized!"))


def test_an_audit_at_eighty_columns_leaves_out_what_ids_tell_and_folds_no_word() -> None:
    shown = runs.audit(AuditReport(run=audit()), Style(width=80))
    assert "left out, for a wider terminal or --json: transformers, Python\n" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_square_too_wide_is_drawn_in_parts_with_every_cell(width: int) -> None:
    names = [f"tf2.{minor}-hf4.40-py3.11" for minor in range(4, 31)]
    found = run([verdict(w, r) for w in names for r in names], *map(made, names))
    lines = runs.cross(CrossReport(run=found), Style(width=width)).splitlines()
    assert max(map(len, lines)) <= width
    headings = [line.split("reader")[1].split() for line in lines if line.strip().startswith("writer \\")]
    squares = [number for numbers in headings for number in numbers]
    assert squares == 2 * [str(number) for number in range(1, len(names) + 1)]  # the grades, then the spread
    assert sum(line.count("~") for line in lines) == len(names) ** 2 + 1  # and the legend


@pytest.mark.parametrize("columns", [80, 120])
def test_a_command_in_a_terminal_keeps_its_width_and_shows_ids_whole(columns: int) -> None:
    code, shown, _ = run_in_terminal(LIST, columns)
    text = re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert code == 0
    assert "tf2.15-hf4.40-py3.11" in text
    assert max(map(len, text.splitlines())) <= columns


def test_a_command_whose_streams_are_ascii_writes_ascii(tmp_path: Path) -> None:
    code, shown, _ = run_in_terminal(LIST, 80, LC_ALL="C", PYTHONIOENCODING="ascii", NO_COLOR="1")
    assert code == 0
    assert re.search(r"^-{40,}$", shown, re.MULTILINE)
    assert "\\u" not in shown
    assert "\x1b" not in shown
