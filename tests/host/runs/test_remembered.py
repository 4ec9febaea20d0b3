"""Replays of earlier runs: what they are known by, how they are graded, and that nothing else is taken for one."""

import dataclasses
import shutil
from pathlib import Path

import pytest
from support.bundle_files import tree
from support.child_processes import living_children
from support.entries import FAKE
from support.environments import WRITER, environment

from bert_bundle.api import inspect
from bert_bundle.classifiers.specification import CLASSIC
from bert_bundle.errors import IntegrityError
from bert_bundle.host.config.matrix_file import Tolerances
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.nearest import this_interpreter
from bert_bundle.host.runs import remembered
from bert_bundle.host.runs.job import JobEnvironment
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.remembered import Remembered
from bert_bundle.host.runs.run import Run, audit, cross
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.host.workers.worker import WORKER_ENTRY
from bert_bundle.progress import silent

REPLAY = {"predictions": {"head": [[0.25, 1e-300, -0.0]]}, "labels": ["é"]}


@pytest.fixture(scope="module")
def place() -> ReadyEnvironment:
    return environment(WRITER)


@pytest.fixture
def job(place: ReadyEnvironment) -> JobEnvironment:
    return JobEnvironment.of(place)


def audited(bundle: Path, place: ReadyEnvironment, kept: Remembered | None, **options: object) -> Run:
    chosen = dataclasses.replace(RunOptions(remembered=kept), **options)  # type: ignore[arg-type]
    return audit(bundle, [place], executor=Local(1), progress=silent, options=chosen)


