"""Runs one job in this process: makes or finds its environment, starts a worker in it, collects the results."""

import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar, cast

from bert_bundle.errors import BundleError, EnvironmentNotMadeError, IntegrityError
from bert_bundle.host.environments import locks
from bert_bundle.host.environments.cancellation import INTERRUPTED
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.prepare import FailedEnvironment, PreparedEnvironment, TemporaryEnvironment, opened
from bert_bundle.host.runs.cell_workers import Reader, Writer
from bert_bundle.host.runs.job import BundleReference, Job, JobEnvironment, JobResult, ReadJob, Target, WriteJob
from bert_bundle.host.runs.outcome import Crashed, NotRun, Outcome, Refused, Replayed, TimedOut, sentence
from bert_bundle.host.runs.remembered import Remembered
from bert_bundle.host.runs.replay_grade import Recorded, grade_replay, recorded
from bert_bundle.host.runs.watcher import Lines, Watcher
from bert_bundle.host.workers.worker import Worker
from bert_bundle.progress import Progress, silent

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """What the process that runs jobs brings along: environments and replays that it has, progress and cancellation.

    Every process makes its own; jobs do not carry it. `watcher` is told what jobs do; without one, `progress` is. Once
    `stop` is set, no job does anything more: what it had left is not run.
    """

    environments: Sequence[ReadyEnvironment] = ()
    progress: Progress = silent
    watcher: Watcher | None = None
    stop: threading.Event = field(default_factory=threading.Event, repr=False)
    remembered: Remembered | None = None
    _recorded: dict[Path, Recorded] = field(default_factory=dict, repr=False)  # every reader asks for the same

    @cached_property
    def watch(self) -> Watcher:
        """Return who is told what jobs do."""
        return self.watcher or Lines(self.progress)

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
    work, started = cast(WriteJob | ReadJob, job), time.monotonic()
    name = f"{job.environment.id} ({work.role})"
    context.watch.begun(name)
    found = _run(job, work, context, partial(context.watch.doing, name))
    seconds = time.monotonic() - started
    context.watch.ended(name, f"{job.environment.id} {_in_words(found)} {seconds:.0f} s")
    return found


def _run(job: Job[T], work: WriteJob | ReadJob, context: JobContext, progress: Progress) -> JobResult[T]:
    with _environment(job.environment, context) as environment:
        if isinstance(environment, FailedEnvironment):
            return JobResult(environment=environment)
        with Worker(
            environment,
            work.role,
            entry=work.entry,
            time_limit=work.limits.seconds,
            memory_limit=work.limits.memory,
            cancelled=context.stop.is_set,
        ) as worker:
            results = tuple(
                _write(work, worker, context, progress)
                if isinstance(work, WriteJob)
                else _read(work, worker, context, progress)
            )
        return JobResult(environment=environment, results=cast(tuple[T, ...], results), processes=worker.started)


def _in_words(found: JobResult[object]) -> str:
    """Return how the items of a job ended: `bitwise`, or `12 bitwise, 1 drift`."""
    if found.environment.error is not None:
        return "no environment"
    ends = [_end(item) for item in found.results]
    return ends[0] if len(ends) == 1 else ", ".join(f"{count} {end}" for end, count in Counter(ends).most_common())


def _end(item: object) -> str:
    if isinstance(item, BundleReference):
        return "saved"
    if isinstance(item, Replayed):
        return item.figures.grade + (", remembered," if item.remembered else "")
    return cast(Refused | Crashed | TimedOut | NotRun, item).grade


def _write(
    job: WriteJob, worker: Worker, context: JobContext, progress: Progress
) -> Iterator[BundleReference | NotRun]:
    writer = Writer(worker, job.environment.runtime)
    kept = context.remembered
    for target in job.targets:
        if context.stop.is_set():
            yield NotRun(reason=INTERRUPTED)
            continue
        found: Recorded | NotRun | None = _remembered_bundle(job, target, kept)
        if found is None:
            progress(f"saving classifier {target.path.name}")
            found = writer.write(target.path, target.specification, progress=progress)
            if kept and not isinstance(found, NotRun):
                kept.keep_bundle(job.environment, job.entry, target)
        if isinstance(found, NotRun):
            yield NotRun(reason=INTERRUPTED) if context.stop.is_set() else found
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


def _read(job: ReadJob, worker: Worker, context: JobContext, progress: Progress) -> Iterator[Outcome]:
    reader = Reader(worker, job.environment.runtime)
    kept = context.remembered
    for bundle in job.bundles:
        if context.stop.is_set():
            yield NotRun(reason=INTERRUPTED)
            continue
        try:
            against = context.recorded(bundle)
        except BundleError as error:
            yield NotRun(reason=f"no bundle: {sentence(error)}")
            continue
        if kept and (replay := kept.replay(job.environment, job.entry, bundle.digest)) is not None:
            yield Replayed(figures=grade_replay(against, replay, job.tolerances), seconds=0.0, remembered=True)
            continue
        progress(f"replaying {bundle.path.name} of {bundle.writer}")
        found = reader.observe(bundle.path, against, tolerances=job.tolerances, progress=progress)
        yield NotRun(reason=INTERRUPTED) if isinstance(found, Crashed) and context.stop.is_set() else found
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
    if context.stop.is_set():
        error = EnvironmentNotMadeError(INTERRUPTED, place=wanted.id)
        yield FailedEnvironment(id=wanted.id, error=error)
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
        with opened(made_from, context.progress, context.stop.is_set) as environment:
            yield environment
