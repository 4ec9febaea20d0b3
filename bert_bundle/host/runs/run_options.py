"""The options of a run: what its results are compared with, and how its workers are started and limited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bert_bundle.host.config.matrix_file import Expectation, Tolerances
from bert_bundle.host.environments.cancellation import Cancelled, never
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.runs.job import Limits
from bert_bundle.host.runs.remembered import Remembered
from bert_bundle.host.runs.watcher import Watcher
from bert_bundle.host.workers.worker import (
    MEMORY_LIMIT,
    TIME_LIMIT,
    WORKER_ENTRY,
    Entry,
    Worker,
)


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What the results of a run are compared with, and the limits of its workers (see `Worker`).

    `matrix` is the file that `expect` and the environments come from, for the reports; None if they have no file.
    `remembered` are the results of earlier runs, which are not computed again; None to compute all.
    `watcher` is told what the jobs do; without one, the progress of the run gets it as lines.
    `entry` is what interpreters run as their workers, `entries` what those of some environments do, by id.
    """

    matrix: Path | None = None
    expect: Sequence[Expectation] = ()
    tolerances: Tolerances = field(default_factory=Tolerances)
    remembered: Remembered | None = None
    watcher: Watcher | None = None
    time_limit: float = TIME_LIMIT
    memory_limit: int = MEMORY_LIMIT
    entry: Entry = WORKER_ENTRY
    entries: Mapping[str, Entry] = field(default_factory=dict)

    def entry_of(self, environment_id: str) -> Entry:
        """Return what the interpreter of an environment runs as its worker."""
        return self.entries.get(environment_id, self.entry)

    @property
    def limits(self) -> Limits:
        """Return the limits of a job's worker."""
        return Limits(seconds=self.time_limit, memory=self.memory_limit)

    def worker(self, environment: ReadyEnvironment, role: str, cancelled: Cancelled = never) -> Worker:
        """Return a worker within these limits."""
        return Worker(
            environment,
            role,
            entry=self.entry_of(environment.id),
            time_limit=self.time_limit,
            memory_limit=self.memory_limit,
            cancelled=cancelled,
        )
