"""The entry of the command line, and its one error in an interpreter that cannot run the command line."""

import json

import pytest

from bert_bundle import __main__ as entry
from bert_bundle.interpreter import host_requirements
from bert_bundle.version import VERSION


def test_it_is_the_command_line_where_that_can_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["--version"]) == 0
    assert VERSION in capsys.readouterr().out


def test_without_the_extra_it_ends_with_2_in_words_and_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(host_requirements, "EXTRA", (*host_requirements.EXTRA, "not_installed_anywhere"))
    assert entry.main(["demo"]) == 2
    assert capsys.readouterr().err.startswith("the command line needs packages that are not installed")
    assert entry.main(["demo", "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["found"] == "no not_installed_anywhere"
    assert err == ""
