"""The labels of one output in two goldens, and how a label of an example is shown. Judges nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bert_bundle.format.golden import Golden
from bert_bundle.format.tasks import BINARY, MULTILABEL, REGRESSION, SPANS, Task
from bert_bundle.grading import labels

Rows = Sequence[tuple[int, int]]
_MOST_TOKENS = 8  # of one example, whose labels are shown


@dataclass(frozen=True, kw_only=True)
class ComparedLabels:
    """The labels of the shared examples in two goldens: ints (examples, ...), by one task."""

    task: Task
    was: np.ndarray
    now: np.ndarray

    @property
    def changed(self) -> list[int]:
        """Return the positions, among the shared examples, of those with another label."""
        different = self.was != self.now
        return [int(at) for at in np.flatnonzero(different.reshape(len(different), -1).any(axis=1))]

    def shown(self, at: int, names: Sequence[str]) -> tuple[str, str]:
        """Return both labels of an example in words; of its tokens, the first eight that differ."""
        places = np.argwhere(self.was[at] != self.now[at])[:_MOST_TOKENS]
        return self._in_words(self.was[at], places, names), self._in_words(self.now[at], places, names)

    def answer(self, at: int, true: np.ndarray, names: Sequence[str]) -> str:
        """Return the true label of an example in words; of its tokens, those that `shown` returns."""
        return self._in_words(true, np.argwhere(self.was[at] != self.now[at])[:_MOST_TOKENS], names)

    def _in_words(self, found: np.ndarray, places: np.ndarray, names: Sequence[str]) -> str:
        if found.ndim == 0:
            return shown(names, int(found), self.task.name)
        if found.ndim == 1 and self.task.name == MULTILABEL:
            return ", ".join(shown(names, int(column)) for column in np.flatnonzero(found)) or "none"
        return ", ".join(f"token {place[0]}: {_at_token(names, found, place)}" for place in places)


def values(a: Golden, b: Golden, name: str, rows: Rows) -> tuple[np.ndarray, np.ndarray] | None:
    """Return both predictions of an output for the shared rows; None if only one golden has it, or in another shape."""
    before, after = a.float64_predictions.get(name), b.float64_predictions.get(name)
    if before is None or after is None or before.shape[1:] != after.shape[1:]:
        return None
    return before[[row for row, _ in rows]], after[[row for _, row in rows]]


def mean_alike(a: Golden, b: Golden, name: str) -> bool:
    """Return whether an output has the same task in both; a golden without one takes that of the other.

    Not if the other has no labels and this one has: an output must not lose its labels unnoticed.
    """
    one, other = a.tasks.get(name), b.tasks.get(name)
    if one is not None and other is not None:
        return one == other
    meant = {labels.meaning(golden.tasks.get(name), golden.float64_predictions[name]).name for golden in (a, b)}
    return len(meant) == 1 or REGRESSION not in meant


def compared_labels(a: Golden, b: Golden, name: str, rows: Rows) -> ComparedLabels | None:
    """Return the labels of an output that `values` and `mean_alike` accept; None if it does not have labels.

    An output without a task has labels only if it has one for each example.
    """
    pair = values(a, b, name, rows)
    recorded = a.tasks.get(name) or b.tasks.get(name)
    if pair is None:
        return None
    masks = [_rows(labels.masks(golden).get(name), [r[side] for r in rows]) for side, golden in enumerate((a, b))]
    was, now = (labels.labels(array, recorded, mask) for array, mask in zip(pair, masks, strict=True))
    if was is None or now is None or (recorded is None and was.ndim != 1):
        return None
    return ComparedLabels(task=labels.meaning(recorded, pair[0]), was=was, now=now)


def shown(names: Sequence[str], position: int, task: str = "") -> str:
    """Return the name of the class at `position`, or its number if it has no name; of a span, the token."""
    if task == SPANS:
        return f"token {position}"
    if task == BINARY and len(names) == 1:
        return names[0] if position else f"not {names[0]}"
    return names[position] if position < len(names) else f"class {position}"


def _rows(mask: np.ndarray | None, rows: list[int]) -> np.ndarray | None:
    return None if mask is None else mask[rows]


def _at_token(names: Sequence[str], found: np.ndarray, place: np.ndarray) -> str:
    label = int(found[tuple(place)])
    if label == labels.NOTHING:
        return "nothing"
    if len(place) == 1:
        return shown(names, label)
    return f"{'' if label else 'not '}{shown(names, int(place[1]))}"
