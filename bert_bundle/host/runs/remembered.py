"""What earlier runs computed, kept in the cache of this machine: replays, and bundles of classifiers. Grades nothing.

A result depends on what was asked for (a bundle, a classifier), the lock and the runtime of the environment, the code
that runs inside environments, and the class of the processor. The digest of these is its name. A replay is kept as the
worker's answer, so that it is graded anew, by whatever tolerances.
"""

import gzip
import hashlib
import json
import os
import platform
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bert_bundle.errors import StorageError
from bert_bundle.format.staging import write_file
from bert_bundle.host.environments.environment import cache_root
from bert_bundle.host.runs.job import JobEnvironment, Target
from bert_bundle.host.workers.worker import WORKER_ENTRY, Entry
from bert_bundle.version import VERSION

_PACKAGE = Path(__file__).resolve().parents[2]
_CPUINFO = Path("/proc/cpuinfo")
_DECISIVE = ("model name", "flags", "CPU implementer", "CPU part", "Features")  # the last three are Arm's


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """The results that are kept in `folder`; if `fresh`, none is taken from it, and every new one is kept."""

    folder: Path
    fresh: bool = False

    def replay(self, environment: JobEnvironment, entry: Entry, bundle: str) -> dict[str, Any] | None:
        """Return the replay of the bundle with this digest; None if there is none, or if it is not whole."""
        path = self._replay(environment, entry, bundle)
        if path is None or self.fresh:
            return None
        try:
            found = json.loads(gzip.decompress(path.read_bytes()))  # with a checksum of the content
        except (OSError, EOFError, ValueError, zlib.error):
            return None
        return found if isinstance(found, dict) else None

    def keep_replay(self, environment: JobEnvironment, entry: Entry, bundle: str, replay: dict[str, Any]) -> None:
        """Keep a replay. A cache that cannot be written to is as good as an empty one."""
        path = self._replay(environment, entry, bundle)
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(str(path), gzip.compress(json.dumps(replay).encode(), mtime=0))
        except (OSError, StorageError):
            return

    def copy_bundle(self, environment: JobEnvironment, entry: Entry, target: Target) -> bool:
        """Copy the bundle of a classifier to its target, which must be free; return whether there was one.

        The copy is not checked: whoever reads a bundle does that.
        """
        kept = self._bundle(environment, entry, target)
        if kept is None or self.fresh or not kept.is_dir():
            return False
        try:
            shutil.copytree(kept, target.path)
        except OSError:
            shutil.rmtree(target.path, ignore_errors=True)
            return False
        return True

    def keep_bundle(self, environment: JobEnvironment, entry: Entry, target: Target) -> None:
        """Keep a copy of the bundle at a target, in one step. One that is kept already is replaced."""
        kept = self._bundle(environment, entry, target)
        if kept is None:
            return
        staged = kept.with_name(f".{kept.name}.{os.getpid()}")
        try:
            shutil.copytree(target.path, staged)
            shutil.rmtree(kept, ignore_errors=True)
            staged.rename(kept)
        except OSError:
            return
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def _replay(self, environment: JobEnvironment, entry: Entry, bundle: str) -> Path | None:
        name = _name(environment, entry, ["replay", bundle])
        return self.folder / "replays" / name[:2] / f"{name}.json.gz" if name else None

    def _bundle(self, environment: JobEnvironment, entry: Entry, target: Target) -> Path | None:
        name = _name(environment, entry, ["bundle", target.path.name, target.specification])
        return self.folder / "bundles" / name if name else None


def remembered(*, fresh: bool = False) -> Remembered:
    """Return what is kept on this machine."""
    return Remembered(folder=cache_root() / "results", fresh=fresh)


def _name(environment: JobEnvironment, entry: Entry, asked: object) -> str | None:
    """Return the name of a result; None for an environment without a lock and for a worker of somebody else's."""
    if environment.lock_text is None or entry != WORKER_ENTRY:
        return None
    content = [asked, environment.lock_digest, environment.runtime, code_digest(), processor()]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@cache
def code_digest() -> str:
    """Return the sha256 of the code that runs inside environments: every module but those of the host."""
    host = _PACKAGE / "host"
    found = hashlib.sha256(VERSION.encode())
    for path in sorted(p for p in _PACKAGE.rglob("*.py") if host not in p.parents):
        found.update(f"{path.relative_to(_PACKAGE).as_posix()}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


@cache
def processor() -> str:
    """Return the class of this machine's processor: its model and the instructions that kernels are chosen by."""
    return " ".join([platform.machine(), *(_first_core() or [platform.processor()])])


def _first_core() -> list[str]:
    try:
        first = _CPUINFO.read_text("utf-8", errors="replace").split("\n\n")[0]
    except OSError:  # not Linux
        return []
    return list(_decisive(first.splitlines()))


def _decisive(lines: list[str]) -> Iterator[str]:
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in _DECISIVE:
            yield value.strip()
