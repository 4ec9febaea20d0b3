"""The commands of a group: imported when they are used, listed and suggested without."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import subcommands
from support.fake_bundles import fake_generate
from support.paths import ROOT

from bert_bundle import errors
from bert_bundle.host.cli import cli, main, matrix
from bert_bundle.host.commands.lazy_group import LazyGroup
from bert_bundle.progress import silent


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    fake_generate(progress=silent, specification={}, target=str(tmp_path / "router"))
    return tmp_path / "router"


@pytest.mark.parametrize("group", [cli, matrix], ids=lambda group: group.name)
def test_the_list_of_commands_begins_each_help_text_the_same(group: LazyGroup) -> None:
    listed = {name: command.short_help for name, command in group.lazy.items()}
    helps = {name: subcommands(group)[name].help or "" for name in group.lazy}
    assert listed == {name: text.split(".\n")[0] for name, text in helps.items()}


HEAVY = {"numpy", "pydantic", "yaml", "rich", "junitparser", "hypothesis", "packaging", "platformdirs", "psutil"}
MISSING = "/nowhere/verdict.json"


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        ("--help", set()),
        ("--version", set()),
        ("matrix --help", set()),
        ("matrix run --help", set()),
        ("gate --help", set()),
        ("audit --help", set()),
        ("bogus", set()),
        ("audit", set()),
        ("audit x --bogus", set()),
        ("audit x --report bogus=x", set()),
        ("matrix run --classifiers bogus --json", set()),
        ("doctor", {"rich"}),
        ("doctor --json", {"rich"}),
        ("doctor --groups broken", {"numpy", "pydantic", "yaml", "packaging", "platformdirs", "rich"}),
        (f"gate x --require {MISSING}", {"rich"}),
        ("gate BUNDLE --require DECISION", {"rich"}),
        ("gate BUNDLE --require DECISION --json", {"rich"}),
        ("inspect BUNDLE", {"numpy", "rich"}),
        ("matrix list", {"numpy", "pydantic", "yaml", "packaging", "platformdirs", "rich"}),
    ],
)
def test_a_command_imports_what_it_uses_and_not_more(
    arguments: str, allowed: set[str], bundle: Path, tmp_path: Path
) -> None:
    decision = tmp_path / "verdict.json"
    decision.write_text('{"format": "bert_bundle verdict", "format_version": 1}')
    given = arguments.replace("BUNDLE", str(bundle)).replace("DECISION", str(decision)).split()
    assert imported(given) & HEAVY <= allowed


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ("audti", "no such command 'audti'. Did you mean 'audit'?"),
        ("matrix lst", "no such command 'lst'. Did you mean 'list'?"),
        ("inspekt x", "Did you mean 'inspect' or 'bisect'?"),
        ("zzz", "no such command 'zzz' @"),
    ],
)
def test_a_mistyped_command_is_answered_with_the_nearest(
    arguments: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments.split()) == errors.USAGE
    assert hint in capsys.readouterr().err


def test_what_a_command_imports_is_seen() -> None:
    assert {"pydantic", "yaml"} <= imported(["matrix", "list"])


def test_completion_imports_the_command_and_nothing_heavy() -> None:
    words = {"_BERT_BUNDLE_COMPLETE": "bash_complete", "COMP_WORDS": "bert-bundle audit x --gr", "COMP_CWORD": "3"}
    assert imported([], **words) & HEAVY == set()


def imported(arguments: list[str], **variables: str) -> set[str]:
    """Return the top-level modules that a command imports, in a fresh process."""
    program = (
        "import sys, atexit\n"
        "from bert_bundle.host.cli import main\n"
        "names = lambda: print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)\n"
        "atexit.register(names)\n"
        "main(sys.argv[1:])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, **variables},
    )  # fmt: skip
    found = set(ended.stderr.splitlines()[-1].split())
    assert "click" in found
    assert not found & {"tensorflow", "transformers", "keras", "tf_keras"}
    return found
