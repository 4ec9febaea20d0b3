"""The view model of reports: what every format shows of a result, and what a format is.

A command returns one of these reports; `rendered_by` gives it to a format. Does not know which formats exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from bert_bundle.errors import BertBundleError
from bert_bundle.host.environments.prepare import FailedEnvironment
from bert_bundle.host.gate.gate import Gate
from bert_bundle.host.gate.label_changes import LabelChange
from bert_bundle.host.report import numbers, wording
from bert_bundle.host.report.rows import (
    AuditRow,
    CheckRow,
    LackRow,
    ReproductionRow,
    SpreadRow,
    UnexpectedRow,
    UpgradeRow,
    audit_row,
    check_row,
    figure_headings,
    left_out_rows,
    refusal_rows,
    reproduction_row,
    unexpected_row,
    upgrade_row,
)
from bert_bundle.host.report.writer_reader_table import WriterReaderTable, severity, worst
from bert_bundle.host.runs.outcome import sentence
from bert_bundle.host.runs.run import Run
from bert_bundle.host.runs.verdict import Verdict, spread
from bert_bundle.host.upgrades.audit import upgrades_of


class Format(Protocol):
    """A module, or an object, that renders each kind of report as text."""

    def audit(self, report: AuditReport) -> str:
        """Render one bundle in several environments."""

    def cross(self, report: CrossReport) -> str:
        """Render a run of writers and readers."""

    def demo(self, report: DemoReport) -> str:
        """Render what the demo did, and its audit."""

    def gate(self, report: GateReport) -> str:
        """Render the decision of a gate, and its audit."""

    def error(self, raised: BertBundleError) -> str:
        """Render the error of a command that ended without a result."""


class Report(Protocol):
    """The result of a command, which each format can render."""

    def rendered_by(self, to: Format) -> str:
        """Return this report in the format `to`."""


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """What the reports on a run have in common."""

    run: Run

    @property
    def headline(self) -> str:
        """Return how many cells are as expected, and whether the run was interrupted."""
        return wording.interrupted(wording.sentence(self.run.summary), self.run.interrupted)

    @property
    def as_expected(self) -> bool:
        """Return whether the command ends with 0."""
        return self.run.exit_code == 0

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a reader has to know about the verdicts, such as bounds that are wider than the default."""
        return tuple(filter(None, (wording.matrix(self.run.matrix), self.run.tolerances.widened)))

    @cached_property
    def unexpected(self) -> tuple[UnexpectedRow, ...]:
        """Return every verdict that is not as expected, in the order of the run."""
        return tuple(unexpected_row([v]) for v in self._unexpected_verdicts)

    @cached_property
    def unexpected_pairs(self) -> tuple[UnexpectedRow, ...]:
        """Return the pairs of writer and reader with such verdicts, the worst grade first."""
        pairs: dict[tuple[str, str], list[Verdict]] = {}
        for v in self._unexpected_verdicts:
            pairs.setdefault((v.writer, v.reader), []).append(v)
        return tuple(map(unexpected_row, sorted(pairs.values(), key=lambda group: -severity(worst(group)))))

    @property
    def _unexpected_verdicts(self) -> tuple[Verdict, ...]:
        """Return them without the cells that an interrupt left: the headline counts these."""
        left = "not run" if self.run.interrupted else None
        return tuple(v for v in self.run.verdicts if not v.as_expected and v.grade != left)


@dataclass(frozen=True, kw_only=True)
class AuditReport(RunReport):
    """One bundle in several environments."""

    @cached_property
    def figure_headings(self) -> tuple[str, ...]:
        """Return the headings of the figures; without the accuracy if no verdict has one."""
        return figure_headings(self.run.verdicts)

    @cached_property
    def rows(self) -> tuple[AuditRow, ...]:
        """Return a row for each environment, in the order of the run."""
        environments = {environment.id: environment for environment in self.run.environments}
        return tuple(audit_row(v, environments[v.reader], self.figure_headings) for v in self.run.verdicts)

    @cached_property
    def upgrades(self) -> tuple[UpgradeRow, ...]:
        """Return the upgrades whose environments were audited."""
        grades = {v.reader: v.grade for v in self.run.verdicts}
        return tuple(upgrade_row(u, grades[u.instead_of], grades[u.id]) for u in upgrades_of(self.run))

    def rendered_by(self, to: Format) -> str:
        """Return this report in the format `to`."""
        return to.audit(self)


@dataclass(frozen=True, kw_only=True)
class CrossReport(RunReport):
    """Writers and readers, each pair with the worst grade of its bundles."""

    @cached_property
    def table(self) -> WriterReaderTable:
        """Return who wrote, who read, and the sign of each pair."""
        return WriterReaderTable(run=self.run)

    @cached_property
    def largest_spread(self) -> SpreadRow | None:
        """Return the pair with the largest float64 difference; None if none was measured."""
        pairs = spread(self.run.verdicts)
        if not pairs:
            return None
        writer, reader = pair = max(pairs, key=pairs.__getitem__)
        return SpreadRow(difference=numbers.figure(pairs[pair]), writer=writer, reader=reader)

    @cached_property
    def left_out(self) -> tuple[LackRow, ...]:
        """Return the classifiers that were not written where their writer lacks what they need."""
        return left_out_rows(self.run.left_out)

    @cached_property
    def refusals(self) -> tuple[LackRow, ...]:
        """Return the classifiers that were refused where their reader lacks what they need."""
        return refusal_rows(self.table.refusals)

    @cached_property
    def reproductions(self) -> tuple[ReproductionRow, ...]:
        """Return the scripts that the run left."""
        return tuple(map(reproduction_row, self.run.reproductions))

    def rendered_by(self, to: Format) -> str:
        """Return this report in the format `to`."""
        return to.cross(self)


@dataclass(frozen=True, kw_only=True)
class DemoReport:
    """The bundle that the demo saved, how it was verified, and its audit. `trainer` is an environment."""

    bundle: Path
    trainer: str
    accuracy: float
    verification: Verdict
    run: Run

    @property
    def audit(self) -> AuditReport:
        """Return the report on the audit."""
        return AuditReport(run=self.run)

    def rendered_by(self, to: Format) -> str:
        """Return this report in the format `to`."""
        return to.demo(self)


@dataclass(frozen=True, kw_only=True)
class GateReport:
    """The decision of a gate, with its reasons. `decision_file` is where it was written."""

    gate: Gate
    decision_file: Path

    @property
    def decision(self) -> str:
        """Return the decision in words, and whether the gate was interrupted."""
        return wording.interrupted(wording.decision(self.gate.decision), self.gate.interrupted)

    @cached_property
    def checks(self) -> tuple[CheckRow, ...]:
        """Return a row for each check."""
        return tuple(map(check_row, self.gate.checks))

    @property
    def failed_environments(self) -> tuple[tuple[str, str], ...]:
        """Return (id, reason) of each environment that could not be made."""
        return tuple((e.id, sentence(e.error)) for e in self.gate.environments if isinstance(e, FailedEnvironment))

    @property
    def changes(self) -> tuple[LabelChange, ...]:
        """Return the labels that differ from the baseline's, those that broke first."""
        return self.gate.changes

    @property
    def audit(self) -> AuditReport:
        """Return the report on the audit."""
        return AuditReport(run=self.gate.run)

    def rendered_by(self, to: Format) -> str:
        """Return this report in the format `to`."""
        return to.gate(self)
