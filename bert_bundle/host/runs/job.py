"""The jobs of a run, as data: what is done in one environment, and by which bounds.

A job holds nothing of the process that made it, so that it can run in another process or on another machine, and its
key identifies its results. Bundles and targets are paths, which every process that runs jobs must be able to reach.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, Literal, Self, TypeVar, cast

from pydantic import Field, TypeAdapter

from bert_bundle.host.config.matrix_file import Environment, Tolerances
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.prepare import PreparedEnvironment, TemporaryEnvironment
from bert_bundle.host.runs.outcome import NotRun, Outcome
from bert_bundle.host.workers.worker import MEMORY_LIMIT, TIME_LIMIT, WORKER_ENTRY, Entry

T = TypeVar("T", covariant=True)


@dataclass(frozen=True, kw_only=True)
class JobEnvironment:
    """The environment that a job needs, by content: its lock, and the row it is made from.

    Without `row` and `lock_text` it is one that the process must have already, as the running interpreter is. A
    `temporary` environment is made for the job and removed after it.
    """

    id: str
    runtime: str
    lock_digest: str
    row: Environment | None = None
    lock_text: str | None = None
    temporary: bool = False

    @classmethod
    def of(cls, environment: ReadyEnvironment | TemporaryEnvironment) -> Self:
        """Return the data by which another process can make `environment`."""
        if isinstance(environment, ReadyEnvironment):
            return cls(
                id=environment.id,
                runtime=environment.runtime,
                lock_digest=environment.lock_digest,
                row=environment.row,
                lock_text=environment.lock_text,
            )
        row, lock = environment.environment, environment.lock
        return cls(
            id=row.id,
            runtime=row.runtime,
            lock_digest=lock.digest,
            row=row,
            lock_text=lock.text,
            temporary=not environment.kept,
        )


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of a job's worker: seconds per request, bytes of resident memory."""

    seconds: float = TIME_LIMIT
    memory: int = MEMORY_LIMIT


@dataclass(frozen=True, kw_only=True)
class Target:
    """A classifier to build, and where its bundle goes."""

    path: Path
    specification: dict[str, object]


@dataclass(frozen=True, kw_only=True)
class BundleReference:
    """A bundle by its digest, where it is, and the id of the environment that wrote it."""

    path: Path
    digest: str
    writer: str


@dataclass(frozen=True, kw_only=True)
class Job(ABC, Generic[T]):
    """What all jobs have. The results of a job are one T for each of its items, in their order.

    `entry` is what the interpreter runs as its worker.
    """

    environment: JobEnvironment
    limits: Limits = Limits()
    entry: Entry = WORKER_ENTRY

    @property
    def key(self) -> str | None:
        """Return a digest of what decides the results; None if the environment has no lock to know it by.

        The same job on the same code and class of CPU gives the same results. Where bundles are, what environments are
        called and how long a worker may take is left out. A worker that is not the package's own is another job. A job
        with fewer items has its own key, by which single results can be kept.
        """
        environment = self.environment
        if environment.lock_text is None:
            return None
        entry = [] if self.entry == WORKER_ENTRY else list(self.entry)
        content = [environment.lock_digest, environment.runtime, entry, self._content()]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @abstractmethod
    def _content(self) -> object:
        """Return what the results depend on beside the environment, as JSON data."""


@dataclass(frozen=True, kw_only=True)
class WriteJob(Job[BundleReference | NotRun]):
    """Build and save classifiers in one environment."""

    targets: tuple[Target, ...]
    role: Literal["writer"] = "writer"

    def _content(self) -> object:
        return [self.role, [target.specification for target in self.targets]]


@dataclass(frozen=True, kw_only=True)
class ReadJob(Job[Outcome]):
    """Replay bundles in one environment and grade the replays."""

    bundles: tuple[BundleReference, ...]
    tolerances: Tolerances
    role: Literal["reader"] = "reader"

    def _content(self) -> object:
        bounds = [self.tolerances.double, self.tolerances.noise]
        return [self.role, [bundle.digest for bundle in self.bundles], bounds]


@dataclass(frozen=True, kw_only=True)
class JobResult(Generic[T]):
    """The results of a job in the order of its items, and the environment it ran in.

    There are no results if the environment could not be made. `processes` is how many workers were started: more than
    one if a worker crashed or was ended.
    """

    environment: PreparedEnvironment
    results: tuple[T, ...] = ()
    processes: int = 0


_JOB = TypeAdapter[WriteJob | ReadJob](Annotated[WriteJob | ReadJob, Field(discriminator="role")])


def to_json(job: Job[object]) -> dict[str, object]:
    """Return `job` as JSON data."""
    data: dict[str, object] = _JOB.dump_python(cast(WriteJob | ReadJob, job), mode="json")
    return data


def from_json(data: dict[str, object]) -> WriteJob | ReadJob:
    """Return the job that `to_json` described. Raises pydantic.ValidationError for other data."""
    return _JOB.validate_json(json.dumps(data))
