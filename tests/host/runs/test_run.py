"""Whole runs with real worker processes; the environments are the host's own interpreter under several names."""

import dataclasses
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.child_processes import living_children
from support.entries import FAKE
from support.fake_bundles import fake_generate

from bert_bundle.errors import (
    ConfigError,
    EnvironmentNotMadeError,
    IntegrityError,
    RuntimeUnavailableError,
    WorkerError,
)
from bert_bundle.host.config.matrix_file import Expectation, Tolerances
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.nearest import this_interpreter
from bert_bundle.host.environments.prepare import FailedEnvironment, PreparedEnvironment
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.needs import LeftOut
from bert_bundle.host.runs.run import Run, audit, cross, verify
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.progress import silent

FORGED = RunOptions(entry=FAKE, time_limit=5)
NOT_MADE = FailedEnvironment(
    id="d", error=EnvironmentNotMadeError("no interpreter", place="d", wanted="3.8", fix="install it")
)


def made(name: str) -> ReadyEnvironment:
    return dataclasses.replace(this_interpreter(), id=name)


def forged(folder: Path, **specification: Any) -> Path:
    fake_generate(progress=silent, specification=specification, target=str(folder / "router"))
    return folder / "router"


def audited(bundle: Path, places: Sequence[PreparedEnvironment], options: RunOptions = FORGED, jobs: int = 2) -> Run:
    return audit(bundle, places, executor=Local(jobs), progress=silent, options=options)


def crossed(
    folder: Path,
    specifications: Sequence[dict[str, Any]],
    places: Sequence[PreparedEnvironment],
    options: RunOptions = FORGED,
) -> Run:
    return cross(places, places, specifications, folder=folder, executor=Local(2), progress=silent, options=options)


def expectation(environment: str, outcome: str) -> Expectation:
    return Expectation.model_validate({"environment": environment, "outcome": outcome, "reason": "known"})


def test_an_audit_has_a_verdict_for_each_environment_in_their_order(tmp_path: Path) -> None:
    run = audited(forged(tmp_path), [made("b"), made("a"), made("c")])
    assert [v.reader for v in run.verdicts] == ["b", "a", "c"]
    assert {v.grade for v in run.verdicts} == {"bitwise"}
    assert {v.writer for v in run.verdicts} == {"tf2.15.1-hf4.40.2-py3.11"}
    assert run.exit_code == 0


def test_a_reader_that_differs_makes_the_run_end_with_1(tmp_path: Path) -> None:
    run = audited(forged(tmp_path, reading="drifts"), [made("a")])
    assert [v.grade for v in run.verdicts] == ["drift"]
    assert run.exit_code == 1


@pytest.mark.parametrize(
    ("reading", "grade"), [("crashes", "crashed"), ("missing_runtime", "refused"), ("hangs", "timeout")]
)
def test_a_reader_that_gives_no_answer_is_not_as_expected(tmp_path: Path, reading: str, grade: str) -> None:
    options = dataclasses.replace(FORGED, time_limit=1)
    run = audited(forged(tmp_path, reading=reading), [made("a")], options)
    assert [v.grade for v in run.verdicts] == [grade]
    assert run.exit_code == 1


def test_a_known_exception_is_as_expected_and_without_its_entry_it_is_not(tmp_path: Path) -> None:
    bundle, options = (
        forged(tmp_path, reading="missing_runtime"),
        dataclasses.replace(FORGED, expect=[expectation("a", "refused")]),
    )
    assert audited(bundle, [made("a")], options).exit_code == 0
    assert audited(bundle, [made("a")]).exit_code == 1


def test_an_unexpected_pass_is_not_as_expected(tmp_path: Path) -> None:
    options = dataclasses.replace(FORGED, expect=[expectation("a", "refused")])
    assert audited(forged(tmp_path), [made("a")], options).exit_code == 1


def test_the_tolerances_bound_the_difference_of_float64_replays(tmp_path: Path) -> None:
    tolerances = Tolerances(double=0.01, reason="a trial")
    run = audited(forged(tmp_path, reading="drifts"), [made("a")], dataclasses.replace(FORGED, tolerances=tolerances))
    assert ([v.grade for v in run.verdicts], run.tolerances) == (["identical"], tolerances)


