"""Progress as plain lines without control characters: for files, pipes and logs of a CI system."""

import threading
import time
from contextlib import suppress
from typing import TextIO

from bert_bundle.errors import printable
from bert_bundle.host.runs.watcher import Lines

QUIET_SECONDS = 9.0  # then a line says what still runs, so that nobody waits for more than ten seconds


class PlainLines(Lines):
    """Writes lines, and every few seconds of silence which jobs still run, and what they do."""

    def __init__(self, stream: TextIO, *, quiet_seconds: float = QUIET_SECONDS) -> None:
        super().__init__(self)
        self._stream, self._quiet_seconds = stream, quiet_seconds
        self._writing = threading.RLock()
        self._doing: dict[str, tuple[str, float]] = {}  # what each job does, and when it began
        self._last, self._written = ("", time.monotonic()), time.monotonic()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def __call__(self, text: str) -> None:
        """Write a line."""
        with self._writing:
            self._last = text, time.monotonic()
            self._write(text)

    def begun(self, job: str) -> None:
        """Know that a job runs."""
        with self._writing:
            self._doing[job] = "starting", time.monotonic()

    def doing(self, job: str, text: str) -> None:
        """Write what a job does."""
        with self._writing:
            self._doing[job] = text, time.monotonic()
            super().doing(job, text)

    def ended(self, job: str, result: str) -> None:
        """Write how a job ended."""
        with self._writing:
            self._doing.pop(job, None)
            super().ended(job, result)

    def close(self) -> None:
        """Write nothing more."""
        self._closed.set()
        self._thread.join()

    def _write(self, text: str) -> None:
        self._written = time.monotonic()
        self._stream.write(printable(text) + "\n")
        self._stream.flush()

    def _beat(self) -> None:
        """Write what still runs whenever nothing was written for so long."""
        wait = self._quiet_seconds
        while not self._closed.wait(wait):
            with self._writing:
                wait = self._written + self._quiet_seconds - time.monotonic()
                if wait <= 0:
                    wait = self._quiet_seconds
                    with suppress(OSError):  # nobody reads it any more
                        self._write(self._still())

    def _still(self) -> str:
        now = time.monotonic()
        jobs = [f"{job}: {text}, {now - since:.0f} s" for job, (text, since) in self._doing.items()]
        text, since = self._last
        alone = f"{text or 'starting'}, {now - since:.0f} s"
        return f"still {'; '.join(jobs) or alone}"
