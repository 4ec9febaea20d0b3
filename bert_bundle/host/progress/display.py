"""A display of work in progress: what it is told, and which one a stream gets."""

from __future__ import annotations

import os
import sys
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
