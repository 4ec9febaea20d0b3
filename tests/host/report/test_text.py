"""What a terminal shows."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from support.made_up_results import audit, made, not_made, run, verdict, with_needs

from bert_bundle.errors import FormatError, WorkerError
from bert_bundle.host.config.matrix_file import Environment, Tolerances
from bert_bundle.host.diff import Comparison, Difference
from bert_bundle.host.environments.prepare import PreparedEnvironment
from bert_bundle.host.report import junit, markdown, numbers, wording
from bert_bundle.host.report.reports import AuditReport, CrossReport
from bert_bundle.host.report.results import Inspection
from bert_bundle.host.report.style import Style
from bert_bundle.host.report.text import bundles, environments, errors, runs
from bert_bundle.host.runs.run import Run

PLAIN = Style()
HOSTILE = "\x1b[31m[bold red]evil[red]\r\n\x07\u202e:smile:"
SHOWN = r"\x1b[31m[bold red]evil[red]\r\n\x07\u202e:smile:"


def audit_text(found: Run, style: Style) -> str:
    return runs.audit(AuditReport(run=found), style)


def cross_text(found: Run, style: Style) -> str:
    return runs.cross(CrossReport(run=found), style)


def test_an_audit_has_a_row_for_each_environment_with_what_was_measured() -> None:
    lines = audit_text(audit(), PLAIN).splitlines()
    rows = [line.split() for line in lines if line.startswith(" tf2.") or line.startswith("tf2.")]
    assert len(rows) == 6
    assert rows[0] == [
        "tf2.6-hf4.25-py3.9",
        "2.10.1",
        "4.25.1",
        "3.9.18",
        "identical",
        "0",
        "3.1e-15",
        "2.0e-07",
        "12",
        "s",
    ]
    assert rows[1][4:7] == ["bitwise", "0", "0"]
    assert rows[2][4] == "drift!"
    assert rows[4] == ["tf2.18-hf4.25-py3.9", "not", "run!", "0", "s"]


def test_an_audit_says_why_what_is_not_as_expected_is_not() -> None:
    shown = " ".join(audit_text(audit(), PLAIN).split())
    assert "drift router, tf2.10.1-hf4.25.1-py3.9 -> tf2.13-hf4.25-py3.9: the function changed" in shown
    assert "(first layer that differs: encoder/layer_3/intermediate)" in shown
    assert "not run router, tf2.10.1-hf4.25.1-py3.9 -> tf2.18-hf4.25-py3.9: no reader: no interpreter" in shown
    assert shown.endswith("4 of 6 as expected, 1 not as expected, 1 not run in 41 s")


def test_accuracy_is_a_column_only_where_it_is_known() -> None:
    assert "accuracy" not in audit_text(audit(), PLAIN)
    known = run([verdict("w", "a", accuracy=0.8725)], made("a"))
    shown = audit_text(known, PLAIN)
    assert "accuracy" in shown
    assert "87.2%" in shown


def test_an_audit_fits_a_hundred_columns_and_wraps_nothing_it_measured() -> None:
    widest = run([verdict("w", "tf2.10-hf4.25-py3.11", accuracy=1.0)], made("tf2.10-hf4.25-py3.11"))
    for found in (audit(), widest):
        assert max(map(len, audit_text(found, PLAIN).splitlines())) <= 100
    row = next(line for line in audit_text(widest, PLAIN).splitlines() if "tf2.10-hf4.25-py3.11" in line)
    assert row.split()[1:] == [
        "2.10.1",
        "4.25.1",
        "3.9.18",
        "identical",
        "0",
        "3.1e-15",
        "2.0e-07",
        "100.0%",
        "12",
        "s",
    ]


def three_environments() -> Run:
    places: list[PreparedEnvironment] = [made("one"), made("two"), not_made("three")]
    grades: dict[tuple[str, str], dict[str, Any]] = {
        ("one", "two"): {"grade": "flip", "as_expected": False, "reason": "2 of 3 labels changed"},
        ("two", "two"): {"grade": "bitwise"},
        ("two", "one"): {"grade": "refused", "as_expected": True},
    }
    missing = {"grade": "not run", "as_expected": False, "reason": "no interpreter"}
    verdicts = [
        verdict(w.id, r.id, **(missing if "three" in (w.id, r.id) else grades.get((w.id, r.id), {})))
        for w in places
        for r in places
    ]
    return run(verdicts, *places)


def test_a_cross_run_is_a_square_of_writers_and_readers() -> None:
    lines = [line.split() for line in cross_text(three_environments(), PLAIN).splitlines()]
    assert ["1", "one", "~", "F!", "-!"] in lines
    assert ["2", "two", "R", "=", "-!"] in lines
    assert ["3", "three", "-!", "-!", "-!"] in lines


def test_the_legend_explains_every_sign_that_is_there_and_no_other() -> None:
    shown = cross_text(three_environments(), PLAIN)
    for sign in ("= bitwise", "~ identical", "F flip", "R refused", "- not run"):
        assert f"{sign}: " in shown
    assert "D drift" not in shown


def test_a_cross_run_names_every_unexpected_cell_with_its_reason() -> None:
    shown = cross_text(three_environments(), PLAIN)
    assert "flip  router, one -> two: 2 of 3 labels changed" in shown
    assert shown.count("no interpreter") == 5


def test_the_spread_of_each_pair_is_a_square_of_its_own_and_the_largest_is_named() -> None:
    doubles = {("a", "a"): 0.0, ("a", "b"): 1.2e-10, ("b", "a"): 3e-15, ("b", "b"): None}
    places = made("a"), made("b")
    shown = cross_text(run([verdict(w, r, float64_difference=d) for (w, r), d in doubles.items()], *places), PLAIN)
    lines = [line.split() for line in shown.splitlines()]
    assert ["1", "a", "=", "9"] in lines
    assert ["2", "b", "14"] in lines
    assert "largest float64 spread: 1.2e-10, a -> b" in shown


def test_the_spread_of_a_pair_is_the_largest_of_its_bundles() -> None:
    shown = cross_text(run([verdict("a", "a", float64_difference=d) for d in (1e-15, 2e-9, 1e-12)], made("a")), PLAIN)
    assert ["1", "a", "8"] in [line.split() for line in shown.splitlines()]


def test_a_run_says_how_many_cells_share_a_replay_where_any_does() -> None:
    own, shared = verdict("a", "a"), verdict("b", "a", shares=Path("models/router"))
    line = "replays: 1; 1 cells share one with an identical bundle"
    assert line in cross_text(run([own, shared], made("a"), made("b")), PLAIN)
    assert "share one" not in cross_text(run([own], made("a")), PLAIN)


def test_a_run_that_measured_nothing_shows_no_spread() -> None:
    assert "spread" not in cross_text(
        run([verdict("a", "a", grade="crashed", float64_difference=None)], made("a")), PLAIN
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (0.0, "="), (1e-9, "8"), (9.9e-10, "9"), (0.5, "0"), (7.0, "0"), (float("inf"), "!")],
)
def test_a_power_of_ten_is_a_bound_that_the_difference_stays_below(value: float | None, shown: str) -> None:
    assert numbers.power(value) == shown


def test_a_reader_that_only_refuses_as_expected_has_a_line_and_no_column() -> None:
    refusing = [verdict("a", "b", grade="refused", reason="known", float64_difference=None) for _ in range(2)]
    shown = cross_text(run([verdict("a", "a"), *refusing], made("a"), made("b")), PLAIN)
    assert ["1", "a", "~"] in [line.split() for line in shown.splitlines()]
    assert "refused, as expected: b" in shown
    assert "R refused" not in shown
    surprising = cross_text(run([verdict("a", "b", grade="refused", as_expected=False)], made("a"), made("b")), PLAIN)
    assert ["1", "a", "R!"] in [line.split() for line in surprising.splitlines()]


def test_what_an_environment_lacks_for_a_classifier_is_said_and_is_not_the_sign_of_a_pair() -> None:
    shown = cross_text(with_needs(), PLAIN).splitlines()
    assert ["1", "a", "~", "~"] in [line.split() for line in shown]
    assert "refused, as expected, in b: hashing: needs tensorflow (1 cell)" in shown
    assert "left out, not written in b: hashing: needs tensorflow (2 cells)" in shown
    assert "left out, not written in b: deberta: needs transformers>=4.25 (2 cells)" in shown
    assert "R refused" not in "\n".join(shown)
    assert shown[-1].startswith("6 of 6 as expected in ")


def test_the_disk_that_environments_take_is_said_at_the_end() -> None:
    found = run([verdict("a", "a")], *(dataclasses.replace(made(name), size=1_234_000_000) for name in "ab"))
    assert cross_text(found, PLAIN).splitlines()[-2] == "environments: 2, together 2.5 GB"
    assert audit_text(found, PLAIN).splitlines()[-2] == "environments: 2, together 2.5 GB"


def test_the_worst_of_several_bundles_stands_for_them() -> None:
    several = [
        verdict("a", "a"),
        verdict("a", "a", grade="drift", as_expected=False),
        verdict("a", "a", grade="bitwise"),
    ]
    assert ["1", "a", "D!"] in [line.split() for line in cross_text(run(several, made("a")), PLAIN).splitlines()]


def test_a_square_of_twenty_one_fits_a_hundred_columns() -> None:
    names = [f"tf2.{n}-hf4.25-py3.11" for n in range(10, 31)]
    found = run([verdict(w, r) for w in names for r in names], *map(made, names))
    lines = cross_text(found, PLAIN).splitlines()
    assert max(map(len, lines)) <= 100
    assert any(line.split()[:2] == ["21", names[-1]] and line.split()[2:] == ["~"] * 21 for line in lines)


def test_a_reader_that_writes_nothing_is_still_named() -> None:
    found = run([verdict("a", "b")], made("a"), made("b"))
    assert "2 b" in cross_text(found, PLAIN).splitlines()


@pytest.mark.parametrize("field", ["writer", "reader", "reason", "first_layer", "bundle"])
def test_text_of_a_bundle_is_escaped_and_never_markup(field: str) -> None:
    hostile: Any = Path(HOSTILE) if field == "bundle" else HOSTILE
    parts = {"grade": "drift", "as_expected": False, field: hostile}
    shown_verdict = verdict(**{"writer": "w", "reader": "a", **parts})
    found = run([shown_verdict], made(shown_verdict.reader))
    for shown in (
        audit_text(found, Style(width=400)),
        cross_text(run([shown_verdict], made(shown_verdict.reader), made(shown_verdict.writer)), Style(width=400)),
        runs.verification(shown_verdict, Style(width=400)),
    ):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", shown)
    assert SHOWN in audit_text(found, Style(width=400))


def test_colour_comes_only_where_it_is_asked_for() -> None:
    assert "\x1b[" not in audit_text(audit(), PLAIN)
    assert "\x1b[" in audit_text(audit(), Style(color=True))


def test_a_verification_says_where_it_was_replayed_and_what_was_measured() -> None:
    shown = runs.verification(verdict("tf2.15", "this interpreter", accuracy=0.5), PLAIN)
    assert shown.startswith("identical\nsame function\n")
    assert "replayed in                  this interpreter" in shown
    assert "largest difference, float64  3.1e-15" in shown


def test_an_error_ends_with_the_last_output_of_the_process_that_crashed() -> None:
    error = WorkerError("the worker was killed by SIGSEGV", place="tf2.6", fix="look")
    error.add_note("first\n\x1b[2Jlast")
    assert errors.error(error) == (
        "the worker was killed by SIGSEGV @ tf2.6\n  fix: look\n  last output:\n    first\n    \\x1b[2Jlast\n"
    )


def test_an_error_without_output_has_no_such_line() -> None:
    assert errors.error(FormatError("no", place="p")) == "no @ p\n"


@pytest.mark.parametrize(
    ("grades", "words"),
    [
        (["bitwise", "identical"], "2 of 2 as expected in 41 s"),
        (["drift"], "0 of 1 as expected, 1 not as expected in 41 s"),
        (["identical", "not run"], "1 of 2 as expected, 1 not run in 41 s"),
    ],
)
def test_a_run_in_one_sentence(grades: list[str], words: str) -> None:
    verdicts = [verdict("w", "a", grade=grade, as_expected=grade in ("bitwise", "identical")) for grade in grades]
    assert wording.sentence(run(verdicts, made("a")).summary) == words


def test_a_manifest_shows_versions_inputs_labels_and_files() -> None:
    tags: dict[str, Any] = {"name": "tags", "dtype": "float32", "shape": [2], "task": "multilabel", "scores": "logits"}
    tags["labels"] = ["rude", "spam"]
    record = {
        "format": "bert_bundle",
        "format_version": 1,
        "digest": "ab" * 32,
        "writer": {"python": "3.11.7", "bert_bundle": "0.1.0", "packages": {"transformers": "4.40.2"}},
        "runtime": "transformers",
        "encoders": {"encoder": {"class": "TFBertModel", "model_type": "bert"}},
        "labels": ["bug", HOSTILE],
        "signature": {"inputs": [{"name": "input_ids", "dtype": "int32", "shape": [None, 128]}], "outputs": [tags]},
        "proof": {"proven": True, "accuracy": 0.875, "held_against": ["inputs", "predictions"]},
        "tokenizer": {"max_length": 128},
        "files": {"graph.json": {"size": 12345, "sha256": "cd" * 32}},
    }
    shown = bundles.manifest(Inspection(bundle=Path("router"), manifest=record), Style(width=200))
    for part in (
        "python 3.11.7, bert_bundle 0.1.0, transformers 4.40.2",
        "encoder TFBertModel",
        f"bug, {SHOWN}",
        "input_ids: int32 [None, 128]",
        "max_length 128",
        "12,345",
        "tags multilabel (logits)",
        "rude, spam",
        "87.5%",
        "inputs, predictions",
    ):
        assert part in shown


@pytest.mark.parametrize(
    "part",
    [{"writer": {}}, {"encoders": {"encoder": 3}}, {"signature": {"inputs": 3, "outputs": [4]}}, {"signature": {}}],
)
def test_a_manifest_of_odd_parts_is_shown_all_the_same(part: dict[str, Any]) -> None:
    usual: dict[str, Any] = {
        "format": "bert_bundle", "format_version": 1, "digest": "", "writer": {}, "runtime": "native",
        "encoders": {}, "labels": [], "signature": {}, "tokenizer": {}, "files": {},
    }  # fmt: skip
    found = Inspection(bundle=Path("router"), manifest={**usual, **part})
    assert "native" in bundles.manifest(found, PLAIN)


def test_a_matrix_shows_its_rows_and_their_locks() -> None:
    row = Environment.model_validate(
        {
            "id": "tf2.10", "python": "3.9", "as_of": "2022-12-15", "packages": ["transformers==4.25.1"],
            "runtime": "transformers", "groups": ["ci"],
        },
        strict=False,
    )  # fmt: skip
    shown = environments.environments([(row, True), (row, False)], PLAIN)
    assert ["tf2.10", "3.9", "2022-12-15", "transformers==4.25.1", "ci", "no"] in [
        s.split() for s in shown.splitlines()
    ]


def test_a_comparison_shows_twenty_differences_of_a_part_and_counts_the_rest() -> None:
    changes = tuple(Difference(part="weights", place=f"tensor {i}", a="x", b="\x1b[31my", by=0.5) for i in range(23))
    found = Comparison(
        a=Path("a"), b=Path("b"), tensors=30, tensors_equal=7, examples=4, labels_changed=1, changes=changes
    )
    shown = bundles.comparison(found, PLAIN)
    assert "7 of 30 tensors equal to the last bit\n4 examples in both, 1 labels changed\n" in shown
    assert shown.count("tensor ") == 20
    assert "and 3 more: --json has all" in shown
    assert "\x1b" not in shown
    assert shown.endswith("they differ\n")


def test_every_report_says_which_bounds_are_wider_and_why() -> None:
    wide = dataclasses.replace(audit(), tolerances=Tolerances(noise=2.0, reason="two | kinds\nof CPU"))
    words = "bounds widened: noise 2 instead of 1: two | kinds\\nof CPU"
    assert words in audit_text(wide, PLAIN)
    assert words in cross_text(dataclasses.replace(three_environments(), tolerances=wide.tolerances), PLAIN)
    assert f'value="{words}"' in junit.audit(AuditReport(run=wide))
    assert "`bounds widened: noise 2 instead of 1: two `<code>&#124;" in markdown.audit(AuditReport(run=wide))
    usual = AuditReport(run=audit())
    for shown in (audit_text(audit(), PLAIN), junit.audit(usual), markdown.audit(usual)):
        assert "widened" not in shown
