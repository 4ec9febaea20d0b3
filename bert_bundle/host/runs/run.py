"""A run: environments in, verdicts out. Owns the order of the work. Does not know how results are shown.

    environments -> made -> (bundles written) -> bundles replayed -> verdicts

One worker process per environment and role, however many bundles there are.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from pathlib import Path
from typing import TypeVar

from bert_bundle import errors
from bert_bundle.api import inspect
from bert_bundle.format.manifest import Manifest
from bert_bundle.host.config.matrix_file import Expectation, Tolerances
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.nearest import environment_id_of, written_by
from bert_bundle.host.environments.prepare import (
    FailedEnvironment,
    PreparedEnvironment,
    TemporaryEnvironment,
    unique,
)
from bert_bundle.host.runs.executor import Executor, JobsInterrupted
from bert_bundle.host.runs.job import (
    BundleReference,
    Job,
    JobEnvironment,
    JobResult,
    ReadJob,
    Target,
    WriteJob,
)
from bert_bundle.host.runs.needs import LeftOut, lacking
from bert_bundle.host.runs.outcome import Cell, NotRun, Outcome, Replayed, sentence
from bert_bundle.host.runs.replay_grade import grade_replay, recorded
from bert_bundle.host.runs.run_job import JobContext, named_progress
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.host.runs.verdict import Summary, Verdict, refusal, verdict_of
from bert_bundle.progress import Progress

T = TypeVar("T")

# Classifiers of a run, for each writer, up to which its bundles and replays are kept: 25 in six environments, each
# reading all, are 0.3 GB.
_MOST_REMEMBERED = 25


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """The smallest classifier found on which a pair disagrees, and the script that shows it.

    `tried` classifiers were built to make it smaller; 0 if it is one that the run wrote.
    """

    specification: Mapping[str, object]
    verdict: Verdict
    tried: int
    script: Path


@dataclass(frozen=True, kw_only=True)
class Run:
    """The results of a run. `matrix` is the file that its environments come from, if there is one.

    If it was `interrupted`, the cells that were not replayed by then are not run. `left_out` are the bundles that were
    not written, because their writers lack what the classifiers need.
    """

    environments: Sequence[PreparedEnvironment]
    verdicts: Sequence[Verdict]
    summary: Summary
    tolerances: Tolerances = field(default_factory=Tolerances)
    matrix: Path | None = None
    reproductions: Sequence[Reproduction] = ()
    interrupted: bool = False
    left_out: Sequence[LeftOut] = ()

    @property
    def disk(self) -> int:
        """Return the bytes of all environments, each counted whole.

        Environments share files, and need not be on disk at the same time.
        """
        return sum(found.size for found in self.environments)

    @property
    def exit_code(self) -> int:
        """Return the worst of what happened: interrupted, no environment, not run, not as expected, as expected."""
        if self.interrupted:
            return errors.INTERRUPTED
        if any(found.error is not None for found in self.environments):
            return errors.NO_ENVIRONMENT
        if self.summary.not_run:
            return errors.NOT_RUN
        return errors.NOT_AS_EXPECTED if self.summary.unexpected else errors.AS_EXPECTED


@dataclass(frozen=True, kw_only=True)
class _Bundle:
    """A bundle to replay, or the reason why there is none; and the specification that it was made of, if any."""

    path: Path
    writer: str
    record: BundleReference | NotRun
    specification: Mapping[str, object] = field(default_factory=dict)


def audit(
    bundle: Path,
    environments: Sequence[PreparedEnvironment | TemporaryEnvironment],
    *,
    executor: Executor,
    progress: Progress,
    options: RunOptions,
) -> Run:
    """Replay one bundle in each of the environments. An interrupt meanwhile ends it with what was found so far.

    Raises BundleError for a bundle that is damaged or unsafe, ConfigError if there is no environment.
    """
    _check_any("environments", environments)
    started = time.monotonic()
    manifest, path = inspect(str(bundle)), bundle.absolute()
    reference = BundleReference(path=path, digest=recorded(path).digest, writer=_writer_of(manifest))
    bundles = [_Bundle(path=path, writer=reference.writer, record=reference)]
    context = _context(environments, progress, options)
    made, columns = _read(bundles, environments, executor, context, options)
    verdicts = [verdict for column in columns for verdict in column]
    return Run(
        environments=made,
        verdicts=verdicts,
        summary=Summary.of(verdicts, time.monotonic() - started),
        tolerances=options.tolerances,
        matrix=options.matrix,
        interrupted=context.stop.is_set(),
    )


def cross(
    writers: Sequence[PreparedEnvironment | TemporaryEnvironment],
    readers: Sequence[PreparedEnvironment | TemporaryEnvironment],
    specifications: Sequence[dict[str, object]],
    *,
    folder: Path,
    executor: Executor,
    progress: Progress,
    options: RunOptions,
) -> Run:
    """Save each classifier in each writer and replay every bundle in each reader.

    Bundles go to `folder`/<writer>/<number>-<name>. A specification may say what its `writers` and `readers` need
    (`needs.lacking`): it is left out where a writer lacks that, and a reader that lacks it is expected to refuse. The
    cells of a bundle that could not be written are not run, with the reason. Verdicts are ordered by writer,
    specification, reader. Interrupted as `audit` is. Raises ConfigError if there is no classifier, no writer or no
    reader.
    """
    for what, items in (("writers", writers), ("readers", readers), ("classifiers", specifications)):
        _check_any(what, items)
    started = time.monotonic()
    if len(specifications) > _MOST_REMEMBERED:
        options = replace(options, remembered=None)
    context = _context([*writers, *readers], progress, options)
    targets, left_out = _planned(specifications, writers, folder.absolute(), len(readers))
    _check_any("classifiers for these writers", [target for each in targets.values() for target in each])
    made_writers, bundles = _write(targets, writers, executor, context, options)
    made_readers, columns = _read(bundles, readers, executor, context, options)
    verdicts = [verdict for row in zip(*columns, strict=True) for verdict in row]
    return Run(
        environments=unique([*made_writers, *made_readers]),
        verdicts=verdicts,
        summary=Summary.of(verdicts, time.monotonic() - started),
        tolerances=options.tolerances,
        matrix=options.matrix,
        interrupted=context.stop.is_set(),
        left_out=left_out,
    )


def verify(bundle: Path, environment: ReadyEnvironment, *, progress: Progress, options: RunOptions) -> Verdict:
    """Replay the golden of `bundle` in one environment. Only agreement is as expected: exceptions are not looked up.

    Raises BundleError if the bundle is damaged or the environment cannot load it, WorkerError without an answer.
    """
    manifest, path = inspect(str(bundle)), bundle.absolute()
    against = recorded(path)
    started = time.monotonic()
    with options.worker(environment, "reader") as worker:
        say = named_progress(worker, progress)
        observation = worker.ask("replay", say, bundle=str(path), runtime=environment.runtime)
    figures = grade_replay(against, observation, options.tolerances)
    outcome = Replayed(figures=figures, seconds=time.monotonic() - started)
    return verdict_of(Cell(bundle=path, writer=_writer_of(manifest), reader=environment.id), outcome)


def _planned(
    specifications: Sequence[dict[str, object]],
    writers: Sequence[PreparedEnvironment | TemporaryEnvironment],
    folder: Path,
    readers: int,
) -> tuple[dict[str, tuple[Target, ...]], list[LeftOut]]:
    """Return what each writer writes, by its id, and what is left out, both in the order of the specifications."""
    targets: dict[str, list[Target]] = {}
    left_out: list[LeftOut] = []
    for writer in writers:
        name = _id_of(writer)
        targets[name] = []
        for number, specification in enumerate(specifications):
            path = folder / name / _file_name(number, specification)
            if needs := lacking(specification, "writers", writer):
                left_out.append(LeftOut(bundle=path, writer=name, needs=needs, cells=readers))
            else:
                targets[name].append(Target(path=path, specification=specification))
    return {name: tuple(each) for name, each in targets.items()}, left_out


def _write(
    targets: Mapping[str, tuple[Target, ...]],
    writers: Sequence[PreparedEnvironment | TemporaryEnvironment],
    executor: Executor,
    context: JobContext,
    options: RunOptions,
) -> tuple[list[PreparedEnvironment], list[_Bundle]]:
    """Return the writers' environments, and the bundles in the order of writers and specifications."""

    def job(environment: JobEnvironment) -> WriteJob:
        return WriteJob(
            environment=environment,
            targets=targets[environment.id],
            limits=options.limits,
            entry=options.entry_of(environment.id),
        )

    def bundles(found: JobResult[BundleReference | NotRun]) -> Iterator[_Bundle]:
        writer = found.environment
        records: Iterator[BundleReference | NotRun] = iter(found.results)
        if writer.error is not None:
            records = repeat(NotRun(reason=f"no writer: {sentence(writer.error)}"))
        for target in targets[writer.id]:
            specification = target.specification
            yield _Bundle(path=target.path, writer=writer.id, record=next(records), specification=specification)

    results = _gather(job, writers, executor, context)
    return [found.environment for found in results], [bundle for found in results for bundle in bundles(found)]


