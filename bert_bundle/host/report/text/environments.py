"""Environments as text: the rows of a matrix, their locks, and whether they will work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from bert_bundle.errors import printable
from bert_bundle.host.report import terminal
from bert_bundle.host.report.style import Style

if TYPE_CHECKING:
    from bert_bundle.host.config.matrix_file import Environment
    from bert_bundle.host.environments.doctor import Diagnosis
    from bert_bundle.host.environments.locks import Lock
    from bert_bundle.host.report.results import CacheContent, FirstMatrix


def environments(rows: Sequence[tuple[Environment, bool]], style: Style) -> str:
    """Return the rows of a matrix."""
    headings = ["environment", "Python", "as of", "packages", "groups", "locked"]
    table = terminal.table(headings, drop=("as of", "Python", "locked", "groups"), fold=("packages", "groups"))
    for row, locked in rows:
        own = () if row.lock is None else (f"lock: {row.lock}",)
        lines = Text("\n").join(map(terminal.plain, (*own, *row.packages)))
        table.add_row(
            terminal.plain(row.id),
            row.python,
            str(row.as_of or ""),
            lines,
            terminal.plain(", ".join(row.groups)),
            Text("yes" if locked else "no"),
        )
    return terminal.render(style, table)


def first_matrix(found: FirstMatrix, style: Style) -> str:
    """Return the environments of a new matrix file, what was written, and what to do next."""
    parts = [environments([(row, True) for row in found.environments], style).rstrip("\n"), ""]
    parts.append(f"wrote {printable(found.matrix)}, {len(found.files) - 1} files beside it")
    if found.left_out:
        parts.append(f"left out, because no package index has them: {printable(', '.join(found.left_out))}")
    return "\n".join([*parts, "next: bert-bundle audit BUNDLE"]) + "\n"


def cache(found: CacheContent, style: Style) -> str:
    """Return a row for each entry, and the size of all together."""
    table = terminal.table(["entry", "kind", "last used", "size, GB"], drop=("last used", "kind"), numbers_from=3)
    for entry in found.entries:
        day = entry.last_used.date().isoformat()
        table.add_row(terminal.plain(entry.id), entry.kind, day, f"{entry.size / 1e9:.2f}")
    words = "removed" if found.removed else "in the cache"
    total = f"{len(found.entries)} {words}, together {found.size / 1e9:.1f} GB: {printable(found.root)}"
    parts: list[RenderableType] = [table, Text()] if found.entries else []
    # A path that is not cut can be copied.
    return terminal.render(style, *parts, Text(total, style="bold", no_wrap=True, overflow="ignore"))


def locks(written: Sequence[tuple[Environment, Lock]], style: Style) -> str:
    """Return the locks that were written."""
    table = terminal.table(["environment", "packages", "sha256", "file"], drop=("sha256", "packages"), fold=("file",))
    for row, lock in written:
        table.add_row(terminal.plain(row.id), str(len(lock.pins)), lock.digest[:16], terminal.plain(lock.path))
    return terminal.render(style, table)


def doctor(found: Sequence[Diagnosis], style: Style) -> str:
    """Return what works in each environment, then each known breakage, and how to fix it."""
    parts: list[RenderableType] = []
    for diagnosis in found:
        words = f"works ({', '.join(diagnosis.works)})" if diagnosis.works else "does not work"
        expected = ", as expected" if diagnosis.as_expected else ", which the matrix file does not expect"
        line = f"{printable(diagnosis.id)}: {words}{expected if diagnosis.known else ''}"
        parts.append(Text(line, style=f"bold {terminal.colour(diagnosis.as_expected)}"))
        for finding in diagnosis.findings:
            about = {"why": finding.why, "found": finding.found, "fix": finding.fix, "see": finding.see}
            parts += [Text(f"  {finding.runtime}: {finding.rule}"), Padding(terminal.facts(about), (0, 0, 0, 4))]
    return terminal.render(style, *parts)
