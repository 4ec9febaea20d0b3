"""A run: environments in, verdicts out. Owns the order of the work, knows nothing of how results are shown.

    environments -> made -> (bundles written) -> bundles replayed -> verdicts

One worker process per environment and role, however many bundles there are.
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from bert_bundle import errors
from bert_bundle.api import inspect
from bert_bundle.format.manifest import Manifest
from bert_bundle.grading.grades import judge
from bert_bundle.host.config.matrix_file import Expectation, Tolerances
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.nearest import environment_id_of, written_by
from bert_bundle.host.environments.prepare import (
    FailedEnvironment,
    PreparedEnvironment,
    TemporaryEnvironment,
    opened,
    unique,
)
from bert_bundle.host.runs.cells import (
    Cell,
    NotRun,
    Outcome,
    Reader,
    Recorded,
    Replayed,
    Tasks,
    Writer,
    recorded,
    sentence,
)
from bert_bundle.host.runs.executor import Executor
from bert_bundle.host.runs.verdict import Summary, Verdict, verdict_of
from bert_bundle.host.workers.worker import MEMORY_LIMIT, TIME_LIMIT, Cancelled, Progress, Worker, never

T = TypeVar("T")


@dataclass(frozen=True)
class _Done(Generic[T]):
    """What a job did, and the environment that it found itself in."""

    place: PreparedEnvironment
    done: Sequence[T]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What a run's results are held against, the limits of its workers, and the tasks it asks them for.

    Limits as of `Worker`. `faults` are planted in readers: an environment's id -> a fault's name (`testing.planted`).
    """

    expect: Sequence[Expectation] = ()
    policy: Tolerances = field(default_factory=Tolerances)
    time_limit: float = TIME_LIMIT
    memory_limit: int = MEMORY_LIMIT
    tasks: Tasks = field(default_factory=Tasks)
    faults: Mapping[str, str] = field(default_factory=dict)

    def worker(self, made: ReadyEnvironment, role: str, cancelled: Cancelled = never) -> Worker:
        """A worker within these limits."""
        return Worker(made, role, time_limit=self.time_limit, memory_limit=self.memory_limit, cancelled=cancelled)

    def reader(self, made: ReadyEnvironment, worker: Worker) -> Reader:
        """The worker as a reader, with the fault that is planted there."""
        fault = self.faults.get(made.id)
        planted = replace(self.tasks, replay="fault.replay", arguments={"fault": fault}) if fault else self.tasks
        return Reader(worker, made.runtime, planted)


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """The smallest classifier found on which a pair disagrees, and the script that shows it.

    `tried` classifiers were built to make it smaller; 0 where it is one that the run wrote.
    """

    specification: Mapping[str, Any]
    verdict: Verdict
    tried: int
    script: Path


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run found."""

    environments: Sequence[PreparedEnvironment]
    verdicts: Sequence[Verdict]
    summary: Summary
    policy: Tolerances = field(default_factory=Tolerances)
    reproductions: Sequence[Reproduction] = ()

    @property
    def disk(self) -> int:
        """Bytes of the environments together, each counted whole: they share files, and need not be there at once."""
        return sum(place.size for place in self.environments if isinstance(place, ReadyEnvironment))

    @property
    def exit_code(self) -> int:
        """The worst of what happened: no environment, not run, not as expected, as expected."""
        if any(isinstance(place, FailedEnvironment) for place in self.environments):
            return errors.NO_ENVIRONMENT
        if self.summary.not_run:
            return errors.NOT_RUN
        return errors.NOT_AS_EXPECTED if self.summary.unexpected else errors.AS_EXPECTED


@dataclass(frozen=True, kw_only=True)
class _Written:
    """A bundle to replay, with what it recorded, or the reason why there is none."""

    path: Path
    writer: str
    record: Recorded | NotRun


def audit(
    bundle: Path,
    environments: Sequence[PreparedEnvironment],
    *,
    executor: Executor,
    progress: Progress,
    terms: RunOptions,
) -> Run:
    """One bundle replayed in each of the environments.

    Raises BundleError for a bundle that is damaged or unsafe, ConfigError when there is no environment.
    """
    _some("environments", environments)
    started = time.monotonic()
    manifest, path = inspect(str(bundle)), bundle.absolute()
    written = _Written(path=path, writer=_writer(manifest), record=recorded(path))
    columns = executor.gather([partial(_read, place, [written], terms, progress) for place in environments])
    verdicts = [verdict for column in columns for verdict in column.done]
    return Run(
        environments=environments,
        verdicts=verdicts,
        summary=Summary.of(verdicts, time.monotonic() - started),
        policy=terms.policy,
    )


def cross(
    writers: Sequence[PreparedEnvironment | TemporaryEnvironment],
    readers: Sequence[PreparedEnvironment | TemporaryEnvironment],
    specifications: Sequence[dict[str, Any]],
    *,
    folder: Path,
    executor: Executor,
    progress: Progress,
    terms: RunOptions,
) -> Run:
    """Each writer saves each classifier into `folder`/<writer>/<number>-<name>; each reader replays every bundle.

    A specification that names a `runtime` is for writers of that runtime only. A bundle that could not be written makes
    its cells not run, with the reason. Verdicts are ordered by writer, specification, reader. Raises ConfigError when
    there is nothing to write or nobody to read.
    """
    for what, there in (("writers", writers), ("readers", readers), ("classifiers", specifications)):
        _some(what, there)
    started = time.monotonic()
    folder = folder.absolute()
    rows = executor.gather([partial(_write, place, specifications, folder, terms, progress) for place in writers])
    written = [bundle for row in rows for bundle in row.done]
    _some("classifiers for these writers", written)
    columns = executor.gather([partial(_read, place, written, terms, progress) for place in readers])
    verdicts = [verdict for row in zip(*(column.done for column in columns), strict=True) for verdict in row]
    return Run(
        environments=unique([*(row.place for row in rows), *(column.place for column in columns)]),
        verdicts=verdicts,
        summary=Summary.of(verdicts, time.monotonic() - started),
        policy=terms.policy,
    )


def verify(bundle: Path, made: ReadyEnvironment, *, progress: Progress, terms: RunOptions) -> Verdict:
    """The golden of `bundle` replayed in one environment; no exception is known here, only agreement is as expected.

    Raises BundleError when the bundle is damaged or the environment cannot load it, WorkerError without an answer.
    """
    manifest, path = inspect(str(bundle)), bundle.absolute()
    against = recorded(path)
    started = time.monotonic()
    with terms.worker(made, "reader") as worker:
        observation = worker.ask(terms.tasks.replay, _named(worker, progress), bundle=str(path), runtime=made.runtime)
    figures = judge(
        against.golden, observation, float64_tolerance=terms.policy.double, noise_tolerance=terms.policy.noise
    )
    outcome = Replayed(figures=figures, seconds=time.monotonic() - started)
    return verdict_of(Cell(bundle=path, writer=_writer(manifest), reader=made.id), outcome)


def _write(
    site: PreparedEnvironment | TemporaryEnvironment,
    specifications: Sequence[dict[str, Any]],
    folder: Path,
    terms: RunOptions,
    progress: Progress,
    cancelled: Cancelled,
) -> _Done[_Written]:
    """The job of a writer."""
    with opened(site, progress) as place:
        return _Done(place, _writings(place, specifications, folder, terms, progress, cancelled))


def _read(
    site: PreparedEnvironment | TemporaryEnvironment,
    written: Sequence[_Written],
    terms: RunOptions,
    progress: Progress,
    cancelled: Cancelled,
) -> _Done[Verdict]:
    """The job of a reader."""
    with opened(site, progress) as place:
        return _Done(place, _readings(place, written, terms, progress, cancelled))


def _writings(
    place: PreparedEnvironment,
    specifications: Sequence[dict[str, Any]],
    folder: Path,
    terms: RunOptions,
    progress: Progress,
    cancelled: Cancelled,
) -> list[_Written]:
    numbered = [(folder / place.id / _file_name(number, s), s) for number, s in enumerate(specifications)]
    if isinstance(place, FailedEnvironment):
        reason = NotRun(reason=f"no writer: {sentence(place.error)}")
        return [_Written(path=path, writer=place.id, record=reason) for path, _ in numbered]

    def written(path: Path, specification: dict[str, Any]) -> Recorded | NotRun:
        say(f"saving classifier {path.name}")
        return writer.write(path, specification, progress=say)

    with terms.worker(place, "writer", cancelled) as worker:
        say, writer = _named(worker, progress), Writer(worker, place.runtime, terms.tasks)
        return [
            _Written(path=path, writer=place.id, record=written(path, specification))
            for path, specification in numbered
            if specification.get("runtime", place.runtime) == place.runtime
        ]


def _readings(
    place: PreparedEnvironment, written: Sequence[_Written], terms: RunOptions, progress: Progress, cancelled: Cancelled
) -> list[Verdict]:
    if isinstance(place, FailedEnvironment):
        return [verdict_of(_cell(b, place), NotRun(reason=f"no reader: {sentence(place.error)}")) for b in written]

    def outcome(bundle: _Written) -> Outcome:
        if isinstance(bundle.record, NotRun):
            return bundle.record
        say(f"replaying {bundle.path.name} of {bundle.writer}")
        return reader.observe(bundle.path, bundle.record, policy=terms.policy, progress=say)

    with terms.worker(place, "reader", cancelled) as worker:
        say, reader = _named(worker, progress), terms.reader(place, worker)
        return [verdict_of(_cell(bundle, place), outcome(bundle), terms.expect) for bundle in written]


def _file_name(number: int, specification: dict[str, Any]) -> str:
    """The same for every writer: a bundle's card names its folder."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", str(specification.get("name", "")))
    return f"{number}-{name}" if name else str(number)


def _cell(bundle: _Written, reader: PreparedEnvironment) -> Cell:
    return Cell(bundle=bundle.path, writer=bundle.writer, reader=reader.id)


def _named(worker: Worker, progress: Progress) -> Progress:
    return lambda text: progress(f"{worker.name}: {text}")


def _writer(manifest: Manifest) -> str:
    return environment_id_of(*written_by(manifest))


def _some(what: str, there: Sequence[Any]) -> None:
    if not there:
        raise errors.ConfigError(
            f"no {what}: nothing would run, and that is no success", wanted="at least one", found="none"
        )
