"""uv, the installer: owns how it is found, run and bounded in time; refuses to know what it is asked to install."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uv

from bert_bundle.errors import EnvironmentNotMadeError

# What would point uv, or the interpreter it asks, somewhere else than its arguments say.
_MISLEADING = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TARGET")


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a run of uv came to."""

    succeeded: bool
    stdout: str
    stderr: str

    @property
    def last_words(self) -> str:
        """The end of what it said: uv puts the cause of a failure last."""
        return " / ".join(line.strip() for line in self.stderr.splitlines()[-8:] if line.strip())


def run(arguments: Sequence[str | Path], *, seconds: float, stdin: str = "") -> Ran:
    """Run uv with `arguments` and `stdin` to read; one that takes longer than `seconds` is stopped and has failed.

    Raises EnvironmentNotMadeError when there is no uv.
    """
    environ = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    command = [
        _binary(),
        "--color",
        "never",
        "--no-progress",
        *(str(a.absolute() if isinstance(a, Path) else a) for a in arguments),
    ]
    try:
        # In the root folder, where no pyproject.toml or .python-version of a project has a say.
        done = subprocess.run(
            command, env=environ, cwd="/", capture_output=True, text=True, timeout=seconds, input=stdin
        )
    except subprocess.TimeoutExpired:
        return Ran(succeeded=False, stdout="", stderr=f"uv {arguments[0]} took longer than {seconds:.0f} s")
    return Ran(succeeded=done.returncode == 0, stdout=done.stdout, stderr=done.stderr)


def _binary() -> str:
    try:
        return uv.find_uv_bin()
    except FileNotFoundError as error:
        raise EnvironmentNotMadeError("uv is not installed", fix="pip install 'bert-bundle[matrix]'") from error
