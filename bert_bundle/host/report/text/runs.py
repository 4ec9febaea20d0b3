"""Runs and replays as text: owns their tables. Does not know how the verdicts came about."""

from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType

from rich.cells import cell_len
from rich.console import RenderableType
from rich.text import Text

from bert_bundle.errors import printable
from bert_bundle.grading.grades import SAME
from bert_bundle.host.report import numbers, terminal
from bert_bundle.host.report.reports import AuditReport, CrossReport, DemoReport, RunReport
from bert_bundle.host.report.rows import VERSIONS, LackRow, UpgradeRow
from bert_bundle.host.report.style import Style
from bert_bundle.host.report.writer_reader_table import SIGNS, WriterReaderTable
from bert_bundle.host.runs.verdict import FIRST_LAYER, MEANING, CellGrade, Verdict, spread

# Headings on two lines, so that an audit fits a terminal.
_NARROW = MappingProxyType(
    {"TensorFlow": "Tensor-\nFlow", "transformers": "trans-\nformers", "labels changed": "labels\nchanged"}
)

# What a narrow terminal does without, the first to go first: ids of rows name most of the versions.
_DROP = ("Python", "transformers", "TensorFlow", "float32", "time", "accuracy", "labels changed", "float64")

_CORNER = "writer \\ reader"
_NUMBER = 3  # columns of an environment's number, or of a cell below it, and the gap


def audit(report: AuditReport, style: Style) -> str:
    """Return a row for each environment, then the upgrades, and why verdicts are not as expected."""
    headings = ["environment", *VERSIONS, "grade", *report.figure_headings, "time"]
    narrow = [_NARROW.get(name, name) for name in headings]
    table = terminal.table(narrow, drop=_DROP, numbers_from=len(VERSIONS) + 2)
    for row in report.rows:
        cells = (row.environment, *row.versions)
        grade = _grade(row.grade, row.as_expected)
        table.add_row(*map(terminal.plain, cells), grade, *map(Text, row.figures), Text(row.time))
    upgrades = [line for upgrade in report.upgrades for line in _upgrade(upgrade)]
    return terminal.render(
        style, table, Text(), *upgrades, *([Text()] if upgrades else []), *_unexpected(report), *_end(report)
    )


def cross(report: CrossReport, style: Style) -> str:
    """Return a table of writers (down) and readers (across), with the worst grade of each pair; then the reasons.

    The same table with the float64 spread of each pair follows. A reader that refused every bundle, as expected, has a
    line instead of a column.
    """
    of = report.table

    legend = [Text(f"{SIGNS[g]} {g}: {MEANING[g]}", style=terminal.colour(g in SAME)) for g in of.grades]
    if report.unexpected:
        legend.append(Text("! not as expected"))
    return terminal.render(
        style,
        *_squares(of, style, lambda writer, reader: _sign(*of.sign(writer, reader))),
        Text(),
        *(Text(f"{of.numbers[reader]} {printable(reader)}") for reader in of.only_readers),
        *legend,
        *(Text(f"refused, as expected: {printable(name)}", style=terminal.colour(True)) for name in of.refused),
        *_lacks("refused, as expected, in", report.refusals),
        *_lacks("left out, not written in", report.left_out),
        Text(),
        *_spread(report, style),
        *_unexpected(report),
        *_reproductions(report),
        *_end(report),
    )


def demo(report: DemoReport, style: Style) -> str:
    """Return what the demo did, its audit, and the commands to try next."""
    bundle = printable(report.bundle)
    return (
        f"trained in {report.trainer}, saved as {bundle}: accuracy {numbers.share(report.accuracy)}\n"
        f"verified in a fresh process: {report.verification.grade}\n\n{audit(report.audit, style)}\n"
        f"next: bert-bundle inspect {bundle}\n      bert-bundle audit {bundle}\n      bert-bundle matrix run\n"
    )


