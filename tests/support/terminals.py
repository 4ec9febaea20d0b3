"""A command in a terminal of its own: what it shows there, and what it leaves on a screen."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

ROWS = 50


def run_in_terminal(
    command: Sequence[str | Path], columns: int, *, stdout: bool = True, stderr: bool = True, **environ: str
) -> tuple[int, str, str]:
    """Run a command whose streams are a terminal of so many columns, or pipes.

    Return (exit code, what the terminal got, what standard output got if it is a pipe).
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    with subprocess.Popen(
        list(map(str, command)),
        stdin=subprocess.DEVNULL,
        stdout=theirs if stdout else subprocess.PIPE,
        stderr=theirs if stderr else subprocess.DEVNULL,
        env=terminal_environment(environ),
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = _read_all(ours)
        output = process.stdout.read().decode() if process.stdout else ""
    os.close(ours)
    return process.returncode, shown.replace("\r\n", "\n"), output


def terminal_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of this process with those of a usual terminal, and the changes."""
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")}
    return {**kept, "TERM": "xterm-256color", **changes}


def _read_all(descriptor: int) -> str:
    """Return everything until the last process that has the terminal closes it, which Linux reports as an error."""
    found = bytearray()
    while True:
        try:
            chunk = os.read(descriptor, 1 << 16)
        except OSError:
            return found.decode()
        if not chunk:
            return found.decode()
        found += chunk
