"""The differences between two bundles: in their files, in their recorded behaviour, and in who wrote them.

Runs neither bundle. Behaviour means the recorded predictions of the examples that both have: the same texts with the
same features.

Layer 8 of the host.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from bert_bundle.errors import printable
from bert_bundle.format import layout, strict_json
from bert_bundle.format.golden import Golden, from_bundle
from bert_bundle.format.open_bundle import OpenedBundle, check_files, open_bundle
from bert_bundle.grading import differences
from bert_bundle.host.gate import compared_labels, label_changes
from bert_bundle.loading.parts import Parts, read_parts
from bert_bundle.tokenizer import read_files
from bert_bundle.tokenizer.description import Description

ComparedPart = Literal["weights", "configuration", "graph", "signature", "tokenizer", "behaviour", "writer"]
PARTS: tuple[ComparedPart, ...] = ("weights", "configuration", "graph", "signature", "tokenizer", "behaviour", "writer")
_NONE = ""  # for what a bundle does not have


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One difference: where it is, and what each bundle has there; empty for what a bundle does not have.

    `by` is the largest difference between two arrays, over the scale of the first bundle's; None for anything else.
    """

    part: ComparedPart
    place: str
    a: str
    b: str
    by: float | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How much of two bundles is equal, and every difference, in the order of `PARTS`.

    tensors         tensors that are in either bundle
    tensors_equal   those that are equal to the last bit
    examples        examples that both recorded
    labels_changed  examples whose labels differ, added up over the outputs that have labels
    """

    a: Path
    b: Path
    tensors: int
    tensors_equal: int
    examples: int
    labels_changed: int
    changes: tuple[Difference, ...]

    @property
    def same(self) -> bool:
        """Return whether they differ in nothing except who wrote them."""
        return all(change.part == "writer" for change in self.changes)


@dataclass(frozen=True, kw_only=True)
class _Side:
    bundle: OpenedBundle
    parts: Parts
    golden: Golden
    tokenizer: Description


def compare(a: Path, b: Path) -> Comparison:
    """Read and check both bundles, and compare them. Raises BundleError for one that is damaged or refused."""
    one, other = _read(a), _read(b)
    tensors = [_tensors(one.parts), _tensors(other.parts)]
    weights = list(_weights(*tensors))
    behaved, examples, labels = _behaviour(one, other)
    changes = [
        *weights,
        *_fields("configuration", _configurations(one), _configurations(other)),
        *_fields("graph", _document(one, layout.GRAPH), _document(other, layout.GRAPH)),
        *_fields("signature", _signature(one), _signature(other)),
        *_tokenizers(one.tokenizer, other.tokenizer),
        *behaved,
        *_fields("writer", dict(one.bundle.manifest.writer), dict(other.bundle.manifest.writer)),
    ]
    total = len({*tensors[0], *tensors[1]})
    return Comparison(
        a=a,
        b=b,
        tensors=total,
        tensors_equal=total - len(weights),
        examples=examples,
        labels_changed=labels,
        changes=tuple(changes),
    )


def _read(path: Path) -> _Side:
    bundle = open_bundle(str(path))
    golden = from_bundle(bundle)
    check_files(bundle)
    described = Description.parse(read_files(bundle))
    return _Side(bundle=bundle, parts=read_parts(bundle), golden=golden, tokenizer=described)


def _tensors(parts: Parts) -> dict[str, np.ndarray]:
    """Return every weight by file and name."""
    found = {f"{layout.WEIGHTS} {name}": array for name, array in parts.weights.items()}
    for encoder, arrays in parts.encoders.items():
        found.update((f"{layout.ENCODERS}/{encoder} {name}", array) for name, array in arrays.items())
    return found


def _weights(a: Mapping[str, np.ndarray], b: Mapping[str, np.ndarray]) -> Iterator[Difference]:
    for name in sorted({*a, *b}):
        one, other = a.get(name), b.get(name)
        if one is None or other is None or one.dtype != other.dtype or one.shape != other.shape:
            yield Difference(part="weights", place=name, a=_shape(one), b=_shape(other))
        elif one.tobytes() != other.tobytes():
            by = differences.difference(other, one, one)
            yield Difference(part="weights", place=name, a=_shape(one), b=_shape(other), by=by)


def _shape(array: np.ndarray | None) -> str:
    return _NONE if array is None else f"{array.dtype} {tuple(array.shape)}"


def _document(side: _Side, path: str) -> object:
    return strict_json.parse(side.bundle.read(path), path)


def _configurations(side: _Side) -> dict[str, object]:
    return {name: dict(config) for name, config in side.parts.configs.items()}


def _signature(side: _Side) -> dict[str, object]:
    manifest = side.bundle.manifest
    return {**manifest.signature, "labels": list(manifest.labels), "tokenizer": dict(manifest.tokenizer)}


def _fields(part: ComparedPart, a: object, b: object, place: str = "") -> Iterator[Difference]:
    """Yield the leaves of two JSON documents that differ, by JSON pointer."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in sorted({*a, *b}):
            yield from _fields(part, a.get(key, _NONE), b.get(key, _NONE), f"{place}/{key}")
    elif isinstance(a, list) and isinstance(b, list):
        for index in range(max(len(a), len(b))):
            one, other = (side[index] if index < len(side) else _NONE for side in (a, b))
            yield from _fields(part, one, other, f"{place}/{index}")
    elif a != b or type(a) is not type(b):
        yield Difference(part=part, place=place, a=printable(a), b=printable(b))


def _tokenizers(a: Description, b: Description) -> Iterator[Difference]:
    yield from _fields("tokenizer", dict(a.config), dict(b.config))
    ids = a.ids, b.ids
    for token in sorted({*ids[0], *ids[1]}, key=lambda token: (ids[0].get(token, len(ids[0])), token)):
        one, other = ids[0].get(token), ids[1].get(token)
        if one != other:
            place = f"token {printable(token)}"
            yield Difference(part="tokenizer", place=place, a=_id(one), b=_id(other))


def _id(number: int | None) -> str:
    return _NONE if number is None else f"id {number}"


def _behaviour(a: _Side, b: _Side) -> tuple[list[Difference], int, int]:
    """Return the differences on the shared examples, how many are shared, and how many labels changed."""
    rows = label_changes.shared(a.golden, b.golden)
    changes, flips = [], 0
    for name in sorted({*a.golden.float64_predictions, *b.golden.float64_predictions}):
        pair = compared_labels.values(a.golden, b.golden, name, rows)
        if pair is None:
            before, after = a.golden.float64_predictions.get(name), b.golden.float64_predictions.get(name)
            changes.append(Difference(part="behaviour", place=f"output {name}", a=_shape(before), b=_shape(after)))
            continue
        if not rows:
            continue
        by = differences.difference(pair[1], pair[0], pair[0])
        if by > differences.FLOAT64_TOLERANCE:  # a smaller one is rounding
            changes.append(Difference(part="behaviour", place=f"output {name}", a=_NONE, b=_NONE, by=by))
        both = compared_labels.compared_labels(a.golden, b.golden, name, rows)
        if both is None:
            continue
        names = [side.bundle.manifest.labels_of(name) for side in (a, b)]
        for at in both.changed:
            flips += 1
            place = f"example {rows[at][0]}: {printable(label_changes.text(a.golden, rows[at][0]))}"
            was, now = both.shown(at, names[0])[0], both.shown(at, names[1])[1]
            changes.append(Difference(part="behaviour", place=place, a=printable(was), b=printable(now)))
    return changes, len(rows), flips
