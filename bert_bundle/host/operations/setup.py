"""What an operation works with: the matrix file and its locks, the workers, and who hears of progress.

Imports what it needs inside its functions: usage errors construct a setup, and have to be fast.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bert_bundle.host.runs.job_limit import DEFAULT_JOBS, check_jobs
from bert_bundle.progress import Progress, silent

if TYPE_CHECKING:
    from bert_bundle.host.config.matrix_file import Environment, Matrix
    from bert_bundle.host.environments.environment import ReadyEnvironment
    from bert_bundle.host.environments.locks import Lock
    from bert_bundle.host.runs.executor import Executor
    from bert_bundle.host.runs.run_options import RunOptions
    from bert_bundle.host.runs.watcher import Watcher


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The setup of an operation. Raises ConfigError for less than one job.

    matrix_file  the matrix file; None to search for it from the current directory upwards
    jobs         workers that run at a time
    fresh        whether every replay is computed anew, whatever earlier runs have computed
    discard      whether an environment is made when it is used, and deleted afterwards
    progress     a function that takes one line of text
    watcher      what is told of each job; without one, `progress` gets it as lines
    at_end       what is done when the operation has ended; whoever made the setup enters it
    """

    matrix_file: Path | None = None
    jobs: int = DEFAULT_JOBS
    fresh: bool = False
    discard: bool = False
    progress: Progress = silent
    watcher: Watcher | None = None
    at_end: ExitStack = field(default_factory=ExitStack, repr=False)

    def __post_init__(self) -> None:
        check_jobs(self.jobs)  # before any environment is made

    @cached_property
    def matrix_path(self) -> Path:
        """Return the path of the matrix file; unless given, it is searched for from the current directory upwards."""
        from bert_bundle.host.config.matrix_location import default_matrix_path

        return self.matrix_file or default_matrix_path()

    @cached_property
    def matrix(self) -> Matrix:
        """Return the matrix. Raises ConfigError."""
        from bert_bundle.host.config.matrix_file import read_matrix

        return read_matrix(self.matrix_path)

    @property
    def locks(self) -> Path:
        """Return the folder of the lock files, which is beside the matrix file."""
        from bert_bundle.host.environments.locks import FOLDER

        return self.matrix_path.absolute().parent / FOLDER

    def make(self, row: Environment) -> ReadyEnvironment:
        """Make the environment of `row` from its lock. Raises ConfigError, or EnvironmentNotMadeError."""
        from bert_bundle.host.environments.environment import make
        from bert_bundle.host.environments.forecast import check_space
        from bert_bundle.host.environments.locks import read_lock

        lock = read_lock(row, self.locks)
        check_space([(row, lock)], self.progress)
        self.discard_at_end(lock)
        return make(row, lock, progress=self.progress)

    def discard_at_end(self, lock: Lock) -> None:
        """Have the environment of `lock` removed at the end, if `discard`."""
        if self.discard:
            from bert_bundle.host.environments.environment import discard

            self.at_end.callback(discard, lock)

    @property
    def run_options(self) -> RunOptions:
        """Return the options of a run, with the expectations and the tolerances of the matrix file."""
        from bert_bundle.host.runs.remembered import remembered
        from bert_bundle.host.runs.run_options import RunOptions

        return RunOptions(
            matrix=self.matrix_path,
            expect=self.matrix.expect,
            tolerances=self.matrix.policy,
            remembered=remembered(fresh=self.fresh),
            watcher=self.watcher,
        )

    @cached_property
    def executor(self) -> Executor:
        """Return the executor of the jobs."""
        from bert_bundle.host.runs.local_executor import Local

        return Local(self.jobs)