def _read(
    bundles: Sequence[_Bundle],
    readers: Sequence[PreparedEnvironment | TemporaryEnvironment],
    executor: Executor,
    context: JobContext,
    options: RunOptions,
) -> tuple[list[PreparedEnvironment], list[list[Verdict]]]:
    """Return the readers' environments, and for each reader the verdicts in the order of `bundles`."""
    references = tuple(bundle.record for bundle in bundles if isinstance(bundle.record, BundleReference))

    def expected(bundle: _Bundle, reader: PreparedEnvironment) -> Sequence[Expectation]:
        needs = lacking(bundle.specification, "readers", reader)
        return [*options.expect, *([refusal(reader.id, needs)] if needs else [])]

    def job(environment: JobEnvironment) -> ReadJob:
        return ReadJob(
            environment=environment,
            bundles=references,
            tolerances=options.tolerances,
            limits=options.limits,
            entry=options.entry_of(environment.id),
        )

    def outcomes(found: JobResult[Outcome]) -> Iterator[Outcome]:
        if found.environment.error is not None:
            yield from repeat(NotRun(reason=f"no reader: {sentence(found.environment.error)}"), len(bundles))
            return
        replays = iter(found.results)
        for bundle in bundles:
            yield bundle.record if isinstance(bundle.record, NotRun) else next(replays)

    def verdicts(found: JobResult[Outcome]) -> list[Verdict]:
        reader = found.environment
        return [
            verdict_of(
                Cell(bundle=bundle.path, writer=bundle.writer, reader=reader.id), outcome, expected(bundle, reader)
            )
            for bundle, outcome in zip(bundles, outcomes(found), strict=True)
        ]

    results = _gather(job, readers, executor, context)
    return [found.environment for found in results], [verdicts(found) for found in results]


