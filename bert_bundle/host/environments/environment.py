"""How one environment is made, cached and checked on disk. Does not know what runs in it.

Its folder is in the user's cache, named by the digest of its lock. A virtual environment cannot be moved, so it is made
in place, under a file lock; a marker that is written last shows that it is complete. Its packages are read back from
inside at every use.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import platformdirs
from filelock import FileLock, Timeout
from packaging.utils import canonicalize_version

from bert_bundle.errors import EnvironmentNotMadeError, StorageError
from bert_bundle.format.staging import write_file
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.environments import interpreters, uv
from bert_bundle.host.environments.cancellation import Cancelled, never
from bert_bundle.host.environments.locks import Lock, index_date_options
from bert_bundle.host.environments.read_back import read_back
from bert_bundle.interpreter.known_breakages import AUTO
from bert_bundle.progress import Progress

CACHE_VARIABLE = "BERT_BUNDLE_CACHE"
MARKER = "complete.json"
_INSTALL_SECONDS = 1800  # 500 MB at 300 kB/s


@dataclass(frozen=True, kw_only=True)
class ReadyEnvironment:
    """A complete environment.

    packages        canonical name -> version, as read back from inside
    runtime         the one of its row, transformers or native; auto without a row
    size            bytes on disk, including files shared with uv's cache or other environments; 0 if not measured
    row, lock_text  what it was made from, so that another process can make it too; None without a row
    read_only       whether it is not this package's: nothing is written into it, not even compiled modules
    error           None: the other case of a prepared environment has one
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
    read_only: bool = False
    error: ClassVar[None] = None


def make(environment: Environment, lock: Lock, *, progress: Progress, cancelled: Cancelled = never) -> ReadyEnvironment:
    """Return the environment of `lock`, from the cache or newly made; a second process waits for the first.

    The installation ends, and fails, once `cancelled` returns true; an interrupt of this thread ends it too.
    Raises EnvironmentNotMadeError with the message of uv; what was built is kept beside it, with the suffix ".failed".
    """
    folder = folder_of(lock)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(folder, environment, progress):
            cached = _from_cache(folder, environment, lock, progress)
            return cached or _build(folder, environment, lock, progress, cancelled)
    except StorageError as error:
        raise _unusable_cache(error.place, error.found) from error
    except OSError as error:
        raise _unusable_cache(error.filename or folder.parent, error.strerror or error) from error


def discard(lock: Lock) -> None:
    """Remove the environment of `lock` from the cache, even if another process is using it."""
    folder = folder_of(lock)
    with FileLock(f"{folder}.lock"):
        shutil.rmtree(folder, ignore_errors=True)


def cache_root() -> Path:
    """Return the folder of everything that can be made again: $BERT_BUNDLE_CACHE, or the user's cache."""
    override = os.environ.get(CACHE_VARIABLE)
    return Path(override).expanduser().resolve() if override else platformdirs.user_cache_path("bert_bundle")


def folder_of(lock: Lock) -> Path:
    """Return where the environment of `lock` is, if it was made."""
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
                "timed out while another process was making the environment",
                place=environment.id,
                found=f"{folder}.lock is held",
                fix="wait for that process, or end it",
            ) from error


def _from_cache(folder: Path, environment: Environment, lock: Lock, progress: Progress) -> ReadyEnvironment | None:
    if not (folder / MARKER).is_file():
        if folder.exists():
            progress(f"{environment.id}: incomplete, making it again")
        return None
    ready = _read_back(folder, environment, lock)
    if ready is None:
        progress(f"{environment.id}: damaged, making it again")
        return None
    marker = json.loads((folder / MARKER).read_text("utf-8"))
    with suppress(OSError):  # a cache that is read-only
        os.utime(folder / MARKER)  # when it was last used
    return replace(ready, size=marker["size"]) if "size" in marker else _mark_complete(folder, ready)


def _build(
    folder: Path, environment: Environment, lock: Lock, progress: Progress, cancelled: Cancelled
) -> ReadyEnvironment:
    started = time.monotonic()
    interpreter = interpreters.find(environment.python)
    progress(f"{environment.id}: installing {len(lock.pins)} packages for Python {environment.python}")
    shutil.rmtree(folder, ignore_errors=True)
    python = _python(folder)
    steps: tuple[tuple[list[str | Path], str], ...] = (
        (["venv", "--no-project", "--python", interpreter, folder], ""),
        # The text, because the file of a user's own lock has more in it than what applies here.
        (["pip", "sync", "--require-hashes", "--python", python, *index_date_options(environment), "-"], lock.text),
    )
    for step, stdin in steps:
        result = uv.run(step, seconds=_INSTALL_SECONDS, stdin=stdin, cancelled=cancelled)
        if not result.succeeded:
            raise _failure(folder, environment, result.last_lines, result.stderr)
    ready = _read_back(folder, environment, lock)
    if ready is None:
        raise _failure(folder, environment, "packages other than those of the lock", "")
    ready = _mark_complete(folder, ready)
    progress(f"{environment.id}: ready in {time.monotonic() - started:.1f} s")
    return ready


def _mark_complete(folder: Path, ready: ReadyEnvironment) -> ReadyEnvironment:
    """Measure the environment and write the marker; the marker of an older version has no size."""
    files = {(s.st_dev, s.st_ino): s.st_blocks * 512 for s in (p.lstat() for p in folder.rglob("*"))}
    ready = replace(ready, size=sum(files.values()))
    marker = {"lock": ready.lock_digest, "environment": ready.id, "size": ready.size}
    write_file(str(folder / MARKER), json.dumps(marker).encode())
    return ready


def _read_back(folder: Path, environment: Environment, lock: Lock) -> ReadyEnvironment | None:
    """Read its packages back from inside; return None if it does not run or does not have exactly the lock's pins."""
    try:
        found = read_back(_python(folder))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    if _comparable(found.packages) != _comparable(lock.pins.items()):
        return None
    return ReadyEnvironment(
        id=environment.id,
        python=_python(folder),
        lock_digest=lock.digest,
        packages=dict(found.packages),
        python_version=found.python,
        runtime=environment.runtime,
        row=environment,
        lock_text=lock.text,
    )


def _comparable(packages: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return (name, version) sorted, versions in one spelling: a user's lock may say 1.0 where a package says 1.0.0."""
    return sorted((name, canonicalize_version(version)) for name, version in packages)


def _unusable_cache(place: object, found: object) -> EnvironmentNotMadeError:
    return EnvironmentNotMadeError(
        "the cache of environments cannot be used",
        place=place,
        found=found,
        fix=f"free space there, or set {CACHE_VARIABLE} to another folder",
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
        fix=f"read {kept / 'uv.log'}; the incomplete environment is in the same folder",
    )


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"
