"""One environment on disk: owns how it is made, cached and checked; refuses to know what will run in it.

It lies in the user's cache under its lock's digest. A virtual environment cannot be moved, so it is made in place,
under a file lock, and a marker written last says that it is complete. What it holds is read back from inside at every
use.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout
from packaging.utils import canonicalize_name

from bert_bundle.errors import EnvironmentNotMadeError
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.environments import interpreters, uv
from bert_bundle.host.environments.locks import Lock, as_on_its_day
from bert_bundle.interpreter.known_breakages import AUTO

CACHE_VARIABLE = "BERT_BUNDLE_CACHE"

Progress = Callable[[str], None]

_MARKER = "complete.json"
_INSTALL_SECONDS = 1800  # 500 MB at 300 kB/s
_READ_BACK_SECONDS = 60

# Runs inside the environment, so in Python 3.8 syntax; a list, because a damaged one may hold a package twice.
_READ_BACK = """
import importlib.metadata, json, platform
held = [[d.metadata["Name"] or "", d.version or ""] for d in importlib.metadata.distributions()]
print(json.dumps({"python": platform.python_version(), "packages": held}))
"""


@dataclass(frozen=True, kw_only=True)
class ReadyEnvironment:
    """A complete environment: its interpreter, and what is in it as read back from inside (canonical names).

    `runtime` is what its row asks for: transformers or native; auto where there is no row. `size` is what it takes on
    disk, in bytes, what it shares with uv's cache or another environment included; 0 where it was not measured.
    `row` and `lock_text` are what it was made from, so that another process can make it too; None without a row.
    """

    id: str
    python: Path
    lock_digest: str
    packages: dict[str, str]
    python_version: str
    runtime: str = AUTO
    size: int = 0
    row: Environment | None = None
    lock_text: str | None = None


def make(environment: Environment, lock: Lock, *, progress: Progress) -> ReadyEnvironment:
    """The environment that `lock` describes, made unless it is there; of two processes one makes it, the other waits.

    Raises EnvironmentNotMadeError, with uv's last words; what was built is kept beside it, under ".failed".
    """
    folder = _folder(lock)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(folder, environment, progress):
            made = _cached(folder, environment, lock, progress)
            return made or _built(folder, environment, lock, progress)
    except OSError as error:
        raise EnvironmentNotMadeError(
            "the cache of environments cannot be used",
            place=error.filename or folder.parent,
            found=error.strerror or error,
            fix=f"free space there, or set {CACHE_VARIABLE} to another folder",
        ) from error


def discard(lock: Lock) -> None:
    """Removes the environment of `lock` from the cache. Whoever uses it at this moment loses it."""
    folder = _folder(lock)
    with FileLock(f"{folder}.lock"):
        shutil.rmtree(folder, ignore_errors=True)


def cache_root() -> Path:
    """Where everything that can be made again lies: $BERT_BUNDLE_CACHE, or the user's cache."""
    override = os.environ.get(CACHE_VARIABLE)
    return Path(override).expanduser().resolve() if override else platformdirs.user_cache_path("bert_bundle")


def _folder(lock: Lock) -> Path:
    return cache_root() / "environments" / lock.digest[:16]


def _only_one(folder: Path, environment: Environment, progress: Progress) -> AbstractContextManager[object]:
    guard = FileLock(f"{folder}.lock")
    try:
        return guard.acquire(timeout=0)
    except Timeout:
        progress(f"{environment.id}: waiting for another process to make it")
        try:
            return guard.acquire(timeout=2 * _INSTALL_SECONDS)
        except Timeout as error:
            raise EnvironmentNotMadeError(
                "another process has been making the environment for too long",
                place=environment.id,
                found=f"{folder}.lock is held",
                fix="end that process, or wait for it",
            ) from error


def _cached(folder: Path, environment: Environment, lock: Lock, progress: Progress) -> ReadyEnvironment | None:
    if not (folder / _MARKER).is_file():
        if folder.exists():
            progress(f"{environment.id}: half built, made again")
        return None
    made = _read_back(folder, environment, lock)
    if made is None:
        progress(f"{environment.id}: damaged, made again")
        return None
    marker = json.loads((folder / _MARKER).read_text("utf-8"))
    return replace(made, size=marker["size"]) if "size" in marker else _complete(folder, made)


def _built(folder: Path, environment: Environment, lock: Lock, progress: Progress) -> ReadyEnvironment:
    started = time.monotonic()
    interpreter = interpreters.find(environment.python)
    progress(f"{environment.id}: installing {len(lock.pins)} packages for python {environment.python}")
    shutil.rmtree(folder, ignore_errors=True)
    python = _python(folder)
    steps: tuple[list[str | Path], ...] = (
        ["venv", "--no-project", "--python", interpreter, folder],
        ["pip", "sync", "--require-hashes", "--python", python, *as_on_its_day(environment), lock.path],
    )
    for step in steps:
        ran = uv.run(step, seconds=_INSTALL_SECONDS)
        if not ran.succeeded:
            raise _failure(folder, environment, ran.last_words, ran.stderr)
    made = _read_back(folder, environment, lock)
    if made is None:
        raise _failure(folder, environment, "other packages than the lock's", "")
    made = _complete(folder, made)
    progress(f"{environment.id}: ready in {time.monotonic() - started:.1f} s")
    return made


def _complete(folder: Path, made: ReadyEnvironment) -> ReadyEnvironment:
    """Measures the environment and writes the marker; what an older version of us completed has no size yet."""
    files = {(s.st_dev, s.st_ino): s.st_blocks * 512 for s in (p.lstat() for p in folder.rglob("*"))}
    made = replace(made, size=sum(files.values()))
    marker = {"lock": made.lock_digest, "environment": made.id, "size": made.size}
    (folder / _MARKER).write_text(json.dumps(marker), encoding="utf-8")
    return made


def _read_back(folder: Path, environment: Environment, lock: Lock) -> ReadyEnvironment | None:
    """What the environment holds; None if it does not run, or holds anything but the lock's pins."""
    try:
        # -I: neither PYTHONPATH nor the user's own packages may be mistaken for the environment's.
        asked = subprocess.run(
            [_python(folder), "-I", "-c", _READ_BACK],
            capture_output=True,
            text=True,
            timeout=_READ_BACK_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    answer = json.loads(asked.stdout)
    held = sorted((canonicalize_name(name), version) for name, version in answer["packages"])
    if held != sorted(lock.pins.items()):
        return None
    return ReadyEnvironment(
        id=environment.id,
        python=_python(folder),
        lock_digest=lock.digest,
        packages=dict(held),
        python_version=answer["python"],
        runtime=environment.runtime,
        row=environment,
        lock_text=lock.path.read_bytes().decode("utf-8"),
    )


def _failure(folder: Path, environment: Environment, found: str, log: str) -> EnvironmentNotMadeError:
    kept = folder.with_name(f"{folder.name}.failed")
    shutil.rmtree(kept, ignore_errors=True)
    if folder.exists():
        folder.rename(kept)
    kept.mkdir(exist_ok=True)
    (kept / "uv.log").write_text(log, encoding="utf-8")
    return EnvironmentNotMadeError(
        "the environment could not be made",
        place=environment.id,
        wanted="the packages of its lock",
        found=found,
        fix=f"read {kept / 'uv.log'}; what was built is kept beside it",
    )


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"
