"""What the host needs: the packages of the extra, and one error in an interpreter that cannot run it."""

import re
import tomllib
from importlib import util

import pytest
from support.paths import ROOT

from bert_bundle.interpreter.host_requirements import EXTRA, obstacle, obstacle_here

IMPORTED_AS = {"pyyaml": "yaml"}


def test_it_asks_for_the_packages_of_the_extra() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]["matrix"]
    names = (re.split("[>=<;]", requirement)[0] for requirement in extra)
    assert sorted(IMPORTED_AS.get(name, name) for name in names) == sorted(EXTRA)
    assert all(util.find_spec(name) for name in EXTRA)


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
    assert str(obstacle("the command line", python, missing)) == message
    assert obstacle("the command line", (3, 11), []) is None
    assert obstacle_here("bert_bundle.audit") is None
