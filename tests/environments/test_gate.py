"""The gate in a real environment: what is trained again ships, a head trained on the wrong labels does not."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.command_line import SAME, bert_bundle
from support.demo_recipes import mislabelled, smaller
from support.forged_candidates import NOWHERE, lock_nowhere, row
from support.paths import ROOT

from bert_bundle.host.config.matrix_file import FILE_NAME, Matrix
from bert_bundle.host.demo.recipe import recipe
from bert_bundle.host.environments.locks import FOLDER
from bert_bundle.host.workers.worker import Worker
from bert_bundle.progress import silent

WRITER = "tf2.15-hf4.40-py3.11"
HERE = f"version: 1\nenvironments: {{names: [{WRITER}]}}\n"
NO_TIMES = "budgets: {load: null}\n"
ANY_TIME = "budgets: {load: 100.0}\n"  # measured, and no test of how busy this machine is


@pytest.fixture(scope="module")
def folder(writer: Worker, matrix: Matrix, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three trainings of the tiny demo, and a matrix of the environment that did them and one that cannot be made."""
    made = tmp_path_factory.mktemp("gate")
    small = smaller(recipe("tiny", silent), train=160, held_out=32, epochs=4)
    for name, todo in {"first": small, "again": small, "wrong": mislabelled(small)}.items():
        writer.ask("train", recipe=todo, target=str(made / name / "tickets"))
    (real,) = matrix.select(names=[WRITER])
    rows = {environment.id: row(environment) for environment in (real, NOWHERE)}
    (made / FILE_NAME).write_text(yaml.safe_dump({"version": 1, "environments": rows}))
    (made / FOLDER).mkdir()
    shutil.copy(ROOT / FOLDER / f"{WRITER}.txt", made / FOLDER)
    lock_nowhere(made / FOLDER)
    return made


def gate(folder: Path, candidate: str, policy: str, *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    (folder / "gate.yaml").write_text(policy)
    named = ("--matrix", folder / FILE_NAME, "--policy", folder / "gate.yaml", "--out", folder / "verdict.json")
    return bert_bundle("gate", folder / candidate / "tickets", *named, *arguments)


def test_what_is_trained_again_from_the_same_texts_and_seed_ships(folder: Path) -> None:
    code, verdict = gate(folder, "again", HERE + ANY_TIME, "--baseline", folder / "first" / "tickets")
    checks = {check["name"]: check for check in verdict["checks"]}
    assert (code, verdict["decision"], verdict["changes"]) == (0, "ships", []), verdict
    assert {name for name, check in checks.items() if check["status"] != "passed"} == {"card"}
    assert {grade["grade"] for grade in verdict["grades"]} <= SAME
    assert verdict["candidate"] == verdict["baseline"]
    assert verdict == json.loads((folder / "verdict.json").read_bytes())
    code, required = bert_bundle("gate", folder / "again" / "tickets", "--require", folder / "verdict.json")
    assert (code, required["ships"]) == (0, True)


def test_a_head_that_was_trained_on_the_wrong_labels_is_refused_with_the_texts_that_broke(folder: Path) -> None:
    code, verdict = gate(folder, "wrong", HERE + NO_TIMES, "--baseline", folder / "first" / "tickets")
    checks = {check["name"]: check for check in verdict["checks"]}
    assert (code, verdict["decision"]) == (1, "refused")
    assert [name for name, check in checks.items() if check["status"] == "failed"] == ["behaviour"]
    broke = [change for change in verdict["changes"] if change["kind"] == "broke"]
    texts = json.loads((folder / "first" / "tickets" / "golden" / "inputs.json").read_bytes())["texts"]["text"]
    assert broke
    assert {change["text"] for change in broke} <= set(texts)
    assert all(change["before"] == change["answer"] != change["after"] for change in broke)
    assert any("were right and are now wrong; the limit is 0" in reason for reason in checks["behaviour"]["reasons"])


def test_an_environment_of_the_policy_that_cannot_be_made_refuses_what_is_good_everywhere_else(folder: Path) -> None:
    code, verdict = gate(folder, "again", f"version: 1\nenvironments: {{names: [{WRITER}, {NOWHERE.id}]}}\n")
    assert (code, verdict["decision"]) == (4, "refused")
    assert {grade["environment"]: grade["grade"] for grade in verdict["grades"]}[NOWHERE.id] == "not run"
    assert {check["name"] for check in verdict["checks"] if check["status"] == "passed"} == {"bundle", "verify"}