def test_the_tolerances_bound_the_difference_of_float32_replays_in_noise_floors(tmp_path: Path) -> None:
    def grade(noise: float) -> str:
        tolerances = Tolerances(noise=noise, reason="a trial")
        run = audited(bundle, [made("a")], dataclasses.replace(FORGED, tolerances=tolerances))
        return run.verdicts[0].grade

    bundle = forged(tmp_path, reading="noisy")  # 5e-6 of the scale in float32, where the floor is 1e-6
    assert [grade(1.0), grade(10.0)] == ["drift", "identical"]


def test_an_environment_that_could_not_be_made_is_not_run_and_the_others_are(tmp_path: Path) -> None:
    run = audited(forged(tmp_path), [made("a"), NOT_MADE, made("b")])
    assert [v.grade for v in run.verdicts] == ["bitwise", "not run", "bitwise"]
    assert run.verdicts[1].reason == "no reader: no interpreter @ d, wanted: 3.8"
    assert (run.summary.as_expected, run.summary.not_run) == (2, 1)
    assert run.exit_code == 4


def test_a_run_of_nothing_is_not_a_success(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no environments: nothing would run"):
        audited(forged(tmp_path), [])
    with pytest.raises(ConfigError, match="no writers: nothing would run"):
        crossed(tmp_path, [{}], [])
    with pytest.raises(ConfigError, match="no classifiers: nothing would run"):
        crossed(tmp_path, [], [made("a")])


def test_a_damaged_bundle_is_refused_before_anything_runs(tmp_path: Path) -> None:
    bundle = forged(tmp_path)
    golden = bundle / "golden" / "inputs.json"
    golden.write_bytes(golden.read_bytes().replace(b"two", b"owt"))
    with pytest.raises(IntegrityError):
        audited(bundle, [made("a")])


def test_every_writer_meets_every_reader_with_every_classifier(tmp_path: Path) -> None:
    run = crossed(tmp_path, [{"seed": 0}, {"seed": 1}], [made("a"), made("b")])
    cells = [(v.writer, v.bundle.name, v.reader) for v in run.verdicts]
    assert cells == [(w, n, r) for w in "ab" for n in "01" for r in "ab"]
    assert {v.grade for v in run.verdicts} == {"bitwise"}
    assert [v.shares and v.shares.parent.name for v in run.verdicts] == [None] * 4 + ["a"] * 4
    assert (run.summary.cells, run.summary.replays) == (8, 4)
    assert run.exit_code == 0
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.glob("*/*")) == ["a/0", "a/1", "b/0", "b/1"]


def test_a_bundle_is_named_by_its_classifier(tmp_path: Path) -> None:
    run = crossed(tmp_path, [{"name": "two outputs/é"}, {"name": "siamese"}], [made("a")])
    assert [v.bundle.name for v in run.verdicts] == ["0-two-outputs-", "1-siamese"]


def test_a_classifier_is_left_out_where_its_writer_lacks_what_it_needs(tmp_path: Path) -> None:
    native, classes = (dataclasses.replace(made(name), runtime=name) for name in ("native", "transformers"))
    new = {"name": "new", "writers": {"native": [], "transformers": ["numpy>=99"]}}
    run = crossed(tmp_path, [{}, new, {"name": "own", "writers": {"native": ["numpy"]}}], [native, classes])
    assert [(v.writer, v.bundle.name) for v in run.verdicts if v.reader == "native"] == [
        ("native", "0"),
        ("native", "1-new"),
        ("native", "2-own"),
        ("transformers", "0"),
    ]
    folder = tmp_path / "transformers"
    assert run.left_out == [
        LeftOut(bundle=folder / "1-new", writer="transformers", needs="needs numpy>=99", cells=2),
        LeftOut(bundle=folder / "2-own", writer="transformers", needs="needs the native runtime", cells=2),
    ]
    assert (run.summary.cells, run.exit_code) == (8, 0)
    with pytest.raises(ConfigError, match="no classifiers for these writers: nothing would run"):
        crossed(tmp_path / "none", [{"writers": {"native": []}}], [classes])


