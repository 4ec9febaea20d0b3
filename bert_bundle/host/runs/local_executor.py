"""Runs jobs on this machine: each in a thread that starts its own worker processes."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from bert_bundle.host.runs.job import Job, JobResult
from bert_bundle.host.runs.job_limit import DEFAULT_JOBS, check_jobs
from bert_bundle.host.runs.run_job import JobContext, run_job

T = TypeVar("T")


class Local:
    """An executor that runs at most `jobs` jobs at a time."""

    def __init__(self, jobs: int = DEFAULT_JOBS) -> None:
        check_jobs(jobs)
        self._jobs = jobs

    def gather(self, jobs: Sequence[Job[T]], context: JobContext) -> list[JobResult[T]]:
        """Return the results as `Executor.gather` does, once no job is running: no process outlives this call."""
        cancelled = threading.Event()
        context = replace(context, cancelled=cancelled.is_set)
        with ThreadPoolExecutor(max_workers=self._jobs) as pool:
            futures = [pool.submit(run_job, job, context) for job in jobs]
            try:
                return [future.result() for future in futures]
            except BaseException:
                cancelled.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
