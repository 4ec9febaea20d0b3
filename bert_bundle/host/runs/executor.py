"""Who runs the jobs of a run: one small interface."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from bert_bundle.host.runs.job import Job, JobResult
from bert_bundle.host.runs.run_job import JobContext

T = TypeVar("T")


class Executor(Protocol):
    """Runs jobs that do not depend on each other, each by `run_job.run_job`, in this process or in others."""

    def gather(self, jobs: Sequence[Job[T]], context: JobContext) -> list[JobResult[T]]:
        """Return the results in the order of `jobs`.

        `context` is that of the calling process: an executor that runs jobs elsewhere makes one there, and passes on to
        this one's progress what it hears. An exception, an interrupt included, cancels the other jobs and is raised.
        """
