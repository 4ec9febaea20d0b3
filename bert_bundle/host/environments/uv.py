"""How uv, the installer, is found and run, with a time limit. Does not know what it installs."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uv

from bert_bundle.errors import EnvironmentNotMadeError

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


def run(arguments: Sequence[str | Path], *, seconds: float, stdin: str = "") -> UvResult:
    """Run uv with `arguments` and `stdin`; after `seconds` it is stopped and counts as failed.

    Raises EnvironmentNotMadeError if uv is not installed.
    """
    environ = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    absolute = (str(a.absolute() if isinstance(a, Path) else a) for a in arguments)
    command = [_binary(), "--color", "never", "--no-progress", *absolute]
    try:
        # In the root folder, so that it reads no pyproject.toml or .python-version of a project.
        done = subprocess.run(
            command, env=environ, cwd="/", capture_output=True, text=True, timeout=seconds, input=stdin
        )
    except subprocess.TimeoutExpired:
        return UvResult(succeeded=False, stdout="", stderr=f"uv {arguments[0]} took longer than {seconds:.0f} s")
    return UvResult(succeeded=done.returncode == 0, stdout=done.stdout, stderr=done.stderr)


def _binary() -> str:
    try:
        return uv.find_uv_bin()
    except FileNotFoundError as error:
        raise EnvironmentNotMadeError("uv is not installed", fix="pip install 'bert-bundle[matrix]'") from error
