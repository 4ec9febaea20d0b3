"""The script that reproduces a disagreement: its contents, and that they are always valid Python."""

import ast
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from support.entries import FAKE

from bert_bundle.errors import ConfigError
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.environments.environment import CACHE_VARIABLE
from bert_bundle.host.environments.locks import lock
from bert_bundle.host.runs.reproduction import reproduce, write
from bert_bundle.host.runs.run import Reproduction
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.host.runs.shrink import Smallest
from bert_bundle.host.runs.verdict import Verdict

ROWS = {
    name: Environment(
        id=name, python="3.11", as_of=date(2024, 5, 15), packages=("packaging==23.2",), runtime="native", groups=()
    )
    for name in ("a", "b")
}
LOCK = '# a lock \\ with "quotes" and """more"""\npackaging==23.2\n'
SPECIFICATION = {"layers": 1, "texts": ['"""', "é\\n", "\n\x00"], "open": False, "head": [{"lambda": 0.5}, 3]}


def written(folder: Path, options: RunOptions | None = None) -> Reproduction:
    locks = folder / "locks"
    locks.mkdir()
    for name in ROWS:
        (locks / f"{name}.txt").write_text(LOCK + name, "utf-8")
    verdict = Verdict(
        bundle=Path("1"), writer="a", reader="b", grade="drift", as_expected=False, reason="", first_layer='"""\\'
    )
    smallest = Smallest(specification=SPECIFICATION, verdict=verdict, tried=4)
    return write(smallest, ROWS, locks, folder / "found", options or RunOptions())


def constants(script: Path) -> dict[str, Any]:
    """Return the constants of the script without running it."""
    found: dict[str, Any] = {}
    for statement in ast.parse(script.read_text("utf-8")).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            found[statement.targets[0].id] = ast.literal_eval(statement.value)
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript):
            found["LOCKS"][ast.literal_eval(statement.targets[0].slice)] = ast.literal_eval(statement.value)
    return found


def test_a_script_holds_the_classifier_both_environments_and_their_locks(tmp_path: Path) -> None:
    reproduction = written(tmp_path)
    found = constants(reproduction.script)
    assert found["SPECIFICATION"] == SPECIFICATION == reproduction.specification
    assert found["LOCKS"] == {name: LOCK + name for name in ROWS}
    assert [found[name]["id"] for name in ("WRITER", "READER")] == ["a", "b"]
    assert Environment.model_validate_json(json.dumps(found["WRITER"])) == ROWS["a"]
    assert found["FLOAT64_TOLERANCE"] == 5e-7
    assert reproduction.script.name == "repro-a-b-drift.py"


def test_a_script_holds_no_fault_of_the_run_that_found_it(tmp_path: Path) -> None:
    options = RunOptions(entries={"b": ("faulty_worker.py", "a fault")})
    assert "fault" not in written(tmp_path, options).script.read_text("utf-8").lower()


@pytest.mark.parametrize(
    ("reading", "code", "printed"), [("drifts", 1, "drift: the function changed: "), ("", 0, "bitwise: ")]
)
def test_a_reproduction_prints_the_verdict_and_returns_whether_it_is_as_expected(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    reading: str,
    code: int,
    printed: str,
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    locks = {name: lock(row, tmp_path).path.read_text("utf-8") for name, row in ROWS.items()}
    writer, reader = (row.model_dump(mode="json") for row in ROWS.values())
    ended = reproduce(
        {"reading": reading}, writer, reader, locks, float64_tolerance=5e-7, entries=dict.fromkeys(ROWS, FAKE)
    )
    assert ended == code
    assert capsys.readouterr().out.startswith(printed)


def test_a_folder_that_cannot_be_used_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "found").write_text("a file")
    with pytest.raises(ConfigError, match="the reproduction cannot be written") as caught:
        written(tmp_path)
    assert caught.value.fix == "name another folder"
