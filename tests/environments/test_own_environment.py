"""The user's own environment: a lock of theirs, an interpreter that is there, and an upgrade that is a row already."""

import json
import shutil
import time
from pathlib import Path

import pytest
from support.environments import WRITER, environment
from support.paths import ROOT

from bert_bundle.host.cli import main
from bert_bundle.host.config.matrix_file import FILE_NAME, read_matrix
from bert_bundle.host.environments.locks import FOLDER, read_lock

LOCK = ROOT / FOLDER / f"{WRITER}.txt"


@pytest.fixture
def folder(tmp_path: Path, classic_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder with a bundle and a lock, which is the current one."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(classic_bundle, "router")
    shutil.copy(LOCK, "requirements.txt")
    return tmp_path


def test_a_bundle_is_audited_in_the_lock_of_the_project(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--from-lock", "requirements.txt", "-q"]) == 0
    assert main(["matrix", "lock", "--env", "today"]) == 0
    assert capsys.readouterr().err == "today: its lock is requirements.txt, which is not written\n"
    assert main(["audit", "router", "--env", "today", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (used,) = document["environments"]
    assert (used["id"], used["packages"]) == ("today", environment(WRITER).packages)
    assert document["verdicts"][0]["grade"] in ("bitwise", "identical")


def test_an_environment_that_is_there_is_audited_and_nothing_is_written_into_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    python = environment(WRITER).python
    before = time.time()
    assert main(["audit", "router", "--python", str(python), "--json", "-q"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [v["reader"] for v in document["verdicts"]] == ["installed-tf2.15.1-hf4.40.2-py3.11"]
    assert [p for p in python.parents[1].rglob("*") if p.name != "complete.json" and p.lstat().st_mtime > before] == []
    assert main(["verify", "router", "--python", str(python), "-q"]) == 0
    assert "installed-tf2.15.1" in capsys.readouterr().out


def test_an_upgrade_that_gives_the_packages_of_a_row_is_that_row(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "router", "--with", "tensorflow==2.15.1 transformers==4.40.2", "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    (upgrade,) = document["upgrades"]
    assert (upgrade["id"], [v["reader"] for v in document["verdicts"]]) == (WRITER, [WRITER])
    assert upgrade["notes"][-1] == f"these are the packages of {WRITER}, whose environment is used as it is"
    assert f"these are the packages of {WRITER}, which is used as it is" in err


@pytest.mark.parametrize("source", ["--from-venv", "--from-requirements"])
def test_what_has_no_hashes_is_locked_beside_the_matrix_file(folder: Path, source: str) -> None:
    (folder / "requirements.in").write_text("tensorflow-cpu==2.15.1\ntransformers==4.40.2\ntf-keras~=2.15.0\n")
    given = "requirements.in" if source == "--from-requirements" else str(environment(WRITER).python.parents[1])
    assert main(["init", source, given, "-q"]) == 0
    today = read_matrix(folder / FILE_NAME).environments[0]
    pins = read_lock(today, folder / FOLDER).pins
    assert (today.lock, today.python, pins["transformers"]) == ("locks/today.txt", "3.11", "4.40.2")
    assert source == "--from-requirements" or pins == environment(WRITER).packages
