"""An outcome held against what was expected: owns grades, verdicts and their sum, not how they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Self

from bert_bundle.errors import RuntimeUnavailableError, VersionError
from bert_bundle.grading import grades
from bert_bundle.grading.grades import BITWISE, IDENTICAL, SAME
from bert_bundle.host.config.matrix_file import Expectation, known_exception
from bert_bundle.host.runs.cells import Cell, Crashed, NotRun, Outcome, Refused, Replayed, TimedOut, sentence

Grade = Literal[grades.Grade, grades.FailedGrade, "not run"]

# From best to worst: where many bundles share a place in a table, the last of their grades is shown.
MEANING = MappingProxyType[Grade, str](
    {
        "bitwise": "equal to the last bit",
        "identical": "same labels, same function, float32 within the noise floor",
        "drift": "the function computed has changed",
        "flip": "a label differs",
        "retokenized": "token ids differ",
        "reconfigured": "architecture or label fields of the configuration differ",
        "refused": "the reader would not load it",
        "crashed": "the reader died or raised what nobody planned",
        "timeout": "the reader did not answer in time",
        "not run": "nothing was tried",
    }
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is reported of one cell. A figure is None where it was not measured.

    float64_difference  largest difference of the float64 replays, in units of the output's scale
    native_difference   the same of the replays in the model's own precision
    labels_changed      examples whose label differs
    first_layer         the first layer, in the order of computation, whose output differs
    accuracy            share of the golden's labelled examples that the reader gets right
    seconds             wall clock, imports included
    shares              the bundle whose replay this is too: what both compute from is the same to the byte
    """

    bundle: Path
    writer: str
    reader: str
    grade: Grade
    as_expected: bool
    reason: str
    float64_difference: float | None = None
    native_difference: float | None = None
    labels_changed: int | None = None
    first_layer: str | None = None
    accuracy: float | None = None
    seconds: float = 0.0
    shares: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Every cell is in exactly one of the three counts: nothing vanishes from the total.

    `replays` were computed; the other cells that have figures share one of these (`Verdict.shares`).
    """

    cells: int
    as_expected: int
    unexpected: int
    not_run: int
    replays: int
    seconds: float

    @classmethod
    def of(cls, verdicts: Sequence[Verdict], seconds: float) -> Self:
        """The sum of `verdicts`, which took `seconds` of wall clock together."""
        not_run = sum(v.grade == "not run" for v in verdicts)
        as_expected = sum(v.as_expected for v in verdicts)
        return cls(
            cells=len(verdicts),
            as_expected=as_expected,
            unexpected=len(verdicts) - as_expected - not_run,
            not_run=not_run,
            replays=sum(v.float64_difference is not None and v.shares is None for v in verdicts),
            seconds=seconds,
        )


def verdict_of(cell: Cell, outcome: Outcome, expect: Sequence[Expectation] = ()) -> Verdict:
    """The verdict on `cell`: agreement is expected, to the last bit where an environment reads what it wrote itself.

    An exception names its readers; then only that exception is: agreement where a difference is known is a surprise
    too. A reader is expected to be refused for what is installed there, never for what is wrong with a bundle. What did
    not run is never as expected.
    """
    verdict = _unjudged(cell, outcome)
    if verdict.grade == "not run":
        return verdict
    known = known_exception(expect, cell.reader)
    if known is None and cell.writer == cell.reader and verdict.grade == IDENTICAL:
        return replace(verdict, reason=f"its own writer must reach {BITWISE}; {verdict.reason}")
    if known is None:
        return replace(verdict, as_expected=verdict.grade in SAME)
    why = known.reason + (f" ({known.see})" if known.see else "")
    found = f"{verdict.grade}: {verdict.reason or MEANING[verdict.grade]}"
    damaged = isinstance(outcome, Refused) and not isinstance(outcome.error, RuntimeUnavailableError | VersionError)
    if verdict.grade == known.outcome and not damaged:
        return replace(verdict, as_expected=True, reason=f"known: {why}; {found}")
    return replace(verdict, as_expected=False, reason=f"{known.outcome} was expected ({why}), this is {found}")


def spread(verdicts: Sequence[Verdict]) -> dict[tuple[str, str], float]:
    """(writer, reader) -> the largest float64 difference of their bundles, in units of the output's scale.

    A pair of which nothing was measured is left out.
    """
    found: dict[tuple[str, str], float] = {}
    for v in verdicts:
        if v.float64_difference is not None:
            found[v.writer, v.reader] = max(v.float64_difference, found.get((v.writer, v.reader), 0.0))
    return found


def _unjudged(cell: Cell, outcome: Outcome) -> Verdict:
    verdict = partial(Verdict, bundle=cell.bundle, writer=cell.writer, reader=cell.reader, as_expected=False)
    if isinstance(outcome, NotRun):
        return verdict(grade="not run", reason=outcome.reason)
    if isinstance(outcome, Replayed):
        figures = outcome.figures
        return verdict(
            grade=figures.grade,
            reason=figures.reason,
            float64_difference=figures.float64_difference,
            native_difference=figures.native_difference,
            labels_changed=figures.labels_changed,
            first_layer=figures.first_layer,
            accuracy=figures.accuracy,
            seconds=outcome.seconds,
            shares=outcome.shares,
        )
    return verdict(grade=_failure(outcome), reason=sentence(outcome.error), seconds=outcome.seconds)


def _failure(outcome: Refused | Crashed | TimedOut) -> Grade:
    if isinstance(outcome, Refused):
        return "refused"
    return "timeout" if isinstance(outcome, TimedOut) else "crashed"
