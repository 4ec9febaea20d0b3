"""Progress on a terminal: a row for each job that runs, below the lines of what has ended.

No row is wider than the terminal: names stand whole, and what a job does is cut.
"""

import threading
from typing import TextIO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from bert_bundle.errors import printable
from bert_bundle.host.runs.watcher import Counter

_PER_SECOND = 4


class Rows:
    """Rows that are drawn anew several times a second, and removed at the end."""

    def __init__(self, stream: TextIO, *, color: bool) -> None:
        console = Console(
            file=stream,
            force_terminal=True,
            no_color=not color,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )
        self._progress = Progress(
            SpinnerColumn("line", finished_text=" "),  # of ASCII characters
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            TextColumn(
                "{task.fields[doing]}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="crop")
            ),
            TimeElapsedColumn(table_column=Column(no_wrap=True)),
            console=console,
            transient=True,
            expand=True,
            refresh_per_second=_PER_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._lock = threading.RLock()
        self._counter = Counter()
        self._jobs: dict[str, TaskID] = {}
        self._whole = self._progress.add_task("", total=None, doing="")
        self._progress.start()

    def __call__(self, text: str) -> None:
        """Show a line, and that it is what happens now."""
        self._print(text)
        self._progress.update(self._whole, doing=printable(text))

    def planned(self, jobs: int) -> None:
        """Count these jobs."""
        with self._lock:
            self._counter.planned(jobs)
            self._progress.update(self._whole, description=self._counter.so_far, doing="")

    def begun(self, job: str) -> None:
        """Add a row."""
        with self._lock:
            self._jobs[job] = self._progress.add_task(printable(job), total=None, doing="starting")

    def doing(self, job: str, text: str) -> None:
        """Change the row of a job."""
        with self._lock:
            if job in self._jobs:
                self._progress.update(self._jobs[job], doing=printable(text))

    def ended(self, job: str, result: str) -> None:
        """Remove the row of a job, and show how it ended."""
        with self._lock:
            if job in self._jobs:
                self._progress.remove_task(self._jobs.pop(job))
            self._print(f"{self._counter.ended()}{result}")
            self._progress.update(self._whole, description=self._counter.so_far)

    def close(self) -> None:
        """Remove the rows."""
        self._progress.stop()

    def _print(self, text: str) -> None:
        self._progress.console.print(Text(printable(text)))
