"""What can go wrong inside a worker, as tasks that do it; a host that survives these survives TensorFlow.

Owns the faults; knows nothing of how they are noticed.
"""

import os
import signal
import subprocess
import sys
import time
from typing import Any, Dict, List

from bert_bundle.errors import FormatError

_BLOCK = 16 << 20  # bytes that `grow` takes at a time


def chatter(*, progress: Any, lines: int = 1) -> Dict[str, Any]:
    """Talks on every channel that is not the pipe: print, a C library's write, a child process, standard error."""
    for _ in range(lines):
        print('{"id": 1, "done": "a print"}')
        os.write(1, b'{"id": 1, "done": "a write to descriptor 1"}\n')
        sys.stderr.write("an error\n")
    subprocess.run([sys.executable, "-c", "print('a child')"], check=True)
    return {"read": sys.stdin.read(), "descriptor": os.read(0, 10).decode()}


def die(*, progress: Any, name: str = "SIGKILL") -> Dict[str, Any]:
    """Ends by a signal, after some last words on standard error."""
    sys.stderr.write("last words\n")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.Signals[name])
    return hang(progress=progress)


def leave(*, progress: Any, status: int = 3) -> Dict[str, Any]:
    """Ends at once, without an answer and without a signal."""
    os._exit(status)


def echo(*, progress: Any, **arguments: Any) -> Dict[str, Any]:
    """Answers its arguments, and says on the way which came."""
    for name in arguments:
        progress("argument {}".format(name))
    return arguments


def grow(*, progress: Any, limit: int) -> Dict[str, Any]:
    """Takes `limit` bytes of memory, block by block, and holds them."""
    blocks: List[bytes] = []
    while len(blocks) * _BLOCK < limit:
        blocks.append(os.urandom(4096) * (_BLOCK // 4096))
        time.sleep(0.02)
    return {"bytes": sum(map(len, blocks))}


def hang(*, progress: Any, seconds: float = 3600.0, children: int = 0) -> Dict[str, Any]:
    """Does not come back for `seconds`; with `children`, has processes of its own, the last of them in a session of
    its own; says their ids first."""
    sleeper = [sys.executable, "-c", "import time; time.sleep(3600)"]
    started = [subprocess.Popen(sleeper, start_new_session=i == children - 1) for i in range(children)]
    progress(" ".join(str(p.pid) for p in started))
    time.sleep(seconds)
    return {}


def orphan(*, progress: Any) -> Dict[str, Any]:
    """Leaves a process in its group whose parent has ended, says its id, and does not come back."""
    sleeper = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'],"
    started = subprocess.run(
        [sys.executable, "-c", sleeper + " stdout=subprocess.DEVNULL).pid)"], stdout=subprocess.PIPE, check=True
    )
    progress(started.stdout.decode())
    return hang(progress=progress)


def odd(*, progress: Any) -> Dict[str, Any]:
    """Answers what JSON cannot say."""
    return {"a set": {1}}


def refuse(*, progress: Any) -> Dict[str, Any]:
    """Raises an error of ours, every part of it filled in."""
    raise FormatError("a planted refusal", place="graph.json#/é", wanted="good", found="bad\x1b[31m", fix="save again")


def stumble(*, progress: Any, leaving: bool = False) -> Dict[str, Any]:
    """Raises what nobody planned: a KeyError, or `sys.exit`."""
    if leaving:
        sys.exit("by the back door")
    raise KeyError("a planted bug")


def surroundings(*, progress: Any) -> Dict[str, Any]:
    """What the process sees: its variables, its path, its modules, its group."""
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
