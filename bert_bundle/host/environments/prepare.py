"""Where a run takes place: environments that are made, that could not be made, or that are there only while in use.

Owns when an environment is made and removed; knows nothing of what is done in it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bert_bundle.errors import EnvironmentNotMadeError
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.environments.environment import Progress, ReadyEnvironment, discard, make
from bert_bundle.host.environments.locks import Lock, read_lock


@dataclass(frozen=True, kw_only=True)
class FailedEnvironment:
    """An environment that could not be made, and why."""

    id: str
    error: EnvironmentNotMadeError


PreparedEnvironment = ReadyEnvironment | FailedEnvironment


@dataclass(frozen=True, kw_only=True)
class TemporaryEnvironment:
    """An environment that is made when a job begins and removed when it ends: no more on disk than jobs at a time.

    Unless it is `kept` in the cache.
    """

    environment: Environment
    lock: Lock
    kept: bool = False


def prepare(environments: Sequence[Environment], locks: Path, *, progress: Progress) -> tuple[PreparedEnvironment, ...]:
    """Every environment made from its lock, or the reason why it could not be.

    Raises ConfigError for a lock that is missing or not of this environment.
    """
    return tuple(prepare_one(e, read_lock(e, locks), progress) for e in environments)


def plan(environments: Sequence[Environment], locks: Path) -> tuple[TemporaryEnvironment, ...]:
    """Every environment, to be made when it is used. Raises ConfigError as `prepare` does."""
    return tuple(TemporaryEnvironment(environment=e, lock=read_lock(e, locks)) for e in environments)


@contextmanager
def opened(place: PreparedEnvironment | TemporaryEnvironment, progress: Progress) -> Iterator[PreparedEnvironment]:
    """The place while it is in use."""
    if not isinstance(place, TemporaryEnvironment):
        yield place
        return
    try:
        yield prepare_one(place.environment, place.lock, progress)
    finally:
        if not place.kept:
            discard(place.lock)
            progress(f"{place.environment.id}: removed")


def unique(places: Sequence[PreparedEnvironment]) -> tuple[PreparedEnvironment, ...]:
    """Each environment once, in the order of first use; one that could not be made at every use could not be made."""
    found: dict[str, PreparedEnvironment] = {}
    for place in places:
        if isinstance(place, FailedEnvironment):
            found[place.id] = place
        found.setdefault(place.id, place)
    return tuple(found.values())


def prepare_one(environment: Environment, lock: Lock, progress: Progress) -> PreparedEnvironment:
    """The environment of `lock`, to stay, or the reason why it could not be made."""
    try:
        return make(environment, lock, progress=progress)
    except EnvironmentNotMadeError as error:
        progress(f"{environment.id}: {error.message}")
        return FailedEnvironment(id=environment.id, error=error)
