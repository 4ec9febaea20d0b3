"""Runs as text for a terminal: owns tables and colours, knows nothing of how the verdicts came about.

Whatever comes from a bundle or a matrix file is shown as plain text: control characters escaped, no markup read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bert_bundle.errors import BertBundleError, printable
from bert_bundle.matrix.environment import Made
from bert_bundle.matrix.locks import Lock
from bert_bundle.matrix.run import Place, Run
from bert_bundle.matrix.spec import Environment
from bert_bundle.matrix.verdict import MEANING, Grade, Verdict
from bert_bundle.matrix.versions import tensorflow
from bert_bundle.numerics import SAME
from bert_bundle.report import summary

WIDTH = 100

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


@dataclass(frozen=True, kw_only=True)
class Style:
    """How wide, and whether in colour."""

    width: int = WIDTH
    color: bool = False


def audit(found: Run, style: Style) -> str:
    """A row for each environment, then why what is not as expected is not."""
    accuracy = any(v.accuracy is not None for v in found.verdicts)
    versions, figures = ["Tensor-\nFlow", "trans-\nformers", "Python"], ["labels\nchanged", "float64", "float32"]
    last = ["accuracy", "time"] if accuracy else ["time"]
    table = _table(["environment", *versions, "grade", *figures, *last], numbers_from=5)
    places = {place.id: place for place in found.environments}
    for verdict in found.verdicts:
        table.add_row(
            *_versions(places[verdict.reader]),
            _grade(verdict),
            _count(verdict.labels_changed),
            _figure(verdict.double),
            _figure(verdict.single),
            *([_share(verdict.accuracy)] if accuracy else []),
            Text(f"{verdict.seconds:.0f} s"),
        )
    return _render(style, table, Text(), *_surprises(found.verdicts), _total(found))


def cross(found: Run, style: Style) -> str:
    """A square of writers (down) and readers (across), each place the worst grade of its bundles; then the reasons."""
    readers = list(dict.fromkeys(v.reader for v in found.verdicts))
    writers = list(dict.fromkeys(v.writer for v in found.verdicts))
    numbers = {place.id: str(number) for number, place in enumerate(found.environments, 1)}
    table = _table(["", "writer \\ reader", *(numbers[reader] for reader in readers)], numbers_from=99, gap=1)
    for writer in writers:
        squares = ([v for v in found.verdicts if (v.writer, v.reader) == (writer, reader)] for reader in readers)
        table.add_row(numbers[writer], _plain(writer), *map(_square, squares))
    present = [grade for grade in MEANING if any(v.grade == grade for v in found.verdicts)]
    legend = [Text(f"{_SIGNS[g]} {g}: {MEANING[g]}", style=_colour(g in SAME)) for g in present]
    others = [Text(f"{numbers[reader]} {printable(reader)}") for reader in readers if reader not in writers]
    if not all(v.as_expected for v in found.verdicts):
        legend.append(Text("! not as expected"))
    return _render(style, table, Text(), *others, *legend, Text(), *_surprises(found.verdicts), _total(found))


def verification(verdict: Verdict, style: Style) -> str:
    """One replay, line by line."""
    facts = {
        "bundle": verdict.bundle,
        "written by": verdict.writer,
        "replayed in": verdict.reader,
        "labels changed": verdict.labels_changed,
        "largest difference, float64": verdict.double,
        "largest difference, float32": verdict.single,
        "first layer that differs": verdict.first_layer,
        "accuracy": _share(verdict.accuracy).plain,
        "seconds": f"{verdict.seconds:.1f}",
    }
    reason = [Text(printable(verdict.reason))] if verdict.reason else []
    return _render(style, _grade(verdict), *reason, _facts(facts))


def manifest(path: Path, record: Mapping[str, Any], style: Style) -> str:
    """What a bundle says of itself; parts of an unusual shape are shown as they are."""
    files = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for justify in ("left", "right", "left"):
        files.add_column(justify=justify, overflow="fold")
    for name, file in sorted(record["files"].items()):
        files.add_row(_plain(name), _plain(f"{file['size']:,}"), _plain(file["sha256"][:16]))
    writer = {**record["writer"], **_mapping(record["writer"].get("packages"))}
    facts = {
        "bundle": path,
        "format": f"{record['format']} {record['format_version']}",
        "digest": record["digest"],
        "written by": _pairs({name: part for name, part in writer.items() if name != "packages"}),
        "runtime": record["runtime"],
        "encoders": _pairs({name: _mapping(part).get("class", part) for name, part in record["encoders"].items()}),
        "labels": ", ".join(record["labels"]),
        "inputs": _tensors(record["signature"].get("inputs")),
        "outputs": _tensors(record["signature"].get("outputs")),
        "tokenizer": _pairs(record["tokenizer"]),
    }
    return _render(style, _facts(facts), Text("files"), Padding(files, (0, 0, 0, 2)))


def environments(rows: Sequence[tuple[Environment, bool]], style: Style) -> str:
    """The rows of a matrix."""
    table = _table(["environment", "Python", "as of", "packages", "groups", "locked"], numbers_from=99)
    for row, locked in rows:
        packages, groups = "\n".join(row.packages), ", ".join(row.groups)
        lines = Text("\n").join(map(_plain, packages.split("\n")))
        table.add_row(
            _plain(row.id), row.python, str(row.as_of), lines, _plain(groups), Text("yes" if locked else "no")
        )
    return _render(style, table)


def locks(made: Sequence[tuple[Environment, Lock]], style: Style) -> str:
    """The locks that were written."""
    table = _table(["environment", "packages", "sha256", "file"], numbers_from=99)
    for row, lock in made:
        table.add_row(_plain(row.id), str(len(lock.pins)), lock.digest[:16], _plain(lock.path))
    return _render(style, table)


def error(raised: BertBundleError) -> str:
    """An error and its parts, then the last words of whatever died; `printable` has been over every part already."""
    notes = [line for note in getattr(raised, "__notes__", ()) for line in str(note).splitlines()]
    words = ["  its last words:", *(f"    {printable(line)}" for line in notes)] if notes else []
    return "\n".join([str(raised), *words]) + "\n"


def _table(headers: Sequence[str], *, numbers_from: int, gap: int = 2) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap - 1, 0, 0), header_style="bold")
    for index, header in enumerate(headers):
        table.add_column(Text(header), justify="right" if index >= numbers_from else "left", overflow="fold")
    return table


def _facts(facts: Mapping[str, object]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value not in (None, ""):
            shown = _figure(value) if isinstance(value, float) and name.startswith("largest") else _plain(value)
            table.add_row(name, shown)
    return table


def _versions(place: Place) -> Iterable[Text]:
    packages: Mapping[str, str] = place.packages if isinstance(place, Made) else {}
    python = place.python_version if isinstance(place, Made) else None
    return (_plain(part or "") for part in (place.id, tensorflow(packages), packages.get("transformers"), python))


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


def _total(found: Run) -> Text:
    return Text(summary.sentence(found.summary), style=f"bold {_colour(found.exit_code == 0)}")


def _colour(good: bool) -> str:
    return "green" if good else "red"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _pairs(record: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in record.items())


def _tensors(records: object) -> str:
    listed = map(_mapping, records) if isinstance(records, Sequence) else ()
    return ", ".join(f"{r.get('name')}: {r.get('dtype')} {r.get('shape')}" for r in listed)


def _plain(value: object) -> Text:
    return Text(printable(value))


def _count(value: int | None) -> Text:
    return Text("" if value is None else str(value))


def _figure(value: float | None) -> Text:
    return Text("" if value is None else "0" if value == 0 else f"{value:.1e}")


def _share(value: float | None) -> Text:
    return Text("" if value is None else f"{value:.1%}")


def _render(style: Style, *parts: RenderableType) -> str:
    buffer = StringIO()
    console = Console(
        file=buffer,
        width=style.width,
        force_terminal=style.color,
        no_color=not style.color,
        color_system="standard" if style.color else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    console.print(Group(*parts))
    lines = (line.rstrip() for line in buffer.getvalue().splitlines())
    return "\n".join(lines).strip("\n") + "\n"
