"""What reaches a child process, and what does not."""

import dataclasses
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from support.entries import FAULTY

import bert_bundle
from bert_bundle.host.environments.nearest import this_interpreter
from bert_bundle.host.workers.worker import Worker
from bert_bundle.interpreter import installed, launch

HOSTILE = {
    "HF_ENDPOINT": "https://elsewhere.invalid",
    "HTTPS_PROXY": "http://elsewhere.invalid",
    "JAX_PLATFORMS": "cuda",
    "KERAS_BACKEND": "torch",
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
    assert variable not in launch.environment()


def test_LD_PRELOAD_stays_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "")  # empty: this very process must go on
    assert "LD_PRELOAD" not in launch.environment()


@pytest.mark.parametrize("variable", ["HOME", "LC_ALL", "OPENBLAS_CORETYPE", "PATH", "SSL_CERT_FILE", "TMPDIR"])
def test_what_a_process_needs_to_find_its_way_gets_through(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "kept")
    assert launch.environment()[variable] == "kept"


def test_pinned_variables_win_over_those_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in HOSTILE.items():
        monkeypatch.setenv(variable, value)
    assert dict(launch.PINNED).items() <= launch.environment().items()


@pytest.mark.parametrize("variable", ["KERAS_BACKEND", "TF_USE_LEGACY_KERAS"])
def test_a_worker_does_not_inherit_the_keras_of_the_host(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, HOSTILE[variable])
    assert variable not in launch.environment()


def test_a_child_of_the_same_kind_can_be_given_the_backend_of_this_process() -> None:
    assert launch.environment(keras_backend="jax")["KERAS_BACKEND"] == "jax"


@pytest.mark.parametrize(
    ("packages", "bound"),
    [
        ({"keras"}, {}),
        ({"tensorflow-cpu", "tf-keras"}, {"TF_USE_LEGACY_KERAS": "1", "KERAS_BACKEND": "tensorflow"}),
        ({"tensorflow", "jax", "torch"}, {"KERAS_BACKEND": "tensorflow"}),
        ({"jax", "torch"}, {"KERAS_BACKEND": "jax"}),
        ({"torch"}, {"KERAS_BACKEND": "torch"}),
    ],
)
def test_the_keras_of_an_environment_follows_from_its_packages(packages: set[str], bound: dict[str, str]) -> None:
    assert installed.binding(packages.__contains__) == bound


def test_the_pinned_variables_hold_inside_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in HOSTILE.items():
        monkeypatch.setenv(variable, value)
    with Worker(this_interpreter(), "test", entry=FAULTY) as worker:
        seen = worker.ask("process_facts")
    assert dict(launch.PINNED).items() <= seen["environment"].items()
    left_out = {"HF_ENDPOINT", "KERAS_BACKEND", "LD_LIBRARY_PATH", "PYTHONPATH", "TF_XLA_FLAGS"}
    assert not left_out & set(seen["environment"])


def test_a_worker_started_by_hand_pins_them_itself() -> None:
    request = b'{"id": 1, "do": "process_facts", "arguments": {}}\n'
    answered = subprocess.run(
        [sys.executable, *FAULTY],
        input=request,
        capture_output=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "64"},
    )
    assert b'"OMP_NUM_THREADS": "1"' in answered.stdout


@pytest.mark.parametrize(
    ("distribution", "variable", "given", "found"),
    [
        ("tf_keras", "TF_USE_LEGACY_KERAS", {}, "1"),
        ("nothing", "TF_USE_LEGACY_KERAS", {}, "None"),
        ("jax", "KERAS_BACKEND", {}, "jax"),
        ("jax", "KERAS_BACKEND", {"KERAS_BACKEND": "torch"}, "torch"),
        ("nothing", "KERAS_BACKEND", {}, "None"),
    ],
)
def test_a_process_binds_the_keras_of_what_is_installed_unless_told(
    distribution: str, variable: str, given: dict[str, str], found: str, tmp_path: Path
) -> None:
    metadata = tmp_path / f"{distribution}-1.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Name: {distribution}\nVersion: 1.0\n")
    program = (
        f"from bert_bundle.interpreter import launch; launch.pin(); import os; print(os.environ.get({variable!r}))"
    )
    environment = {**launch.environment(), **given, "PYTHONPATH": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == found


def test_hashes_are_the_same_in_every_process() -> None:
    hashes = set()
    for _ in range(2):
        with Worker(this_interpreter(), "test", entry=FAULTY) as worker:
            hashes.add(worker.ask("process_facts")["hash"])
    assert len(hashes) == 1


def test_neither_the_current_directory_nor_the_user_site_is_on_the_path() -> None:
    with Worker(this_interpreter(), "test", entry=FAULTY) as worker:
        seen = worker.ask("process_facts")
    assert "" not in seen["path"]
    assert "/" not in seen["path"]
    assert not seen["user_site"]
    assert seen["utf8"] == 1


def test_our_package_runs_in_a_bare_environment_and_brings_nothing_of_the_host(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    bare = dataclasses.replace(this_interpreter(), python=tmp_path / "bare" / "bin" / "python")
    with Worker(bare, "test", entry=FAULTY) as worker:
        path = worker.ask("process_facts")["path"]
    package = Path(bert_bundle.__file__).parent
    assert sysconfig.get_path("purelib") not in path
    assert str(package.parent) not in path


def test_a_module_in_the_current_directory_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise AssertionError('a module of the current directory was imported')")
    answered = subprocess.run(
        launch.command(sys.executable, *FAULTY),
        input=b'{"id": 1, "do": "echo", "arguments": {}}\n',
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env=launch.environment(),
    )
    assert answered.stdout == b'{"done": {}, "id": 1}\n'
