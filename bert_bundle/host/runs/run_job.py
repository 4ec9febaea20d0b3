"""Runs one job in this process: makes or finds its environment, starts a worker in it, collects the results."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from bert_bundle.errors import BundleError, EnvironmentNotMadeError, IntegrityError
from bert_bundle.host.environments import locks
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.prepare import FailedEnvironment, PreparedEnvironment, TemporaryEnvironment, opened
from bert_bundle.host.runs.cell_workers import Reader, Writer
from bert_bundle.host.runs.job import BundleReference, Job, JobEnvironment, JobResult, ReadJob, Target, WriteJob
from bert_bundle.host.runs.outcome import NotRun, Outcome, Replayed, sentence
from bert_bundle.host.runs.remembered import Remembered
from bert_bundle.host.runs.replay_grade import Recorded, grade_replay, recorded
from bert_bundle.host.workers.worker import Cancelled, Worker, never
from bert_bundle.progress import Progress, silent

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """What the process that runs jobs brings along: environments and replays that it has, progress and cancellation.

    Every process makes its own; jobs do not carry it.
    """

    environments: Sequence[ReadyEnvironment] = ()
    progress: Progress = silent
    cancelled: Cancelled = never
    remembered: Remembered | None = None
    _recorded: dict[Path, Recorded] = field(default_factory=dict, repr=False)  # every reader asks for the same

    def recorded(self, bundle: BundleReference) -> Recorded:
        """Return what `bundle` recorded. Raises BundleError if it is damaged or not the one that the job names."""
        found = self._recorded.get(bundle.path)
        if found is None or found.digest != bundle.digest:
            found = recorded(bundle.path)
            if found.digest != bundle.digest:
                raise IntegrityError(
                    "not the bundle that the job names", place=bundle.path, wanted=bundle.digest, found=found.digest
                )
            self._recorded[bundle.path] = found
        return found

    def remember(self, bundle: BundleReference, found: Recorded) -> None:
        """Keep what a bundle recorded for the jobs that read it."""
        self._recorded[bundle.path] = found


def run_job(job: Job[T], context: JobContext) -> JobResult[T]:
    """Run `job` and return its results.

    Never raises for what a worker, a bundle or an environment does: that is in the results.
    """
    with _environment(job.environment, context) as environment:
        if isinstance(environment, FailedEnvironment):
            return JobResult(environment=environment)
        work = cast(WriteJob | ReadJob, job)
        with Worker(
            environment,
            work.role,
            entry=work.entry,
            time_limit=work.limits.seconds,
            memory_limit=work.limits.memory,
            cancelled=context.cancelled,
        ) as worker:
            results = tuple(
                _write(work, worker, context) if isinstance(work, WriteJob) else _read(work, worker, context)
            )
        return JobResult(environment=environment, results=cast(tuple[T, ...], results), processes=worker.started)


def _write(job: WriteJob, worker: Worker, context: JobContext) -> Iterator[BundleReference | NotRun]:
    writer, progress = Writer(worker, job.environment.runtime), named_progress(worker, context.progress)
    kept = context.remembered
    for target in job.targets:
        found: Recorded | NotRun | None = _remembered_bundle(job, target, kept)
        if found is None:
            progress(f"saving classifier {target.path.name}")
            found = writer.write(target.path, target.specification, progress=progress)
            if kept and not isinstance(found, NotRun):
                kept.keep_bundle(job.environment, job.entry, target)
        if isinstance(found, NotRun):
            yield found
            continue
        bundle = BundleReference(path=target.path, digest=found.digest, writer=job.environment.id)
        context.remember(bundle, found)
        yield bundle


def _remembered_bundle(job: WriteJob, target: Target, kept: Remembered | None) -> Recorded | None:
    """Copy the bundle of an earlier run to its target; return what it recorded, None if there is none that is whole."""
    if kept is None or not kept.copy_bundle(job.environment, job.entry, target):
        return None
    try:
        return recorded(target.path)
    except BundleError:
        shutil.rmtree(target.path, ignore_errors=True)
        return None


def _read(job: ReadJob, worker: Worker, context: JobContext) -> Iterator[Outcome]:
    reader, progress = Reader(worker, job.environment.runtime), named_progress(worker, context.progress)
    kept = context.remembered
    for bundle in job.bundles:
        try:
            against = context.recorded(bundle)
        except BundleError as error:
            yield NotRun(reason=f"no bundle: {sentence(error)}")
            continue
        if kept and (replay := kept.replay(job.environment, job.entry, bundle.digest)) is not None:
            yield Replayed(figures=grade_replay(against, replay, job.tolerances), seconds=0.0, remembered=True)
            continue
        progress(f"replaying {bundle.path.name} of {bundle.writer}")
        yield reader.observe(bundle.path, against, tolerances=job.tolerances, progress=progress)
        if kept and (replay := reader.replay_of(against.replay_key)) is not None:
            kept.keep_replay(job.environment, job.entry, bundle.digest, replay)


def named_progress(worker: Worker, progress: Progress) -> Progress:
    """Return a progress that puts the name of `worker` before each text."""
    return lambda text: progress(f"{worker.name}: {text}")


@contextmanager
def _environment(wanted: JobEnvironment, context: JobContext) -> Iterator[PreparedEnvironment]:
    """Yield the environment of a job: one that this process has, or one made from the row and the lock."""
    for ready in () if wanted.temporary else context.environments:
        if (ready.id, ready.lock_digest) == (wanted.id, wanted.lock_digest):
            yield ready
            return
    if wanted.row is None or wanted.lock_text is None:
        error = EnvironmentNotMadeError("this process does not have the environment", place=wanted.id, wanted="a lock")
        yield FailedEnvironment(id=wanted.id, error=error)
        return
    with tempfile.TemporaryDirectory(prefix="bert-bundle-") as folder:
        lock = locks.write_derived_lock(Path(folder, f"{wanted.id}.txt"), wanted.lock_text)
        if lock.digest != wanted.lock_digest:
            error = EnvironmentNotMadeError(
                "the lock of a job is not the one it names",
                place=wanted.id,
                wanted=wanted.lock_digest,
                found=lock.digest,
            )
            yield FailedEnvironment(id=wanted.id, error=error)
            return
        made_from = TemporaryEnvironment(environment=wanted.row, lock=lock, kept=not wanted.temporary)
        with opened(made_from, context.progress) as environment:
            yield environment
