"""Where a run takes place: environments that are made, that could not be made, or that are there only while in use.

Owns when an environment is made and removed; knows nothing of what is done in it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bert_bundle.errors import EnvironmentNotMadeError
from bert_bundle.matrix.environment import Made, Progress, discard, make
from bert_bundle.matrix.locks import Lock, read_lock
from bert_bundle.matrix.spec import Environment


@dataclass(frozen=True, kw_only=True)
class NotMade:
    """An environment that could not be made, and why."""

    id: str
    error: EnvironmentNotMadeError


Place = Made | NotMade


@dataclass(frozen=True, kw_only=True)
class Fleeting:
    """An environment that is made when a job begins and removed when it ends: no more on disk than jobs at a time.

    Unless it is `kept` in the cache.
    """

    environment: Environment
    lock: Lock
    kept: bool = False


def prepare(environments: Sequence[Environment], locks: Path, *, progress: Progress) -> tuple[Place, ...]:
    """Every environment made from its lock, or the reason why it could not be.

    Raises ConfigError for a lock that is missing or not of this environment.
    """
    return tuple(made(e, read_lock(e, locks), progress) for e in environments)


def promise(environments: Sequence[Environment], locks: Path) -> tuple[Fleeting, ...]:
    """Every environment, to be made when it is used. Raises ConfigError as `prepare` does."""
    return tuple(Fleeting(environment=e, lock=read_lock(e, locks)) for e in environments)


@contextmanager
def present(place: Place | Fleeting, progress: Progress) -> Iterator[Place]:
    """The place while it is in use."""
    if not isinstance(place, Fleeting):
        yield place
        return
    try:
        yield made(place.environment, place.lock, progress)
    finally:
        if not place.kept:
            discard(place.lock)
            progress(f"{place.environment.id}: removed")


def merged(places: Sequence[Place]) -> tuple[Place, ...]:
    """Each environment once, in the order of first use; one that could not be made at every use could not be made."""
    found: dict[str, Place] = {}
    for place in places:
        if isinstance(place, NotMade):
            found[place.id] = place
        found.setdefault(place.id, place)
    return tuple(found.values())


def made(environment: Environment, lock: Lock, progress: Progress) -> Place:
    """The environment of `lock`, to stay, or the reason why it could not be made."""
    try:
        return make(environment, lock, progress=progress)
    except EnvironmentNotMadeError as error:
        progress(f"{environment.id}: {error.message}")
        return NotMade(id=environment.id, error=error)
