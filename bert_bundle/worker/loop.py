"""The worker's loop: reads one request per line, runs the task it names, writes JSON lines back.

Owns the pipe and the names of the tasks. Does not know what a task does, and never judges its result.

    {"id": 1, "do": "replay", "arguments": {"bundle": "/models/router"}}
    {"id": 1, "progress": "loading"}            any number of these
    {"id": 1, "done": {...}}                    or {"id": 1, "error": {class, message, place, wanted, found, fix}}

The lines are ASCII: every other character is escaped. NaN and infinity are written as Python's json module writes
them, because a prediction that is not a number must arrive unchanged and both ends of the pipe are Python. An
unexpected exception is answered as an error of class Crash, with its traceback in `trace`.
A task is called with its arguments and with `progress=`, a function that takes a text.
"""

import importlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from types import MappingProxyType
from typing import Any, BinaryIO, Callable, Dict, Mapping, Tuple, Union

from bert_bundle.errors import BertBundleError, ConfigError
from bert_bundle.interpreter import launch

Task = Union[str, Callable[..., Any]]  # a callable, or "module:function", which is imported when it is first asked for

TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "replay": "bert_bundle.worker.tasks:replay",
        "check": "bert_bundle.worker.tasks:check",
        "load": "bert_bundle.worker.tasks:load",
        "prove": "bert_bundle.worker.tasks:prove",
        "predict": "bert_bundle.worker.tasks:predict",
        "generate": "bert_bundle.worker.tasks:generate",
        "train": "bert_bundle.worker.tasks:train",
        "rescue": "bert_bundle.worker.tasks:rescue",
    }
)

_CRASH_FRAMES = 3  # innermost frames of a traceback that the place of a crash names
_PARENT_CHECK_SECONDS = 0.5


def main(tasks: Mapping[str, Task] = TASKS, setting: str = launch.PINNED_SETTING) -> None:
    """Answer requests for `tasks` until standard input ends, with the variables of `setting` (see `launch.pin`)."""
    launch.pin(setting)
    requests, answers = _private_pipe()
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    for line in requests:
        serve(line, answers, tasks)


def serve(line: bytes, answers: BinaryIO, tasks: Mapping[str, Task] = TASKS) -> None:
    """Run the task that one line requests and write every answer to `answers`."""
    number = None

    def send(**answer: Any) -> None:
        answers.write(json.dumps(dict(answer, id=number)).encode("ascii") + b"\n")
        answers.flush()

    try:
        request = json.loads(line.decode("utf-8"))
        number = request["id"]
        task = _task(request["do"], tasks)
        send(done=task(progress=lambda text: send(progress=str(text)), **request["arguments"]))
    except BertBundleError as error:
        send(error=error.to_json())
    except BrokenPipeError:
        raise
    except (Exception, SystemExit) as error:  # user code and TensorFlow raise anything; the worker keeps running
        send(error=_crash(error))


def _task(name: str, tasks: Mapping[str, Task]) -> Callable[..., Any]:
    if name not in tasks:
        raise ConfigError("no such task", place="worker", wanted=", ".join(sorted(tasks)), found=name)
    task = tasks[name]
    if not isinstance(task, str):
        return task
    module, function = task.split(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


def _crash(error: BaseException) -> Dict[str, str]:
    """Return an unexpected exception as an error record of class Crash: type, message and innermost frames."""
    traceback.print_exc()
    frames = traceback.extract_tb(error.__traceback__)[-_CRASH_FRAMES:]
    return {
        "class": "Crash",
        "message": "{}: {}".format(type(error).__name__, error),
        "place": " < ".join("{}:{} in {}".format(f.filename, f.lineno, f.name) for f in reversed(frames)),
        "wanted": "",
        "found": "",
        "fix": "",
        "trace": traceback.format_exc(),
    }


def _private_pipe() -> Tuple[BinaryIO, BinaryIO]:
    """Move standard input and output to new file descriptors and return them.

    Descriptor 0 becomes /dev/null and descriptor 1 standard error, so that prints of Python, C libraries and child
    processes can neither read a request nor write between two answers. Children do not inherit the new descriptors.
    """
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    # With a full buffer the last lines of a process that is killed would be lost.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)
    return requests, answers


def _end_with_parent(parent: int) -> None:
    """End this process, and its process group if it leads one, as soon as its parent process has ended.

    A host that is killed closes no pipe that a task in a long computation would notice.
    """
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_SECONDS)
    if os.getsid(0) == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)
