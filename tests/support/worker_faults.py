"""Tasks that go wrong inside a worker, each in one way. Python 3.8 syntax: `faulty_worker.py` imports it."""

import os
import signal
import subprocess
import sys
import time
from typing import Any, Dict, List

from bert_bundle.errors import FormatError

_BLOCK = 16 << 20  # bytes that `grows` takes at a time


def prints(*, progress: Any, lines: int = 1) -> Dict[str, Any]:
    """Write to every channel that is not the pipe: print, descriptor 1, a child process, standard error."""
    for _ in range(lines):
        print('{"id": 1, "done": "a print"}')
        os.write(1, b'{"id": 1, "done": "a write to descriptor 1"}\n')
        sys.stderr.write("an error\n")
    subprocess.run([sys.executable, "-c", "print('a child')"], check=True)
    return {"read": sys.stdin.read(), "descriptor": os.read(0, 10).decode()}


def crashes(*, progress: Any, name: str = "SIGKILL") -> Dict[str, Any]:
    """End by a signal, after a line on standard error."""
    sys.stderr.write("last line\n")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.Signals[name])
    return hangs(progress=progress)


def exits(*, progress: Any, status: int = 3) -> Dict[str, Any]:
    """End at once, without an answer and without a signal."""
    os._exit(status)


def echo(*, progress: Any, **arguments: Any) -> Dict[str, Any]:
    """Return the arguments, and report each as progress."""
    for name in arguments:
        progress("argument {}".format(name))
    return arguments


def grows(*, progress: Any, limit: int) -> Dict[str, Any]:
    """Allocate `limit` bytes of memory, block by block."""
    blocks: List[bytes] = []
    while len(blocks) * _BLOCK < limit:
        blocks.append(os.urandom(4096) * (_BLOCK // 4096))
        time.sleep(0.02)
    return {"bytes": sum(map(len, blocks))}


def hangs(*, progress: Any, seconds: float = 3600.0, children: int = 0, **_: Any) -> Dict[str, Any]:
    """Sleep for `seconds`, with `children` child processes, the last of them in a session of its own.

    Reports its own process id and theirs first. Takes the arguments of any task.
    """
    sleeper = [sys.executable, "-c", "import time; time.sleep(3600)"]
    started = [subprocess.Popen(sleeper, start_new_session=i == children - 1) for i in range(children)]
    progress(" ".join(str(pid) for pid in [os.getpid(), *(p.pid for p in started)]))
    time.sleep(seconds)
    return {}


def leaves_orphan(*, progress: Any) -> Dict[str, Any]:
    """Start a process in this group whose parent has ended, report its process id, then hang."""
    sleeper = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'],"
    started = subprocess.run(
        [sys.executable, "-c", sleeper + " stdout=subprocess.DEVNULL).pid)"], stdout=subprocess.PIPE, check=True
    )
    progress(started.stdout.decode())
    return hangs(progress=progress)


def unserializable(*, progress: Any) -> Dict[str, Any]:
    """Return what JSON cannot represent."""
    return {"a set": {1}}


def refuses(*, progress: Any) -> Dict[str, Any]:
    """Raise an error of bert_bundle with every part filled in."""
    raise FormatError("a planted refusal", place="graph.json#/é", wanted="good", found="bad\x1b[31m", fix="save again")


def raises(*, progress: Any, leaving: bool = False, **_: Any) -> Dict[str, Any]:
    """Raise an unexpected exception: a KeyError, or SystemExit."""
    if leaving:
        sys.exit("an exit")
    raise KeyError("a planted bug")


def process_facts(*, progress: Any) -> Dict[str, Any]:
    """Return what the process sees: its variables, its path, its modules, its group."""
    return {
        "environment": dict(os.environ),
        "path": list(sys.path),
        "modules": sorted(sys.modules),
        "hash": hash("bert_bundle"),
        "utf8": sys.flags.utf8_mode,
        "user_site": not sys.flags.no_user_site,
        "group": os.getpgid(0),
        "pid": os.getpid(),
    }
