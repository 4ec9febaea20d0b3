"""What a job summary on GitHub shows: Markdown, parsed back by markdown-it, which comes with rich."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from support.made_up_results import (
    FAILED,
    NOT_ASKED,
    NOT_RUN,
    PASSED,
    audit,
    gated,
    made,
    run,
    upgraded,
    verdict,
    with_needs,
)
from test_text import three_environments

from bert_bundle.errors import FormatError
from bert_bundle.host.gate.gate import Gate
from bert_bundle.host.report import markdown
from bert_bundle.host.report.reports import AuditReport, CrossReport, DemoReport, GateReport
from bert_bundle.host.runs.run import Reproduction, Run
from bert_bundle.host.runs.verdict import Verdict

GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS = {"<code>", "</code>"}  # all HTML that there may be
LIMIT = 1 << 20  # bytes of a job summary
TEXTS = (
    "a|b", "|", "||", r"a\|b", r"\\|", "a\\", "`", "``a``", "`|`", "a`b``c", "$`x`$", "a$|$b", " a ", "  ", " | ` ",
    "<script>alert(1)</script>", "<!-- -->", "&lt;&#124;&amp;", "**bold** _em_ ~~gone~~", "[l](https://evil.example)",
    "![i](https://evil.example/x.png)", "https://evil.example www.evil.example a@evil.example", "@octocat #1 :smile:",
    "# no heading", "* no list", "| --- | --- |", "\n\n# no heading\n", "\r\n| a | b |", "\t\x00\x1b[31m\u202e\ud800",
    "é 東京 🙏",
)  # fmt: skip


def audit_page(found: Run) -> str:
    return markdown.audit(AuditReport(run=found))


def cross_page(found: Run) -> str:
    return markdown.cross(CrossReport(run=found))


def gate_page(found: Gate) -> str:
    return markdown.gate(GateReport(gate=found, decision_file=Path("verdict.json")))


def demo_page(bundle: Path, accuracy: float, verdict: Verdict, found: Run) -> str:
    report = DemoReport(bundle=bundle, trainer="t", accuracy=accuracy, verification=verdict, run=found)
    return markdown.demo(report)


def escaped(text: str) -> str:
    """As `printable` has it."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def inline(tokens: Sequence[Token]) -> str:
    """Return the text of a line, once nothing in it is markup but our own code."""
    shown = ""
    for token in tokens:
        if token.type == "html_inline":
            assert token.content in OURS
        else:
            assert token.type in ("text", "code_inline", "text_special", "strong_open", "strong_close"), token
            shown += token.content
    return shown


def lines(text: str) -> list[str]:
    """Every cell, item, heading and paragraph, in order; a table's cells are all there are in its rows."""
    return [inline(token.children or []) for token in GITHUB.parse(text) if token.type == "inline"]


def blocks(text: str) -> set[str]:
    return {token.type.removesuffix("_open") for token in GITHUB.parse(text) if token.nesting >= 0}


def rows(text: str, number: int) -> list[list[str]]:
    """Return the rows of a table, heads included."""
    tokens = GITHUB.parse(text)
    starts = [i for i, token in enumerate(tokens) if token.type == "table_open"]
    ends = [i for i, token in enumerate(tokens) if token.type == "table_close"]
    found: list[list[str]] = []
    for token in tokens[starts[number] : ends[number]]:
        if token.type == "tr_open":
            found.append([])
        elif token.type == "inline":
            found[-1].append(inline(token.children or []))
    return found


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_comes_back_from_a_cell_as_it_was_and_as_code(text: str) -> None:
    table = f"| a | b |\n| --- | --- |\n| {markdown.code(text)} | end |\n"
    assert rows(table, 0)[1] == [escaped(text), "end"]
    for token in GITHUB.parse(table)[-4].children or []:
        assert token.type != "text" or not token.content.strip("`|\\$ ")  # no word is outside of code
    assert lines(f"* {markdown.code(text)}") == [escaped(text)]


