"""Who is told what the jobs of a run do, while they do it. Does not know how it is shown."""

import threading
from typing import Protocol

from bert_bundle.progress import Progress


class Watcher(Protocol):
    """Is told about jobs by name, from the threads that run them."""

    def planned(self, jobs: int) -> None:
        """Be told that so many jobs begin now or later, and that all earlier ones have ended."""

    def begun(self, job: str) -> None:
        """Be told that a job begins."""

    def doing(self, job: str, text: str) -> None:
        """Be told what a job does now."""

    def ended(self, job: str, result: str) -> None:
        """Be told that a job has ended: the environment, its grade and the seconds."""


class Counter:
    """Counts the jobs that have ended. Not safe to use from several threads at a time."""

    def __init__(self) -> None:
        self._jobs = self._ended = 0

    def planned(self, jobs: int) -> None:
        """Begin anew."""
        self._jobs, self._ended = jobs, 0

    def ended(self) -> str:
        """Count one more; return `[3/6] `, and nothing for a job that is alone."""
        self._ended += 1
        return f"[{self.so_far}] " if self._jobs > 1 else ""

    @property
    def so_far(self) -> str:
        """Return `3/6`."""
        return f"{self._ended}/{self._jobs}"


class Lines:
    """Passes on what jobs do and how they ended as lines of text."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._counter = Counter()
        self._lock = threading.Lock()

    def planned(self, jobs: int) -> None:
        """Count these jobs."""
        self._counter.planned(jobs)

    def begun(self, job: str) -> None:
        """Pass on nothing: a job says itself what it does."""

    def doing(self, job: str, text: str) -> None:
        """Pass on the name and the text."""
        self._progress(f"{job}: {text}")

    def ended(self, job: str, result: str) -> None:
        """Pass on the result, with how many jobs have ended."""
        with self._lock:
            number = self._counter.ended()
        self._progress(f"{number}{result}")
