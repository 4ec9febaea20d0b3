"""Delta debugging: the search for the smallest set of changes that turns good into bad.

Owns the search and the limit of its tests. Does not know what a change is or how a set of changes is tested.

After A. Zeller, R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002): a good set grows and a bad
set shrinks until no set between them has an answer; a test may be unresolved. There are two additions. A change may
need others, and only sets that are closed under these needs are tested. And changes that were isolated within other
changes are tested without them; if they are then not bad, the search goes on.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log2
from typing import Generic, Literal, TypeVar

T = TypeVar("T")

TestAnswer = Literal["good", "bad", "unresolved"]
# Takes a set and how many tests are left if each of them is resolved.
Test = Callable[[frozenset[T], int], TestAnswer]

MOST = 40  # tests in one search: 36 changes with one culprit take 7 if each test is resolved


@dataclass(frozen=True, kw_only=True)
class Found(Generic[T]):
    """The changes that turn good into bad.

    culprits    groups that are bad together; without any of them the rest is not bad. The members of a group could not
                be told apart, because the sets between are unresolved
    needed      changes that the culprits need, and that change nothing by themselves
    tests       the number of sets that were tested
    exhausted   whether the search ended at its limit of tests
    """

    culprits: tuple[tuple[T, ...], ...]
    needed: tuple[T, ...]
    tests: int
    exhausted: bool

    @property
    def exact(self) -> bool:
        """Return whether every culprit is a single change and the search was complete."""
        return not self.exhausted and all(len(group) == 1 for group in self.culprits)


def smallest_failing_set(
    changes: Sequence[T], needs: Mapping[T, frozenset[T]], test: Test[T], *, most: int = MOST
) -> Found[T]:
    """Return the smallest set of `changes` that is bad; the empty set is known to be good, the whole set to be bad.

    Each change comes after those that it needs, and `needs` is transitive. If adding changes to a bad set never makes
    it good, the result is the smallest bad set; otherwise no group can be left out of it. One culprit among n takes
    1 + log2(n) tests, and each further one as many again.
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
        culprits = [group for group, is_carrier in groups if not is_carrier]
        everything = self._closed(_union(group for group, _ in groups))
        return Found(
            culprits=tuple(map(self._ordered, culprits)),
            needed=self._ordered(everything - _union(culprits)),
            tests=self._tests,
            exhausted=self._exhausted,
        )

    def _isolated(self, top: frozenset[T]) -> list[tuple[frozenset[T], bool]]:
        """Return groups that are bad together, each isolated from what lies below it in `top`, which is bad.

        With each group whether it is only a carrier: the others are unresolved without it.
        """
        groups: list[tuple[frozenset[T], bool]] = []
        base: frozenset[T] = frozenset()
        while self._answer(base, 1) != "bad":
            low, top = self._narrowed(base, top)
            groups.append((top - low, self._answer(low, 1) != "good"))
            base = self._closed(_union(group for group, _ in groups))
        return groups

    def _smaller(self, groups: Sequence[tuple[frozenset[T], bool]]) -> frozenset[T] | None:
        """Return a bad set without one of the groups, or None; there is one only if changes undo each other."""
        for left_out, _ in groups if len(groups) > 1 else ():
            rest = self._closed(_union(group for group, _ in groups if group is not left_out))
            if self._answer(rest, 1) == "bad" and not left_out <= rest:
                return rest
        return None

    def _narrowed(self, low: frozenset[T], high: frozenset[T]) -> tuple[frozenset[T], frozenset[T]]:
        """Narrow `low`, which is not bad, and `high`, which is bad, until no set between them is resolved."""
        parts = 2
        while len(between := self._ordered(high - low)) > 1:
            closer = self._step(low, high, between, parts)
            if closer:
                (low, high), parts = closer, 2
            elif parts < len(between):
                parts = min(2 * parts, len(between))
            else:
                break
        return low, high

    def _step(
        self, low: frozenset[T], high: frozenset[T], between: Sequence[T], parts: int
    ) -> tuple[frozenset[T], frozenset[T]] | None:
        """Return a closer pair, from the first resolved part of `between`: added to `low`, or removed from `high`."""
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
