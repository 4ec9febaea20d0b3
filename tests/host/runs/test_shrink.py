"""Shrinking a failure, with real worker processes on fake bundles; the classifiers are drawn from lists."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.entries import FAKE

from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.nearest import this_interpreter
from bert_bundle.host.runs import shrink
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.run import Run, cross
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.progress import silent

FORGED = RunOptions(entry=FAKE, time_limit=5)
Specification = dict[str, Any]


def made(name: str) -> ReadyEnvironment:
    return dataclasses.replace(this_interpreter(), id=name)


def crossed(folder: Path, specifications: Sequence[Specification]) -> Run:
    places = [made("a"), made("b")]
    return cross(
        places, places, specifications, folder=folder / "run", executor=Local(2), progress=silent, options=FORGED
    )


def search(candidates: Sequence[Specification]) -> shrink.Search:
    """Return a search from large to small: it finds the last of `candidates` that fails."""

    def find(fails: Callable[[Specification], bool]) -> Specification | None:
        failing = [candidate for candidate in candidates if fails(candidate)]
        return failing[-1] if failing else None

    return find


def shrunk(
    folder: Path, specifications: Sequence[Specification], candidates: Sequence[Specification] | None
) -> shrink.Smallest | None:
    found = crossed(folder, specifications)
    by = None if candidates is None else search(candidates)
    return shrink.shrink(found, specifications, by, folder=folder, progress=silent, options=FORGED)


LARGE, SMALL, HONEST = {"seed": 9, "reading": "drifts"}, {"seed": 1, "reading": "drifts"}, {"seed": 2}


def test_a_run_without_a_failure_has_nothing_to_shrink(tmp_path: Path) -> None:
    assert shrunk(tmp_path, [HONEST], [LARGE]) is None


def test_the_smallest_that_fails_is_found_by_the_pair_that_failed_first(tmp_path: Path) -> None:
    found = shrunk(tmp_path, [HONEST, LARGE], [HONEST, LARGE, SMALL, {"seed": 3}])
    assert found is not None
    assert found.specification == SMALL
    assert (found.verdict.writer, found.verdict.reader, found.verdict.grade) == ("a", "a", "drift")
    assert found.tried == 2  # of the four the run itself had two


def test_a_smaller_classifier_must_fail_in_the_same_way(tmp_path: Path) -> None:
    found = shrunk(tmp_path, [LARGE], [LARGE, {"seed": 4, "reading": "crashes"}, {"seed": 5, "reading": "refuses"}])
    assert found is not None
    assert found.specification == LARGE


def test_a_classifier_that_is_not_written_is_shrunk_too(tmp_path: Path) -> None:
    large, small = {"seed": 9, "writing": "refuses"}, {"seed": 1, "writing": "refuses"}
    found = shrunk(tmp_path, [large], [large, small, HONEST])
    assert found is not None
    assert found.specification == small
    assert found.verdict.reason.startswith("not written: a layer that no bundle holds")


def test_a_classifier_that_is_not_drawn_is_the_smallest(tmp_path: Path) -> None:
    for number, candidates in enumerate((None, [HONEST])):
        found = shrunk(tmp_path / str(number), [LARGE], candidates)
        assert found is not None
        assert (found.specification, found.tried) == (LARGE, number)


def test_specifications_that_differ_in_their_name_are_the_same(tmp_path: Path) -> None:
    found = shrunk(tmp_path, [{"name": "drawn-1", **LARGE}], [LARGE])
    assert found is not None
    assert (found.specification, found.tried) == (LARGE, 0)


def test_a_search_ends_when_it_has_built_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrink, "MOST_TRIES", 3)
    found = shrunk(tmp_path, [LARGE], [LARGE, *({"seed": seed, "reading": "drifts"} for seed in range(10, 20))])
    assert found is not None
    assert found.tried == 3
    assert found.specification == {"seed": 12, "reading": "drifts"}
