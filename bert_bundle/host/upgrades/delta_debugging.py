"""The smallest set of changes that turns good into bad: delta debugging, pure. Owns the search and how many tests it
may take; refuses to know what a change is or how a set of them is tested.

As in A. Zeller, R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002): a good set grows and a bad
one shrinks until nothing between them can be told apart, and a test may also say that it cannot say. Two things are
added. A change may need others: only sets that hold all that their members need are tested. And what was isolated
inside other changes is tried without them; what it does not do alone is searched for again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log2
from typing import Generic, Literal, TypeVar

T = TypeVar("T")

TestAnswer = Literal["good", "bad", "unresolved"]
Test = Callable[
    [frozenset[T], int], TestAnswer
]  # of a set, and how many tests are left where each of them has an answer

MOST = 40  # tests of one search: 36 changes with one culprit take 7 where each has an answer


@dataclass(frozen=True, kw_only=True)
class Found(Generic[T]):
    """What turns good into bad.

    culprits    all of these together: without any of them the rest is not bad. A group of several is one whose members
                could not be told apart: what lies between has no answer
    needed      what has to come with them, and changes nothing by itself
    tests       sets that were tested
    exhausted   whether it ended because it had tested as many as it may
    """

    culprits: tuple[tuple[T, ...], ...]
    needed: tuple[T, ...]
    tests: int
    exhausted: bool

    @property
    def exact(self) -> bool:
        """Whether every culprit is one change, and nothing was left untested."""
        return not self.exhausted and all(len(group) == 1 for group in self.culprits)


def smallest_failing_set(
    changes: Sequence[T], needs: Mapping[T, frozenset[T]], test: Test[T], *, most: int = MOST
) -> Found[T]:
    """The smallest set of `changes` that `test` calls bad; none of them is known to be good, all of them to be bad.

    Each change stands after those that it needs, and `needs` has all of these, theirs included. Where adding changes
    to a bad set never makes it good, the set is the smallest there is on the way to it; else nothing can be left out
    of it. A single culprit among n takes 1 + log2(n) tests, each further one as many again.
    """
    return _Search(changes, needs, test, most).found()


class _Search(Generic[T]):
    def __init__(self, changes: Sequence[T], needs: Mapping[T, frozenset[T]], test: Test[T], most: int) -> None:
        self._order, self._needs, self._test, self._most = tuple(changes), needs, test, most
        self._known: dict[frozenset[T], TestAnswer] = {frozenset(): "good", frozenset(changes): "bad"}
        self._tests = 0
        self._exhausted = False

    def found(self) -> Found[T]:
        groups = self._isolated(frozenset(self._order))
        while smaller := self._smaller(groups):
            groups = self._isolated(smaller)
        culprits = [group for group, carries in groups if not carries]
        held = self._closed(_union(group for group, _ in groups))
        return Found(
            culprits=tuple(map(self._ordered, culprits)),
            needed=self._ordered(held - _union(culprits)),
            tests=self._tests,
            exhausted=self._exhausted,
        )

    def _isolated(self, top: frozenset[T]) -> list[tuple[frozenset[T], bool]]:
        """Groups that are bad together, each isolated from what lies below it in `top`, which is bad.

        With each whether it only carries the others: nothing is said of them without it.
        """
        groups: list[tuple[frozenset[T], bool]] = []
        base: frozenset[T] = frozenset()
        while self._answer(base, 1) != "bad":
            low, top = self._narrowed(base, top)
            groups.append((top - low, self._answer(low, 1) != "good"))
            base = self._closed(_union(group for group, _ in groups))
        return groups

    def _smaller(self, groups: Sequence[tuple[frozenset[T], bool]]) -> frozenset[T] | None:
        """A bad set that lacks one of the groups: there is one only where changes undo each other."""
        for left_out, _ in groups if len(groups) > 1 else ():
            rest = self._closed(_union(group for group, _ in groups if group is not left_out))
            if self._answer(rest, 1) == "bad" and not left_out <= rest:
                return rest
        return None

    def _narrowed(self, low: frozenset[T], high: frozenset[T]) -> tuple[frozenset[T], frozenset[T]]:
        """A pair of sets, not bad and bad, between which no set has an answer; `low` is below `high`, which is bad."""
        parts = 2
        while len(between := self._ordered(high - low)) > 1:
            moved = self._step(low, high, between, parts)
            if moved:
                (low, high), parts = moved, 2
            elif parts < len(between):
                parts = min(2 * parts, len(between))
            else:
                break
        return low, high

    def _step(
        self, low: frozenset[T], high: frozenset[T], between: Sequence[T], parts: int
    ) -> tuple[frozenset[T], frozenset[T]] | None:
        """A closer pair, by the first part of `between` that has an answer: added to `low`, or taken from `high`."""
        left = ceil(log2(len(between))) + 1
        for part in _parts(between, parts):
            for middle in (self._closed(low | part), self._without(high, part)):
                if middle in (low, high):
                    continue
                answer = self._answer(middle, left)
                if answer != "unresolved":
                    return (middle, high) if answer == "good" else (low, middle)
        return None

    def _answer(self, tested: frozenset[T], left: int) -> TestAnswer:
        if tested not in self._known:
            if self._tests >= self._most:
                self._exhausted = True
                return "unresolved"
            self._tests += 1
            self._known[tested] = self._test(tested, left)
        return self._known[tested]

    def _closed(self, members: frozenset[T]) -> frozenset[T]:
        return members.union(*(self._needs[member] for member in members))

    def _without(self, members: frozenset[T], left_out: frozenset[T]) -> frozenset[T]:
        return frozenset(m for m in members if m not in left_out and not self._needs[m] & left_out)

    def _ordered(self, members: frozenset[T]) -> tuple[T, ...]:
        return tuple(change for change in self._order if change in members)


def _parts(whole: Sequence[T], count: int) -> Iterator[frozenset[T]]:
    for i in range(count):
        yield frozenset(whole[i * len(whole) // count : (i + 1) * len(whole) // count])


def _union(groups: Iterable[frozenset[T]]) -> frozenset[T]:
    return frozenset(member for group in groups for member in group)
