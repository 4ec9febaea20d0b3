"""Jobs on this machine: threads, each with worker processes of its own; knows nothing of what they do."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bert_bundle.host.runs.executor import Job, T
from bert_bundle.host.runs.job_limit import DEFAULT_JOBS, check_jobs


class Local:
    """At most `jobs` jobs at a time."""

    def __init__(self, jobs: int = DEFAULT_JOBS) -> None:
        check_jobs(jobs)
        self._jobs = jobs

    def gather(self, jobs: Sequence[Job[T]]) -> list[T]:
        """See `Executor`. Returns or raises only when no job runs any more, so that no process outlives it."""
        cancelled = threading.Event()
        with ThreadPoolExecutor(max_workers=self._jobs) as pool:
            futures = [pool.submit(job, cancelled.is_set) for job in jobs]
            try:
                return [future.result() for future in futures]
            except BaseException:
                cancelled.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
