"""Environments that are there already: which are taken, what they are called, and what is refused."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.environments import WRITER, environment

from bert_bundle.errors import EnvironmentNotMadeError
from bert_bundle.host.environments.existing import check_packages, existing_environments, interpreter_of
from bert_bundle.interpreter import launch


def test_an_environment_is_taken_as_it_is_and_named_by_its_versions() -> None:
    made = environment(WRITER)
    one, two = existing_environments([made.python, made.python])
    assert (one.id, two.id) == ("installed-tf2.15.1-hf4.40.2-py3.11", "installed-tf2.15.1-hf4.40.2-py3.11-2")
    assert (one.packages, one.python, one.read_only, one.lock_text) == (made.packages, made.python, True, None)


@pytest.mark.parametrize("name", ["none", "folder", "text", "other"])
def test_what_is_not_an_interpreter_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("no program")
    (tmp_path / "other").write_text("#!/bin/sh\necho hello\n")
    (tmp_path / "other").chmod(0o755)
    with pytest.raises(EnvironmentNotMadeError, match="cannot run the interpreter @") as caught:
        existing_environments([tmp_path / name])
    assert (caught.value.exit_code, caught.value.place) == (4, str(tmp_path / name))
    assert caught.value.found


WHOLE = {"tensorflow": "2.15.1", "numpy": "1.26.4", "safetensors": "0.4.3"}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"tensorflow": None}, "no tensorflow, jax or torch"),
        ({"tensorflow": None, "jax": "0.4.30"}, "no keras"),
        ({"safetensors": None}, "no safetensors"),
        ({"numpy": None, "safetensors": None}, "no numpy; no safetensors"),
    ],
)
def test_what_lacks_what_a_bundle_needs_is_refused(change: dict[str, str | None], found: str) -> None:
    check_packages(WHOLE, place="venv")
    packages = {name: version for name, version in {**WHOLE, **change}.items() if version is not None}
    with pytest.raises(EnvironmentNotMadeError, match="lacks what a bundle needs to be loaded @ venv") as caught:
        check_packages(packages, place="venv")
    assert caught.value.found == found


def test_a_folder_is_a_virtual_environment(tmp_path: Path) -> None:
    assert interpreter_of(Path(sys.prefix)) == Path(sys.prefix) / "bin" / "python"
    assert interpreter_of(Path(sys.executable)) == Path(sys.executable)


@pytest.mark.parametrize("written", [True, False])
def test_a_worker_in_it_writes_no_compiled_module(tmp_path: Path, written: bool) -> None:
    (tmp_path / "task.py").write_text("import sys\nprint(sys.dont_write_bytecode)\n")
    command = launch.command(sys.executable, str(tmp_path / "task.py"), write_bytecode=written)
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=launch.environment()).stdout
    assert said == f"{not written}\n"
