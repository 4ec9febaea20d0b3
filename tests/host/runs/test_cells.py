"""What comes of one cell, observed in real worker processes on forged bundles."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.forged_bundles import retensor

from bert_bundle.host.config.matrix_file import Tolerances
from bert_bundle.host.environments.nearest import this_interpreter
from bert_bundle.host.runs.cells import Crashed, Outcome, Reader, Refused, Replayed, Tasks, TimedOut, recorded
from bert_bundle.host.workers.worker import Worker, silent
from bert_bundle.interpreter.known_breakages import AUTO
from bert_bundle.testing.forgery import forge


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker(this_interpreter(), "reader", time_limit=2) as worker:
        yield worker


def forged(folder: Path, name: str, **specification: Any) -> Path:
    forge(progress=silent, specification=specification, target=str(folder / name))
    return folder / name


def observed(worker: Worker, folder: Path, reading: str | None = None, task: str = "fault.parrot") -> Outcome:
    return seen(reader(worker, task), forged(folder, str(reading), reading=reading))


def reader(worker: Worker, replay: str = "fault.parrot", check: str = "fault.skim") -> Reader:
    return Reader(worker, AUTO, Tasks(replay=replay, check=check))


def seen(by: Reader, bundle: Path) -> Outcome:
    return by.observe(bundle, recorded(bundle), policy=Tolerances(), progress=silent)


def test_a_reader_that_agrees_has_replayed(worker: Worker, tmp_path: Path) -> None:
    outcome = observed(worker, tmp_path)
    assert isinstance(outcome, Replayed)
    assert outcome.figures.grade == "bitwise"
    assert outcome.figures.accuracy == pytest.approx(2 / 3)
    assert outcome.seconds > 0


def test_a_reader_whose_function_differs_has_replayed_with_drift(worker: Worker, tmp_path: Path) -> None:
    outcome = observed(worker, tmp_path, "waver")
    assert isinstance(outcome, Replayed)
    assert outcome.figures.grade == "drift"
    assert outcome.figures.float64_difference == pytest.approx(1e-3, rel=1)


def test_a_reader_that_cannot_load_has_refused_and_says_why(worker: Worker, tmp_path: Path) -> None:
    outcome = observed(worker, tmp_path, "lack")
    assert isinstance(outcome, Refused)
    assert str(outcome.error).startswith("no TensorFlow here")


def test_a_reader_that_dies_has_crashed_and_the_next_cell_is_observed(worker: Worker, tmp_path: Path) -> None:
    outcome = observed(worker, tmp_path, "die")
    assert isinstance(outcome, Crashed)
    assert "SIGKILL" in outcome.error.message
    assert isinstance(observed(worker, tmp_path), Replayed)


def test_a_reader_that_raises_what_nobody_planned_has_crashed(worker: Worker, tmp_path: Path) -> None:
    outcome = observed(worker, tmp_path, task="fault.stumble")
    assert isinstance(outcome, Crashed)
    assert "the task raised TypeError" in outcome.error.message


def test_a_reader_that_hangs_has_timed_out(worker: Worker, tmp_path: Path) -> None:
    outcome = observed(worker, tmp_path, "hang")
    assert isinstance(outcome, TimedOut)
    assert outcome.seconds == pytest.approx(2, abs=1)


def test_a_reader_without_an_interpreter_has_crashed(tmp_path: Path) -> None:
    with Worker(dataclasses.replace(this_interpreter(), python=tmp_path / "gone"), "reader") as worker:
        outcome = observed(worker, tmp_path)
    assert isinstance(outcome, Crashed)
    assert "could not be started" in outcome.error.message


def test_a_bundle_of_the_same_bytes_shares_the_replay_and_any_other_has_its_own(worker: Worker, tmp_path: Path) -> None:
    first, again, other = (
        forged(tmp_path, "a"),
        forged(tmp_path, "b"),
        forged(tmp_path, "c", texts=["one", "two", "six"]),
    )
    by = reader(worker)
    assert [shares(seen(by, bundle)) for bundle in (first, again, other, other)] == [None, first, None, other]


def test_a_shared_replay_is_held_against_what_each_writer_recorded(worker: Worker, tmp_path: Path) -> None:
    """Planted: the second writer recorded predictions that are off; what they were computed from is the same."""
    first, second = forged(tmp_path, "a"), forged(tmp_path, "b")

    def off(arrays: dict[str, Any]) -> None:
        arrays["double/probabilities"] = arrays["double/probabilities"] + 1e-3 * np.array([1.0, -1.0])

    retensor(second, "golden/tensors.safetensors", off)
    by = reader(worker)
    outcomes = [seen(by, first), seen(by, second)]
    assert [shares(outcome) for outcome in outcomes] == [None, first]
    assert [grade(outcome) for outcome in outcomes] == ["bitwise", "drift"]


@pytest.mark.parametrize("reading", ["refuse", "die"])
def test_a_bundle_that_shares_a_replay_is_still_read_by_the_reader(
    worker: Worker, tmp_path: Path, reading: str
) -> None:
    by = reader(worker)
    assert isinstance(seen(by, forged(tmp_path, "a")), Replayed)
    ended = seen(by, forged(tmp_path, "b", reading=reading))
    assert isinstance(ended, Refused if reading == "refuse" else Crashed)


def test_a_reader_that_failed_is_asked_to_replay_again(worker: Worker, tmp_path: Path) -> None:
    by = reader(worker)
    assert isinstance(seen(by, forged(tmp_path, "a", reading="refuse")), Refused)
    assert shares(seen(by, forged(tmp_path, "b"))) is None


def test_what_a_replay_computes_from_decides_the_subject_and_nothing_else_does(tmp_path: Path) -> None:
    plain = recorded(forged(tmp_path, "a")).replay_key
    assert recorded(forged(tmp_path, "b", labels=("x", "y"), reading="waver")).replay_key == plain
    assert recorded(forged(tmp_path, "c", texts=["one", "two", "six"])).replay_key != plain
    assert recorded(forged(tmp_path, "d", tokenizer={"max_length": 3})).replay_key != plain
    assert recorded(forged(tmp_path, "e", features={"age": [1.0, 2.0, 3.0]})).replay_key != plain


def shares(outcome: Outcome) -> Path | None:
    assert isinstance(outcome, Replayed)
    return outcome.shares


def grade(outcome: Outcome) -> str:
    assert isinstance(outcome, Replayed)
    return outcome.figures.grade
