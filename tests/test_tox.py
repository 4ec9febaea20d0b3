"""tox: an environment for every row that can load, which runs in the cached environment of that row."""

import subprocess
import sys
from pathlib import Path

from support.environments import WRITER, environment
from support.paths import ROOT

from bert_bundle.host.config.matrix_file import Matrix


def tox(*arguments: str) -> str:
    command = [sys.executable, "-m", "tox", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout


def test_every_row_that_can_load_is_a_tox_environment_and_no_other_is(matrix: Matrix) -> None:
    listed = tox("list", "--no-desc").split()
    assert [name for name in listed if name in {row.id for row in matrix.environments}] == [
        row.id for row in matrix.loading
    ]


def test_tox_runs_a_row_in_its_cached_environment_and_makes_no_other(tmp_path: Path) -> None:
    out = tox("run", "--workdir", str(tmp_path), "-e", WRITER, "--", "--version")
    assert f"{WRITER}: OK" in out
    assert list(tmp_path.rglob("python*")) == []
    ran = tox("exec", "--workdir", str(tmp_path), "-e", WRITER, "--", "python", "-c", "import sys; print(sys.prefix)")
    assert str(environment(WRITER).python.parents[1]) in ran.splitlines()
