"""Jobs are data: they survive pickle and JSON, run in other processes, and have a key of what decides their results."""

import dataclasses
import json
import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import pytest
from support.entries import FAKE

from bert_bundle.errors import IntegrityError
from bert_bundle.host.config.matrix_file import Environment, Tolerances
from bert_bundle.host.environments.environment import CACHE_VARIABLE
from bert_bundle.host.environments.locks import FOLDER, lock
from bert_bundle.host.environments.nearest import this_interpreter
from bert_bundle.host.environments.prepare import FailedEnvironment, TemporaryEnvironment, prepare
from bert_bundle.host.runs.executor import Executor
from bert_bundle.host.runs.job import (
    BundleReference,
    Job,
    JobEnvironment,
    JobResult,
    Limits,
    ReadJob,
    Target,
    WriteJob,
    from_json,
    to_json,
)
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.outcome import NotRun
from bert_bundle.host.runs.run import Run, cross
from bert_bundle.host.runs.run_job import JobContext, run_job
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.host.workers.worker import WORKER_ENTRY
from bert_bundle.progress import silent

T = TypeVar("T")

ROW = Environment(
    id="small", python="3.11", as_of=date(2024, 5, 15), packages=("packaging==23.2",), runtime="native", groups=()
)
ENVIRONMENT = JobEnvironment(id="a", runtime="native", lock_digest="0" * 64, row=ROW, lock_text="a lock\n")
BUNDLE = BundleReference(path=Path("/bundles/router"), digest="1" * 64, writer="w")
WRITING = WriteJob(
    environment=ENVIRONMENT,
    targets=(Target(path=Path("/bundles/é"), specification={"seed": 1, "layers": [1, None, "é", 0.1]}),),
)
READING = ReadJob(environment=ENVIRONMENT, bundles=(BUNDLE,), tolerances=Tolerances(), limits=Limits(seconds=1.5))
WITHOUT_LOCK = dataclasses.replace(READING, environment=JobEnvironment.of(this_interpreter()), entry=FAKE)

JOBS = (WRITING, READING, WITHOUT_LOCK)


@pytest.mark.parametrize("job", JOBS, ids=["writing", "reading", "without a lock"])
def test_a_job_survives_pickle_and_json(job: WriteJob | ReadJob) -> None:
    assert pickle.loads(pickle.dumps(job)) == job
    again = from_json(json.loads(json.dumps(to_json(job))))
    assert (again, type(again), again.key) == (job, type(job), job.key)


def test_a_job_holds_no_path_of_an_interpreter_or_of_a_lock(tmp_path: Path) -> None:
    locked = lock(ROW, tmp_path)
    text = locked.path.read_text("utf-8")
    planned = JobEnvironment.of(TemporaryEnvironment(environment=ROW, lock=locked))
    here = this_interpreter()
    ready = JobEnvironment.of(dataclasses.replace(here, id="small", row=ROW, lock_text=text, lock_digest=locked.digest))
    for environment in (planned, ready):
        data = json.dumps(to_json(dataclasses.replace(READING, environment=environment)))
        assert str(tmp_path) not in data
        assert str(here.python) not in data
        assert (environment.row, environment.lock_text, environment.lock_digest) == (ROW, text, locked.digest)
    assert (planned.temporary, ready.temporary) == (True, False)


Change = Callable[[Any], Any]


def environment_with(**fields: Any) -> Change:
    return lambda job: dataclasses.replace(job, environment=dataclasses.replace(job.environment, **fields))


def bundle_with(**fields: Any) -> Change:
    return lambda job: dataclasses.replace(job, bundles=(dataclasses.replace(job.bundles[0], **fields),))


def target_with(**fields: Any) -> Change:
    return lambda job: dataclasses.replace(job, targets=(dataclasses.replace(job.targets[0], **fields),))


def job_with(**fields: Any) -> Change:
    return lambda job: dataclasses.replace(job, **fields)


DECISIVE = {
    "lock": environment_with(lock_digest="1" * 64),
    "runtime of the row": environment_with(runtime="transformers"),
    "bundle": bundle_with(digest="2" * 64),
    "bundles": job_with(bundles=(BUNDLE, BUNDLE)),
    "tolerance in float64": job_with(tolerances=Tolerances(double=1e-9)),
    "tolerance in noise floors": job_with(tolerances=Tolerances(noise=0.5)),
    "a worker that is not the package's": job_with(entry=FAKE),
}
INDIFFERENT = {
    "id": environment_with(id="b"),
    "removed after the job": environment_with(temporary=True),
    "groups of the row": environment_with(row=ROW.model_copy(update={"groups": ("ci",)})),
    "path": bundle_with(path=Path("/elsewhere")),
    "writer": bundle_with(writer="x"),
    "limits": job_with(limits=Limits(seconds=9, memory=9)),
    "reason of a tolerance": job_with(tolerances=Tolerances(reason="a reason")),
    "the package's worker": job_with(entry=WORKER_ENTRY),
}


