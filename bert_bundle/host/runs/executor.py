"""Who does the work of a run: one small interface, local workers by default."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from bert_bundle.host.workers.worker import Cancelled

T = TypeVar("T")
Job = Callable[[Cancelled], T]


class Executor(Protocol):
    """Runs jobs that do not depend on each other. A job is told by `cancelled()` that nobody waits for it any more."""

    def gather(self, jobs: Sequence[Job[T]]) -> list[T]:
        """The results in the order of `jobs`. An exception, an interrupt included, cancels the rest and is raised."""
