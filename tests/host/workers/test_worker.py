"""The host's side of a worker: its limits, its crashes, its descendants."""

import dataclasses
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.child_processes import living_children
from support.entries import FAULTY

from bert_bundle.errors import FormatError, WorkerError
from bert_bundle.host.environments.nearest import this_interpreter
from bert_bundle.host.workers.worker import Worker
from bert_bundle.interpreter import launch


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker(this_interpreter(), "test", entry=FAULTY, time_limit=30) as worker:
        yield worker


def pid(worker: Worker) -> int:
    number: int = worker.ask("process_facts")["pid"]
    return number


def gone(number: int) -> bool:
    """Return whether the process ends within five seconds; a zombie has ended."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            if psutil.Process(number).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_one_process_runs_every_task(worker: Worker) -> None:
    assert pid(worker) == pid(worker)


def test_a_process_is_started_by_the_first_task() -> None:
    before = living_children()
    with Worker(this_interpreter(), "test", entry=FAULTY):
        assert living_children() == before


def test_the_process_ends_with_the_context(worker: Worker) -> None:
    number = pid(worker)
    worker.close()
    assert gone(number)


def test_the_processes_that_a_worker_started_are_counted() -> None:
    with Worker(this_interpreter(), "test", entry=FAULTY) as worker:
        assert worker.started == 0
        assert pid(worker) == pid(worker)
        assert worker.started == 1
        with pytest.raises(WorkerError):
            worker.ask("crashes")
        assert pid(worker)
        assert worker.started == 2


def test_progress_arrives_in_order(worker: Worker) -> None:
    heard: list[str] = []
    assert worker.ask("echo", heard.append, a=1, b="ü") == {"a": 1, "b": "ü"}
    assert heard == ["argument a", "argument b"]


def test_a_request_larger_than_a_pipe_and_its_answer_get_through(worker: Worker) -> None:
    text = "x" * 3_000_000
    assert worker.ask("echo", text=text) == {"text": text}


def test_standard_error_larger_than_a_pipe_blocks_nothing(worker: Worker) -> None:
    assert worker.ask("prints", lines=20_000) == {"read": "", "descriptor": ""}


def test_an_error_of_the_task_is_raised_again_and_the_worker_lives_on(worker: Worker) -> None:
    before = pid(worker)
    with pytest.raises(FormatError, match=r"a planted refusal @ graph\.json#/é") as raised:
        worker.ask("refuses")
    assert raised.value.fix == "save again"
    assert pid(worker) == before


def test_a_crash_is_raised_with_its_place_and_traceback_and_the_worker_lives_on(worker: Worker) -> None:
    before = pid(worker)
    with pytest.raises(WorkerError, match="the task raised KeyError: 'a planted bug'") as raised:
        worker.ask("raises")
    assert raised.value.outcome == "crashed"
    assert raised.value.place == "this interpreter (test), task raises"
    assert "in raises" in raised.value.found
    assert raised.value.__notes__[0].startswith("Traceback")
    assert pid(worker) == before


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT", "SIGTERM"])
def test_a_killed_worker_is_reported_by_signal_and_replaced(worker: Worker, name: str) -> None:
    before = pid(worker)
    with pytest.raises(WorkerError, match=f"the worker was killed by {name} @ this interpreter") as raised:
        worker.ask("crashes", name=name)
    assert raised.value.outcome == "crashed"
    assert "last line" in raised.value.__notes__[0]
    assert pid(worker) != before


def test_a_worker_killed_from_outside_is_reported_and_replaced(worker: Worker) -> None:
    number = pid(worker)
    psutil.Process(number).kill()
    with pytest.raises(WorkerError, match="the worker was killed by SIGKILL"):
        worker.ask("echo")
    assert worker.ask("echo", a=1) == {"a": 1}


def test_a_worker_that_ends_without_an_answer_is_reported_by_status(worker: Worker) -> None:
    with pytest.raises(WorkerError, match="the worker ended with status 3"):
        worker.ask("exits", status=3)


def test_a_report_carries_the_last_forty_lines_and_no_more(worker: Worker) -> None:
    worker.ask("prints", lines=100)
    with pytest.raises(WorkerError) as raised:
        worker.ask("crashes")
    lines = raised.value.__notes__[0].splitlines()
    assert len(lines) == 40
    assert lines[-1] == "last line"


def test_a_worker_that_takes_too_long_is_ended_and_replaced() -> None:
    with Worker(this_interpreter(), "test", entry=FAULTY, time_limit=1) as worker:
        before = pid(worker)
        started = time.monotonic()
        with pytest.raises(WorkerError, match="the worker took too long") as raised:
            worker.ask("hangs")
        assert time.monotonic() - started < 4
        assert raised.value.outcome == "timeout"
        assert raised.value.wanted == "an answer within 1 s"
        assert gone(before)
        assert pid(worker) != before


def test_the_time_limit_holds_for_each_request() -> None:
    with Worker(this_interpreter(), "test", entry=FAULTY, time_limit=1) as worker:
        before = pid(worker)
        for _ in range(3):
            worker.ask("hangs", seconds=0.5)
        assert pid(worker) == before


def test_a_worker_that_uses_too_much_memory_is_ended_and_replaced() -> None:
    with Worker(this_interpreter(), "test", entry=FAULTY, time_limit=30, memory_limit=200 << 20) as worker:
        before = pid(worker)
        with pytest.raises(WorkerError, match="the worker used too much memory") as raised:
            worker.ask("grows", limit=4 << 30)
        assert raised.value.outcome == "crashed"
        assert raised.value.wanted == "at most 0.2 GB of resident memory"
        assert gone(before)
        assert pid(worker) != before


def test_memory_within_the_limit_is_allowed() -> None:
    with Worker(this_interpreter(), "test", entry=FAULTY, time_limit=30, memory_limit=400 << 20) as worker:
        assert worker.ask("grows", limit=64 << 20)["bytes"] == 64 << 20


def test_every_descendant_ends_with_a_worker_even_one_that_left_the_group() -> None:
    heard: list[str] = []
    with (
        Worker(this_interpreter(), "test", entry=FAULTY, time_limit=1) as worker,
        pytest.raises(WorkerError, match="too long"),
    ):
        worker.ask("hangs", heard.append, children=3)
    processes = [int(number) for number in heard[0].split()]
    assert len(processes) == 4
    assert all(map(gone, processes))


def test_an_orphan_in_the_process_group_ends_with_the_worker() -> None:
    heard: list[str] = []
    with (
        Worker(this_interpreter(), "test", entry=FAULTY, time_limit=1) as worker,
        pytest.raises(WorkerError, match="too long"),
    ):
        worker.ask("leaves_orphan", heard.append)
    assert gone(int(heard[0]))


def test_a_worker_is_in_a_group_of_its_own(worker: Worker) -> None:
    seen = worker.ask("process_facts")
    assert seen["group"] == seen["pid"] != os.getpgid(0)


def test_a_missing_interpreter_is_reported(tmp_path: Path) -> None:
    nobody = dataclasses.replace(this_interpreter(), python=tmp_path / "python")
    with Worker(nobody, "test", entry=FAULTY) as worker, pytest.raises(WorkerError, match="could not be started"):
        worker.ask("echo")


def test_a_cancelled_run_ends_its_worker_at_once() -> None:
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    with Worker(this_interpreter(), "test", entry=FAULTY, cancelled=stop.is_set) as worker:
        before = pid(worker)
        with pytest.raises(WorkerError, match="the run was interrupted"):
            worker.ask("hangs")
        assert gone(before)
        with pytest.raises(WorkerError, match="the run was interrupted"):
            worker.ask("echo")


def test_a_worker_whose_host_was_killed_ends_itself(tmp_path: Path) -> None:
    program = (
        "from bert_bundle.host.workers.worker import Worker\n"
        "from bert_bundle.host.environments.nearest import this_interpreter\n"
        f"worker = Worker(this_interpreter(), 'test', entry={FAULTY!r})\n"
        "print(worker.ask('process_facts')['pid'], flush=True)\n"
        "worker.ask('hangs')\n"
    )
    host = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert host.stdout is not None
    number = int(host.stdout.readline())
    host.kill()
    host.wait()
    host.stdout.close()
    assert gone(number)


def test_the_variables_of_a_worker_are_read_when_it_starts(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_PLANTED", "x")
    assert worker.ask("process_facts")["environment"]["LC_PLANTED"] == "x"
    assert "LC_PLANTED" in launch.environment()
