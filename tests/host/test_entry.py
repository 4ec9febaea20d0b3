"""The entry of the command line, and its one error in an interpreter that cannot run the command line."""

import json
import re
import tomllib
from importlib import util

import pytest
from support.paths import ROOT

from bert_bundle import __main__ as entry
from bert_bundle.version import VERSION

IMPORTED_AS = {"pyyaml": "yaml"}


def test_it_asks_for_the_packages_of_the_extra() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]["matrix"]
    names = (re.split("[>=<;]", requirement)[0] for requirement in extra)
    assert sorted(IMPORTED_AS.get(name, name) for name in names) == sorted(entry.EXTRA)
    assert all(util.find_spec(name) for name in entry.EXTRA)


def test_it_is_the_command_line_where_that_can_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["--version"]) == 0
    assert VERSION in capsys.readouterr().out


@pytest.mark.parametrize(
    ("python", "missing", "message"),
    [
        (
            (3, 9),
            ["click"],
            "the command line needs Python 3.11 or newer; the library works here\n  found: Python 3.9\n"
            "  fix: use `import bert_bundle` here, or in Python 3.11 or newer: pip install 'bert-bundle[matrix]'",
        ),
        (
            (3, 11),
            ["click", "rich"],
            "the command line needs packages that are not installed; the library works here\n"
            "  wanted: the extra `matrix`\n  found: no click, rich\n  fix: pip install 'bert-bundle[matrix]'",
        ),
    ],
)
def test_an_old_python_or_a_missing_extra_is_one_error(
    python: tuple[int, int], missing: list[str], message: str
) -> None:
    assert str(entry.obstacle(python, missing)) == message
    assert entry.obstacle((3, 11), []) is None


def test_without_the_extra_it_ends_with_2_in_words_and_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(entry, "EXTRA", (*entry.EXTRA, "not_installed_anywhere"))
    assert entry.main(["demo"]) == 2
    assert capsys.readouterr().err.startswith("the command line needs packages that are not installed")
    assert entry.main(["demo", "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["found"] == "no not_installed_anywhere"
    assert err == ""
