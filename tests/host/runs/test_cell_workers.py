"""Writers and readers in real worker processes, on fake bundles."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.entries import FAKE, entry
from support.fake_bundles import fake_generate
from support.forged_bundles import retensor

from bert_bundle.errors import FormatError
from bert_bundle.host.config.matrix_file import Tolerances
from bert_bundle.host.environments.nearest import this_interpreter
from bert_bundle.host.runs.cell_workers import Reader, Writer, saved_by_worker
from bert_bundle.host.runs.outcome import Crashed, NotRun, Outcome, Refused, Replayed, TimedOut
from bert_bundle.host.runs.replay_grade import Recorded, recorded
from bert_bundle.host.workers.worker import Worker
from bert_bundle.interpreter.known_breakages import AUTO
from bert_bundle.progress import silent


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker(this_interpreter(), "reader", entry=FAKE, time_limit=2) as worker:
        yield worker


def forged(folder: Path, name: str, **specification: Any) -> Path:
    fake_generate(progress=silent, specification=specification, target=str(folder / name))
    return folder / name


def observed(worker: Worker, folder: Path, reading: str | None = None) -> Outcome:
    return seen(reader(worker), forged(folder, str(reading), reading=reading))


def reader(worker: Worker) -> Reader:
    return Reader(worker, AUTO)


def seen(by: Reader, bundle: Path) -> Outcome:
    return by.observe(bundle, recorded(bundle), tolerances=Tolerances(), progress=silent)


def test_a_reader_that_agrees_has_replayed(worker: Worker, tmp_path: Path) -> None:
    outcome = observed(worker, tmp_path)
    assert isinstance(outcome, Replayed)
    assert outcome.figures.grade == "bitwise"
    assert outcome.figures.accuracy == pytest.approx(2 / 3)
    assert outcome.seconds > 0


def test_a_reader_whose_function_differs_has_replayed_with_drift(worker: Worker, tmp_path: Path) -> None:
    outcome = observed(worker, tmp_path, "drifts")
    assert isinstance(outcome, Replayed)
    assert outcome.figures.grade == "drift"
    assert outcome.figures.float64_difference == pytest.approx(1e-3, rel=1)


def test_a_reader_that_cannot_load_has_refused_with_the_reason(worker: Worker, tmp_path: Path) -> None:
    outcome = observed(worker, tmp_path, "missing_runtime")
    assert isinstance(outcome, Refused)
    assert str(outcome.error).startswith("no TensorFlow here")


def test_a_reader_that_is_killed_has_crashed_and_the_next_cell_is_observed(worker: Worker, tmp_path: Path) -> None:
    outcome = observed(worker, tmp_path, "crashes")
    assert isinstance(outcome, Crashed)
    assert "SIGKILL" in outcome.error.message
    assert isinstance(observed(worker, tmp_path), Replayed)


def test_a_reader_that_raises_an_unexpected_error_has_crashed(tmp_path: Path) -> None:
    with Worker(this_interpreter(), "reader", entry=entry({"replay": "worker_faults:raises"})) as worker:
        outcome = observed(worker, tmp_path)
    assert isinstance(outcome, Crashed)
    assert "the task raised KeyError: 'a planted bug'" in outcome.error.message


def test_a_reader_that_hangs_has_timed_out(worker: Worker, tmp_path: Path) -> None:
    outcome = observed(worker, tmp_path, "hangs")
    assert isinstance(outcome, TimedOut)
    assert outcome.seconds == pytest.approx(2, abs=1)


def test_a_reader_without_an_interpreter_has_crashed(tmp_path: Path) -> None:
    with Worker(dataclasses.replace(this_interpreter(), python=tmp_path / "gone"), "reader") as worker:
        outcome = observed(worker, tmp_path)
    assert isinstance(outcome, Crashed)
    assert "could not be started" in outcome.error.message


def test_a_bundle_of_the_same_bytes_shares_the_replay_and_other_bundles_do_not(worker: Worker, tmp_path: Path) -> None:
    first, again, other = (
        forged(tmp_path, "a"),
        forged(tmp_path, "b"),
        forged(tmp_path, "c", texts=["one", "two", "six"]),
    )
    by = reader(worker)
    assert [shares(seen(by, bundle)) for bundle in (first, again, other, other)] == [None, first, None, other]


def test_a_shared_replay_is_compared_with_what_each_writer_recorded(worker: Worker, tmp_path: Path) -> None:
    """Planted: the second writer recorded predictions that are off; what they were computed from is the same."""
    first, second = forged(tmp_path, "a"), forged(tmp_path, "b")

    def off(arrays: dict[str, Any]) -> None:
        arrays["double/probabilities"] = arrays["double/probabilities"] + 1e-3 * np.array([1.0, -1.0])

    retensor(second, "golden/tensors.safetensors", off)
    by = reader(worker)
    outcomes = [seen(by, first), seen(by, second)]
    assert [shares(outcome) for outcome in outcomes] == [None, first]
    assert [grade(outcome) for outcome in outcomes] == ["bitwise", "drift"]


@pytest.mark.parametrize("reading", ["refuses", "crashes"])
def test_a_bundle_that_shares_a_replay_is_still_read_by_the_reader(
    worker: Worker, tmp_path: Path, reading: str
) -> None:
    by = reader(worker)
    assert isinstance(seen(by, forged(tmp_path, "a")), Replayed)
    ended = seen(by, forged(tmp_path, "b", reading=reading))
    assert isinstance(ended, Refused if reading == "refuses" else Crashed)


def test_a_reader_that_failed_is_asked_to_replay_again(worker: Worker, tmp_path: Path) -> None:
    by = reader(worker)
    assert isinstance(seen(by, forged(tmp_path, "a", reading="refuses")), Refused)
    assert shares(seen(by, forged(tmp_path, "b"))) is None


def test_the_replay_key_depends_on_what_a_replay_computes_from_and_on_nothing_else(tmp_path: Path) -> None:
    plain = recorded(forged(tmp_path, "a")).replay_key
    assert recorded(forged(tmp_path, "b", labels=("x", "y"), reading="drifts")).replay_key == plain
    assert recorded(forged(tmp_path, "c", texts=["one", "two", "six"])).replay_key != plain
    assert recorded(forged(tmp_path, "d", tokenizer={"max_length": 3})).replay_key != plain
    assert recorded(forged(tmp_path, "e", features={"age": [1.0, 2.0, 3.0]})).replay_key != plain


def test_a_writer_returns_what_its_bundle_recorded(worker: Worker, tmp_path: Path) -> None:
    found = Writer(worker, AUTO).write(tmp_path / "new" / "a", {"seed": 3}, progress=silent)
    assert isinstance(found, Recorded)
    assert found.digest == recorded(tmp_path / "new" / "a").digest


@pytest.mark.parametrize(("writing", "reason"), [("refuses", "a layer that no bundle holds"), ("crashes", "SIGKILL")])
def test_a_writer_returns_why_there_is_no_bundle(worker: Worker, tmp_path: Path, writing: str, reason: str) -> None:
    found = Writer(worker, AUTO).write(tmp_path / "a", {"writing": writing}, progress=silent)
    assert isinstance(found, NotRun)
    assert found.reason.startswith("not written: ")
    assert reason in found.reason


def test_a_bundle_that_a_worker_saves_is_read_back_with_the_answer(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    saved = saved_by_worker(worker, "generate", Path("a"), progress=silent, specification={})
    assert saved.answer == {"digest": saved.recorded.digest}
    assert recorded(tmp_path / "a").digest == saved.recorded.digest


def test_a_worker_that_saves_nothing_is_an_error(tmp_path: Path) -> None:
    nothing = entry({"generate": "worker_faults:echo"})
    with (
        Worker(this_interpreter(), "writer", entry=nothing) as worker,
        pytest.raises(FormatError, match="not a bundle"),
    ):
        saved_by_worker(worker, "generate", tmp_path / "a", progress=silent)


def shares(outcome: Outcome) -> Path | None:
    assert isinstance(outcome, Replayed)
    return outcome.shares


def grade(outcome: Outcome) -> str:
    assert isinstance(outcome, Replayed)
    return outcome.figures.grade
