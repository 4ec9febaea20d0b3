"""Jobs on this machine: threads, each with worker processes of its own; knows nothing of what they do."""

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bert_bundle.errors import ConfigError
from bert_bundle.host.runs.executor import Job, T

DEFAULT_JOBS = min(2, os.cpu_count() or 1)  # a worker takes one core and a few GB


class Local:
    """At most `jobs` jobs at a time."""

    def __init__(self, jobs: int = DEFAULT_JOBS) -> None:
        if jobs < 1:
            raise ConfigError("no jobs, no run", place="--jobs", wanted="1 or more", found=jobs)
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
