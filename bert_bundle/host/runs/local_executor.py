"""Runs jobs on this machine: each in a thread that starts its own worker processes."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from bert_bundle.host.runs.executor import JobsInterrupted
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
        with ThreadPoolExecutor(max_workers=self._jobs) as pool:
            futures: list[Future[JobResult[T]]] = []
            try:
                futures += (pool.submit(run_job, job, context) for job in jobs)
                return [future.result() for future in futures]
            except BaseException as error:
                context.stop.set()
                if isinstance(error, KeyboardInterrupt) and len(futures) == len(jobs):
                    raise JobsInterrupted([future.result() for future in futures]) from error
                pool.shutdown(wait=False, cancel_futures=True)
                raise
