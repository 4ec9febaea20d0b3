"""One bundle, or two side by side, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from bert_bundle.errors import printable
from bert_bundle.format import tasks
from bert_bundle.host.report import numbers, terminal
from bert_bundle.host.report.style import Style

if TYPE_CHECKING:
    from bert_bundle.host.diff import Comparison
    from bert_bundle.host.report.results import Inspection, RescuedBundle
    from bert_bundle.rescuing.description import Description

_MOST_CHANGES = 20  # of one part: a head that was trained again changes every tensor


def manifest(found: Inspection, style: Style) -> str:
    """Return what the manifest of a bundle holds; parts of an unusual shape are shown as they are."""
    record = found.manifest
    files = terminal.listing(["left", "right", "left"])
    for name, file in sorted(record["files"].items()):
        files.add_row(terminal.plain(name), terminal.plain(f"{file['size']:,}"), terminal.plain(file["sha256"][:16]))
    writer = {**record["writer"], **_mapping(record["writer"].get("packages"))}
    facts = {
        "bundle": found.bundle,
        "format": f"{record['format']} {record['format_version']}",
        "digest": record["digest"],
        "written by": _pairs({name: part for name, part in writer.items() if name != "packages"}),
        "runtime": record["runtime"],
        "encoders": _pairs({name: _encoder(part) for name, part in record["encoders"].items()}),
        **({"custom classes": ", ".join(record["custom_objects"])} if "custom_objects" in record else {}),
        "labels": ", ".join(record["labels"]),
        "inputs": _tensors(record["signature"].get("inputs")),
        "outputs": _tensors(record["signature"].get("outputs")),
        **_meaning(record),
        "tokenizer": _pairs(record["tokenizer"]),
    }
    return terminal.render(style, terminal.facts(facts), Text("files"), Padding(files, (0, 0, 0, 2)))


def old_model(found: Description, style: Style) -> str:
    """Return what a stored model is, what a rescue of it needs, and the command."""
    frozen = "the file does not tell" if found.frozen is None else ", ".join(found.frozen) or "none that the file tells"
    facts = {
        "model": f"{found.path} ({found.kind}), not a bundle",
        "written by": _pairs(found.versions) or "the file does not tell",
        **({"encoders": _pairs(found.encoders)} if found.encoders else {}),
        "tensors": f"{found.tensors:,} with {found.parameters:,} numbers",
        "frozen parts": frozen,
        "configuration": found.config or "none beside it",
        "tokenizer": found.tokenizer or "none beside it",
        "original": found.proof or "nothing in the file tells what it predicted: give --reference",
        **{f"needs {option}": why for option, why in found.needs.items()},
        **({"refused": found.refused} if found.refused else {}),
    }
    parts: list[RenderableType] = [terminal.facts(facts)]
    parts += [Padding(Text(printable(finding)), (0, 0, 0, 2)) for finding in found.findings]
    shown = terminal.render(style, *parts)
    # Not rendered, which would break a long command into lines.
    return shown if found.refused else f"{shown}\nrescue it with:\n  {printable(found.command)}\n"


def rescued(found: RescuedBundle, style: Style) -> str:
    """Return where a rescued bundle comes from, what was found, and what it was compared with."""
    facts = {
        "bundle": found.bundle,
        "digest": found.digest,
        "made of": f"{found.source} ({found.kind})",
        "written by": _pairs(found.versions),
        "rescued in": found.environment,
        "original": _witness(found.witness),
    }
    parts: list[RenderableType] = [terminal.facts(facts)]
    parts += [Padding(Text(printable(finding)), (0, 0, 0, 2)) for finding in found.findings]
    return terminal.render(style, *parts)


def _witness(witness: Mapping[str, object] | None) -> str:
    if witness is None:
        return "not proven against the original: nothing tells what it predicted"
    figures = [f"{witness['float32']:.1e} in float32"]
    figures += [f"{witness['float64']:.1e} in float64"] if witness["float64"] is not None else []
    return f"{witness['name']} predicts the same within {', '.join(figures)}"


def comparison(found: Comparison, style: Style) -> str:
    """Return how much is equal, then at most twenty differences of each part, and how many more there are."""
    from bert_bundle.host.diff import PARTS

    parts: list[RenderableType] = [
        Text(f"a: {printable(found.a)}"),
        Text(f"b: {printable(found.b)}"),
        Text(f"{found.tensors_equal} of {found.tensors} tensors equal to the last bit"),
        Text(f"{found.examples} examples in both, {found.labels_changed} labels changed"),
    ]
    for part in PARTS:
        changes = [change for change in found.changes if change.part == part]
        if not changes:
            continue
        table = terminal.table([part, "a", "b", "by"], fold=(part, "a", "b"))
        for change in changes[:_MOST_CHANGES]:
            cells = map(terminal.plain, (change.place, change.a, change.b))
            table.add_row(*cells, numbers.figure(change.by))
        more = len(changes) - _MOST_CHANGES
        parts += [Text(), table, *([Text(f"and {more} more: --json has all of them")] if more > 0 else [])]
    answer = "the same, except for who wrote them" if found.same else "they differ"
    return terminal.render(style, *parts, Text(), Text(answer, style=f"bold {terminal.colour(found.same)}"))


def _meaning(record: Mapping[str, Any]) -> dict[str, str]:
    """Return what the manifest records of what outputs mean: tasks, their own labels, and what `save` measured."""
    outputs, proof = record["signature"].get("outputs"), _mapping(record.get("proof"))
    facts = {f"labels of {name}": ", ".join(names) for name, names in tasks.checked_labels(outputs).items()}
    named = {name: f"{task.name} ({task.scores})" for name, task in tasks.checked(outputs).items()}
    if named:
        facts["tasks"] = _pairs(named)
    if isinstance(proof.get("accuracy"), float):
        facts["accuracy"] = numbers.share(proof["accuracy"])
    if isinstance(proof.get("held_against"), list):
        facts["held against"] = ", ".join(map(str, proof["held_against"]))
    return facts


def _encoder(part: object) -> object:
    entry = _mapping(part)
    name = entry.get("class", part)
    return f"{name} (only with TensorFlow and transformers 4)" if entry.get("general") is True else name


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _pairs(record: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in record.items())


def _tensors(records: object) -> str:
    listed = map(_mapping, records) if isinstance(records, Sequence) else ()
    return ", ".join(f"{r.get('name')}: {r.get('dtype')} {r.get('shape')}" for r in listed)