def verification(verdict: Verdict, style: Style) -> str:
    """Return one replay, line by line."""
    facts = {
        "bundle": verdict.bundle,
        "written by": verdict.writer,
        "replayed in": verdict.reader,
        "labels changed": verdict.labels_changed,
        "largest difference, float64": numbers.figure(verdict.float64_difference),
        "largest difference, float32": numbers.figure(verdict.native_difference),
        FIRST_LAYER: verdict.first_layer,
        "accuracy": numbers.share(verdict.accuracy),
        "seconds": f"{verdict.seconds:.1f}",
    }
    reason = [Text(printable(verdict.reason))] if verdict.reason else []
    grade = _grade(verdict.grade, verdict.as_expected)
    return terminal.render(style, grade, *reason, terminal.facts(facts))


def _grade(grade: CellGrade, as_expected: bool) -> Text:
    return Text(grade + ("" if as_expected else "!"), style=terminal.colour(as_expected))


def _sign(sign: str, expected: bool) -> Text:
    return Text(sign + (" " if expected else "!"), style=terminal.colour(expected))


def _lacks(what: str, rows: Iterable[LackRow]) -> Iterable[Text]:
    for row in rows:
        yield Text(f"{what} {printable(row.environment)}: {printable(row.lack)}")


def _squares(of: WriterReaderTable, style: Style, cell: Callable[[str, str], Text]) -> Iterator[RenderableType]:
    """Yield the table, in parts of as many readers as fit the width."""
    names = max(map(cell_len, (_CORNER, *map(printable, of.writers))))
    across = max(1, (style.width - names - _NUMBER) // _NUMBER)
    for first in range(0, max(1, len(of.readers)), across):
        readers = of.readers[first : first + across]
        drawn = terminal.table(["", _CORNER, *(of.numbers[reader] for reader in readers)], gap=1)
        for writer in of.writers:
            drawn.add_row(of.numbers[writer], terminal.plain(writer), *(cell(writer, reader) for reader in readers))
        yield from (Text(), drawn) if first else (drawn,)


def _spread(report: CrossReport, style: Style) -> list[RenderableType]:
    largest, pairs = report.largest_spread, spread(report.run.verdicts)
    if largest is None:
        return []
    pair = printable(f"{largest.writer} -> {largest.reader}")
    return [
        *_squares(report.table, style, lambda writer, reader: Text(numbers.power(pairs.get((writer, reader))))),
        Text("n: the float64 replays differ by less than 1e-n of the output's scale; = not at all"),
        Text(f"largest float64 spread: {largest.difference}, {pair}"),
        Text(),
    ]


def _unexpected(report: RunReport) -> Iterable[RenderableType]:
    for row in report.unexpected:
        names = f"{printable(row.bundle)}, {printable(row.writer)} -> {printable(row.reader)}"
        layer = f" ({FIRST_LAYER}: {printable(row.first_layer)})" if row.first_layer else ""
        yield Text.assemble((row.grade, "bold red"), f"  {names}: {printable(row.reason)}{layer}")


def _upgrade(upgrade: UpgradeRow) -> Iterable[Text]:
    yield Text(f"{printable(upgrade.id)}: {printable(upgrade.source)} with {printable(upgrade.asked)}")
    yield from (Text(f"  {printable(note)}") for note in upgrade.notes)
    yield Text(f"  changed with it: {', '.join(map(printable, upgrade.moved)) or 'nothing'}")
    yield Text(f"  {printable(upgrade.instead_of)}: {upgrade.grade_before}; with the upgrade: {upgrade.grade_after}")


def _reproductions(report: CrossReport) -> Iterable[Text]:
    for row in report.reproductions:
        smaller = f" after {row.tried} smaller ones" if row.tried else ""
        yield Text(
            f"smallest classifier on which {printable(row.writer)} -> {printable(row.reader)} disagree{smaller}:"
        )
        yield Text(f"  {row.specification}")
        yield Text(f"  {row.grade}: {printable(row.reason)}")
        yield Text(f"reproduce: python {printable(row.script)}")


def _end(report: RunReport) -> Iterable[Text]:
    run = report.run
    shared = sum(v.shares is not None for v in run.verdicts)
    if shared:
        yield Text(f"replays: {run.summary.replays}; {shared} cells share one with an identical bundle")
    yield from (Text(printable(note)) for note in report.notes)
    yield Text(f"environments: {len(run.environments)}, together {run.disk / 1e9:.1f} GB")
    yield Text(report.headline, style=f"bold {terminal.colour(report.as_expected)}")
