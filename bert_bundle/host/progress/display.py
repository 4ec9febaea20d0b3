"""A display of work in progress: what it is told, and which one a stream gets."""

from __future__ import annotations

import os
import sys
import threading
from typing import Protocol

from bert_bundle.host.runs.watcher import Watcher


class Display(Watcher, Protocol):
    """Shows lines of text and what jobs do. Is told from several threads."""

    def __call__(self, text: str) -> None:
        """Show a line."""

    def close(self) -> None:
        """Show nothing more, and leave standard error as it was."""


def display(*, no_color: bool) -> Display:
    """Return the display for standard error: rows if it is a terminal that can move its cursor, else lines."""
    if sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        from bert_bundle.host.progress.rows import Rows

        return Rows(sys.stderr, color=not no_color and "NO_COLOR" not in os.environ)
    from bert_bundle.host.progress.plain_lines import PlainLines

    return PlainLines(sys.stderr)


class DisplayOnDemand:
    """The display for standard error from the first thing that it is told on; until then nothing is shown."""

    def __init__(self, *, no_color: bool) -> None:
        self._no_color = no_color
        self._lock = threading.Lock()
        self._made: Display | None = None

    def __call__(self, text: str) -> None:
        """Show a line."""
        self._display(text)

    def planned(self, jobs: int) -> None:
        """Pass it on."""
        self._display.planned(jobs)

    def begun(self, job: str) -> None:
        """Pass it on."""
        self._display.begun(job)

    def doing(self, job: str, text: str) -> None:
        """Pass it on."""
        self._display.doing(job, text)

    def ended(self, job: str, result: str) -> None:
        """Pass it on."""
        self._display.ended(job, result)

    def close(self) -> None:
        """Show nothing more, and leave standard error as it was."""
        if self._made is not None:
            self._made.close()

    @property
    def _display(self) -> Display:
        with self._lock:
            if self._made is None:
                self._made = display(no_color=self._no_color)
            return self._made
