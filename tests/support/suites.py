"""Commands that run beside the tests of a session, and are waited for at its end: the in-environment suites.

Does not know what the commands do.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self

Done = subprocess.CompletedProcess[str]


class Suites:
    """Runs of commands, by name: one at a time, in their order, until a result is asked for; then two at a time.

    A context manager that leaves no process behind. The processes have the variables of when it was made.
    """

    def __init__(self, commands: Mapping[str, Sequence[str]], *, folder: str, seconds: float) -> None:
        self._folder, self._seconds, self._variables = folder, seconds, dict(os.environ)
        self._turns = threading.Semaphore(1)
        self._second_turn = False
        self._ended = False
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._pool = ThreadPoolExecutor(2)
        self._done: dict[str, Future[Done]] = {n: self._pool.submit(self._run, c) for n, c in commands.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what runs, and begin nothing more: where `pytest -x` stops at a failure, nobody asks for the rest."""
        with self._lock:
            self._ended = True
            for process in self._running:
                _kill(process)
        self._pool.shutdown(cancel_futures=True)

    def result(self, name: str) -> Done:
        """Wait for a command and return how it ended. Raises subprocess.TimeoutExpired after its seconds."""
        if not self._second_turn:
            self._second_turn = True
            self._turns.release()  # whoever waits leaves a core idle
        return self._done[name].result()

    def _run(self, command: Sequence[str]) -> Done:
        with self._turns:
            with self._lock:
                if self._ended:
                    raise InterruptedError("the session has ended")
                process = subprocess.Popen(
                    command,
                    env=self._variables,
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    start_new_session=True,  # to end its own processes with it
                )
                self._running.add(process)
            try:
                output, errors = process.communicate(timeout=self._seconds)
            except subprocess.TimeoutExpired:
                _kill(process)
                process.communicate()
                raise
            finally:
                with self._lock:
                    self._running.remove(process)
            return Done(command, process.returncode, output, errors)


def _kill(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
