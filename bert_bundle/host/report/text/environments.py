"""Environments as text: the rows of a matrix, their locks, and whether they will work."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from bert_bundle.errors import printable
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.environments.doctor import Diagnosis
from bert_bundle.host.environments.locks import Lock
from bert_bundle.host.report import terminal
from bert_bundle.host.report.terminal import Style


def environments(rows: Sequence[tuple[Environment, bool]], style: Style) -> str:
    """The rows of a matrix."""
    table = terminal.table(["environment", "Python", "as of", "packages", "groups", "locked"])
    for row, locked in rows:
        packages, groups = "\n".join(row.packages), ", ".join(row.groups)
        lines = Text("\n").join(map(terminal.plain, packages.split("\n")))
        table.add_row(
            terminal.plain(row.id),
            row.python,
            str(row.as_of),
            lines,
            terminal.plain(groups),
            Text("yes" if locked else "no"),
        )
    return terminal.render(style, table)


def locks(made: Sequence[tuple[Environment, Lock]], style: Style) -> str:
    """The locks that were written."""
    table = terminal.table(["environment", "packages", "sha256", "file"])
    for row, lock in made:
        table.add_row(terminal.plain(row.id), str(len(lock.pins)), lock.digest[:16], terminal.plain(lock.path))
    return terminal.render(style, table)


def doctor(found: Sequence[Diagnosis], style: Style) -> str:
    """Each environment with what works in it, then what speaks against the rest, and what to do."""
    parts: list[RenderableType] = []
    for checkup in found:
        words = f"works ({', '.join(checkup.works)})" if checkup.works else "does not work"
        expected = ", as expected" if checkup.as_expected else ", which the matrix file does not expect"
        line = f"{printable(checkup.id)}: {words}{expected if checkup.known else ''}"
        parts.append(Text(line, style=f"bold {terminal.colour(checkup.as_expected)}"))
        for finding in checkup.findings:
            about = {"why": finding.why, "found": finding.found, "fix": finding.fix, "see": finding.see}
            parts += [Text(f"  {finding.runtime}: {finding.rule}"), Padding(terminal.facts(about), (0, 0, 0, 4))]
    return terminal.render(style, *parts)
