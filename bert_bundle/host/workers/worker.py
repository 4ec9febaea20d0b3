"""A worker seen from the host: started when first asked, watched while it works, ended for certain.

Owns the process and its limits; knows nothing of what the tasks mean. What a worker can do to its host is to be slow,
to grow, to die or to answer with an error: each becomes one exception, and the next question starts a new process.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import psutil

from bert_bundle.errors import BertBundleError, WorkerError, from_json
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.workers.pipe import Pipe
from bert_bundle.interpreter import launch

TIME_LIMIT = 900.0  # seconds a request may take; importing TensorFlow takes 10, the largest replay minutes
MEMORY_LIMIT = 8 << 30  # bytes of resident memory, the worker and its children together

_TICK = 0.1  # seconds between two looks at the clock and the memory
_LAST_WORDS = 40  # lines of standard error that a report of a death carries
_GRACE = 5.0  # seconds in which a process that closed its pipe may finish dying

Progress = Callable[[str], None]
Cancelled = Callable[[], bool]


def silent(_text: str) -> None:
    """The progress that nobody watches."""


def never() -> bool:
    """The `cancelled` of work that nothing interrupts."""
    return False


class Worker:
    """The process that does the tasks of one environment in one role; a context manager that leaves no process.

    `cancelled` is asked ten times a second while a task runs: once it says so the process ends and `ask` raises, so
    that an interrupted run stops within a moment whatever its workers do. `started` counts the processes so far.
    """

    def __init__(
        self,
        made: ReadyEnvironment,
        role: str,
        *,
        time_limit: float = TIME_LIMIT,
        memory_limit: int = MEMORY_LIMIT,
        cancelled: Cancelled = never,
    ) -> None:
        self.name = f"{made.id} ({role})"
        self._python = str(made.python)
        self._time_limit = time_limit
        self._memory_limit = memory_limit
        self._cancelled = cancelled
        self.started = 0
        self._running: _Running | None = None
        self._asked = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, task: str, progress: Progress = silent, **arguments: Any) -> dict[str, Any]:
        """What the worker answers to `task`; `progress` hears its words on the way.

        Raises the error that the task raised, or WorkerError when there is no answer: its `outcome` is "timeout" or
        "crashed", and its notes hold the last lines of the worker's standard error.
        """
        self._asked += 1
        place = f"{self.name}, task {task}"
        try:
            answer = self._converse(task, place, progress, arguments)
        except BaseException as error:
            if self._running is not None and isinstance(error, WorkerError):
                error.add_note(self._running.pipe.last_words(_LAST_WORDS))
            self.close()
            raise
        if "error" in answer:
            raise _raised(answer["error"], place)
        done: dict[str, Any] = answer["done"]
        return done

    def close(self) -> None:
        """Ends the process, its group and whatever else it started."""
        running, self._running = self._running, None
        if running is not None:
            running.end()

    def _converse(self, task: str, place: str, progress: Progress, arguments: dict[str, Any]) -> dict[str, Any]:
        if self._cancelled():
            raise WorkerError("the run was interrupted", place=place)
        started = time.monotonic()
        if self._running is None:
            self._running = _start(self._python, place)
            self.started += 1
        running = self._running
        request = {"id": self._asked, "do": task, "arguments": arguments}
        running.pipe.send(json.dumps(request).encode("ascii") + b"\n")
        looked = started
        while True:
            try:
                lines = running.pipe.poll(_TICK)
            except EOFError:
                raise running.death(place, time.monotonic() - started) from None
            for answer in map(json.loads, lines):
                if answer["id"] != self._asked:
                    raise WorkerError("the worker answered another question", place=place, found=answer)
                if "progress" not in answer:
                    return dict(answer)
                progress(answer["progress"])
            if time.monotonic() - looked >= _TICK:
                looked = time.monotonic()
                self._check(running, place, looked - started)

    def _check(self, running: "_Running", place: str, seconds: float) -> None:
        if self._cancelled():
            raise WorkerError("the run was interrupted", place=place)
        if seconds > self._time_limit:
            raise WorkerError(
                "the worker took too long",
                outcome="timeout",
                place=place,
                wanted=f"an answer within {self._time_limit:g} s",
                found="none",
                fix="look at its last words; raise the time limit if it was at work",
            )
        if (memory := running.memory()) > self._memory_limit:
            raise WorkerError(
                "the worker grew too large",
                place=place,
                wanted=f"at most {self._memory_limit / 2**30:.1f} GB of resident memory",
                found=f"{memory / 2**30:.1f} GB",
                fix="raise the memory limit if the model needs as much",
            )


class _Running:
    """A started process with its pipe and the family it has been seen with."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pipe = Pipe(process)
        self._process = process
        self._seen = psutil.Process(process.pid)
        self._family: set[psutil.Process] = set()

    def memory(self) -> int:
        """Bytes of resident memory, children and their children included."""
        total = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            self._family.update(self._seen.children(recursive=True))
        for member in (self._seen, *self._family):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += member.memory_info().rss
        return total

    def death(self, place: str, seconds: float) -> WorkerError:
        """The report of a process that closed its pipe."""
        end = time.monotonic() + _GRACE
        while self._dying() and time.monotonic() < end:
            time.sleep(_TICK / 10)
        self._kill()
        status = self._process.wait()
        if status < 0:
            message = f"the worker was killed by {signal.Signals(-status).name}"
        else:
            message = f"the worker ended with status {status}"
        return WorkerError(
            message,
            place=place,
            wanted="an answer",
            found=f"none after {seconds:.1f} s",
            fix="look at its last words; SIGKILL without a cause is often the system running out of memory",
        )

    def end(self) -> None:
        """Kills what is left and closes the pipe."""
        self._kill()
        self._process.wait()
        self.pipe.close()

    def _dying(self) -> bool:
        try:
            return self._seen.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def _kill(self) -> None:
        """The group first: until the leader is waited for, its number can be nobody else's.

        Then those who left the group for a session of their own; psutil tells a process from a later one of its number.
        """
        if self._process.returncode is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._family.update(self._seen.children(recursive=True))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        for member in self._family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()


def _start(python: str, place: str) -> _Running:
    """A new worker in a session of its own: an interrupt at the terminal reaches the host alone, which ends it."""
    try:
        process = subprocess.Popen(
            launch.command(python, "bert_bundle.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=launch.environment(),
            cwd="/",  # nothing there that a relative name could mean by accident
            bufsize=0,
            start_new_session=True,
        )
    except OSError as error:
        raise WorkerError(
            "the worker could not be started", place=place, wanted="an interpreter", found=error, fix="make the "
            "environment again: remove its folder",
        ) from error  # fmt: skip
    return _Running(process)


def _raised(record: dict[str, Any], place: str) -> BertBundleError:
    """The error of an answer; a crash keeps its traceback as a note."""
    if record["class"] != "Crash":
        return from_json(record)
    error = WorkerError(
        f"the task raised {record['message']}",
        place=place,
        found=record["place"],
        fix="this is a bug in bert_bundle or in a library: the traceback says where",
    )
    error.add_note(record["trace"])
    return error
