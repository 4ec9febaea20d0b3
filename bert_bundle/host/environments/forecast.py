"""How much space the environments of a run will take, before the first is made. Does not know how one is made.

A forecast is about right: it takes the size of an environment of the same row from an earlier lock, else the median of
those in the cache, and does not count what environments share with uv's cache.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low

from bert_bundle.errors import EnvironmentNotMadeError
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.environments.environment import CACHE_VARIABLE, MARKER, cache_root, folder_of
from bert_bundle.host.environments.locks import Lock
from bert_bundle.progress import Progress

USUAL_SIZE = 1_300_000_000  # bytes of TensorFlow 2.15 and transformers 4.40; 2.4 has 0.7, 2.21 has 1.6 GB


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Environments to make, how many of them are on disk at a time, their bytes then, and the bytes that are free."""

    environments: int
    at_a_time: int
    size: int
    free: int

    def __str__(self) -> str:
        count = f"{self.environments} environment{'s' if self.environments > 1 else ''} to make"
        part = f", {self.at_a_time} at a time" if self.at_a_time < self.environments else ""
        return f"{count}{part}, about {_gigabytes(self.size)}, {_gigabytes(self.free)} free"


def forecast(needed: Sequence[tuple[Environment, Lock]], *, at_a_time: int | None = None) -> Forecast | None:
    """Return the forecast for the environments that are not in the cache; None if all are.

    at_a_time  how many are on disk at a time, if they are removed after use
    """
    missing = {lock.digest: row.id for row, lock in needed if not (folder_of(lock) / MARKER).is_file()}
    if not missing:
        return None
    known = dict(_sizes(cache_root() / "environments"))
    usual = median_low(known.values()) if known else USUAL_SIZE
    sizes = sorted((known.get(name, usual) for name in missing.values()), reverse=True)
    most = min(len(sizes), at_a_time or len(sizes))
    return Forecast(
        environments=len(sizes), at_a_time=most, size=sum(sizes[:most]), free=shutil.disk_usage(_existing()).free
    )


def check_space(
    needed: Sequence[tuple[Environment, Lock]], progress: Progress, *, at_a_time: int | None = None
) -> None:
    """Tell the forecast. Raises EnvironmentNotMadeError if the environments do not fit the disk."""
    found = forecast(needed, at_a_time=at_a_time)
    if found is None:
        return
    progress(str(found))
    if found.size > found.free:
        raise EnvironmentNotMadeError(
            "the environments do not fit the disk",
            place=cache_root(),
            wanted=f"about {_gigabytes(found.size)} for {found.environments} environments",
            found=f"{_gigabytes(found.free)} free",
            fix=f"bert-bundle cache prune, fewer environments, --discard-environments, or set {CACHE_VARIABLE}",
        )


def _sizes(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield (id of the row, bytes) of each environment in the cache whose size is known."""
    for marker in sorted(folder.glob(f"*/{MARKER}")):
        try:
            made = json.loads(marker.read_text("utf-8"))
            yield str(made["environment"]), int(made["size"])
        except (OSError, ValueError, KeyError, TypeError):  # of an older version, or removed meanwhile
            continue


def _existing() -> Path:
    """Return the cache, or the nearest folder above it that exists."""
    root = cache_root()
    return next(folder for folder in (root, *root.parents) if folder.exists())


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size < 10e9 else f"{size / 1e9:.0f} GB"
