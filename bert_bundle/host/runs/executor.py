"""Who runs the jobs of a run: one small interface."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from bert_bundle.host.runs.job import Job, JobResult
from bert_bundle.host.runs.run_job import JobContext

T = TypeVar("T")


class JobsInterrupted(KeyboardInterrupt):
    """An interrupt while jobs ran; `results` in the order of the jobs, with what was done by then."""

    def __init__(self, results: list[JobResult[Any]]) -> None:
        super().__init__()
        self.results = results


class Executor(Protocol):
    """Runs jobs that do not depend on each other, each by `run_job.run_job`, in this process or in others."""

    def gather(self, jobs: Sequence[Job[T]], context: JobContext) -> list[JobResult[T]]:
        """Return the results in the order of `jobs`.

        `context` is that of the calling process: an executor that runs jobs elsewhere makes one there, and passes on to
        this one's progress what it hears. An exception cancels the other jobs and is raised. An interrupt does too, as
        `JobsInterrupted` with the results of every job: what a job had not done by then is not run.
        """
