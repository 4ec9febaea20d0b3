"""When the environments of a run are made and removed. Does not know what runs in them.

An environment is made before the run, or is temporary: made when a job begins and removed when it ends.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from bert_bundle.errors import EnvironmentNotMadeError
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.environments.cancellation import Cancelled, never
from bert_bundle.host.environments.environment import ReadyEnvironment, discard, make
from bert_bundle.host.environments.forecast import check_space
from bert_bundle.host.environments.locks import Lock, read_lock
from bert_bundle.progress import Progress, silent


@dataclass(frozen=True, kw_only=True)
class FailedEnvironment:
    """An environment that could not be made, and why; the other case is `ReadyEnvironment`."""

    id: str
    error: EnvironmentNotMadeError
    packages: ClassVar[Mapping[str, str]] = MappingProxyType({})
    python_version: ClassVar[str] = ""
    size: ClassVar[int] = 0


Locked = tuple[Environment, Lock]
PreparedEnvironment = ReadyEnvironment | FailedEnvironment  # `error` tells them apart


@dataclass(frozen=True, kw_only=True)
class TemporaryEnvironment:
    """An environment that is made when a job begins and removed when it ends, unless it is `kept`.

    Only as many are on disk as there are jobs at a time.
    """

    environment: Environment
    lock: Lock
    kept: bool = False


def prepare(environments: Sequence[Environment], locks: Path, *, progress: Progress) -> tuple[PreparedEnvironment, ...]:
    """Make each environment from its lock.

    Raises ConfigError for a lock that is missing or stale, EnvironmentNotMadeError as `prepare_locked` does.
    """
    return prepare_locked(with_locks(environments, locks), progress=progress)


def with_locks(environments: Sequence[Environment], locks: Path) -> list[Locked]:
    """Return each environment with its lock. Raises ConfigError for a lock that is missing or stale."""
    return [(environment, read_lock(environment, locks)) for environment in environments]


def prepare_locked(needed: Sequence[Locked], *, progress: Progress) -> tuple[PreparedEnvironment, ...]:
    """Make each environment of a row and its lock.

    Raises EnvironmentNotMadeError, before the first is made, if they do not fit the disk.
    """
    check_space(needed, progress)
    return tuple(prepare_one(row, lock, progress) for row, lock in needed)


def plan(
    needed: Sequence[Locked], *, progress: Progress = silent, at_a_time: int = 1
) -> tuple[TemporaryEnvironment, ...]:
    """Return environments as temporary ones, of which so many are on disk at a time.

    Raises EnvironmentNotMadeError at once if these do not fit.
    """
    check_space(needed, progress, at_a_time=at_a_time)
    return tuple(TemporaryEnvironment(environment=row, lock=lock) for row, lock in needed)


@contextmanager
def opened(
    environment: PreparedEnvironment | TemporaryEnvironment, progress: Progress, cancelled: Cancelled = never
) -> Iterator[PreparedEnvironment]:
    """Provide the environment within a `with` block; a temporary one is made for it and removed after it.

    Making it ends, and fails, once `cancelled` returns true.
    """
    if not isinstance(environment, TemporaryEnvironment):
        yield environment
        return
    row, lock = environment.environment, environment.lock
    try:
        yield prepare_one(row, lock, progress, cancelled)
    finally:
        if not environment.kept:
            discard(lock)
            progress(f"{row.id}: removed")


def unique(environments: Sequence[PreparedEnvironment]) -> tuple[PreparedEnvironment, ...]:
    """Return each environment once, in the order of first use; if it failed at any use, as a failed one."""
    found: dict[str, PreparedEnvironment] = {}
    for environment in environments:
        if environment.error is not None:
            found[environment.id] = environment
        found.setdefault(environment.id, environment)
    return tuple(found.values())


def prepare_one(
    environment: Environment, lock: Lock, progress: Progress, cancelled: Cancelled = never
) -> PreparedEnvironment:
    """Make the environment of `lock` and keep it; if that fails, return the failure."""
    try:
        return make(environment, lock, progress=progress, cancelled=cancelled)
    except EnvironmentNotMadeError as error:
        progress(f"{environment.id}: {error.message}")
        return FailedEnvironment(id=environment.id, error=error)
