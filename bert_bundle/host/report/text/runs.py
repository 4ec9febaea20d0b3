"""Runs and replays: owns their tables, knows nothing of how the verdicts came about."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bert_bundle.errors import printable
from bert_bundle.grading.grades import SAME
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.nearest import tensorflow
from bert_bundle.host.environments.prepare import PreparedEnvironment
from bert_bundle.host.report import terminal, wording
from bert_bundle.host.report.terminal import Style
from bert_bundle.host.report.writer_reader_table import SIGNS, WriterReaderTable
from bert_bundle.host.runs.run import Run
from bert_bundle.host.runs.verdict import MEANING, Verdict, spread
from bert_bundle.host.upgrades.audit import upgrades_of


def audit(found: Run, style: Style) -> str:
    """A row for each environment, then why what is not as expected is not."""
    accuracy = any(v.accuracy is not None for v in found.verdicts)
    versions, figures = ["Tensor-\nFlow", "trans-\nformers", "Python"], ["labels\nchanged", "float64", "float32"]
    last = ["accuracy", "time"] if accuracy else ["time"]
    table = terminal.table(["environment", *versions, "grade", *figures, *last], numbers_from=5)
    places = {place.id: place for place in found.environments}
    for verdict in found.verdicts:
        table.add_row(
            *_versions(places[verdict.reader]),
            _grade(verdict),
            _count(verdict.labels_changed),
            terminal.figure(verdict.float64_difference),
            terminal.figure(verdict.native_difference),
            *([terminal.share(verdict.accuracy)] if accuracy else []),
            Text(f"{verdict.seconds:.0f} s"),
        )
    return terminal.render(style, table, Text(), *_upgrades(found), *_surprises(found.verdicts), *_end(found))


def cross(found: Run, style: Style) -> str:
    """A square of writers (down) and readers (across), each place the worst grade of its bundles; then the reasons.

    Below it the same square with the float64 spread of each pair. A reader that only refused, as is expected of it, has
    a line instead of a column.
    """
    of = WriterReaderTable(run=found)

    def square(cell: Callable[[str, str], Text]) -> Table:
        table = terminal.table(["", "writer \\ reader", *(of.numbers[reader] for reader in of.readers)], gap=1)
        for writer in of.writers:
            table.add_row(of.numbers[writer], terminal.plain(writer), *(cell(writer, reader) for reader in of.readers))
        return table

    legend = [Text(f"{SIGNS[g]} {g}: {MEANING[g]}", style=terminal.colour(g in SAME)) for g in of.grades]
    others = [Text(f"{of.numbers[reader]} {printable(reader)}") for reader in of.readers if reader not in of.writers]
    if not all(v.as_expected for v in found.verdicts):
        legend.append(Text("! not as expected"))
    expected = [Text(f"refused, as expected: {printable(name)}", style=terminal.colour(True)) for name in of.refused]
    doubles = spread(found.verdicts)
    largest = max(doubles, key=doubles.__getitem__, default=None)
    figures: list[RenderableType] = [] if largest is None else [
        square(lambda writer, reader: terminal.power(doubles.get((writer, reader)))),
        Text("n: the float64 replays differ by less than 1e-n of the output's scale; = not at all"),
        Text(f"largest float64 spread: {terminal.figure(doubles[largest])}, {printable(' -> '.join(largest))}"),
        Text(),
    ]  # fmt: skip
    grades = square(lambda writer, reader: _sign(*of.sign(writer, reader)))
    return terminal.render(
        style, grades, Text(), *others, *legend, *expected, Text(), *figures, *_surprises(found.verdicts),
        *_reproductions(found), *_end(found),
    )  # fmt: skip


def verification(verdict: Verdict, style: Style) -> str:
    """One replay, line by line."""
    facts = {
        "bundle": verdict.bundle,
        "written by": verdict.writer,
        "replayed in": verdict.reader,
        "labels changed": verdict.labels_changed,
        "largest difference, float64": terminal.figure(verdict.float64_difference),
        "largest difference, float32": terminal.figure(verdict.native_difference),
        "first layer that differs": verdict.first_layer,
        "accuracy": terminal.share(verdict.accuracy),
        "seconds": f"{verdict.seconds:.1f}",
    }
    reason = [Text(printable(verdict.reason))] if verdict.reason else []
    return terminal.render(style, _grade(verdict), *reason, terminal.facts(facts))


def _versions(place: PreparedEnvironment) -> Iterable[Text]:
    packages: Mapping[str, str] = place.packages if isinstance(place, ReadyEnvironment) else {}
    python = place.python_version if isinstance(place, ReadyEnvironment) else None
    return (
        terminal.plain(part or "") for part in (place.id, tensorflow(packages), packages.get("transformers"), python)
    )


def _grade(verdict: Verdict) -> Text:
    mark = "" if verdict.as_expected else "!"
    return Text(verdict.grade + mark, style=terminal.colour(verdict.as_expected))


def _sign(sign: str, expected: bool) -> Text:
    return Text(sign + (" " if expected else "!"), style=terminal.colour(expected))


def _surprises(verdicts: Sequence[Verdict]) -> Iterable[RenderableType]:
    for v in verdicts:
        if not v.as_expected:
            names = f"{printable(v.bundle.name)}, {printable(v.writer)} -> {printable(v.reader)}"
            layer = f" (first layer that differs: {printable(v.first_layer)})" if v.first_layer else ""
            reason = printable(v.reason or MEANING[v.grade])
            yield Text.assemble((v.grade, "bold red"), f"  {names}: {reason}{layer}")


def _upgrades(found: Run) -> Iterable[Text]:
    """Of each upgrade what it comes from, what moved with it, and its grade beside that of the environment of today."""
    grades = {v.reader: v.grade for v in found.verdicts}
    for upgrade in upgrades_of(found):
        yield Text(f"{printable(upgrade.id)}: {printable(upgrade.source)} with {printable(', '.join(upgrade.asked))}")
        yield from (Text(f"  {printable(note)}") for note in upgrade.notes)
        moved = [printable(change) for change in upgrade.package_changes]
        yield Text(f"  had to move with it: {', '.join(moved) or 'nothing'}")
        today = printable(upgrade.instead_of)
        yield Text(f"  {today}: {grades[upgrade.instead_of]}; with the upgrade: {grades[upgrade.id]}")
    if upgrades_of(found):
        yield Text()


def _reproductions(found: Run) -> Iterable[Text]:
    for reproduction in found.reproductions:
        v = reproduction.verdict
        smaller = f" after {reproduction.tried} smaller ones" if reproduction.tried else ""
        yield Text(f"smallest classifier on which {printable(v.writer)} -> {printable(v.reader)} disagree{smaller}:")
        yield Text(f"  {json.dumps(reproduction.specification, ensure_ascii=False)}")
        yield Text(f"  {v.grade}: {printable(v.reason)}")
        yield Text(f"reproduce: python {printable(reproduction.script)}")


def _end(found: Run) -> Iterable[Text]:
    shared = sum(v.shares is not None for v in found.verdicts)
    if shared:
        yield Text(f"replays: {found.summary.replays}; {shared} cells share one with a bundle of the same bytes")
    if found.policy.widened:
        yield Text(printable(found.policy.widened))
    yield Text(f"environments: {len(found.environments)}, together {found.disk / 1e9:.1f} GB")
    yield Text(wording.sentence(found.summary), style=f"bold {terminal.colour(found.exit_code == 0)}")


def _count(value: int | None) -> Text:
    return Text("" if value is None else str(value))
