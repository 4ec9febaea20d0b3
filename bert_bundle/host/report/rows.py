"""The rows that every format shows, with their numbers as text, and how each is made from a result.

Does not know how a format draws, escapes or shortens them.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.nearest import tensorflow
from bert_bundle.host.environments.prepare import PreparedEnvironment
from bert_bundle.host.gate.checks import Check, CheckName, Status
from bert_bundle.host.gate.label_changes import LabelChange
from bert_bundle.host.report import numbers, wording
from bert_bundle.host.report.writer_reader_table import worst
from bert_bundle.host.runs.needs import LeftOut
from bert_bundle.host.runs.run import Reproduction
from bert_bundle.host.runs.verdict import CellGrade, Verdict, known_reason
from bert_bundle.host.upgrades.upgrade import Upgrade

VERSIONS = ("TensorFlow", "transformers", "Python")  # the headings of AuditRow.versions
CHANGE_HEADINGS = ("label", "before", "now", "answer", "text")  # of `change_cells`
_FIGURES = ("labels changed", "float64", "float32")


@dataclass(frozen=True, kw_only=True)
class AuditRow:
    """One environment of an audit; `figures` are in the order of `figure_headings`."""

    environment: str
    versions: tuple[str, ...]
    grade: CellGrade
    as_expected: bool
    figures: tuple[str, ...]
    time: str


@dataclass(frozen=True, kw_only=True)
class UnexpectedRow:
    """A verdict that is not as expected, or the worst of `cells` such verdicts of one pair; `first_layer` may be ""."""

    grade: CellGrade
    bundle: str
    writer: str
    reader: str
    reason: str
    first_layer: str
    cells: int = 1


@dataclass(frozen=True, kw_only=True)
class UpgradeRow:
    """An upgrade: where it starts, what it asks for, what changes with it, and the grade without and with it."""

    id: str
    source: str
    asked: str
    notes: tuple[str, ...]
    moved: tuple[str, ...]
    instead_of: str
    grade_before: CellGrade
    grade_after: CellGrade


@dataclass(frozen=True, kw_only=True)
class ReproductionRow:
    """The smallest classifier on which a pair disagrees, as JSON, and the script that shows it."""

    writer: str
    reader: str
    grade: CellGrade
    reason: str
    specification: str
    tried: int
    script: str


@dataclass(frozen=True, kw_only=True)
class SpreadRow:
    """The pair with the largest float64 difference."""

    difference: str
    writer: str
    reader: str


@dataclass(frozen=True, kw_only=True)
class LackRow:
    """What an environment lacks, the classifiers that it cannot write or read for that, and how many cells they are."""

    environment: str
    lack: str


@dataclass(frozen=True, kw_only=True)
class CheckRow:
    """A check of a gate. `good` if it does not count against the candidate."""

    name: CheckName
    status: Status
    good: bool
    figures: str
    reasons: tuple[str, ...]


def change_cells(change: LabelChange) -> tuple[str, ...]:
    """Return the cells of a label change, in the order of `CHANGE_HEADINGS`."""
    return (change.kind, change.before, change.after, change.answer, change.text)


def left_out_rows(left_out: Sequence[LeftOut]) -> tuple[LackRow, ...]:
    """Return a row for each writer and what it lacks."""
    return _lack_rows((found.writer, found.needs, found.bundle, found.cells) for found in left_out)


def refusal_rows(verdicts: Sequence[Verdict]) -> tuple[LackRow, ...]:
    """Return a row for each reader and reason of refusals that were expected."""
    return _lack_rows((v.reader, known_reason(v), v.bundle, 1) for v in verdicts)


def _lack_rows(records: Iterable[tuple[str, str, Path, int]]) -> tuple[LackRow, ...]:
    found: dict[tuple[str, str], dict[str, int]] = {}
    for environment, needs, bundle, cells in records:
        classifiers = found.setdefault((environment, needs), {})
        name = bundle.name.partition("-")[2] or bundle.name
        classifiers[name] = classifiers.get(name, 0) + cells
    return tuple(
        LackRow(environment=name, lack=wording.lack(needs, list(cells), sum(cells.values())))
        for (name, needs), cells in found.items()
    )


def unexpected_row(verdicts: Sequence[Verdict]) -> UnexpectedRow:
    """Return the row of the worst of several verdicts on one pair."""
    v = worst(verdicts)
    return UnexpectedRow(
        grade=v.grade,
        bundle=v.bundle.name,
        writer=v.writer,
        reader=v.reader,
        reason=wording.reason(v),
        first_layer=v.first_layer or "",
        cells=len(verdicts),
    )


def upgrade_row(upgrade: Upgrade, before: CellGrade, after: CellGrade) -> UpgradeRow:
    """Return the row of an upgrade, with the grade without and with it."""
    return UpgradeRow(
        id=upgrade.id,
        source=upgrade.source,
        asked=", ".join(upgrade.asked),
        notes=upgrade.notes,
        moved=tuple(map(str, upgrade.package_changes)),
        instead_of=upgrade.instead_of,
        grade_before=before,
        grade_after=after,
    )


def versions(environment: PreparedEnvironment) -> tuple[str, ...]:
    """Return the versions in the order of `VERSIONS`; empty for an environment that could not be made."""
    if not isinstance(environment, ReadyEnvironment):
        return ("",) * len(VERSIONS)
    packages = environment.packages
    return (tensorflow(packages) or "", packages.get("transformers", ""), environment.python_version)


def figure_headings(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Return the headings of `AuditRow.figures`; without the accuracy if no verdict has one."""
    return (*_FIGURES, "accuracy") if any(v.accuracy is not None for v in verdicts) else _FIGURES


def audit_row(verdict: Verdict, environment: PreparedEnvironment, headings: Sequence[str]) -> AuditRow:
    """Return the row of a verdict, with a figure for each of the headings."""
    figures = (
        numbers.count(verdict.labels_changed),
        numbers.figure(verdict.float64_difference),
        numbers.figure(verdict.native_difference),
        numbers.share(verdict.accuracy),
    )
    return AuditRow(
        environment=verdict.reader,
        versions=versions(environment),
        grade=verdict.grade,
        as_expected=verdict.as_expected,
        figures=figures[: len(headings)],
        time=numbers.seconds(verdict.seconds),
    )


def reproduction_row(found: Reproduction) -> ReproductionRow:
    """Return the row of a reproduction."""
    return ReproductionRow(
        writer=found.verdict.writer,
        reader=found.verdict.reader,
        grade=found.verdict.grade,
        reason=found.verdict.reason,
        specification=json.dumps(found.specification, ensure_ascii=False),
        tried=found.tried,
        script=str(found.script),
    )


def check_row(check: Check) -> CheckRow:
    """Return the row of a check."""
    return CheckRow(
        name=check.name,
        status=check.status,
        good=check.status in ("passed", "not asked for"),
        figures=wording.figures(check),
        reasons=check.reasons,
    )
