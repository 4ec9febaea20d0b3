"""The host's side of a worker: starts the process when it is first asked, watches its limits and always ends it.

Owns the process and its limits. Does not know what the tasks mean. A worker can be slow, use too much memory, crash or
answer with an error: each becomes one exception, and the next request starts a new process.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from types import TracebackType
from typing import Any, Self

import psutil

from bert_bundle.errors import BertBundleError, WorkerError, from_json
from bert_bundle.host.environments.cancellation import INTERRUPTED, Cancelled, never
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.workers.pipe import Pipe
from bert_bundle.interpreter import launch
from bert_bundle.progress import Progress, silent

TIME_LIMIT = 900.0  # seconds per request; importing TensorFlow takes 10, the largest replay minutes
MEMORY_LIMIT = 8 << 30  # bytes of resident memory, the worker and its children together

_TICK = 0.1  # seconds between two checks of the clock and the memory
_STDERR_LINES = 40  # last lines of standard error that the error about a crash carries
_EXIT_SECONDS = 5.0  # that a process which has closed its pipe may take to exit

# What the interpreter of an environment runs as its worker: a module of this package or the path of a .py file, then
# the arguments. Anything that answers requests as `bert_bundle.worker.loop` does can take its place.
Entry = tuple[str, ...]
WORKER_ENTRY: Entry = ("bert_bundle.worker",)


class Worker:
    """The worker process of one environment in one role; a context manager that leaves no process behind.

    `cancelled` is called ten times a second while a task runs. Once it returns true the process is ended and `ask`
    raises, so that an interrupted run stops at once. `started` counts the processes started so far.
    """

    def __init__(
        self,
        environment: ReadyEnvironment,
        role: str,
        *,
        entry: Entry = WORKER_ENTRY,
        time_limit: float = TIME_LIMIT,
        memory_limit: int = MEMORY_LIMIT,
        cancelled: Cancelled = never,
    ) -> None:
        self.name = f"{environment.id} ({role})"
        self._command = launch.command(str(environment.python), *entry, write_bytecode=not environment.read_only)
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
        """Run `task` with `arguments` in the worker and return its answer; `progress` receives its progress lines.

        Raises the error that the task raised, or WorkerError when there is no answer: its `outcome` is "timeout" or
        "crashed", and its notes hold the last lines of the worker's standard error.
        """
        self._asked += 1
        place = f"{self.name}, task {task}"
        try:
            answer = self._converse(task, place, progress, arguments)
        except BaseException as error:
            if self._running is not None and isinstance(error, WorkerError):
                error.add_note(self._running.pipe.last_error_lines(_STDERR_LINES))
            self.close()
            raise
        if "error" in answer:
            raise _raised(answer["error"], place)
        done: dict[str, Any] = answer["done"]
        return done

    def close(self) -> None:
        """End the process, its process group and every other process that it started."""
        running, self._running = self._running, None
        if running is not None:
            running.end()

    def _converse(self, task: str, place: str, progress: Progress, arguments: dict[str, Any]) -> dict[str, Any]:
        if self._cancelled():
            raise WorkerError(INTERRUPTED, place=place)
        started = time.monotonic()
        if self._running is None:
            self._running = _start(self._command, place)
            self.started += 1
        running = self._running
        request = {"id": self._asked, "do": task, "arguments": arguments}
        running.pipe.send(json.dumps(request).encode("ascii") + b"\n")
        checked = started
        while True:
            try:
                lines = running.pipe.poll(_TICK)
            except EOFError:
                raise running.crash(place, time.monotonic() - started) from None
            for answer in map(json.loads, lines):
                if answer["id"] != self._asked:
                    raise WorkerError("the worker answered another request", place=place, found=answer)
                if "progress" not in answer:
                    return dict(answer)
                progress(answer["progress"])
            if time.monotonic() - checked >= _TICK:
                checked = time.monotonic()
                self._check(running, place, checked - started)

    def _check(self, running: "_Running", place: str, seconds: float) -> None:
        if self._cancelled():
            raise WorkerError(INTERRUPTED, place=place)
        if seconds > self._time_limit:
            raise WorkerError(
                "the worker took too long",
                outcome="timeout",
                place=place,
                wanted=f"an answer within {self._time_limit:g} s",
                found="none",
                fix="read the last lines of its standard error; raise the time limit if it was still working",
            )
        if (memory := running.memory()) > self._memory_limit:
            raise WorkerError(
                "the worker used too much memory",
                place=place,
                wanted=f"at most {self._memory_limit / 2**30:.1f} GB of resident memory",
                found=f"{memory / 2**30:.1f} GB",
                fix="raise the memory limit if the model needs that much",
            )


class _Running:
    """A started process, its pipe, and the descendants it has been seen with."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pipe = Pipe(process)
        self._process = process
        self._leader = psutil.Process(process.pid)
        self._descendants: set[psutil.Process] = set()

    def memory(self) -> int:
        """Return the resident memory in bytes, descendants included."""
        total = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            self._descendants.update(self._leader.children(recursive=True))
        for member in (self._leader, *self._descendants):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += member.memory_info().rss
        return total

    def crash(self, place: str, seconds: float) -> WorkerError:
        """Return the error about a process that closed its pipe, once it has exited."""
        end = time.monotonic() + _EXIT_SECONDS
        while self._is_alive() and time.monotonic() < end:
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
            fix="read the last lines of its standard error; SIGKILL often means that the system ran out of memory",
        )

    def end(self) -> None:
        """Kill what is left and close the pipe."""
        self._kill()
        self._process.wait()
        self.pipe.close()

    def _is_alive(self) -> bool:
        try:
            return self._leader.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def _kill(self) -> None:
        """Kill the process group, then the descendants that started a new session and so left it.

        The group comes first: until its leader is waited for, the process id cannot be reused. psutil tells a process
        from a later one with the same id.
        """
        if self._process.returncode is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._descendants.update(self._leader.children(recursive=True))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        for member in self._descendants:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()


def _start(command: list[str], place: str) -> _Running:
    """Start a worker in a new session, so that an interrupt at the terminal reaches only the host."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=launch.environment(),
            cwd="/",  # a relative path finds nothing here by accident
            bufsize=0,
            start_new_session=True,
        )
    except OSError as error:
        raise WorkerError(
            "the worker could not be started",
            place=place,
            wanted="an interpreter",
            found=error,
            fix="remove the folder of the environment, so that it is made again",
        ) from error
    return _Running(process)


def _raised(record: dict[str, Any], place: str) -> BertBundleError:
    """Return the error that an answer describes; a crash keeps its traceback as a note."""
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
