"""The Python interpreters on this machine. Does not know what they are used for.

The search order is PATH, pyenv's versions, the installations of uv; then uv tries to download one. Each candidate is
run to check it, because the pyenv shim of a version that is not active always fails.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bert_bundle.errors import EnvironmentNotMadeError
from bert_bundle.host.environments import uv

_ANSWER_SECONDS = 10
_UV_SECONDS = 30
_DOWNLOAD_SECONDS = 300

# The base executable, because a virtual environment or a shim may be removed later.
_ASK = (
    "import sys;"
    "print('%s %d.%d' % ((sys.implementation.name,) + sys.version_info[:2]));"
    "print(getattr(sys, '_base_executable', None) or sys.executable)"
)


def find(version: str) -> Path:
    """Return a working CPython of `version`, such as "3.9".

    Raises EnvironmentNotMadeError, naming every place that was searched.
    """
    for candidate in _candidates(version):
        if executable := _verified(candidate, version):
            return executable
    installed = uv.run(["python", "install", "--no-bin", version], seconds=_DOWNLOAD_SECONDS)
    for candidate in _managed(version) if installed.succeeded else ():
        if executable := _verified(candidate, version):
            return executable
    raise EnvironmentNotMadeError(
        f"no interpreter for Python {version}",
        place=f"PATH; {_pyenv_versions()}; uv's installations",
        wanted=f"a working CPython {version}",
        found=f"none; uv could not download one: {installed.last_lines}",
        fix=f"install it (pyenv install {version}, or uv python install {version}), or put its bin folder on PATH",
    )


def _candidates(version: str) -> Iterator[Path]:
    for folder in os.get_exec_path():
        for name in (f"python{version}", "python3", "python"):
            yield Path(folder, name)
    yield from sorted(_pyenv_versions().glob(f"{version}.*/bin/python{version}"), key=_patch, reverse=True)
    yield from _managed(version)


def _pyenv_versions() -> Path:
    return Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")


def _patch(executable: Path) -> tuple[int, ...]:
    """Return the numbers of a folder such as 3.9.18, so that it sorts after 3.9.2."""
    return tuple(int(part) for part in executable.parents[1].name.split(".") if part.isdigit())


def _managed(version: str) -> Iterator[Path]:
    # Only the installations of uv: on PATH it would stop at the first shim that fails.
    found = uv.run(["python", "find", "--managed-python", "--no-python-downloads", version], seconds=_UV_SECONDS)
    if found.succeeded:
        yield Path(found.stdout.strip())


def _verified(candidate: Path, version: str) -> Path | None:
    if not os.access(candidate, os.X_OK) or candidate.is_dir():
        return None
    try:
        asked = subprocess.run(
            [candidate, "-I", "-c", _ASK],
            capture_output=True,
            text=True,
            timeout=_ANSWER_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    answer = asked.stdout.splitlines()
    if asked.returncode != 0 or len(answer) != 2 or answer[0] != f"cpython {version}":
        return None
    executable = Path(answer[1])
    return executable if executable.is_file() else None
