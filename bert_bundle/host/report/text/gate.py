"""A release's verdict as text: the checks, why, and which texts changed their label."""

from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from bert_bundle.errors import printable
from bert_bundle.host.environments.prepare import FailedEnvironment
from bert_bundle.host.gate.checks import Check, Status
from bert_bundle.host.gate.gate import Gate
from bert_bundle.host.report import terminal, wording
from bert_bundle.host.report.terminal import Style
from bert_bundle.host.runs.outcome import sentence

_MOST_CHANGES = 20  # what broke comes first; verdict.json has all
_GOOD: tuple[Status, ...] = ("passed", "not asked for")


def gate(found: Gate, written: Path, style: Style) -> str:
    """A row for each check with its figures, then the reasons, the labels that changed, and the answer."""
    table = terminal.table(["check", "status", "figures"])
    for check in found.checks:
        status = Text(
            check.status, style="" if check.status == "not asked for" else terminal.colour(check.status in _GOOD)
        )
        table.add_row(check.name, status, wording.figures(check))
    decision = Text(wording.answer(found), style=f"bold {terminal.colour(found.decision == 'ships')}")
    parts: list[RenderableType] = [
        Text(f"candidate: {printable(found.candidate.path)}"),
        Text(f"baseline: {printable(found.baseline.path) if found.baseline else 'none'}"),
        Text(),
        table,
        Text(),
        *(line for check in found.checks for line in _reasons(check)),
        *(
            Text(f"{printable(p.id)}: {sentence(p.error)}")
            for p in found.environments
            if isinstance(p, FailedEnvironment)
        ),
        *_changes(found),
        Text(f"verdict: {printable(written)}"),
        decision,
    ]
    return terminal.render(style, *parts)


def requirement(verdict: Path, against: str, style: Style) -> str:
    """Whether a verdict lets a bundle ship."""
    words = f"{printable(verdict)}: {against}" if against else f"{printable(verdict)}: this bundle ships"
    return terminal.render(style, Text(words, style=terminal.colour(not against)))


def _reasons(check: Check) -> list[Text]:
    return [Text(f"{check.name}: {printable(reason)}") for reason in check.reasons]


def _changes(found: Gate) -> list[RenderableType]:
    if not found.changes:
        return []
    table = terminal.table(["label", "before", "now", "answer", "text"])
    for change in found.changes[:_MOST_CHANGES]:
        table.add_row(*map(terminal.plain, (change.kind, change.before, change.after, change.answer, change.text)))
    more = len(found.changes) - _MOST_CHANGES
    return [Text(), table, *([Text(f"and {more} more: the verdict has all")] if more > 0 else []), Text()]