def test_markup_that_gets_through_is_found() -> None:
    with pytest.raises(AssertionError):
        inline(GITHUB.parse("[l](https://evil.example)")[1].children or [])
    with pytest.raises(AssertionError):
        inline(GITHUB.parse("a <b>b</b>")[1].children or [])


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("field", ["writer", "reader", "reason", "first_layer", "bundle"])
def test_text_of_a_bundle_is_never_markup(field: str, text: str) -> None:
    hostile: Any = Path(text) if field == "bundle" else text
    cell = verdict(**{"writer": "w", "reader": "a", "grade": "drift", "as_expected": False, field: hostile})
    places = [dataclasses.replace(made(name), packages={"transformers": text}) for name in (cell.writer, cell.reader)]
    found = run([cell], *places)
    wanted = escaped(Path(text).name if field == "bundle" else text)
    for shown in (audit_page(found), cross_page(found), demo_page(Path(text), 0.5, cell, found)):
        assert wanted in "\n".join(lines(shown))
        assert blocks(shown) <= {
            "heading", "inline", "table", "thead", "tbody", "tr", "th", "td", "paragraph", "bullet_list", "list_item",
        }  # fmt: skip
        assert {len(row) for row in rows(shown, -1)} == {5}


def test_an_audit_has_a_row_for_each_environment_with_what_is_not_as_expected_first() -> None:
    shown = audit_page(audit())
    assert lines(shown)[0] == "bert-bundle audit: 4 of 6 as expected, 1 not as expected, 1 not run in 41 s"
    table = rows(shown, 0)
    assert table[1] == [
        "tf2.13-hf4.25-py3.9", "2.10.1", "4.25.1", "3.9.18", "drift!", "0", "2.4e-04", "2.0e-07",
    ]  # fmt: skip
    assert [row[4] for row in table[2:]] == ["not run!", "identical", "bitwise", "identical", "identical"]


def test_the_reasons_are_of_pairs_worst_first() -> None:
    assert rows(audit_page(audit()), 1)[1:] == [
        ["not run", "tf2.10.1-hf4.25.1-py3.9 → tf2.18-hf4.25-py3.9", "router", "1", "no reader: no interpreter"],
        ["drift", "tf2.10.1-hf4.25.1-py3.9 → tf2.13-hf4.25-py3.9", "router", "1",
         "the function changed, first layer that differs: encoder/layer_3/intermediate"],
    ]  # fmt: skip


def test_an_audit_that_is_as_expected_has_no_reasons_and_accuracy_where_it_is_known() -> None:
    shown = audit_page(run([verdict("w", "a", accuracy=0.8725)], made("a")))
    assert "Not as expected" not in shown
    assert rows(shown, 0)[0][-1] == "accuracy"
    assert rows(shown, 0)[1][-1] == "87.2%"


def test_a_cross_run_is_the_square_of_signs_that_a_terminal_shows() -> None:
    shown = cross_page(three_environments())
    assert rows(shown, 0) == [
        ["", "writer", "1", "2", "3"],
        ["1", "one", "~", "F!", "-!"],
        ["2", "two", "R", "=", "-!"],
        ["3", "three", "-!", "-!", "-!"],
    ]
    assert "F flip: a label differs" in lines(shown)
    assert "largest float64 spread: 3.1e-15, one → one" in lines(shown)


def test_a_reader_that_only_refuses_has_a_line_and_one_that_writes_nothing_is_named() -> None:
    cells = [verdict("a", "b"), verdict("a", "c", grade="refused", reason="known", float64_difference=None)]
    shown = lines(cross_page(run(cells, made("a"), made("b"), made("c"))))
    assert "2 b" in shown
    assert "refused, as expected: c" in shown


def test_what_an_environment_lacks_for_a_classifier_is_a_line() -> None:
    shown = cross_page(with_needs())
    assert rows(shown, 0)[1:] == [["1", "a", "~", "~"], ["2", "b", "~", "~"]]
    assert "refused, as expected, in b: hashing: needs tensorflow (1 cell)" in lines(shown)
    assert "left out, not written in b: deberta: needs transformers>=4.25 (2 cells)" in lines(shown)


