"""Where a Python is searched for, and that every candidate is run to check it."""

import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bert_bundle.errors import EnvironmentNotMadeError
from bert_bundle.host.environments import interpreters
from bert_bundle.host.environments.interpreters import find

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
NOWHERE = "3.77"  # a version that no machine has: what answers to it was put there by a test


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is all there is: PATH, pyenv's versions and uv's installations, each empty."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "managed"))
    return tmp_path


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def answering(version: str) -> str:
    """Return a script that answers as an interpreter of `version` would."""
    return f'echo "cpython {version}"; echo "$0"'


def test_the_interpreter_found_runs_and_has_the_version() -> None:
    script = "import sys; print('%d.%d' % sys.version_info[:2])"
    ran = subprocess.run([find(RUNNING), "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == RUNNING


def test_the_base_of_a_virtual_environment_is_taken_not_the_environment(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", machine / "venv"], check=True)
    monkeypatch.setenv("PATH", str(machine / "venv" / "bin"))
    assert machine not in find(RUNNING).parents


def test_a_shim_that_fails_and_a_python_of_another_version_are_passed_over(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(machine / "bin" / f"python{NOWHERE}", "echo 'pyenv: command not found' >&2; exit 127")
    executable(machine / "bin" / "python3", answering("3.9"))
    executable(machine / "bin" / "python", "printf 'cpython %b\\n' '\\377'")
    good = executable(machine / "later" / "python3", answering(NOWHERE))
    monkeypatch.setenv("PATH", f"{machine / 'bin'}:{machine / 'later'}")
    assert find(NOWHERE) == good


def test_path_comes_before_pyenv_and_pyenvs_newest_patch_before_its_older(machine: Path) -> None:
    pyenv = machine / "pyenv" / "versions"
    for patch in ("2", "18", "9"):
        executable(pyenv / f"{NOWHERE}.{patch}" / "bin" / f"python{NOWHERE}", answering(NOWHERE))
    assert find(NOWHERE) == pyenv / f"{NOWHERE}.18" / "bin" / f"python{NOWHERE}"
    on_path = executable(machine / "bin" / f"python{NOWHERE}", answering(NOWHERE))
    assert find(NOWHERE) == on_path


def test_an_installation_of_uvs_own_is_found(machine: Path) -> None:
    patch = ".".join(map(str, sys.version_info[:3]))
    installation = machine / "managed" / f"cpython-{patch}-linux-{platform.machine()}-gnu"
    installation.mkdir(parents=True)
    for part in ("bin", "lib"):
        (installation / part).symlink_to(Path(sys.base_prefix, part))
    assert find(RUNNING).parent.samefile(installation / "bin")


def test_a_candidate_that_hangs_is_given_up(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "_ANSWER_SECONDS", 0.3)
    executable(machine / "bin" / f"python{NOWHERE}", "exec /bin/sleep 60")
    good = executable(machine / "bin" / "python3", answering(NOWHERE))
    started = time.monotonic()
    assert find(NOWHERE) == good
    assert time.monotonic() - started < 10


def test_a_missing_interpreter_is_an_error_that_names_where_it_was_looked_for(machine: Path) -> None:
    with pytest.raises(EnvironmentNotMadeError, match=f"no interpreter for Python {NOWHERE}") as caught:
        find(NOWHERE)
    assert caught.value.exit_code == 4
    assert caught.value.place == f"PATH; {machine / 'pyenv' / 'versions'}; uv's installations"
    assert f"pyenv install {NOWHERE}" in caught.value.fix
