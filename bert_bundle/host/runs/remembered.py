"""Replays that were computed before, kept in the cache of this machine. Does not grade them.

A replay depends on the bundle, the lock and the runtime of the environment, the code that runs inside environments, and
the class of the processor. Their digest is the name of its file. What is kept is the worker's answer, so that it is
graded anew, by whatever tolerances.
"""

import gzip
import hashlib
import json
import platform
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bert_bundle.errors import StorageError
from bert_bundle.format.staging import write_file
from bert_bundle.host.environments.environment import cache_root
from bert_bundle.host.runs.job import JobEnvironment
from bert_bundle.host.workers.worker import WORKER_ENTRY, Entry
from bert_bundle.version import VERSION

_PACKAGE = Path(__file__).resolve().parents[2]
_CPUINFO = Path("/proc/cpuinfo")
_DECISIVE = ("model name", "flags", "CPU implementer", "CPU part", "Features")  # the last three are Arm's


@dataclass(frozen=True, kw_only=True)
class RememberedReplays:
    """The replays that are kept in `folder`; if `fresh`, none is taken from it, and every new one is kept."""

    folder: Path
    fresh: bool = False

    def find(self, environment: JobEnvironment, entry: Entry, bundle: str) -> dict[str, Any] | None:
        """Return the replay of the bundle with this digest; None if there is none, or if it is not whole."""
        path = self._path(environment, entry, bundle)
        if path is None or self.fresh:
            return None
        try:
            found = json.loads(gzip.decompress(path.read_bytes()))  # with a checksum of the content
        except (OSError, EOFError, ValueError, zlib.error):
            return None
        return found if isinstance(found, dict) else None

    def keep(self, environment: JobEnvironment, entry: Entry, bundle: str, replay: dict[str, Any]) -> None:
        """Keep a replay. A cache that cannot be written to is as good as an empty one."""
        path = self._path(environment, entry, bundle)
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(str(path), gzip.compress(json.dumps(replay).encode(), mtime=0))
        except (OSError, StorageError):
            return

    def _path(self, environment: JobEnvironment, entry: Entry, bundle: str) -> Path | None:
        """Return the file of a replay; None for an environment without a lock and for a worker of somebody else's."""
        if environment.lock_text is None or entry != WORKER_ENTRY:
            return None
        content = [bundle, environment.lock_digest, environment.runtime, code_digest(), processor()]
        name = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.json.gz"


def remembered_replays(*, fresh: bool = False) -> RememberedReplays:
    """Return the replays that are kept on this machine."""
    return RememberedReplays(folder=cache_root() / "replays", fresh=fresh)


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
