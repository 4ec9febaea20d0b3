"""Environments as text: the rows of a matrix, their locks, and whether they will work."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from bert_bundle.errors import printable
from bert_bundle.matrix.checkup import Checkup
from bert_bundle.matrix.locks import Lock
from bert_bundle.matrix.spec import Environment
from bert_bundle.report import layout
from bert_bundle.report.layout import Style


def environments(rows: Sequence[tuple[Environment, bool]], style: Style) -> str:
    """The rows of a matrix."""
    table = layout.table(["environment", "Python", "as of", "packages", "groups", "locked"])
    for row, locked in rows:
        packages, groups = "\n".join(row.packages), ", ".join(row.groups)
        lines = Text("\n").join(map(layout.plain, packages.split("\n")))
        table.add_row(
            layout.plain(row.id),
            row.python,
            str(row.as_of),
            lines,
            layout.plain(groups),
            Text("yes" if locked else "no"),
        )
    return layout.render(style, table)


def locks(made: Sequence[tuple[Environment, Lock]], style: Style) -> str:
    """The locks that were written."""
    table = layout.table(["environment", "packages", "sha256", "file"])
    for row, lock in made:
        table.add_row(layout.plain(row.id), str(len(lock.pins)), lock.digest[:16], layout.plain(lock.path))
    return layout.render(style, table)


def doctor(found: Sequence[Checkup], style: Style) -> str:
    """Each environment with what works in it, then what speaks against the rest, and what to do."""
    parts: list[RenderableType] = []
    for checkup in found:
        words = f"works ({', '.join(checkup.works)})" if checkup.works else "does not work"
        expected = ", as expected" if checkup.as_expected else ", which the matrix file does not expect"
        line = f"{printable(checkup.id)}: {words}{expected if checkup.known else ''}"
        parts.append(Text(line, style=f"bold {layout.colour(checkup.as_expected)}"))
        for finding in checkup.findings:
            about = {"why": finding.why, "found": finding.found, "fix": finding.fix, "see": finding.see}
            parts += [Text(f"  {finding.runtime}: {finding.rule}"), Padding(layout.facts(about), (0, 0, 0, 4))]
    return layout.render(style, *parts)
