"""What reaches a child process, and what does not."""

import dataclasses
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import bert_bundle
from bert_bundle import isolation
from bert_bundle.matrix.process import Worker
from bert_bundle.matrix.versions import running

HOSTILE = {
    "HF_ENDPOINT": "https://elsewhere.invalid",
    "HTTPS_PROXY": "http://elsewhere.invalid",
    "LD_LIBRARY_PATH": "/nowhere",
    "OMP_NUM_THREADS": "64",
    "PYTHONHASHSEED": "7",
    "PYTHONPATH": "/nowhere",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_USE_LEGACY_KERAS": "0",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
}


@pytest.mark.parametrize("variable", ["HF_ENDPOINT", "HTTPS_PROXY", "LD_LIBRARY_PATH", "PYTHONPATH", "TF_XLA_FLAGS"])
def test_a_variable_that_brings_code_or_changes_results_stays_outside(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, HOSTILE[variable])
    assert variable not in isolation.environment()


def test_LD_PRELOAD_stays_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "")  # empty: this very process must go on
    assert "LD_PRELOAD" not in isolation.environment()


@pytest.mark.parametrize("variable", ["HOME", "LC_ALL", "OPENBLAS_CORETYPE", "PATH", "SSL_CERT_FILE", "TMPDIR"])
def test_what_a_process_needs_to_find_its_way_gets_through(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "kept")
    assert isolation.environment()[variable] == "kept"


def test_pinned_variables_win_over_those_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in HOSTILE.items():
        monkeypatch.setenv(variable, value)
    assert dict(isolation.PINNED).items() <= isolation.environment().items()


@pytest.mark.parametrize(("legacy", "found"), [(True, "1"), (False, "0"), (None, None)])
def test_the_keras_that_transformers_binds_is_said_or_left_to_the_worker(
    legacy: bool | None, found: str | None
) -> None:
    assert isolation.environment(legacy_keras=legacy).get("TF_USE_LEGACY_KERAS") == found


def test_the_pinned_variables_hold_inside_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in HOSTILE.items():
        monkeypatch.setenv(variable, value)
    with Worker(running(), "test") as worker:
        seen = worker.ask("fault.surroundings")
    assert dict(isolation.PINNED).items() <= seen["environment"].items()
    assert not {"HF_ENDPOINT", "LD_LIBRARY_PATH", "PYTHONPATH", "TF_XLA_FLAGS"} & set(seen["environment"])


def test_a_worker_started_by_hand_pins_them_itself() -> None:
    request = b'{"id": 1, "do": "fault.surroundings", "arguments": {}}\n'
    answered = subprocess.run(
        [sys.executable, "-m", "bert_bundle.worker"],
        input=request,
        capture_output=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "64"},
    )
    assert b'"OMP_NUM_THREADS": "1"' in answered.stdout


@pytest.mark.parametrize("present", [True, False])
def test_legacy_keras_is_asked_for_where_tf_keras_is_installed(present: bool, tmp_path: Path) -> None:
    if present:
        (tmp_path / "tf_keras-2.15.1.dist-info").mkdir()
        (tmp_path / "tf_keras-2.15.1.dist-info" / "METADATA").write_text("Name: tf-keras\nVersion: 2.15.1\n")
    program = (
        "from bert_bundle import isolation; isolation.pin(); import os; print(os.environ.get('TF_USE_LEGACY_KERAS'))"
    )
    environment = {**isolation.environment(), "PYTHONPATH": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == ("1\n" if present else "None\n")


def test_hashes_are_the_same_in_every_process() -> None:
    hashes = set()
    for _ in range(2):
        with Worker(running(), "test") as worker:
            hashes.add(worker.ask("fault.surroundings")["hash"])
    assert len(hashes) == 1


def test_neither_the_current_directory_nor_the_user_site_is_on_the_path() -> None:
    with Worker(running(), "test") as worker:
        seen = worker.ask("fault.surroundings")
    assert "" not in seen["path"]
    assert "/" not in seen["path"]
    assert not seen["user_site"]
    assert seen["utf8"] == 1


def test_our_package_runs_in_a_bare_environment_and_brings_nothing_of_the_host(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    bare = dataclasses.replace(running(), python=tmp_path / "bare" / "bin" / "python")
    with Worker(bare, "test") as worker:
        path = worker.ask("fault.surroundings")["path"]
    package = Path(bert_bundle.__file__).parent
    assert sysconfig.get_path("purelib") not in path
    assert str(package.parent) not in path


def test_a_module_in_the_current_directory_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise AssertionError('a module of the current directory was imported')")
    answered = subprocess.run(
        isolation.command(sys.executable, "bert_bundle.worker"),
        input=b'{"id": 1, "do": "fault.echo", "arguments": {}}\n',
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env=isolation.environment(),
    )
    assert answered.stdout == b'{"done": {}, "id": 1}\n'