@pytest.mark.parametrize("change", DECISIVE)
def test_the_key_of_a_reading_job_changes_with_bundle_lock_tolerances_and_worker(change: str) -> None:
    assert DECISIVE[change](READING).key != READING.key


@pytest.mark.parametrize("change", INDIFFERENT)
def test_the_key_of_a_reading_job_changes_with_nothing_else(change: str) -> None:
    assert INDIFFERENT[change](READING).key == READING.key


def test_the_key_of_a_writing_job_changes_with_the_specification_and_not_with_the_target() -> None:
    assert target_with(specification={"seed": 2})(WRITING).key != WRITING.key
    assert target_with(path=Path("/elsewhere"))(WRITING).key == WRITING.key


def test_every_field_of_a_reading_job_is_decisive_or_indifferent() -> None:
    """A field that is added to a job must be added to one of the two tables."""
    fields = [{field.name for field in dataclasses.fields(part)} for part in (READING, ENVIRONMENT, BUNDLE)]
    assert fields == [
        {"environment", "limits", "entry", "bundles", "tolerances", "role"},
        {"id", "runtime", "lock_digest", "row", "lock_text", "temporary"},  # the text is that of the digest
        {"path", "digest", "writer"},
    ]


def test_a_job_without_a_lock_has_no_key() -> None:
    assert WITHOUT_LOCK.key is None


class Processes:
    """An executor that sends jobs as JSON to other processes, which share nothing with this one but the files."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def gather(self, jobs: Sequence[Job[T]], context: JobContext) -> list[JobResult[T]]:
        futures = [self._pool.submit(run_elsewhere, json.dumps(to_json(job))) for job in jobs]
        return [future.result() for future in futures]


def run_elsewhere(text: str) -> Any:
    return run_job(from_json(json.loads(text)), JobContext())


def measured(run: Run) -> list[tuple[object, ...]]:
    return [
        (v.writer, v.bundle.name, v.reader, v.grade, v.as_expected, v.float64_difference, v.native_difference)
        for v in run.verdicts
    ]


def test_jobs_in_other_processes_give_the_same_verdicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    rows = [ROW.model_copy(update={"id": name}) for name in ("a", "b")]
    for row in rows:
        lock(row, tmp_path)
    environments = prepare(rows, tmp_path / FOLDER, progress=silent)
    specifications: list[dict[str, Any]] = [
        {},
        {"reading": "drifts", "seed": 1},
        {"reading": "noisy", "seed": 2},
        {"reading": "crashes", "seed": 3},
        {"reading": "missing_runtime", "seed": 4},
        {"writing": "refuses"},
    ]

    def run(name: str, executor: Executor) -> Run:
        options, folder = RunOptions(entry=FAKE), tmp_path / name
        return cross(
            environments,
            environments,
            specifications,
            folder=folder,
            executor=executor,
            progress=silent,
            options=options,
        )

    here = run("here", Local(2))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        there = run("there", Processes(pool))
    assert measured(here) == measured(there)
    assert {v.grade for v in there.verdicts} == {"bitwise", "drift", "crashed", "refused", "not run"}
    assert (len(there.verdicts), there.exit_code) == (24, 3)
    assert [e.id for e in there.environments] == ["a", "b"]


def test_a_bundle_that_is_not_the_one_of_the_job_is_not_replayed(tmp_path: Path) -> None:
    here, context = JobEnvironment.of(this_interpreter()), JobContext(environments=[this_interpreter()])
    writing = WriteJob(environment=here, entry=FAKE, targets=(Target(path=tmp_path / "a", specification={}),))
    (bundle,) = run_job(writing, context).results
    assert isinstance(bundle, BundleReference)
    other = dataclasses.replace(bundle, digest="2" * 64)
    with pytest.raises(IntegrityError, match="not the bundle that the job names"):
        context.recorded(other)
    (outcome,) = run_job(dataclasses.replace(WITHOUT_LOCK, bundles=(other,)), context).results
    assert isinstance(outcome, NotRun)
    assert outcome.reason.startswith("no bundle: not the bundle that the job names")


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (WITHOUT_LOCK, "this process does not have the environment"),
        (
            environment_with(lock_text="packaging==23.2 --hash=sha256:" + "0" * 64)(READING),
            "the lock of a job is not the one it names",
        ),
    ],
)
def test_an_environment_that_a_process_cannot_make_is_in_the_result(job: ReadJob, message: str) -> None:
    found = run_job(job, JobContext())
    assert isinstance(found.environment, FailedEnvironment)
    assert (found.environment.error.message, found.results) == (message, ())