def _gather(
    job: Callable[[JobEnvironment], Job[T]],
    environments: Sequence[PreparedEnvironment | TemporaryEnvironment],
    executor: Executor,
    context: JobContext,
) -> list[JobResult[T]]:
    """Run a job in each of the environments; one that could not be made has no results."""
    jobs = [job(JobEnvironment.of(e)) for e in environments if not isinstance(e, FailedEnvironment)]
    context.watch.planned(len(jobs))
    try:
        results = iter(executor.gather(jobs, context))
    except JobsInterrupted as interrupt:  # `context.stop` is set: later jobs of this run do nothing
        results = iter(interrupt.results)
    return [JobResult(environment=e) if isinstance(e, FailedEnvironment) else next(results) for e in environments]


def _context(
    environments: Sequence[PreparedEnvironment | TemporaryEnvironment], progress: Progress, options: RunOptions
) -> JobContext:
    ready = [environment for environment in environments if isinstance(environment, ReadyEnvironment)]
    return JobContext(environments=ready, progress=progress, remembered=options.remembered, watcher=options.watcher)


def _id_of(environment: PreparedEnvironment | TemporaryEnvironment) -> str:
    return environment.environment.id if isinstance(environment, TemporaryEnvironment) else environment.id


def _file_name(number: int, specification: dict[str, object]) -> str:
    """Return the name of a bundle, which is the same for every writer: the model card contains it."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", str(specification.get("name", "")))
    return f"{number}-{name}" if name else str(number)


def _writer_of(manifest: Manifest) -> str:
    return environment_id_of(*written_by(manifest))


def _check_any(what: str, items: Sequence[object]) -> None:
    if not items:
        raise errors.ConfigError(f"no {what}: nothing would run", wanted="at least one", found="none")
