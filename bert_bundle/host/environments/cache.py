"""What is in the cache of this machine, and how it is removed. All of it can be made again.

Sizes count each environment whole, although environments share files with uv's cache and with each other.
"""

import json
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from bert_bundle.host.environments.environment import MARKER, cache_root

CacheKind = Literal["environment", "incomplete environment", "results", "downloads", "locks", "other"]

_ENVIRONMENTS = "environments"
_KINDS: dict[str, CacheKind] = {"results": "results", "material": "downloads", "locks": "locks"}
_LOCK = ".lock"  # of the process that makes an environment; empty


@dataclass(frozen=True, kw_only=True)
class CacheEntry:
    """A folder or file of the cache.

    id         the row of the environment, else the name of the folder
    lock       the first 16 digits of the digest of the environment's lock, empty for anything else
    size       bytes
    last_used  of an environment when it was last asked for, else when it was last written to
    """

    kind: CacheKind
    id: str
    path: Path
    size: int
    last_used: datetime
    lock: str = ""

    def unused_since(self, age: timedelta, now: datetime) -> bool:
        """Return whether it was last used more than `age` ago."""
        return now - self.last_used > age


def entries() -> tuple[CacheEntry, ...]:
    """Return what is in the cache, the largest first."""
    root = cache_root()
    found = [*_environments(root / _ENVIRONMENTS), *_others(root)]
    return tuple(sorted(found, key=lambda entry: (-entry.size, entry.id)))


def to_prune(
    found: Collection[CacheEntry], *, unused_for: timedelta, kept_locks: Collection[str], now: datetime
) -> tuple[CacheEntry, ...]:
    """Return the entries that were unused for so long, and are not the environment of one of the locks."""
    return tuple(e for e in found if e.lock not in kept_locks and e.unused_since(unused_for, now))


def remove(entry: CacheEntry) -> None:
    """Remove an entry, even if another process is using it."""
    if entry.path.is_dir():
        shutil.rmtree(entry.path, ignore_errors=True)
    else:
        entry.path.unlink(missing_ok=True)
    entry.path.with_name(entry.path.name + _LOCK).unlink(missing_ok=True)


def _environments(folder: Path) -> Iterator[CacheEntry]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix == _LOCK:
            continue
        marker = path / MARKER
        if marker.is_file():
            made = json.loads(marker.read_text("utf-8"))
            yield CacheEntry(
                kind="environment",
                id=made["environment"],
                path=path,
                size=made.get("size") or _size(path),
                last_used=_written(marker),
                lock=path.name,
            )
        else:
            yield CacheEntry(
                kind="incomplete environment", id=path.name, path=path, size=_size(path), last_used=_written(path)
            )


def _others(root: Path) -> Iterator[CacheEntry]:
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        if path.name != _ENVIRONMENTS:
            kind = _KINDS.get(path.name, "other")
            yield CacheEntry(kind=kind, id=path.name, path=path, size=_size(path), last_used=_last_written(path))


def _size(path: Path) -> int:
    files = {(s.st_dev, s.st_ino): s.st_blocks * 512 for s in (p.lstat() for p in (path, *path.rglob("*")))}
    return sum(files.values())


def _last_written(path: Path) -> datetime:
    return max((_written(p) for p in path.rglob("*") if p.is_file()), default=_written(path))


def _written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
