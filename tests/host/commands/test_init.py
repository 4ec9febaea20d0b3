"""The first matrix file of a project: what is in it, that the commands can use it, and that nothing is overwritten."""

import json
import shutil
from pathlib import Path

import pytest
from support.paths import ROOT

from bert_bundle.host.cli import main
from bert_bundle.host.config.matrix_file import FILE_NAME, read_matrix
from bert_bundle.host.config.matrix_schema import SCHEMA_NAME, matrix_schema
from bert_bundle.host.environments.locks import FOLDER, read_lock

OWN = ROOT / FOLDER / "tf2.15-hf4.40-py3.11.txt"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copy(OWN, "requirements.txt")
    return tmp_path


def test_it_has_today_the_next_upgrades_and_the_newest_and_all_are_locked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = Path("ci") / FILE_NAME
    assert main(["init", "--from-lock", "requirements.txt", "-o", str(out), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    matrix = read_matrix(out)
    today, *upgrades = matrix.environments
    assert (today.id, today.lock, today.python, today.runtime) == (
        "today",
        "../requirements.txt",
        "3.11",
        "transformers",
    )
    assert [(row.pins["tensorflow-cpu"], row.groups) for row in upgrades] == [
        ("2.16.2", ("ci",)),
        ("2.17.1", ("ci",)),
        ("2.21.0", ("ci",)),
        ("2.21.0", ("native",)),
    ]
    assert all(read_lock(row, out.parent / FOLDER).pins for row in matrix.environments)
    assert [row["id"] for row in document["environments"]] == [row.id for row in matrix.environments]
    assert json.loads((out.parent / SCHEMA_NAME).read_text()) == matrix_schema()
    assert out.read_text("utf-8").startswith(f"# yaml-language-server: $schema={SCHEMA_NAME}\n")
    assert sorted(path.name for path in folder.iterdir()) == ["ci", "requirements.txt"]


def test_without_today_it_has_the_environments_of_the_shipped_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init"]) == 0  # this interpreter has no TensorFlow
    assert "no option names today's environment" in capsys.readouterr().err
    assert {group for row in read_matrix(Path(FILE_NAME)).environments for group in row.groups} == {"ci"}


@pytest.mark.parametrize("present", [FILE_NAME, SCHEMA_NAME, "locks/tf2.16-hf4.41-py3.12.txt"])
def test_what_is_there_is_replaced_only_with_force(
    folder: Path, present: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(present).parent.mkdir(exist_ok=True)
    Path(present).write_text("precious")
    assert main(["init", "--from-lock", "requirements.txt"]) == 2
    assert f"the file exists @ {present}" in capsys.readouterr().err
    assert Path(present).read_text() == "precious"
    assert main(["init", "--from-lock", "requirements.txt", "--force"]) == 0
    assert Path(present).read_text() != "precious"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--from-lock", "none.txt"], 2, "cannot read the file @ none.txt"),
        (["--from-requirements", "none.txt"], 2, "cannot read the file @ none.txt"),
        (["--from-lock", "requirements.txt", "--from-venv", "x"], 2, "today's environment is one"),
        (["--from-venv", "x"], 4, "cannot run the interpreter @ x"),
        (["--from-lock", "broken.txt"], 2, "a package has no hash @ broken.txt:1"),
        (["--from-lock", "old.txt"], 2, "TensorFlow 2.17 and older crash on import with NumPy 2"),
    ],
)
def test_a_wrong_source_is_one_error_and_nothing_is_written(
    folder: Path, arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.txt").write_text("numpy==1.26.4\n")
    (folder / "old.txt").write_text(OWN.read_text("utf-8").replace("numpy==1.26.4", "numpy==2.0.2"))
    before = sorted(folder.iterdir())
    assert main(["init", *arguments]) == code
    assert words in capsys.readouterr().err
    assert sorted(folder.iterdir()) == before
