"""Interchangeable inputs: pairs of a model's inputs that can be swapped without changing a prediction.

Every pair is tried on the examples. A reader that confuses two inputs of one shape and dtype must change a recorded
prediction, or the model does not depend on which is which, and its card states that.
"""

from itertools import combinations
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from bert_bundle.errors import SignatureError
from bert_bundle.grading.differences import FLOAT64_TOLERANCE, difference
from bert_bundle.graph.signature import FEATURE, Slot

Arrays = Mapping[str, np.ndarray]
Pair = Tuple[str, str]

_ROWS = 8  # examples to try, those in which two inputs differ most, if the first one shows no change


def interchangeable_pairs(
    slots: Sequence[Slot], arrays: Arrays, outputs: Arrays, predict: Callable[[Arrays], Arrays], types: int
) -> Tuple[Pair, ...]:
    """Return the pairs that can be swapped while every prediction stays within 5e-7 of its scale, in input order.

    arrays   input name -> (examples, ...)
    outputs  output name -> (examples, ...): what `predict` returns for `arrays`
    types    rows of the encoders' table of token types: larger values cannot be looked up

    Raises SignatureError if the model distinguishes two inputs that are equal in every example.
    """
    trial = _Trial(slots, arrays, outputs, predict)
    pairs = [(a, b) for a, b in combinations(slots, 2) if trial.possible(a, b, types)]
    differing = {(a.name, b.name): trial.differing(a.name, b.name) for a, b in pairs}
    unchanged = trial.unchanged({pair: rows[:1] for pair, rows in differing.items() if rows})
    unchanged = trial.unchanged({pair: differing[pair][:_ROWS] for pair in unchanged})
    equal = [(a, b) for a, b in pairs if not differing[a.name, b.name]]
    for a, b in equal:
        trial.check_independent(a, b)
    found = {*unchanged, *((a.name, b.name) for a, b in equal)}
    return tuple(pair for pair in differing if pair in found)


class _Trial:
    """Runs of the model with two of its inputs swapped."""

    def __init__(
        self, slots: Sequence[Slot], arrays: Arrays, outputs: Arrays, predict: Callable[[Arrays], Arrays]
    ) -> None:
        self._arrays = {slot.name: np.asarray(arrays[slot.name]) for slot in slots}
        self._outputs, self._predict = outputs, predict

    def possible(self, a: Slot, b: Slot, types: int) -> bool:
        """Return whether a reader could confuse the two inputs, and the examples can show it.

        Masks and types that are equal in every example are ignored: they follow from the texts, whose ids are tried.
        """
        one, other = self._arrays[a.name], self._arrays[b.name]
        if a.dtype != b.dtype or one.shape != other.shape:
            return False
        if any(s.role == "token_type_ids" and self._arrays[t.name].max() >= types for s, t in ((a, b), (b, a))):
            return False
        return a.role in (FEATURE, "input_ids") or bool(self.differing(a.name, b.name))

    def differing(self, a: str, b: str) -> List[int]:
        """Return the examples in which two inputs differ, those with the largest difference first."""
        one, other = (self._arrays[name] for name in (a, b))
        if one.dtype.kind == "U":
            by = (one != other).reshape(len(one), -1).sum(axis=1)
        else:
            by = np.abs(one.astype(np.float64) - other.astype(np.float64)).reshape(len(one), -1).sum(axis=1)
        return [int(row) for row in np.argsort(-by, kind="stable") if by[row] > 0]

    def unchanged(self, rows: Mapping[Pair, Sequence[int]]) -> List[Pair]:
        """Return the pairs that change no prediction when they are swapped in these rows of the examples."""
        swapped = {pair: self._swapped(self._arrays, pair, chosen) for pair, chosen in rows.items()}
        outputs = self._predictions(swapped)
        return [pair for pair, chosen in rows.items() if self._same(outputs[pair], self._outputs, chosen)]

    def check_independent(self, a: Slot, b: Slot) -> None:
        """Raise SignatureError if the model distinguishes two inputs that are equal in every example."""
        everything = range(len(self._arrays[a.name]))
        other = self._other(b)
        if other is not None:
            arrays = {**self._arrays, b.name: other}
            straight = self._predictions(
                {(a.name, b.name): {n: array[list(everything)] for n, array in arrays.items()}}
            )
            crossed = self._predictions({(a.name, b.name): self._swapped(arrays, (a.name, b.name), everything)})
            before, after = straight[a.name, b.name], crossed[a.name, b.name]
            if before is not None and self._same(after, before, everything):
                return
        raise SignatureError(
            "two inputs have the same values in every example, so swapping them would go unnoticed",
            place="examples of {} and {}".format(a.group or a.name, b.group or b.name),
            wanted="an example in which they differ",
            found="equal values",
            fix="give at least one example with different values",
        )

    def _other(self, slot: Slot) -> Optional[np.ndarray]:
        """Return other values that the input could have; None if none are known."""
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

    def _predictions(self, stacks: Mapping[Pair, Arrays]) -> Dict[Pair, Optional[Arrays]]:
        """Return the predictions for each stack of rows, computed in one pass; None if the model rejects it."""
        if not stacks:
            return {}
        sizes = [len(next(iter(stack.values()))) for stack in stacks.values()]
        joined = {name: np.concatenate([stack[name] for stack in stacks.values()]) for name in self._arrays}
        try:
            outputs = self._predict(joined)
        except Exception:  # a value that the layers of an input reject: TensorFlow raises anything
            if len(stacks) == 1:
                return dict.fromkeys(stacks)
            return {pair: self._predictions({pair: stack})[pair] for pair, stack in stacks.items()}
        ends = np.cumsum(sizes)
        return {
            pair: {name: array[end - size : end] for name, array in outputs.items()}
            for pair, size, end in zip(stacks, sizes, ends)
        }

    def _same(self, found: Optional[Arrays], outputs: Arrays, rows: Sequence[int]) -> bool:
        return found is not None and all(
            difference(found[name], np.asarray(outputs[name])[list(rows)], self._outputs[name]) <= FLOAT64_TOLERANCE
            for name in self._outputs
        )