def test_a_pair_of_many_cells_has_one_reason_and_their_number() -> None:
    cells = [verdict("a", "a", grade=grade, as_expected=False, reason=grade) for grade in ("drift", "flip", "drift")]
    assert rows(cross_page(run(cells, made("a"))), 1)[1:] == [["flip", "a → a", "router", "3", "flip"]]


def many(number: int, text: str) -> Run:
    names = [f"{n}{text}" for n in range(number)]
    cells = [verdict(w, r, grade="drift", as_expected=False, reason=text, first_layer=text, bundle=Path(text))
             for w in names for r in names]  # fmt: skip
    reproduction = Reproduction(specification={"name": text}, verdict=cells[0], tried=1, script=Path(text))
    return dataclasses.replace(run(cells, *map(made, names)), reproductions=[reproduction] * 99)


def test_a_big_square_has_so_many_reasons_and_says_how_many_more_there_are() -> None:
    shown = cross_page(many(33, ""))
    assert len(rows(shown, 1)) == 1 + markdown.MOST_REASONS
    assert f"and {33 * 33 - markdown.MOST_REASONS} more: the JSON report has all of them" in lines(shown)
    assert len(shown.encode()) < 30_000


def test_no_run_is_larger_than_a_job_summary_may_be() -> None:
    found = many(60, "|a" * 150)
    for shown in (cross_page(found), audit_page(found)):
        assert 100_000 < len(shown.encode()) < LIMIT
        assert "more: the JSON report has all of them" in shown


def test_the_smallest_classifier_and_its_script_are_named() -> None:
    (shown,) = [line for line in lines(cross_page(many(1, "|"))) if "smallest" in line][:1]
    assert shown == (
        'smallest classifier on which 0| → 0| disagree: {"name": "|"}, drift: |; reproduce: python |'
    )  # fmt: skip


def test_an_upgrade_says_what_changed_with_it_and_its_grade_beside_todays() -> None:
    shown = lines(audit_page(upgraded()))
    start = shown.index(
        "with-numpy-2.0.2: tf2.18 with numpy==2.0.2; changed with it: h5py 3.10 -> 3.11, new none -> 1; "
        "tf2.16: identical, with the upgrade: flip"
    )
    assert shown[start + 1] == "a is taken as b"


def test_a_demo_says_what_came_before_its_audit() -> None:
    shown = lines(demo_page(Path("demo"), 0.875, verdict("w", "a", grade="bitwise"), audit()))
    assert shown[0] == "Saved demo, accuracy 87.5%; verified in a fresh process: bitwise."


def test_an_error_has_its_parts() -> None:
    assert lines(markdown.error(FormatError("no <b>bundle</b>", place="p", wanted="w", fix="x"))) == [
        "bert-bundle: FormatError", "no <b>bundle</b>", "where: p", "wanted: w", "fix: x",
    ]  # fmt: skip


def test_a_gate_begins_with_its_answer_and_names_the_texts_whose_labels_changed() -> None:
    found = gated(FAILED, PASSED, NOT_RUN, NOT_ASKED, changes=2, found=run([verdict("w", "a")], made("a")))
    shown = gate_page(found)
    assert shown.startswith("### bert-bundle gate: refused\n")
    assert rows(shown, 0)[1] == ["behaviour", "failed!", "broke 3"]
    assert rows(shown, 1)[1:] == [["broke", "yes", "no", "yes", "my invoice is wrong"]] * 2
    assert rows(shown, 2)[1][0] == "a"


@pytest.mark.parametrize("text", TEXTS)
def test_text_of_a_release_is_never_markup(text: str) -> None:
    shown = gate_page(gated(FAILED, changes=1, text=text))
    assert rows(shown, 1)[1][4] == escaped(text)
