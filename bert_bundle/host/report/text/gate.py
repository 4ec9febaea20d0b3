"""A gate's decision as text: the checks, the reasons, and which texts changed their label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from bert_bundle.errors import printable
from bert_bundle.host.report import terminal
from bert_bundle.host.report.style import Style

if TYPE_CHECKING:
    from bert_bundle.host.report.reports import GateReport
    from bert_bundle.host.report.results import Requirement

_MOST_CHANGES = 20  # those that broke come first; verdict.json has all


def gate(report: GateReport, style: Style) -> str:
    """Return a row for each check with its figures, then the reasons, the labels that changed, and the decision."""
    found = report.gate
    table = terminal.table(["check", "status", "figures"], fold=("figures",))
    for check in report.checks:
        colour = "" if check.status == "not asked for" else terminal.colour(check.good)
        table.add_row(check.name, Text(check.status, style=colour), check.figures)
    reasons = [(check.name, reason) for check in report.checks for reason in check.reasons]
    parts: list[RenderableType] = [
        Text(f"candidate: {printable(found.candidate.path)}"),
        Text(f"baseline: {printable(found.baseline.path) if found.baseline else 'none'}"),
        Text(),
        table,
        Text(),
        *(Text(f"{printable(name)}: {printable(reason)}") for name, reason in (*reasons, *report.failed_environments)),
        *_changes(report),
        Text(f"written to: {printable(report.decision_file)}"),
        Text(report.decision, style=f"bold {terminal.colour(found.decision == 'ships')}"),
    ]
    return terminal.render(style, *parts)


def requirement(found: Requirement, style: Style) -> str:
    """Return whether a decision lets a bundle ship."""
    words = f"{printable(found.decision_file)}: {found.objection or 'this bundle ships'}"
    return terminal.render(style, Text(words, style=terminal.colour(not found.objection)))


def _changes(report: GateReport) -> list[RenderableType]:
    from bert_bundle.host.report.rows import CHANGE_HEADINGS, change_cells

    if not report.changes:
        return []
    table = terminal.table(CHANGE_HEADINGS, drop=("answer",), fold=("before", "now", "answer", "text"))
    for change in report.changes[:_MOST_CHANGES]:
        table.add_row(*map(terminal.plain, change_cells(change)))
    more = len(report.changes) - _MOST_CHANGES
    left_out = [Text(f"and {more} more: {printable(report.decision_file)} has all of them")] if more > 0 else []
    return [Text(), table, *left_out, Text()]
