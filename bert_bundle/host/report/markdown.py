"""The report format `markdown`: a job summary on GitHub. Owns its tables, its escaping and its size.

Whatever comes from a bundle or a matrix file is shown as code: there GitHub reads no markup, links no address and
mentions nobody. A summary may have 1 MiB (https://docs.github.com/actions, "Job summaries"): each table has a share of
that, and counts the rows that it left out.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate

from bert_bundle.errors import BertBundleError, printable
from bert_bundle.host.report.reports import AuditReport, CrossReport, DemoReport, GateReport, RunReport
from bert_bundle.host.report.rows import CHANGE_HEADINGS, VERSIONS, CheckRow, UpgradeRow, change_cells
from bert_bundle.host.report.writer_reader_table import SIGNS
from bert_bundle.host.runs.verdict import FIRST_LAYER, MEANING, CellGrade

MOST_REASONS = 20  # pairs of environments
_SHARE = 180_000  # bytes of a table or a list, of which a report has five at most
# What cannot be in a code span of a table cell: a pipe ends the cell, a backtick ends the span, renderers disagree on a
# backslash before either, a dollar beside a backtick may begin a formula, and spaces at an end may be dropped.
_UNFIT = re.compile(r"([`|\\$][`|\\$ ]*|^ +| +$)")


def audit(report: AuditReport) -> str:
    """Render a row for each environment, those that are not as expected first, then the upgrades and the reasons."""
    headings = ["environment", *VERSIONS, "grade", *report.figure_headings]
    rows = [
        [code(row.environment), *map(code, row.versions), _grade(row.grade, row.as_expected), *row.figures]
        for row in sorted(report.rows, key=lambda row: row.as_expected)
    ]
    upgrades = _listed(line for upgrade in report.upgrades for line in _upgrade(upgrade))
    return _join(_headline("bert-bundle audit", report), _table(headings, rows), upgrades, _reasons(report))


def cross(report: CrossReport) -> str:
    """Render the table of writers (down) and readers (across) with the worst grade of each pair, then the reasons."""
    table = report.table

    def cell(writer: str, reader: str) -> str:
        sign, expected = table.sign(writer, reader)
        return code(sign + ("" if expected else "!"))

    headings = ["", "writer", *(table.numbers[reader] for reader in table.readers)]
    rows = [[table.numbers[w], code(w), *(cell(w, reader) for reader in table.readers)] for w in table.writers]
    lines = [f"{table.numbers[reader]} {code(reader)}" for reader in table.only_readers]
    lines += [f"{code(SIGNS[grade])} {grade}: {MEANING[grade]}" for grade in table.grades]
    lines += ["`!` not as expected"] if report.unexpected else []
    lines += [f"refused, as expected: {code(name)}" for name in table.refused]
    lines += [f"refused, as expected, in {code(row.environment)}: {code(row.lack)}" for row in report.refusals]
    lines += [f"left out, not written in {code(row.environment)}: {code(row.lack)}" for row in report.left_out]
    if report.largest_spread is not None:
        largest = report.largest_spread
        lines.append(f"largest float64 spread: {largest.difference}, {_arrow(largest.writer, largest.reader)}")
    return _join(
        _headline("bert-bundle matrix run", report),
        _table(headings, rows),
        _listed(lines),
        _reasons(report),
        _reproductions(report),
    )


def demo(report: DemoReport) -> str:
    """Render what the demo did, then its audit."""
    verified = f"verified in a fresh process: {report.verification.grade}"
    return _join(f"Saved {code(report.bundle)}, accuracy {report.accuracy:.1%}; {verified}.", audit(report.audit))


def gate(report: GateReport) -> str:
    """Render the decision, a row for each check, the reasons, the labels that changed by text, then the audit."""
    candidate = report.gate.candidate
    checks = [[check.name, _status(check), check.figures] for check in report.checks]
    reasons = [f"{check.name}: {code(reason)}" for check in report.checks for reason in check.reasons]
    reasons += [f"{code(name)}: {code(reason)}" for name, reason in report.failed_environments]
    changes = [[change.kind, *map(code, change_cells(change)[1:])] for change in report.changes]
    return _join(
        f"### bert-bundle gate: {report.decision}",
        f"{code(candidate.path)}, digest {code(candidate.manifest.digest)}",
        _table(["check", "status", "figures"], checks),
        _listed(reasons),
        _table(CHANGE_HEADINGS, changes) if changes else "",
        audit(report.audit),
    )


def error(raised: BertBundleError) -> str:
    """Render a command that ended without a result."""
    parts = {"where": raised.place, "wanted": raised.wanted, "found": raised.found, "fix": raised.fix}
    listed = [f"{name}: {code(part)}" for name, part in parts.items() if part]
    return _join(f"### bert-bundle: {type(raised).__name__}", code(raised.message), _listed(listed))


def code(value: object) -> str:
    """Return `value` as code that is safe anywhere in a line, also in the cell of a table.

    What cannot be in a code span is written as character references, which are never markup.
    """
    parts = _UNFIT.split(printable(value))
    spans = (f"`{part}`" if part else "" for part in parts[::2])
    spelled = ("<code>" + "".join(f"&#{ord(c)};" for c in part) + "</code>" for part in parts[1::2])
    return "".join(part for pair in zip(spans, [*spelled, ""], strict=True) for part in pair)


def _headline(title: str, report: RunReport) -> str:
    return "\n\n".join([f"### {title}: {report.headline}", *map(code, report.notes)])


def _grade(grade: CellGrade, as_expected: bool) -> str:
    return grade if as_expected else f"**{grade}!**"


def _status(check: CheckRow) -> str:
    return check.status if check.good else f"**{check.status}!**"


def _upgrade(upgrade: UpgradeRow) -> list[str]:
    moved = ", ".join(map(code, upgrade.moved)) or "nothing"
    return [
        f"{code(upgrade.id)}: {code(upgrade.source)} with {code(upgrade.asked)}; changed with it: {moved}; "
        f"{code(upgrade.instead_of)}: {upgrade.grade_before}, with the upgrade: {upgrade.grade_after}",
        *map(code, upgrade.notes),
    ]


def _reasons(report: RunReport) -> str:
    """Render the pairs that are not as expected, worst first, each with the reason of its worst cell."""
    pairs = report.unexpected_pairs
    if not pairs:
        return ""
    rows = []
    for pair in pairs[:MOST_REASONS]:
        layer = f", {FIRST_LAYER}: {code(pair.first_layer)}" if pair.first_layer else ""
        cells = [pair.grade, _arrow(pair.writer, pair.reader), code(pair.bundle), str(pair.cells)]
        rows.append([*cells, code(pair.reason) + layer])
    table = _table(["grade", "writer → reader", "bundle", "cells", "why"], rows, len(pairs) - len(rows))
    return f"#### Not as expected\n\n{table}"


def _reproductions(report: CrossReport) -> str:
    return _listed(
        f"smallest classifier on which {_arrow(found.writer, found.reader)} disagree: {code(found.specification)}, "
        f"{found.grade}: {code(found.reason)}; reproduce: `python` {code(found.script)}"
        for found in report.reproductions
    )


def _arrow(writer: str, reader: str) -> str:
    return f"{code(writer)} → {code(reader)}"


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]], left_out: int = 0) -> str:
    """Render as many rows as fit, then how many more there are; `left_out` rows were not passed at all."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    kept = lines[: _fitting(lines)]
    more = len(lines) - len(kept) + left_out
    head = [f"| {' | '.join(headers)} |", f"|{' --- |' * len(headers)}"]
    return "\n".join([*head, *kept, *(["", _left_out(more)] if more else [])])


def _listed(lines: Iterable[str]) -> str:
    given = [f"* {line}" for line in lines]
    kept = given[: _fitting(given)]
    return "\n".join([*kept, *([f"* {_left_out(len(given) - len(kept))}"] if len(given) > len(kept) else [])])


def _fitting(lines: Iterable[str]) -> int:
    """Return how many of the lines fit into one table's share of the report."""
    sizes = accumulate(len(line.encode("utf-8")) + 1 for line in lines)
    return sum(size <= _SHARE for size in sizes)


def _left_out(number: int) -> str:
    return f"and {number} more: the JSON report has all of them"


def _join(*parts: str) -> str:
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"
