"""What doctor reports about the matrix's own environments, by their locks, and about this interpreter."""

import dataclasses
import json
import sys

import pytest
from support.paths import ROOT

from bert_bundle.host.cli import main
from bert_bundle.host.config.matrix_file import FILE_NAME, Environment, Matrix, read_matrix
from bert_bundle.host.environments.doctor import THIS_INTERPRETER, diagnose_interpreter, diagnose_row
from bert_bundle.host.environments.locks import FOLDER
from bert_bundle.interpreter import known_breakages

MATRIX: Matrix = read_matrix(ROOT / FILE_NAME)
LOCKS = ROOT / FOLDER
BROKEN = [row for row in MATRIX.environments if "broken" in row.groups]


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: row.id)
def test_a_broken_environment_is_told_its_rule_and_what_to_do(row: Environment) -> None:
    checkup = diagnose_row(row, LOCKS, tuple(MATRIX.expect))
    (rule,) = [rule for rule in known_breakages.RULES if row.id.endswith(f"-py{row.python}-{rule.id}")]
    first = checkup.findings[0]
    assert (first.rule, first.why, first.fix, first.see) == (rule.id, rule.why, rule.fix, rule.see)
    assert (checkup.works, checkup.as_expected) == ((), True)


def test_every_environment_that_loads_works_in_its_runtime() -> None:
    for row in MATRIX.loading:
        checkup = diagnose_row(row, LOCKS, tuple(MATRIX.expect))
        assert (checkup.works, checkup.findings, checkup.as_expected) == ((row.runtime,), (), True)


def test_a_breakage_that_nobody_expects_and_a_pass_that_nobody_expects_are_not_as_expected() -> None:
    assert not diagnose_row(BROKEN[0], LOCKS).as_expected
    working = MATRIX.loading[0]
    known = dataclasses.replace(diagnose_row(working, LOCKS), known="planted")
    assert not known.as_expected


def test_the_command_ends_with_0_for_the_whole_matrix_and_names_each_rule(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["doctor", "--groups", "full"]) == 0
    shown = capsys.readouterr().out
    for rule in known_breakages.RULES:
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
    checkup, heavy = diagnose_interpreter(), {"tensorflow", "transformers", "keras", "jax"} & set(sys.modules)
    assert (checkup.id, checkup.asked, checkup.known) == (THIS_INTERPRETER, known_breakages.RUNTIMES, "")
    for runtime in known_breakages.RUNTIMES:
        told = [finding.rule for finding in checkup.findings if finding.runtime == runtime]
        assert told == [rule.id for rule in known_breakages.broken_rules(runtime, known_breakages.installed_versions())]
        assert (runtime in checkup.works) == (told == [])
    assert main(["doctor"]) == (0 if checkup.works else 1)
    assert capsys.readouterr().out.startswith(THIS_INTERPRETER + ": ")
    assert {"tensorflow", "transformers", "keras", "jax"} & set(sys.modules) == heavy  # nothing was imported


def test_an_unknown_environment_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["doctor", "--env", "tf1.*"]) == 2
    assert "tf1.*" in capsys.readouterr().err
