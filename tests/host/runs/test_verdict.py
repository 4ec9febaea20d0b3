"""The verdict on every kind of outcome."""

from pathlib import Path
from typing import get_args

import pytest

from bert_bundle.errors import IntegrityError, RuntimeUnavailableError, VersionError, WorkerError
from bert_bundle.grading import grades
from bert_bundle.grading.grades import Figures
from bert_bundle.host.config.matrix_file import Expectation
from bert_bundle.host.runs.outcome import Cell, Crashed, Failure, NotRun, Outcome, Refused, Replayed, TimedOut
from bert_bundle.host.runs.verdict import MEANING, CellGrade, Summary, Verdict, verdict_of

CELL = Cell(bundle=Path("router"), writer="tf2.21", reader="tf2.6-hf4.12-py3.8")
MISSING = RuntimeUnavailableError("no such layer", place="dense", wanted="one", found="none", fix="x")
REFUSED = Refused(error=MISSING, seconds=1.0)
CRASHED = Crashed(error=WorkerError("the worker was killed by SIGSEGV", place="tf2.6"), seconds=1.0)
TIMED_OUT = TimedOut(error=WorkerError("the worker took too long", outcome="timeout"), seconds=1.0)
NOT_RUN = NotRun(reason="no reader: no interpreter")


def replayed(grade: grades.Grade) -> Replayed:
    return Replayed(figures=Figures(grade=grade, reason=f"this is {grade}", float64_difference=1e-9), seconds=2.0)


OUTCOMES: dict[str, Outcome] = {
    **{grade: replayed(grade) for grade in grades.GRADES},
    "refused": REFUSED,
    "crashed": CRASHED,
    "timeout": TIMED_OUT,
    "not run": NOT_RUN,
}


def expect(outcome: str, environment: str = "tf2.6-*") -> Expectation:
    return Expectation.model_validate({"environment": environment, "outcome": outcome, "reason": "known", "see": "#1"})


def test_every_grade_has_a_meaning_and_an_outcome() -> None:
    assert list(MEANING) == list(OUTCOMES)
    assert tuple(grades.MEANING) == grades.GRADES == get_args(grades.Grade)
    assert set(get_args(CellGrade)) == set(MEANING)
    assert {outcome.grade for outcome in (REFUSED, CRASHED, TIMED_OUT, NOT_RUN)} == set(get_args(Failure))


def test_an_exception_can_expect_every_grade_that_is_not_agreement() -> None:
    outcomes = get_args(Expectation.model_fields["outcome"].annotation)
    assert list(outcomes) == [grade for grade in MEANING if grade not in (*grades.SAME, "not run")]


@pytest.mark.parametrize(("grade", "outcome"), OUTCOMES.items())
def test_agreement_and_nothing_else_is_expected(grade: str, outcome: Outcome) -> None:
    verdict = verdict_of(CELL, outcome)
    assert verdict.grade == grade
    assert verdict.as_expected == (grade in ("bitwise", "identical"))
    assert verdict.reason
    assert (verdict.bundle, verdict.writer, verdict.reader) == (CELL.bundle, CELL.writer, CELL.reader)


@pytest.mark.parametrize(("grade", "outcome"), OUTCOMES.items())
def test_an_environment_reads_its_own_bundle_to_the_last_bit(grade: str, outcome: Outcome) -> None:
    verdict = verdict_of(Cell(bundle=CELL.bundle, writer=CELL.reader, reader=CELL.reader), outcome)
    assert verdict.as_expected == (grade == "bitwise")
    assert verdict.reason.startswith("its own writer must reach bitwise; ") == (grade == "identical")


@pytest.mark.parametrize(("grade", "outcome"), OUTCOMES.items())
@pytest.mark.parametrize("expected", ["drift", "refused", "crashed", "timeout"])
def test_a_known_exception_is_expected_and_nothing_else(grade: str, outcome: Outcome, expected: str) -> None:
    assert verdict_of(CELL, outcome, [expect(expected)]).as_expected == (grade == expected)


def test_a_damaged_bundle_is_not_the_refusal_that_is_expected_of_an_environment() -> None:
    refusal = expect("refused")
    assert verdict_of(
        CELL, Refused(error=VersionError("a layer newer than this Keras"), seconds=1.0), [refusal]
    ).as_expected
    verdict = verdict_of(CELL, Refused(error=IntegrityError("another digest"), seconds=1.0), [refusal])
    assert not verdict.as_expected
    assert verdict.reason == "refused was expected (known (#1)), this is refused: another digest"


def test_an_unexpected_pass_says_what_was_expected_and_why() -> None:
    verdict = verdict_of(CELL, replayed("identical"), [expect("refused")])
    assert verdict.grade == "identical"
    assert not verdict.as_expected
    assert verdict.reason == "refused was expected (known (#1)), this is identical: this is identical"


def test_an_expected_exception_says_that_it_is_known_and_what_came() -> None:
    assert verdict_of(CELL, REFUSED, [expect("refused")]).reason == (
        "known: known (#1); refused: no such layer @ dense, wanted: one, found: none"
    )


@pytest.mark.parametrize("name", ["tf2.6-hf4.12-py3.8", "tf2.6-*", "*"])
def test_an_exception_names_a_reader_by_id_or_glob(name: str) -> None:
    assert verdict_of(CELL, REFUSED, [expect("refused", name)]).as_expected


@pytest.mark.parametrize("name", ["tf2.21", "tf2.6", "TF2.6-*"])
def test_an_exception_for_another_environment_changes_nothing(name: str) -> None:
    assert not verdict_of(CELL, REFUSED, [expect("refused", name)]).as_expected


def test_the_reason_of_an_error_is_one_line_with_its_parts() -> None:
    assert verdict_of(CELL, REFUSED).reason == "no such layer @ dense, wanted: one, found: none"


def test_figures_arrive_in_the_verdict() -> None:
    figures = Figures(
        grade="flip",
        reason="r",
        float64_difference=1.0,
        native_difference=2.0,
        labels_changed=3,
        first_layer="pool",
        accuracy=0.5,
    )
    verdict = verdict_of(CELL, Replayed(figures=figures, seconds=4.0))
    assert (verdict.float64_difference, verdict.native_difference, verdict.labels_changed) == (1.0, 2.0, 3)
    assert (verdict.first_layer, verdict.accuracy, verdict.seconds) == ("pool", 0.5, 4.0)


def test_a_cell_that_shares_a_replay_says_whose_and_is_no_replay_of_its_own() -> None:
    figures = Figures(grade="bitwise", reason="", float64_difference=0.0)
    own = verdict_of(CELL, Replayed(figures=figures, seconds=1.0))
    shared = verdict_of(CELL, Replayed(figures=figures, seconds=0.1, shares=Path("other")))
    assert (own.shares, shared.shares) == (None, Path("other"))
    assert Summary.of([own, shared], 1.1).replays == 1


def test_what_was_not_measured_is_none() -> None:
    verdict = verdict_of(CELL, CRASHED)
    assert (verdict.float64_difference, verdict.native_difference, verdict.labels_changed) == (None, None, None)


def test_every_cell_is_counted_once() -> None:
    verdicts: list[Verdict] = [verdict_of(CELL, outcome) for outcome in OUTCOMES.values()]
    summary = Summary.of(verdicts, 7.0)
    assert summary == Summary(cells=10, as_expected=2, unexpected=7, not_run=1, replays=6, remembered=0, seconds=7.0)
    assert summary.cells == summary.as_expected + summary.unexpected + summary.not_run
