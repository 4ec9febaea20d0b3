"""The labels of two recorded goldens on the examples that both have: owns what one example is. Judges nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from bert_bundle.format.golden import Golden
from bert_bundle.grading import labels
from bert_bundle.host.gate.compared_labels import ComparedLabels, Rows, compared_labels, mean_alike, values

Names = Mapping[str, Sequence[str]]  # output name -> names of its classes
_NONE: Names = MappingProxyType({})
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
    unlike          outputs that only one release has, or that have another shape or task
    unlabelled      outputs that do not have labels
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


def text(golden: Golden, row: int) -> str:
    """Return the texts of an example as recorded, not escaped: a report must escape them."""
    return " | ".join(str(golden.texts[group][row]) for group in sorted(golden.texts))


def behaviour(a: Golden, b: Golden, names: Sequence[str], own_names: Names = _NONE) -> Behaviour:
    """Compare `b` with the earlier `a`; `names` are the labels of both, `own_names` those of single outputs."""
    rows = shared(a, b)
    unlike, unlabelled, compared = [], [], {}
    for name in sorted({*a.float64_predictions, *b.float64_predictions}):
        pair = values(a, b, name, rows)
        both = compared_labels(a, b, name, rows) if rows and pair is not None else None
        if pair is None or not mean_alike(a, b, name):
            unlike.append(name)
        elif both is None:
            unlabelled.append(name)
        else:
            compared[name] = both
    answers = {name: found for name in compared for found in [_answers(a, b, rows, name)] if found is not None}
    changes = [
        _change(name, both, at, answers.get(name), text(a, rows[at][0]), own_names.get(name, names))
        for name, both in compared.items()
        for at in both.changed
    ]
    return Behaviour(
        examples=len(rows),
        before=a.examples,
        outputs=tuple(compared),
        unlike=tuple(unlike),
        unlabelled=tuple(unlabelled),
        answered=len(rows) if answers else 0,
        answers_differ=sum(_answers_that_differ(a, b, rows, name) for name in answers),
        accuracy=_accuracies(compared, answers),
        changes=tuple(sorted(changes, key=lambda change: KINDS.index(change.kind))),
    )


def _accuracies(
    compared: Mapping[str, ComparedLabels], answers: Mapping[str, np.ndarray]
) -> tuple[float, float] | None:
    """Return the mean accuracy of each release over the outputs with true labels; None if no output has any."""
    shares = [
        [labels.share_right(found, answers[name], both.task) for found in (both.was, both.now)]
        for name, both in compared.items()
        if name in answers
    ]
    known = [(before, after) for before, after in shares if before is not None and after is not None]
    before, after = np.mean(known, axis=0) if known else (None, None)
    return None if before is None or after is None else (float(before), float(after))


def _answers(a: Golden, b: Golden, rows: Rows, output: str) -> np.ndarray | None:
    """Return the true labels of an output for the shared examples, or None.

    The earlier golden's count, if it has any: a candidate must not decide itself what is right.
    """
    for side, golden in enumerate((a, b)):
        answers = golden.answers_of(output)
        if answers is not None:
            return answers[[pair[side] for pair in rows]]
    return None


def _answers_that_differ(a: Golden, b: Golden, rows: Rows, output: str) -> int:
    """Return for how many shared examples the two goldens recorded different true labels."""
    one, other = a.answers_of(output), b.answers_of(output)
    if one is None or other is None:
        return 0
    return sum(not np.array_equal(one[row], other[at]) for row, at in rows)


def _change(
    output: str, both: ComparedLabels, at: int, answers: np.ndarray | None, example: str, names: Sequence[str]
) -> LabelChange:
    if answers is None or answers.shape != both.was.shape:
        kind: Kind = "changed"
        known = ""
    else:
        kind, known = _kind(both, at, answers[at]), both.answer(at, answers[at], names)
    before, after = both.shown(at, names)
    return LabelChange(kind=kind, text=example, output=output, before=before, after=after, answer=known)


def _kind(both: ComparedLabels, at: int, answer: np.ndarray) -> Kind:
    if labels.right(both.was[at], answer).all():
        return "broke"
    return "fixed" if labels.right(both.now[at], answer).all() else "changed"


def _keys(golden: Golden) -> list[str]:
    """Return a key for each example: its texts and features."""
    columns: Sequence[Any] = [golden.texts[group] for group in sorted(golden.texts)]
    features = [golden.features[name] for name in sorted(golden.features)]
    return [
        repr([*(column[row] for column in columns), *(array[row].tolist() for array in features)])
        for row in range(golden.examples)
    ]
