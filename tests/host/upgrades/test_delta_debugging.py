"""The search for the smallest set of changes: what it finds, in how many tests, and what it does without an answer."""

from collections.abc import Callable, Mapping
from math import ceil, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bert_bundle.host.upgrades import delta_debugging
from bert_bundle.host.upgrades.delta_debugging import Found, TestAnswer, smallest_failing_set

Set = frozenset[int]
Judge = Callable[[Set], TestAnswer]
BOTH_ENDS = 2


def alone(count: int) -> dict[int, Set]:
    """Return changes that need nothing."""
    return dict.fromkeys(range(count), frozenset())


def caused_by(culprits: Set) -> Judge:
    return lambda tested: "bad" if culprits <= tested else "good"


def search(needs: Mapping[int, Set], judge: Judge, most: int = delta_debugging.MOST) -> tuple[Found[int], list[Set]]:
    """Return what is found, and every set that was tested."""
    tested: list[Set] = []

    def test(members: Set, left: int) -> TestAnswer:
        assert left >= 1
        tested.append(members)
        return judge(members)

    return smallest_failing_set(list(needs), needs, test, most=most), tested


@st.composite
def ordered(draw: st.DrawFn) -> dict[int, Set]:
    """Return changes that need some of those before them, and what these need."""
    needs: dict[int, Set] = {}
    for change in range(draw(st.integers(1, 40))):
        own = draw(st.sets(st.integers(0, change - 1), max_size=2)) if change else set()
        needs[change] = frozenset(own).union(*(needs[n] for n in own))
    return needs


def closed(needs: Mapping[int, Set], members: Set) -> Set:
    return members.union(*(needs[m] for m in members))


@given(st.integers(30, 500).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_one_culprit_among_thirty_to_five_hundred_is_found_in_twelve_environments(drawn: tuple[int, int]) -> None:
    count, culprit = drawn
    found, tested = search(alone(count), caused_by(frozenset({culprit})))
    assert (found.culprits, found.needed, found.exact) == (((culprit,),), (), True)
    assert len(tested) == found.tests <= ceil(log2(count)) + 1
    assert found.tests + BOTH_ENDS <= 12


@given(st.data())
def test_any_set_of_culprits_is_found_whatever_changes_need(data: st.DataObject) -> None:
    needs = data.draw(ordered())
    culprits = data.draw(st.frozensets(st.sampled_from(list(needs)), min_size=1, max_size=4))
    found, tested = search(needs, caused_by(culprits), most=1000)
    named = frozenset(c for group in found.culprits for c in group)
    assert found.exact
    # A culprit that another one needs comes with it: the two are one to whoever tests.
    assert named <= culprits <= closed(needs, named)
    assert named | frozenset(found.needed) == closed(needs, named)
    assert all(closed(needs, members) == members for members in tested)
    assert len(set(tested)) == len(tested)


@given(st.data())
def test_what_has_no_answer_is_never_taken_for_one(data: st.DataObject) -> None:
    """Among sets of which any may have no answer, what is found is bad, and what was good without it was tested."""
    count = data.draw(st.integers(2, 12))
    culprits = data.draw(st.frozensets(st.integers(0, count - 1), min_size=1, max_size=3))
    silent = data.draw(st.sets(st.integers(1, 2**count - 2), max_size=60))
    everything = frozenset(range(count))

    def judge(tested: Set) -> TestAnswer:
        return "unresolved" if sum(1 << m for m in tested) in silent else caused_by(culprits)(tested)

    found, _ = search(alone(count), judge, most=10_000)
    named = frozenset(c for group in found.culprits for c in group)
    whole = named | frozenset(found.needed)
    assert culprits <= whole
    assert whole == everything or judge(whole) == "bad"
    assert named & culprits


@given(st.integers(30, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n - 2))))
def test_two_that_have_no_answer_apart_are_told_together(drawn: tuple[int, int]) -> None:
    count, culprit = drawn
    pair = {culprit, culprit + 1}

    def judge(tested: Set) -> TestAnswer:
        return "unresolved" if len(pair & tested) == 1 else caused_by(frozenset({culprit}))(tested)

    found, _ = search(alone(count), judge, most=1000)
    assert (found.culprits, found.exact) == (((culprit, culprit + 1),), False)


def test_what_a_culprit_cannot_do_without_is_needed_and_not_to_blame() -> None:
    """5 has no answer without 2, and 2 changes nothing."""

    def judge(tested: Set) -> TestAnswer:
        return "unresolved" if tested & {2, 5} == {5} else caused_by(frozenset({5}))(tested)

    found, _ = search(alone(8), judge)
    assert (found.culprits, found.needed, found.exact) == (((5,),), (2,), True)


def test_where_one_change_undoes_another_nothing_of_what_is_found_can_be_left_out() -> None:
    """3 is bad, 1 repairs it, 6 breaks it again: 3 alone is the smallest."""

    def judge(tested: Set) -> TestAnswer:
        return "bad" if 3 in tested and (1 not in tested or 6 in tested) else "good"

    found, _ = search(alone(8), judge)
    assert (found.culprits, found.needed) == (((3,),), ())


def test_it_ends_when_it_may_test_no_more_and_says_so() -> None:
    found, tested = search(alone(64), caused_by(frozenset({40})), most=3)
    assert (found.tests, found.exhausted, found.exact) == (3, True, False)
    assert len(tested) == 3
    assert 40 in found.culprits[0]
    assert len(found.culprits[0]) == 8


def test_a_single_change_needs_no_test() -> None:
    found, tested = search(alone(1), caused_by(frozenset({0})))
    assert (found.culprits, tested) == (((0,),), [])


@pytest.mark.parametrize("fault", ["good", "bad"])
def test_a_search_that_takes_no_answer_for_one_finds_another_culprit(fault: TestAnswer) -> None:
    """Planted: an oracle that says something where it cannot. What the tests above hold against is not vacuous."""

    def judge(tested: Set) -> TestAnswer:
        return "unresolved" if len(tested & {4, 5}) == 1 else caused_by(frozenset({4}))(tested)

    honest, _ = search(alone(9), judge)
    planted, _ = search(alone(9), lambda tested: fault if judge(tested) == "unresolved" else judge(tested))
    assert honest.culprits == ((4, 5),)
    assert planted.culprits != honest.culprits
