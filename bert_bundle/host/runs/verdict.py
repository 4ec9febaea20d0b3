"""The verdict on a cell: its outcome compared with what was expected.

Owns verdicts and their sum. Does not know how they are shown.
"""

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
from bert_bundle.host.runs.outcome import FAILURE_MEANING, Cell, Failure, NotRun, Outcome, Refused, Replayed, sentence

CellGrade = Literal[grades.Grade, Failure]

# From best to worst: a table shows the worst grade of several bundles.
MEANING = MappingProxyType[CellGrade, str](dict([*grades.MEANING.items(), *FAILURE_MEANING.items()]))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is reported about one cell. A figure is None if it was not measured.

    float64_difference  largest difference of the float64 replays, in units of the output's scale
    native_difference   the same for the replays in the model's own precision
    labels_changed      labels that differ
    first_layer         the first layer, in the order of computation, whose output differs
    accuracy            share of the golden's true labels that the reader gets right
    seconds             wall clock, imports included
    shares              the bundle whose replay this is, if that one computes from the same bytes
    remembered          whether the replay was computed in an earlier run, and only graded in this one
    """

    bundle: Path
    writer: str
    reader: str
    grade: CellGrade
    as_expected: bool
    reason: str
    float64_difference: float | None = None
    native_difference: float | None = None
    labels_changed: int | None = None
    first_layer: str | None = None
    accuracy: float | None = None
    seconds: float = 0.0
    shares: Path | None = None
    remembered: bool = False

    @property
    def double(self) -> float | None:
        """Return `float64_difference`, by its name in JSON and in policies."""
        return self.float64_difference

    @property
    def single(self) -> float | None:
        """Return `native_difference`, by its name in JSON."""
        return self.native_difference


_KNOWN = "known: "
FIRST_LAYER = "first layer that differs"  # what reports call `Verdict.first_layer`


@dataclass(frozen=True, kw_only=True)
class Summary:
    """How many cells ended how. Every cell is in exactly one of the three counts.

    `replays` were computed, `remembered` ones in an earlier run; the other cells that have figures share one of them
    (`Verdict.shares`).
    """

    cells: int
    as_expected: int
    unexpected: int
    not_run: int
    replays: int
    remembered: int
    seconds: float

    @classmethod
    def of(cls, verdicts: Sequence[Verdict], seconds: float) -> Self:
        """Return the summary of `verdicts`, which took `seconds` of wall clock together."""
        not_run = sum(v.grade == "not run" for v in verdicts)
        as_expected = sum(v.as_expected for v in verdicts)
        return cls(
            cells=len(verdicts),
            as_expected=as_expected,
            unexpected=len(verdicts) - as_expected - not_run,
            not_run=not_run,
            replays=sum(v.float64_difference is not None and v.shares is None and not v.remembered for v in verdicts),
            remembered=sum(v.remembered for v in verdicts),
            seconds=seconds,
        )


def verdict_of(cell: Cell, outcome: Outcome, expect: Sequence[Expectation] = ()) -> Verdict:
    """Return the verdict on `cell`.

    Agreement is expected, to the last bit if an environment reads what it wrote itself. A known exception applies to
    the readers it names: if such a reader agrees after all, that is reported as unexpected. A refusal is expected only
    for what is installed in the reader, never for damage to the bundle. A cell that was not run is never as expected.
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
        return replace(verdict, as_expected=True, reason=f"{_KNOWN}{why}; {found}")
    return replace(verdict, as_expected=False, reason=f"{known.outcome} was expected ({why}), this is {found}")


def refusal(reader: str, needs: str) -> Expectation:
    """Return the exception for a reader that lacks what one classifier `needs`: it refuses that one."""
    return Expectation(environment=reader, outcome="refused", reason=needs)


def known_reason(verdict: Verdict) -> str:
    """Return why a refusal was expected; nothing for any other verdict."""
    if verdict.grade != "refused" or not verdict.as_expected:
        return ""
    return verdict.reason.partition("; ")[0].removeprefix(_KNOWN)


def spread(verdicts: Sequence[Verdict]) -> dict[tuple[str, str], float]:
    """Return the largest float64 difference of each (writer, reader), in units of the output's scale.

    A pair without a measurement is left out.
    """
    found: dict[tuple[str, str], float] = {}
    for v in verdicts:
        if v.float64_difference is not None:
            found[v.writer, v.reader] = max(v.float64_difference, found.get((v.writer, v.reader), 0.0))
    return found


def _unjudged(cell: Cell, outcome: Outcome) -> Verdict:
    verdict = partial(Verdict, bundle=cell.bundle, writer=cell.writer, reader=cell.reader, as_expected=False)
    if isinstance(outcome, NotRun):
        return verdict(grade=outcome.grade, reason=outcome.reason)
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
            remembered=outcome.remembered,
        )
    return verdict(grade=outcome.grade, reason=sentence(outcome.error), seconds=outcome.seconds)
