"""What comes of one cell, observed in real worker processes on forged bundles."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from bert_bundle.format.golden import read_golden
from bert_bundle.matrix.cells import Cell, Crashed, Outcome, Refused, Replayed, TimedOut, observe
from bert_bundle.matrix.process import Worker, silent
from bert_bundle.matrix.versions import running
from bert_bundle.rules import AUTO
from bert_bundle.testing.forgery import forge


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker(running(), "reader", time_limit=2) as worker:
        yield worker


def observed(worker: Worker, folder: Path, reading: str | None = None, task: str = "fault.parrot") -> Outcome:
    bundle = folder / str(reading)
    forge(progress=silent, specification={"reading": reading}, target=str(bundle))
    cell = Cell(bundle=bundle, writer="forger", reader="parrot")
    return observe(cell, worker, read_golden(str(bundle)), task=task, runtime=AUTO, double=5e-7, progress=silent)


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
    assert outcome.figures.double == pytest.approx(1e-3, rel=1)


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
    with Worker(dataclasses.replace(running(), python=tmp_path / "gone"), "reader") as worker:
        outcome = observed(worker, tmp_path)
    assert isinstance(outcome, Crashed)
    assert "could not be started" in outcome.error.message
