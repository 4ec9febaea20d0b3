"""Which inputs of a model can take each other's place unnoticed: a trial of every pair on the examples.

Owns the trial. Two inputs of one shape and dtype that a reader confuses must change a recorded prediction, or the
model does not depend on which is which, and its card says so.
"""

from itertools import combinations
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from bert_bundle.errors import SignatureError
from bert_bundle.grading.differences import FLOAT64_TOLERANCE, difference
from bert_bundle.graph.signature import FEATURE, Slot

Arrays = Mapping[str, np.ndarray]
Pair = Tuple[str, str]

_ROWS = 8  # of the examples in which two inputs differ most, where the first one shows nothing


def interchangeable_pairs(
    slots: Sequence[Slot], arrays: Arrays, outputs: Arrays, predict: Callable[[Arrays], Arrays], types: int
) -> Tuple[Pair, ...]:
    """The pairs whose values can be swapped while every prediction stays within 5e-7 of its scale, in input order.

    arrays   input name -> (examples, ...), outputs  output name -> (examples, ...): what `predict` makes of them
    types    rows of the encoders' table of token types: a reader that fed others there would not get an answer

    Raises SignatureError where the model depends on which is which and no example shows it.
    """
    trial = _Trial(slots, arrays, outputs, predict)
    pairs = [(a, b) for a, b in combinations(slots, 2) if trial.possible(a, b, types)]
    differing = {(a.name, b.name): trial.differing(a.name, b.name) for a, b in pairs}
    silent = trial.silent({pair: rows[:1] for pair, rows in differing.items() if rows})
    silent = trial.silent({pair: differing[pair][:_ROWS] for pair in silent})
    equal = [(a, b) for a, b in pairs if not differing[a.name, b.name]]
    for a, b in equal:
        trial.check_independent(a, b)
    found = {*silent, *((a.name, b.name) for a, b in equal)}
    return tuple(pair for pair in differing if pair in found)


class _Trial:
    """The model's inputs with two of them swapped."""

    def __init__(
        self, slots: Sequence[Slot], arrays: Arrays, outputs: Arrays, predict: Callable[[Arrays], Arrays]
    ) -> None:
        self._arrays = {slot.name: np.asarray(arrays[slot.name]) for slot in slots}
        self._outputs, self._predict = outputs, predict

    def possible(self, a: Slot, b: Slot, types: int) -> bool:
        """Whether a reader could take one for the other, and the examples can show it.

        Masks and types that are equal in every example are not looked at: they follow from the texts, whose ids are.
        """
        one, other = self._arrays[a.name], self._arrays[b.name]
        if a.dtype != b.dtype or one.shape != other.shape:
            return False
        if any(s.role == "token_type_ids" and self._arrays[t.name].max() >= types for s, t in ((a, b), (b, a))):
            return False
        return a.role in (FEATURE, "input_ids") or bool(self.differing(a.name, b.name))

    def differing(self, a: str, b: str) -> List[int]:
        """The examples in which two inputs have other values, those first in which they differ most."""
        one, other = (np.asarray(self._arrays[name], np.float64) for name in (a, b))
        by = np.abs(one - other).reshape(len(one), -1).sum(axis=1)
        return [int(row) for row in np.argsort(-by, kind="stable") if by[row] > 0]

    def silent(self, rows: Mapping[Pair, Sequence[int]]) -> List[Pair]:
        """Of the pairs those that change nothing when they are swapped in these rows of the examples."""
        swapped = {pair: self._swapped(self._arrays, pair, chosen) for pair, chosen in rows.items()}
        seen = self._seen(swapped)
        return [pair for pair, chosen in rows.items() if self._same(seen[pair], self._outputs, chosen)]

    def check_independent(self, a: Slot, b: Slot) -> None:
        """Raises SignatureError where the model tells two inputs apart that are equal in every example."""
        everything = range(len(self._arrays[a.name]))
        other = self._other(b)
        if other is not None:
            arrays = {**self._arrays, b.name: other}
            straight = self._seen({(a.name, b.name): {n: array[list(everything)] for n, array in arrays.items()}})
            crossed = self._seen({(a.name, b.name): self._swapped(arrays, (a.name, b.name), everything)})
            before, after = straight[a.name, b.name], crossed[a.name, b.name]
            if before is not None and self._same(after, before, everything):
                return
        raise SignatureError(
            "two inputs have the same values in every example, so a reader that swaps them would not be noticed",
            place="examples of {} and {}".format(a.group or a.name, b.group or b.name),
            wanted="an example in which they differ",
            found="equal values",
            fix="give at least one example with different values",
        )

    def _other(self, slot: Slot) -> Optional[np.ndarray]:
        """Values that an input could have as well; None where there is no telling which."""
        array = self._arrays[slot.name]
        if array.dtype.kind == "f":
            return np.asarray(array + 1 + np.arange(array.size).reshape(array.shape) / array.size, array.dtype)
        turned = np.roll(array, 1, axis=0)
        return None if np.array_equal(turned, array) else turned

    def _swapped(self, arrays: Arrays, pair: Pair, rows: Sequence[int]) -> Dict[str, np.ndarray]:
        chosen = {name: array[list(rows)] for name, array in arrays.items()}
        a, b = pair
        chosen[a], chosen[b] = chosen[b], chosen[a]
        return chosen

    def _seen(self, stacks: "Mapping[Pair, Arrays]") -> "Dict[Pair, Optional[Arrays]]":
        """What the model says of each stack, in one pass; None for one that it does not take."""
        if not stacks:
            return {}
        sizes = [len(next(iter(stack.values()))) for stack in stacks.values()]
        joined = {name: np.concatenate([stack[name] for stack in stacks.values()]) for name in self._arrays}
        try:
            outputs = self._predict(joined)
        except Exception:  # a value that an input's own layers do not take: TensorFlow raises anything
            if len(stacks) == 1:
                return dict.fromkeys(stacks)
            return {pair: self._seen({pair: stack})[pair] for pair, stack in stacks.items()}
        ends = np.cumsum(sizes)
        return {
            pair: {name: array[end - size : end] for name, array in outputs.items()}
            for pair, size, end in zip(stacks, sizes, ends)
        }

    def _same(self, seen: Optional[Arrays], outputs: Arrays, rows: Sequence[int]) -> bool:
        return seen is not None and all(
            difference(seen[name], np.asarray(outputs[name])[list(rows)], self._outputs[name]) <= FLOAT64_TOLERANCE
            for name in self._outputs
        )
