"""The wheel in an empty folder, as somebody has it who never saw this repository, in its own environments."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.command_line import SAME, SECONDS
from support.paths import ROOT

from bert_bundle.host.environments import interpreters, uv

ROW = "tf2.15-hf4.40-py3.11"


class Installed(NamedTuple):
    """A virtual environment that has the wheel, and an empty folder to work in."""

    bin: Path
    folder: Path

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run the command `bert-bundle` in the folder, without the paths of this checkout."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        command = [str(self.bin / "bert-bundle"), *map(str, arguments)]
        return subprocess.run(
            command, cwd=self.folder, env=variables, capture_output=True, text=True, timeout=SECONDS, check=False
        )

    def answer(self, *arguments: str | Path) -> tuple[int, dict[str, Any]]:
        """Return the exit code and the JSON document of a command."""
        done = self.run(*arguments, "--json")
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = uv.run(["build", "--wheel", "--out-dir", folder, ROOT], seconds=300)
    assert built.succeeded, built.stderr
    (found,) = folder.glob("*.whl")
    return found


def install(wheel: Path, folder: Path, python: str, extra: str = "") -> Installed:
    made = uv.run(["venv", "--python", interpreters.find(python), folder / "venv"], seconds=120)
    assert made.succeeded, made.stderr
    wanted = f"bert-bundle{extra} @ {wheel.as_uri()}"
    interpreter = folder / "venv" / "bin" / "python"
    installed = uv.run(["pip", "install", "--quiet", "--python", interpreter, wanted], seconds=300)
    assert installed.succeeded, installed.stderr
    (folder / "empty").mkdir()
    return Installed(bin=interpreter.parent, folder=folder / "empty")


@pytest.fixture(scope="module")
def newest(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(wheel, tmp_path_factory.mktemp("newest"), "3.11", "[matrix]")


@pytest.mark.parametrize(
    ("python", "extra", "message"),
    [
        ("3.8", "", "the command line needs Python 3.11 or newer; the library works here\n  found: Python 3.8\n"),
        ("3.9", "[matrix]", "the command line needs Python 3.11 or newer; the library works here\n  found: Python 3.9"),
        ("3.11", "", "the command line needs packages that are not installed; the library works here\n"),
    ],
)
def test_where_the_command_line_cannot_run_it_says_so_in_one_error(
    python: str, extra: str, message: str, wheel: Path, tmp_path: Path
) -> None:
    installed = install(wheel, tmp_path, python, extra)
    done = installed.run("demo")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    code, document = installed.answer("audit", "router")
    assert (code, document["error"]["class"]) == (2, "ConfigError")
    imported = subprocess.run(
        [installed.bin / "python", "-c", "import bert_bundle; print(dir(bert_bundle))"],
        cwd=installed.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "'load'" in imported.stdout
    called = subprocess.run(
        [installed.bin / "python", "-c", "import bert_bundle; help(bert_bundle); bert_bundle.audit('router')"],
        cwd=installed.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Replay a bundle in several environments and grade each" in called.stdout
    assert message.replace("the command line", "bert_bundle.audit") in called.stderr


def test_the_environments_come_with_it_and_it_says_so(newest: Installed) -> None:
    code, listed = newest.answer("matrix", "list", "--groups", "ci")
    assert (code, {row["locked"] for row in listed["environments"]}) == (0, {True})
    code, document = newest.answer("matrix", "lock", "--env", ROW)
    assert (code, document["error"]["message"]) == (
        2,
        "no compat_matrix.yaml in this folder or above, and the one that comes with bert_bundle is locked already",
    )


def test_a_bundle_is_made_verified_audited_and_gated_from_an_empty_folder(newest: Installed) -> None:
    code, document = newest.answer("demo", "--out", "router")
    assert (code, len(document["verdicts"])) == (0, 3)
    done = newest.run("audit", "router", "--env", "tf2.15")
    assert done.returncode == 0, done.stderr
    assert "environments of the compat_matrix.yaml that comes with bert_bundle" in done.stdout
    code, document = newest.answer("verify", "router")
    assert (code, document["grade"] in SAME, document["reader"]) == (0, True, ROW)
    (newest.folder / "gate.yaml").write_text("version: 1\nenvironments: {names: [tf2.15]}\n")
    code, document = newest.answer("gate", "router", "--policy", "gate.yaml")
    assert (code, document["decision"]) == (0, "ships")
    code, document = newest.answer("bisect", "router", "--good", "tf2.15", "--bad", "tf2.10")
    assert (code, document["error"]["message"]) == (2, "there is nothing to bisect"), document  # after both replays


def test_a_project_gets_a_matrix_file_of_its_own_from_an_empty_folder(newest: Installed) -> None:
    inside = newest._replace(folder=newest.folder.parent / "project")
    inside.folder.mkdir()
    shutil.copy(ROOT / "locks" / f"{ROW}.txt", inside.folder / "requirements.txt")
    code, document = inside.answer("init", "--from-lock", "requirements.txt")
    assert (code, document["environments"][0]) == (0, {"id": "today", "lock": "requirements.txt"}), document
    code, listed = inside.answer("matrix", "list")
    assert (code, {row["locked"] for row in listed["environments"]}) == (0, {True})
    code, document = inside.answer("init")
    assert (code, document["error"]["message"]) == (2, "the file exists")


def test_a_matrix_file_of_the_users_own_wins(newest: Installed) -> None:
    shipped = newest.bin.parent.glob("lib/python*/site-packages/bert_bundle/host/config/shipped/compat_matrix.yaml")
    text = next(shipped).read_text("utf-8")
    (newest.folder / "own" / "deep").mkdir(parents=True)
    own = newest.folder / "own" / "compat_matrix.yaml"
    own.write_text(text.replace("demo, ci, ", "mine, "))
    inside = newest._replace(folder=newest.folder / "own" / "deep")
    code, document = inside.answer("matrix", "list", "--groups", "mine")
    assert (code, {row["locked"] for row in document["environments"]}) == (0, {False})
