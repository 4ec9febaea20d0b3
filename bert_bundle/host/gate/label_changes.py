"""What two recorded goldens say of the examples that both have: owns what one example is, runs and judges nothing."""

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
    """An example of both whose label differs: broke, fixed by the recorded answer, or merely changed.

    `answer` is empty where none is known; then, and where both are wrong, the label merely changed.
    """

    kind: Kind
    text: str
    output: str
    before: str
    after: str
    answer: str


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """The labels of a release beside those of the one before, over the examples that both recorded.

    before          examples that the earlier one recorded, shared or not
    outputs         whose labels were compared                 unlike   outputs that only one has, or of another shape
    unlabelled      outputs without labels, one for each example
    answered        examples whose answer is known: the earlier one's, where it has answers
    answers_differ  of them, those that the later one answers otherwise
    accuracy        (before, after) over the answered; None where none is, or where there are several outputs
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
        """Examples whose label changed in that way, outputs added up."""
        return sum(change.kind == kind for change in self.changes)


def shared(a: Golden, b: Golden) -> list[tuple[int, int]]:
    """(row of `a`, row of `b`) of each example that both have: the same texts with the same features."""
    rows = {key: row for row, key in reversed(list(enumerate(_keys(b))))}
    return [(row, rows[key]) for row, key in enumerate(_keys(a)) if key in rows]


def values(a: Golden, b: Golden, name: str, rows: Rows) -> tuple[np.ndarray, np.ndarray] | None:
    """What both recorded of an output, at least one shared example each; None where only one has it, or of that
    shape."""
    before, after = a.float64_predictions.get(name), b.float64_predictions.get(name)
    if before is None or after is None or before.shape[1:] != after.shape[1:]:
        return None
    return before[[row for row, _ in rows]], after[[row for _, row in rows]]


def labels(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The label of each example by both, as positions; None for an output that has no label for an example."""
    was, now = grades.labels(before), grades.labels(after)
    return None if was is None or now is None or was.ndim != 1 else (was, now)


def text(golden: Golden, row: int) -> str:
    """An example's texts, as the bundle has them: for whoever shows them to escape."""
    return " | ".join(str(golden.texts[group][row]) for group in sorted(golden.texts))


def label(names: Sequence[str], position: int) -> str:
    """The name of the class at `position`, or its number where it has none."""
    return names[position] if position < len(names) else f"class {position}"


def behaviour(a: Golden, b: Golden, names: Sequence[str]) -> Behaviour:
    """`b` beside `a`, which came before it; both label by `names`."""
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
    ]  # fmt: skip
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
    """The answer of each shared example, and how many of them the later golden has otherwise.

    The earlier one's count: it has shipped, and what is about to must not say itself what is right.
    """
    if len(a.float64_predictions) != 1 or len(b.float64_predictions) != 1:
        return None, 0  # there is one answer an example: of several outputs nobody knows whose it is
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
    """What an example is: its texts and features."""
    columns: Sequence[Any] = [golden.texts[group] for group in sorted(golden.texts)]
    features = [golden.features[name] for name in sorted(golden.features)]
    return [
        repr([*(column[row] for column in columns), *(array[row].tolist() for array in features)])
        for row in range(golden.examples)
    ]
