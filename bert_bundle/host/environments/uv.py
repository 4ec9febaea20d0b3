"""How uv, the installer, is found and run, with a time limit. Does not know what it installs."""

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

import uv

from bert_bundle.errors import EnvironmentNotMadeError
from bert_bundle.host.environments.cancellation import INTERRUPTED, Cancelled, never

_TICK = 0.2  # seconds between two questions whether to go on

# Variables that would make uv, or an interpreter that it runs, use another place than its arguments name.
_MISLEADING = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TARGET")


@dataclass(frozen=True, kw_only=True)
class UvResult:
    """The result of a run of uv."""

    succeeded: bool
    stdout: str
    stderr: str

    @property
    def last_lines(self) -> str:
        """Return the end of its standard error: uv prints the cause of a failure last."""
        return " / ".join(line.strip() for line in self.stderr.splitlines()[-8:] if line.strip())


def run(arguments: Sequence[str | Path], *, seconds: float, stdin: str = "", cancelled: Cancelled = never) -> UvResult:
    """Run uv with `arguments` and `stdin`; after `seconds`, or once `cancelled`, it is killed and counts as failed.

    Raises EnvironmentNotMadeError if uv is not installed.
    """
    environ = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    absolute = (str(a.absolute() if isinstance(a, Path) else a) for a in arguments)
    command = [_binary(), "--color", "never", "--no-progress", *absolute]
    # In the root folder, so that it reads no pyproject.toml or .python-version of a project.
    with subprocess.Popen(command, env=environ, cwd="/", stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True) as process:
        try:
            return _ended(process, f"uv {arguments[0]}", seconds, stdin, cancelled)
        finally:
            process.kill()  # does nothing to one that has ended


def _ended(process: subprocess.Popen[str], name: str, seconds: float, stdin: str, cancelled: Cancelled) -> UvResult:
    """Wait for the end of a process, but not longer than it may take."""
    end = time.monotonic() + seconds
    given: str | None = stdin
    while True:
        try:
            out, err = process.communicate(given, timeout=_TICK)
        except subprocess.TimeoutExpired:
            given = None  # it has been taken over
            if cancelled():
                return UvResult(succeeded=False, stdout="", stderr=INTERRUPTED)
            if time.monotonic() > end:
                return UvResult(succeeded=False, stdout="", stderr=f"{name} took longer than {seconds:.0f} s")
            continue
        return UvResult(succeeded=process.returncode == 0, stdout=out, stderr=err)


def _binary() -> str:
    try:
        return uv.find_uv_bin()
    except FileNotFoundError as error:
        raise EnvironmentNotMadeError("uv is not installed", fix="pip install 'bert-bundle[matrix]'") from error
