"""The local executor: order, number of jobs at a time, cancellation. Jobs of real worker processes on fake bundles."""

import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from support.child_processes import living_children
from support.entries import FAKE, entry

from bert_bundle.errors import ConfigError
from bert_bundle.host.environments.nearest import this_interpreter
from bert_bundle.host.runs.job import BundleReference, JobEnvironment, Target, WriteJob
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.run_job import JobContext

HERE = this_interpreter()
HANGS = entry({"generate": "worker_faults:hangs"})


def job(path: Path, by: tuple[str, ...] = FAKE, **specification: Any) -> WriteJob:
    return WriteJob(
        environment=JobEnvironment.of(HERE), targets=(Target(path=path, specification=specification),), entry=by
    )


def test_results_are_in_the_order_of_the_jobs_and_no_more_run_at_a_time(tmp_path: Path) -> None:
    running, most, guard = 0, 0, threading.Lock()

    def progress(text: str) -> None:
        """Two lines of a job are heard: the host's, before the worker is asked, and the worker's."""
        nonlocal running, most
        if text.endswith(" s"):  # how a job ended
            return
        with guard:
            running += 1 if "saving classifier" in text else -1
            most = max(most, running)
        time.sleep(0.1)

    paths = [tmp_path / str(number) for number in range(5)]
    found = Local(2).gather([job(path) for path in paths], JobContext(environments=[HERE], progress=progress))
    bundles = [bundle for result in found for bundle in result.results]
    assert [bundle.path for bundle in bundles if isinstance(bundle, BundleReference)] == paths
    assert [result.processes for result in found] == [1] * 5
    assert (running, most) == (0, 2)


def test_an_exception_cancels_the_other_jobs_before_it_is_raised(tmp_path: Path) -> None:
    hanging = threading.Event()

    def progress(text: str) -> None:
        if re.search(r": \d+$", text):  # the process id of the worker that hangs
            hanging.set()
        if text.endswith("saving classifier fails"):
            assert hanging.wait(30)
            raise RuntimeError("planted")

    before = living_children()  # workers that other tests share
    jobs = [job(tmp_path / "fails"), job(tmp_path / "hangs", HANGS), job(tmp_path / "hangs too", HANGS)]
    started = time.monotonic()
    with pytest.raises(RuntimeError, match="planted"):
        Local(2).gather(jobs, JobContext(environments=[HERE], progress=progress))
    assert time.monotonic() - started < 30
    assert living_children() == before


def test_less_than_one_job_at_a_time_is_refused() -> None:
    with pytest.raises(ConfigError, match="--jobs must be at least 1"):
        Local(0)
