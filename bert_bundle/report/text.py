"""Runs as text for a terminal: owns tables and colours, knows nothing of how the verdicts came about.

Whatever comes from a bundle or a matrix file is shown as plain text: control characters escaped, no markup read.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bert_bundle.errors import BertBundleError, printable
from bert_bundle.matrix.checkup import Checkup
from bert_bundle.matrix.comparison import PARTS, Comparison
from bert_bundle.matrix.environment import Made
from bert_bundle.matrix.locks import Lock
from bert_bundle.matrix.places import Place
from bert_bundle.matrix.run import Run
from bert_bundle.matrix.spec import Environment
from bert_bundle.matrix.verdict import MEANING, Grade, Verdict, spread
from bert_bundle.matrix.versions import tensorflow
from bert_bundle.numerics import SAME
from bert_bundle.report import layout, summary
from bert_bundle.report.layout import Style

_MOST_CHANGES = 20  # of one part: a head that was trained again changes every tensor

# One character each: a square of nineteen environments still fits a terminal.
_SIGNS = MappingProxyType[Grade, str](
    {
        "bitwise": "=",
        "identical": "~",
        "drift": "D",
        "flip": "F",
        "retokenized": "T",
        "reconfigured": "C",
        "refused": "R",
        "crashed": "X",
        "timeout": "O",
        "not run": "-",
    }
)
_WORST_LAST = tuple(MEANING)


def audit(found: Run, style: Style) -> str:
    """A row for each environment, then why what is not as expected is not."""
    accuracy = any(v.accuracy is not None for v in found.verdicts)
    versions, figures = ["Tensor-\nFlow", "trans-\nformers", "Python"], ["labels\nchanged", "float64", "float32"]
    last = ["accuracy", "time"] if accuracy else ["time"]
    table = layout.table(["environment", *versions, "grade", *figures, *last], numbers_from=5)
    places = {place.id: place for place in found.environments}
    for verdict in found.verdicts:
        table.add_row(
            *_versions(places[verdict.reader]),
            _grade(verdict),
            _count(verdict.labels_changed),
            layout.figure(verdict.double),
            layout.figure(verdict.single),
            *([layout.share(verdict.accuracy)] if accuracy else []),
            Text(f"{verdict.seconds:.0f} s"),
        )
    return layout.render(style, table, Text(), *_surprises(found.verdicts), *_end(found))


def cross(found: Run, style: Style) -> str:
    """A square of writers (down) and readers (across), each place the worst grade of its bundles; then the reasons.

    Below it the same square with the float64 spread of each pair. A reader that only refused, as is expected of it, has
    a line instead of a column.
    """
    refused = _only_refused(found.verdicts)
    readers = [name for name in dict.fromkeys(v.reader for v in found.verdicts) if name not in refused]
    writers = list(dict.fromkeys(v.writer for v in found.verdicts))
    numbers = {place.id: str(number) for number, place in enumerate(found.environments, 1)}

    def square(cell: Callable[[str, str], Text]) -> Table:
        table = layout.table(["", "writer \\ reader", *(numbers[reader] for reader in readers)], gap=1)
        for writer in writers:
            table.add_row(numbers[writer], layout.plain(writer), *(cell(writer, reader) for reader in readers))
        return table

    by_pair: dict[tuple[str, str], list[Verdict]] = {}
    for v in found.verdicts:
        by_pair.setdefault((v.writer, v.reader), []).append(v)
    present = [grade for grade in MEANING if any(v.grade == grade for v in found.verdicts if v.reader in readers)]
    legend = [Text(f"{_SIGNS[g]} {g}: {MEANING[g]}", style=_colour(g in SAME)) for g in present]
    others = [Text(f"{numbers[reader]} {printable(reader)}") for reader in readers if reader not in writers]
    if not all(v.as_expected for v in found.verdicts):
        legend.append(Text("! not as expected"))
    expected = [Text(f"refused, as expected: {printable(name)}", style=_colour(True)) for name in refused]
    doubles = spread(found.verdicts)
    largest = max(doubles, key=doubles.__getitem__, default=None)
    figures: list[RenderableType] = [] if largest is None else [
        square(lambda writer, reader: layout.power(doubles.get((writer, reader)))),
        Text("n: the float64 replays differ by less than 1e-n of the output's scale; = not at all"),
        Text(f"largest float64 spread: {layout.figure(doubles[largest])}, {printable(' -> '.join(largest))}"),
        Text(),
    ]  # fmt: skip
    grades = square(lambda writer, reader: _square(by_pair[writer, reader]))
    return layout.render(
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
        "largest difference, float64": layout.figure(verdict.double),
        "largest difference, float32": layout.figure(verdict.single),
        "first layer that differs": verdict.first_layer,
        "accuracy": layout.share(verdict.accuracy),
        "seconds": f"{verdict.seconds:.1f}",
    }
    reason = [Text(printable(verdict.reason))] if verdict.reason else []
    return layout.render(style, _grade(verdict), *reason, layout.facts(facts))


def manifest(path: Path, record: Mapping[str, Any], style: Style) -> str:
    """What a bundle says of itself; parts of an unusual shape are shown as they are."""
    files = layout.listing(["left", "right", "left"])
    for name, file in sorted(record["files"].items()):
        files.add_row(layout.plain(name), layout.plain(f"{file['size']:,}"), layout.plain(file["sha256"][:16]))
    writer = {**record["writer"], **_mapping(record["writer"].get("packages"))}
    facts = {
        "bundle": path,
        "format": f"{record['format']} {record['format_version']}",
        "digest": record["digest"],
        "written by": _pairs({name: part for name, part in writer.items() if name != "packages"}),
        "runtime": record["runtime"],
        "encoders": _pairs({name: _mapping(part).get("class", part) for name, part in record["encoders"].items()}),
        **({"custom classes": ", ".join(record["custom_objects"])} if "custom_objects" in record else {}),
        "labels": ", ".join(record["labels"]),
        "inputs": _tensors(record["signature"].get("inputs")),
        "outputs": _tensors(record["signature"].get("outputs")),
        "tokenizer": _pairs(record["tokenizer"]),
    }
    return layout.render(style, layout.facts(facts), Text("files"), Padding(files, (0, 0, 0, 2)))


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


def comparison(found: Comparison, style: Style) -> str:
    """What is equal in numbers, then the differences of each part: at most twenty, and how many more there are."""
    parts: list[RenderableType] = [
        Text(f"a: {printable(found.a)}"),
        Text(f"b: {printable(found.b)}"),
        Text(f"{found.tensors_equal} of {found.tensors} tensors equal to the bit"),
        Text(f"{found.examples} examples in both, {found.labels_changed} labels changed"),
    ]
    for part in PARTS:
        changes = [change for change in found.changes if change.part == part]
        if not changes:
            continue
        table = layout.table([part, "a", "b", "by"])
        for change in changes[:_MOST_CHANGES]:
            cells = map(layout.plain, (change.place, change.a, change.b))
            table.add_row(*cells, layout.figure(change.by))
        more = len(changes) - _MOST_CHANGES
        parts += [Text(), table, *([Text(f"and {more} more: --json has all")] if more > 0 else [])]
    verdict = "the same, but for who wrote them" if found.same else "they differ"
    return layout.render(style, *parts, Text(), Text(verdict, style=f"bold {_colour(found.same)}"))


def doctor(found: Sequence[Checkup], style: Style) -> str:
    """Each environment with what works in it, then what speaks against the rest, and what to do."""
    parts: list[RenderableType] = []
    for checkup in found:
        words = f"works ({', '.join(checkup.works)})" if checkup.works else "does not work"
        expected = ", as expected" if checkup.as_expected else ", which the matrix file does not expect"
        line = f"{printable(checkup.id)}: {words}{expected if checkup.known else ''}"
        parts.append(Text(line, style=f"bold {_colour(checkup.as_expected)}"))
        for finding in checkup.findings:
            about = {"why": finding.why, "found": finding.found, "fix": finding.fix, "see": finding.see}
            parts += [Text(f"  {finding.runtime}: {finding.rule}"), Padding(layout.facts(about), (0, 0, 0, 4))]
    return layout.render(style, *parts)


def error(raised: BertBundleError) -> str:
    """An error and its parts, then the last words of whatever died; `printable` has been over every part already."""
    notes = [line for note in getattr(raised, "__notes__", ()) for line in str(note).splitlines()]
    words = ["  its last words:", *(f"    {printable(line)}" for line in notes)] if notes else []
    return "\n".join([str(raised), *words]) + "\n"


def _versions(place: Place) -> Iterable[Text]:
    packages: Mapping[str, str] = place.packages if isinstance(place, Made) else {}
    python = place.python_version if isinstance(place, Made) else None
    return (layout.plain(part or "") for part in (place.id, tensorflow(packages), packages.get("transformers"), python))


def _grade(verdict: Verdict) -> Text:
    mark = "" if verdict.as_expected else "!"
    return Text(verdict.grade + mark, style=_colour(verdict.as_expected))


def _square(verdicts: Sequence[Verdict]) -> Text:
    worst = max((v.grade for v in verdicts), key=_WORST_LAST.index)
    expected = all(v.as_expected for v in verdicts)
    return Text(_SIGNS[worst] + (" " if expected else "!"), style=_colour(expected))


def _surprises(verdicts: Sequence[Verdict]) -> Iterable[RenderableType]:
    for v in verdicts:
        if not v.as_expected:
            names = f"{printable(v.bundle.name)}, {printable(v.writer)} -> {printable(v.reader)}"
            layer = f" (first layer that differs: {printable(v.first_layer)})" if v.first_layer else ""
            reason = printable(v.reason or MEANING[v.grade])
            yield Text.assemble((v.grade, "bold red"), f"  {names}: {reason}{layer}")


def _reproductions(found: Run) -> Iterable[Text]:
    for reproduction in found.reproductions:
        v = reproduction.verdict
        smaller = f" after {reproduction.tried} smaller ones" if reproduction.tried else ""
        yield Text(f"smallest classifier on which {printable(v.writer)} -> {printable(v.reader)} disagree{smaller}:")
        yield Text(f"  {json.dumps(reproduction.specification, ensure_ascii=False)}")
        yield Text(f"  {v.grade}: {printable(v.reason)}")
        yield Text(f"reproduce: python {printable(reproduction.script)}")


def _only_refused(verdicts: Sequence[Verdict]) -> list[str]:
    """The readers that refused every bundle and were expected to."""
    others = {v.reader for v in verdicts if v.grade != "refused" or not v.as_expected}
    return [name for name in dict.fromkeys(v.reader for v in verdicts) if name not in others]


def _end(found: Run) -> Iterable[Text]:
    shared = sum(v.shares is not None for v in found.verdicts)
    if shared:
        yield Text(f"replays: {found.summary.replays}; {shared} cells share one with a bundle of the same bytes")
    yield Text(f"environments: {len(found.environments)}, together {found.disk / 1e9:.1f} GB")
    yield Text(summary.sentence(found.summary), style=f"bold {_colour(found.exit_code == 0)}")


def _colour(good: bool) -> str:
    return "green" if good else "red"


def _count(value: int | None) -> Text:
    return Text("" if value is None else str(value))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _pairs(record: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in record.items())


def _tensors(records: object) -> str:
    listed = map(_mapping, records) if isinstance(records, Sequence) else ()
    return ", ".join(f"{r.get('name')}: {r.get('dtype')} {r.get('shape')}" for r in listed)
