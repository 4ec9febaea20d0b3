"""What doctor says of the matrix's own environments, by their locks, and of this interpreter."""

import dataclasses
import json
import sys
from pathlib import Path

import pytest

from bert_bundle import rules
from bert_bundle.cli import main
from bert_bundle.matrix.checkup import HERE, here, of_row
from bert_bundle.matrix.locks import FOLDER
from bert_bundle.matrix.spec import FILE_NAME, Environment, Matrix, read_matrix

ROOT = Path(__file__).resolve().parents[2]
MATRIX: Matrix = read_matrix(ROOT / FILE_NAME)
LOCKS = ROOT / FOLDER
BROKEN = [row for row in MATRIX.environments if "broken" in row.groups]


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: row.id)
def test_a_broken_environment_is_told_its_rule_and_what_to_do(row: Environment) -> None:
    checkup = of_row(row, LOCKS, tuple(MATRIX.expect))
    (rule,) = [rule for rule in rules.RULES if row.id.endswith(f"-py{row.python}-{rule.id}")]
    first = checkup.findings[0]
    assert (first.rule, first.why, first.fix, first.see) == (rule.id, rule.why, rule.fix, rule.see)
    assert (checkup.works, checkup.as_expected) == ((), True)


def test_every_environment_that_loads_works_in_its_runtime() -> None:
    for row in MATRIX.loading:
        checkup = of_row(row, LOCKS, tuple(MATRIX.expect))
        assert (checkup.works, checkup.findings, checkup.as_expected) == ((row.runtime,), (), True)


def test_a_breakage_that_nobody_expects_and_a_pass_that_nobody_expects_are_not_as_expected() -> None:
    assert not of_row(BROKEN[0], LOCKS).as_expected
    working = MATRIX.loading[0]
    known = dataclasses.replace(of_row(working, LOCKS), known="planted")
    assert not known.as_expected


def test_the_command_ends_with_0_for_the_whole_matrix_and_names_each_rule(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["doctor", "--groups", "full"]) == 0
    shown = capsys.readouterr().out
    for rule in rules.RULES:
        assert f"{rule.id}\n" in shown
    assert shown.count("does not work, as expected") == len(BROKEN)
    assert shown.count("works (") == len(MATRIX.loading)


def test_the_document_says_the_same(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    row = next(row for row in BROKEN if row.id.endswith("-numpy-2"))
    assert main(["doctor", "--env", row.id, "--json"]) == 0
    (checkup,) = json.loads(capsys.readouterr().out)["environments"]
    assert (checkup["id"], checkup["works"], checkup["as_expected"]) == (row.id, [], True)
    assert checkup["findings"][0]["found"] == "tensorflow-cpu 2.10.1, numpy 2.0.2"


def test_without_a_selection_it_is_this_interpreter_in_either_runtime(capsys: pytest.CaptureFixture[str]) -> None:
    checkup, heavy = here(), {"tensorflow", "transformers", "keras", "jax"} & set(sys.modules)
    assert (checkup.id, checkup.asked, checkup.known) == (HERE, rules.RUNTIMES, "")
    for runtime in rules.RUNTIMES:
        told = [finding.rule for finding in checkup.findings if finding.runtime == runtime]
        assert told == [rule.id for rule in rules.against(runtime, rules.installed())]
        assert (runtime in checkup.works) == (told == [])
    assert main(["doctor"]) == (0 if checkup.works else 1)
    assert capsys.readouterr().out.startswith(HERE + ": ")
    assert {"tensorflow", "transformers", "keras", "jax"} & set(sys.modules) == heavy  # nothing was imported


def test_an_unknown_environment_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["doctor", "--env", "tf1.*"]) == 2
    assert "tf1.*" in capsys.readouterr().err