def test_a_reader_that_lacks_what_a_classifier_needs_has_to_refuse_it(tmp_path: Path) -> None:
    needs = {"readers": {"transformers": ["numpy>=99"]}}
    reader = dataclasses.replace(made("reader"), runtime="transformers")
    run = crossed(tmp_path, [{"reading": "missing_runtime", **needs}, {**needs}, {"reading": "crashes"}], [reader])
    assert [(v.grade, v.as_expected) for v in run.verdicts] == [
        ("refused", True),
        ("bitwise", False),
        ("crashed", False),
    ]
    assert run.verdicts[0].reason.startswith("known: needs numpy>=99; refused: ")
    assert run.verdicts[1].reason.startswith("refused was expected (needs numpy>=99), this is bitwise")


@pytest.mark.parametrize("writing", ["refuses", "crashes"])
def test_a_bundle_that_is_not_written_makes_its_cells_not_run_and_no_others(tmp_path: Path, writing: str) -> None:
    run = crossed(tmp_path, [{"writing": writing}, {}], [made("a"), made("b")])
    assert [v.grade for v in run.verdicts] == ["not run"] * 2 + ["bitwise"] * 2 + ["not run"] * 2 + ["bitwise"] * 2
    assert run.verdicts[0].reason.startswith("not written: ")
    assert run.exit_code == 3


def test_a_writer_that_could_not_be_made_makes_its_row_and_its_column_not_run(tmp_path: Path) -> None:
    run = crossed(tmp_path, [{}], [made("a"), NOT_MADE])
    assert [v.grade for v in run.verdicts] == ["bitwise", "not run", "not run", "not run"]
    assert [v.reason.split(":")[0] for v in run.verdicts[1:]] == ["no reader", "no writer", "no reader"]
    assert run.exit_code == 4


def test_a_reader_that_crashes_affects_no_other_cell(tmp_path: Path) -> None:
    specifications: list[dict[str, Any]] = [{"reading": "crashes"}, {}, {"reading": "crashes", "seed": 1}, {"seed": 2}]
    run = crossed(tmp_path, specifications, [made("a")])
    assert [v.grade for v in run.verdicts] == ["crashed", "bitwise", "crashed", "bitwise"]


def test_one_process_serves_each_environment_and_role(tmp_path: Path) -> None:
    """Two environments in two roles make four processes."""
    seen: set[int] = set()
    before = {process.pid for process in living_children()}  # workers that other tests share
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.update(process.pid for process in living_children())
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    crossed(tmp_path, [{"seed": seed} for seed in range(4)], [made("a"), made("b")])
    stop.set()
    watcher.join()
    assert len(seen - before) == 4


def test_verify_is_one_replay_with_its_figures(tmp_path: Path) -> None:
    verdict = verify(forged(tmp_path), made("a"), progress=silent, options=FORGED)
    assert (verdict.grade, verdict.reader) == ("bitwise", "a")
    assert (verdict.labels_changed, verdict.float64_difference) == (0, 0.0)


def test_verify_raises_what_the_reader_raises(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailableError, match="no TensorFlow here"):
        verify(forged(tmp_path, reading="missing_runtime"), made("a"), progress=silent, options=FORGED)


def test_verify_raises_if_the_reader_crashes(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="killed by SIGKILL"):
        verify(forged(tmp_path, reading="crashes"), made("a"), progress=silent, options=FORGED)


def test_a_run_leaves_no_process_behind(tmp_path: Path) -> None:
    before = living_children()  # workers that other tests share
    crossed(tmp_path, [{"reading": "crashes"}, {}], [made("a"), made("b")])
    assert living_children() == before


def test_a_bundle_named_relative_to_here_is_found_by_workers_that_are_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert audited(Path("router"), [made("a")]).exit_code == 0
    assert verify(Path("router"), made("a"), progress=silent, options=FORGED).grade == "bitwise"
    assert crossed(Path("kept"), [{}], [made("a")]).exit_code == 0