@pytest.fixture(scope="module")
def first(classic_bundle: Path, place: ReadyEnvironment, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """Return a folder of one replay, and the run that computed it."""
    folder = tmp_path_factory.mktemp("replays")
    return folder, audited(classic_bundle, place, Remembered(folder=folder))


def test_the_same_audit_again_has_the_same_verdict_and_starts_no_worker(
    first: tuple[Path, Run], classic_bundle: Path, place: ReadyEnvironment
) -> None:
    folder, run = first
    assert (run.summary.replays, run.summary.remembered) == (1, 0)
    before = living_children()  # the worker that other tests share
    again = audited(classic_bundle, place, Remembered(folder=folder), time_limit=0.0)
    assert living_children() == before
    (computed,), (remembered_one,) = run.verdicts, again.verdicts
    assert remembered_one == dataclasses.replace(computed, remembered=True, seconds=0.0)
    assert (again.summary.replays, again.summary.remembered) == (0, 1)


def test_what_is_remembered_is_graded_by_the_tolerances_of_this_run(
    first: tuple[Path, Run], classic_bundle: Path, job: JobEnvironment, place: ReadyEnvironment, tmp_path: Path
) -> None:
    digest = inspect(str(classic_bundle)).digest
    replay = Remembered(folder=first[0]).replay(job, WORKER_ENTRY, digest)
    assert replay is not None
    for row in next(iter(replay["float64_predictions"].values())):
        row[0] += 1e-5
    moved = Remembered(folder=tmp_path)
    moved.keep_replay(job, WORKER_ENTRY, digest, replay)
    wide = Tolerances(double=1e-3, reason="to see that it counts")
    grades = [audited(classic_bundle, place, moved, tolerances=t).verdicts[0].grade for t in (Tolerances(), wide)]
    assert grades == ["drift", "identical"]


def test_a_damaged_bundle_is_refused_though_its_replay_is_remembered(
    first: tuple[Path, Run], classic_bundle: Path, place: ReadyEnvironment, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(classic_bundle, tmp_path / "copy"))
    weights = copy / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(IntegrityError, match="a file is not what was written"):
        audited(copy, place, Remembered(folder=first[0]))


def test_what_is_kept_is_found_again_to_the_last_bit(tmp_path: Path, job: JobEnvironment) -> None:
    kept = Remembered(folder=tmp_path)
    assert kept.replay(job, WORKER_ENTRY, "a") is None
    kept.keep_replay(job, WORKER_ENTRY, "a", REPLAY)
    assert str(kept.replay(job, WORKER_ENTRY, "a")) == str(REPLAY)
    assert Remembered(folder=tmp_path, fresh=True).replay(job, WORKER_ENTRY, "a") is None


def test_another_bundle_lock_runtime_worker_code_or_processor_is_another_replay(
    tmp_path: Path, job: JobEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Remembered(folder=tmp_path)
    kept.keep_replay(job, WORKER_ENTRY, "a", REPLAY)
    assert kept.replay(job, WORKER_ENTRY, "b") is None
    assert kept.replay(dataclasses.replace(job, lock_digest="0" * 64), WORKER_ENTRY, "a") is None
    assert kept.replay(dataclasses.replace(job, runtime="native"), WORKER_ENTRY, "a") is None
    assert kept.replay(job, FAKE, "a") is None
    assert kept.replay(dataclasses.replace(job, id="another name"), WORKER_ENTRY, "a") == REPLAY
    for name in ("code_digest", "processor"):
        with monkeypatch.context() as changed:
            changed.setattr(remembered, name, lambda: "another")
            assert kept.replay(job, WORKER_ENTRY, "a") is None


def test_what_another_worker_or_an_environment_without_a_lock_says_is_not_kept(
    tmp_path: Path, job: JobEnvironment
) -> None:
    kept = Remembered(folder=tmp_path)
    kept.keep_replay(job, FAKE, "a", REPLAY)
    kept.keep_replay(JobEnvironment.of(this_interpreter()), WORKER_ENTRY, "a", REPLAY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"\x1f\x8b", b"{}", None])
def test_a_file_that_is_not_whole_is_no_replay(tmp_path: Path, job: JobEnvironment, damage: bytes | None) -> None:
    kept = Remembered(folder=tmp_path)
    kept.keep_replay(job, WORKER_ENTRY, "a", REPLAY)
    (path,) = tmp_path.rglob("*.json.gz")
    data = path.read_bytes()
    for position in range(10, len(data), 7):
        flipped = bytes([data[position] ^ 1])
        path.write_bytes(data[:position] + flipped + data[position + 1 :] if damage is None else damage)
        assert kept.replay(job, WORKER_ENTRY, "a") in (None, REPLAY)
        path.write_bytes(data[:position])
        assert kept.replay(job, WORKER_ENTRY, "a") is None


def test_a_cache_that_cannot_be_written_to_is_an_empty_one(tmp_path: Path, job: JobEnvironment) -> None:
    (tmp_path / "replays").write_text("a file")
    kept = Remembered(folder=tmp_path / "replays")
    kept.keep_replay(job, WORKER_ENTRY, "a", REPLAY)
    assert kept.replay(job, WORKER_ENTRY, "a") is None


def test_a_run_again_copies_the_bundles_that_it_kept_and_writes_a_damaged_one_anew(
    place: ReadyEnvironment, tmp_path: Path
) -> None:
    kept = Remembered(folder=tmp_path / "kept")
    options = RunOptions(remembered=kept)

    def crossed(name: str) -> tuple[dict[str, str], Run]:
        folder = tmp_path / name
        found = cross([place], [place], [CLASSIC], folder=folder, executor=Local(1), progress=silent, options=options)
        (bundle,) = (folder / WRITER).iterdir()
        return tree(str(bundle)), found

    written, run = crossed("first")
    again, second = crossed("second")
    (bundle,) = (kept.folder / "bundles").iterdir()
    (bundle / "weights.safetensors").write_bytes(b"")
    anew, third = crossed("third")
    assert written == again == anew == tree(str(bundle))
    assert [r.summary.remembered for r in (run, second, third)] == [0, 1, 1]
    assert [v.grade for r in (run, second, third) for v in r.verdicts] == ["bitwise"] * 3


def test_the_code_digest_is_that_of_the_code_inside_environments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Path(shutil.copytree(Path(remembered.__file__).parents[2], tmp_path / "bert_bundle"))
    monkeypatch.setattr(remembered, "_PACKAGE", package)
    before = remembered.code_digest.__wrapped__()
    (package / "host" / "cli.py").write_text("")
    assert remembered.code_digest.__wrapped__() == before == remembered.code_digest()
    (package / "grading" / "differences.py").write_text("")
    assert remembered.code_digest.__wrapped__() != before
