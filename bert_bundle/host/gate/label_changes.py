"""The labels of two recorded goldens on the examples that both have: owns what one example is. Judges nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bert_bundle.format.golden import Golden
from bert_bundle.grading import grades

Rows = Sequence[tuple[int, int]]
Kind = Literal["broke", "fixed", "changed"]
KINDS: tuple[Kind, ...] = ("broke", "changed", "fixed")


@dataclass(frozen=True, kw_only=True)
class LabelChange:
    """An example of both goldens whose label differs.

    kind    "broke" or "fixed" by the recorded answer; "changed" if none is recorded, or if both labels are wrong
    answer  the true label; empty if none is recorded
    """

    kind: Kind
    text: str
    output: str
    before: str
    after: str
    answer: str


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """The labels of a release and of the one before, on the examples that both recorded.

    examples        examples that both recorded
    before          examples that the earlier release recorded, shared or not
    outputs         outputs whose labels were compared
    unlike          outputs that only one release has, or that have another shape
    unlabelled      outputs that do not have one label per example
    answered        examples with a recorded true label: the earlier release's, if it has any
    answers_differ  examples for which the two releases recorded different true labels
    accuracy        (before, after) on the answered examples; None if there are none, or if there are several outputs
    """

    examples: int
    before: int
    outputs: tuple[str, ...]
    unlike: tuple[str, ...]
    unlabelled: tuple[str, ...]
    answered: int
    answers_differ: int
    accuracy: tuple[float, float] | None
    changes: tuple[LabelChange, ...]

    def count(self, kind: Kind) -> int:
        """Return how many labels changed in that way, over all outputs."""
        return sum(change.kind == kind for change in self.changes)


def shared(a: Golden, b: Golden) -> list[tuple[int, int]]:
    """Return (row of `a`, row of `b`) of each example that both have: the same texts with the same features."""
    rows = {key: row for row, key in reversed(list(enumerate(_keys(b))))}
    return [(row, rows[key]) for row, key in enumerate(_keys(a)) if key in rows]


def values(a: Golden, b: Golden, name: str, rows: Rows) -> tuple[np.ndarray, np.ndarray] | None:
    """Return both predictions of an output for the shared rows; None if only one golden has it, or in another shape."""
    before, after = a.float64_predictions.get(name), b.float64_predictions.get(name)
    if before is None or after is None or before.shape[1:] != after.shape[1:]:
        return None
    return before[[row for row, _ in rows]], after[[row for _, row in rows]]


def labels(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return both labels of each example, as positions; None for an output that does not have one label per example."""
    was, now = grades.labels(before), grades.labels(after)
    return None if was is None or now is None or was.ndim != 1 else (was, now)


def text(golden: Golden, row: int) -> str:
    """Return the texts of an example as recorded, not escaped: a report must escape them."""
    return " | ".join(str(golden.texts[group][row]) for group in sorted(golden.texts))


def label(names: Sequence[str], position: int) -> str:
    """Return the name of the class at `position`, or its number if it has no name."""
    return names[position] if position < len(names) else f"class {position}"


def behaviour(a: Golden, b: Golden, names: Sequence[str]) -> Behaviour:
    """Compare `b` with the earlier `a`; `names` are the labels of both."""
    rows = shared(a, b)
    answers, differ = _answers(a, b, rows)
    unlike, unlabelled, compared = [], [], {}
    for name in sorted({*a.float64_predictions, *b.float64_predictions}):
        pair = values(a, b, name, rows)
        both = labels(*pair) if rows and pair is not None else None
        if pair is None:
            unlike.append(name)
        elif both is None:
            unlabelled.append(name)
        else:
            compared[name] = both
    changes = [
        _change(name, int(was[at]), int(now[at]), _at(answers, at), text(a, rows[at][0]), names)
        for name, (was, now) in compared.items()
        for at in map(int, np.flatnonzero(was != now))
    ]
    accuracy = None
    if (
        answers is not None
        and len(answers)
        and len(a.float64_predictions) == len(b.float64_predictions) == len(compared) == 1
    ):
        ((was, now),) = compared.values()
        accuracy = float((was == answers).mean()), float((now == answers).mean())
    return Behaviour(
        examples=len(rows),
        before=a.examples,
        outputs=tuple(compared),
        unlike=tuple(unlike),
        unlabelled=tuple(unlabelled),
        answered=0 if answers is None else len(answers),
        answers_differ=differ,
        accuracy=accuracy,
        changes=tuple(sorted(changes, key=lambda change: KINDS.index(change.kind))),
    )


def _answers(a: Golden, b: Golden, rows: Rows) -> tuple[np.ndarray | None, int]:
    """Return the true label of each shared example, and for how many of them the two goldens disagree.

    The earlier golden's labels count: a candidate must not decide itself what is right.
    """
    if len(a.float64_predictions) != 1 or len(b.float64_predictions) != 1:
        return None, 0  # an example has one true label, and it is not recorded to which of several outputs it belongs
    sides = [
        None if golden.answers is None else golden.answers[[pair[side] for pair in rows]]
        for side, golden in enumerate((a, b))
    ]
    if sides[0] is None or sides[1] is None:
        return (sides[1] if sides[0] is None else sides[0]), 0
    return sides[0], int((sides[0] != sides[1]).sum())


def _at(answers: np.ndarray | None, position: int) -> int | None:
    return None if answers is None else int(answers[position])


def _change(output: str, was: int, now: int, answer: int | None, example: str, names: Sequence[str]) -> LabelChange:
    kind: Kind = "broke" if was == answer else "fixed" if now == answer else "changed"
    known = "" if answer is None else label(names, answer)
    return LabelChange(
        kind=kind, text=example, output=output, before=label(names, was), after=label(names, now), answer=known
    )


def _keys(golden: Golden) -> list[str]:
    """Return a key for each example: its texts and features."""
    columns: Sequence[Any] = [golden.texts[group] for group in sorted(golden.texts)]
    features = [golden.features[name] for name in sorted(golden.features)]
    return [
        repr([*(column[row] for column in columns), *(array[row].tolist() for array in features)])
        for row in range(golden.examples)
    ]
