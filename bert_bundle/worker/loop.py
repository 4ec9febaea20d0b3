"""The worker: a long-lived process inside an environment that does tasks, one JSON line in, JSON lines out.

Owns the pipe and the names of the tasks; knows nothing of what a task does, and never judges what came of it.

    {"id": 1, "do": "replay", "arguments": {"bundle": "/models/router"}}
    {"id": 1, "progress": "loading"}            any number of these
    {"id": 1, "done": {...}}                    or {"id": 1, "error": {class, message, place, wanted, found, fix}}

The lines are ASCII, whatever the text: every other character is escaped. NaN and the infinities are written as
Python's json writes them, on purpose: a prediction that is not a number must arrive as what it is, and both ends
of this pipe are Python. An exception nobody planned is an error of class Crash, with a `trace`.
A task is called with its arguments and `progress=`, a function that takes a text.
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
from typing import Any, BinaryIO, Dict, Mapping, Tuple

from bert_bundle.errors import BertBundleError, ConfigError
from bert_bundle.interpreter import launch

TASKS: Mapping[str, str] = MappingProxyType(
    {
        "replay": "bert_bundle.worker.tasks:replay",
        "check": "bert_bundle.worker.tasks:check",
        "load": "bert_bundle.worker.tasks:load",
        "prove": "bert_bundle.worker.tasks:prove",
        "predict": "bert_bundle.worker.tasks:predict",
        "generate": "bert_bundle.worker.tasks:generate",
        "train": "bert_bundle.worker.tasks:train",
        "fault.chatter": "bert_bundle.testing.faults:chatter",
        "fault.die": "bert_bundle.testing.faults:die",
        "fault.echo": "bert_bundle.testing.faults:echo",
        "fault.forge": "bert_bundle.testing.forgery:forge",
        "fault.grow": "bert_bundle.testing.faults:grow",
        "fault.hang": "bert_bundle.testing.faults:hang",
        "fault.heave": "bert_bundle.testing.forgery:heave",
        "fault.leave": "bert_bundle.testing.faults:leave",
        "fault.odd": "bert_bundle.testing.faults:odd",
        "fault.orphan": "bert_bundle.testing.faults:orphan",
        "fault.parrot": "bert_bundle.testing.forgery:parrot",
        "fault.skim": "bert_bundle.testing.forgery:skim",
        "fault.refuse": "bert_bundle.testing.faults:refuse",
        "fault.replay": "bert_bundle.testing.planted:replay",
        "fault.stumble": "bert_bundle.testing.faults:stumble",
        "fault.surroundings": "bert_bundle.testing.faults:surroundings",
    }
)

_FRAMES = 3  # of a crash's traceback, named in its place: the line that raised and who called it
_PARENT_CHECK = 0.5  # seconds


def main() -> None:
    """Answers requests until standard input ends; its one argument, if any, is the setting that it runs in."""
    launch.pin(*sys.argv[1:])
    requests, answers = _private_pipe()
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    for line in requests:
        serve(line, answers)


def serve(line: bytes, answers: BinaryIO) -> None:
    """Does what one line asks for and writes every answer to it."""
    number = None

    def send(**answer: Any) -> None:
        answers.write(json.dumps(dict(answer, id=number)).encode("ascii") + b"\n")
        answers.flush()

    try:
        request = json.loads(line.decode("utf-8"))
        number = request["id"]
        send(done=_task(request["do"])(progress=lambda text: send(progress=str(text)), **request["arguments"]))
    except BertBundleError as error:
        send(error=error.to_json())
    except BrokenPipeError:
        raise
    except (Exception, SystemExit) as error:  # user code and TensorFlow raise anything; the worker lives on
        send(error=_crash(error))


def _task(name: str) -> Any:
    if name not in TASKS:
        raise ConfigError("no such task", place="worker", wanted=", ".join(sorted(TASKS)), found=name)
    module, function = TASKS[name].split(":")
    return getattr(importlib.import_module(module), function)


def _crash(error: BaseException) -> Dict[str, str]:
    """An exception nobody planned, as an error record of class Crash: its type, its words, the frames it came from."""
    traceback.print_exc()
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
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
    """The pipe we were given, moved to descriptors of our own.

    What is left on 0 and 1 is /dev/null and standard error: prints of Python, of C libraries and of child processes
    can neither read a request nor stand between two answers. The new descriptors are not inherited by children.
    """
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    # A full buffer would keep the last words of a process that is killed.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)
    return requests, answers


def _end_with_parent(parent: int) -> None:
    """Ends this process, and its group where it leads one, as soon as the process that started it is gone.

    A host that was killed closes no pipe that a task in the middle of a long computation would notice.
    """
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK)
    if os.getsid(0) == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)
