"""A fault in one real reader, shrunk by the live pair to the smallest classifier, and the script that it leaves."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from support.entries import reader_fault
from support.paths import ROOT

from bert_bundle.classifiers import strategies
from bert_bundle.host.config.matrix_file import Matrix
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.locks import FOLDER
from bert_bundle.host.runs import reproduction, shrink
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.run import Reproduction, cross
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.progress import silent

WRITER, READER = "tf2.10-hf4.25-py3.9", "tf2.13-hf4.35-py3.11"
FAULT = reader_fault("tanh GELU")

# Runs a script as `python SCRIPT` does, with the faulty reader.
WITH_FAULT = f"""
import functools, runpy, sys
from bert_bundle.host.runs import reproduction
reproduction.reproduce = functools.partial(reproduction.reproduce, entries={{{READER!r}: {FAULT!r}}})
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@pytest.fixture(scope="module")
def shrunk(
    made: Callable[[str], ReadyEnvironment], matrix: Matrix, tmp_path_factory: pytest.TempPathFactory
) -> Reproduction:
    """Planted in TensorFlow 2.13: transformers' classes compute GELU by tanh. TensorFlow 2.10 wrote the classic."""
    folder, options = tmp_path_factory.mktemp("shrunk"), RunOptions(entries={READER: FAULT})
    drawn = strategies.draw(1, seed=0)
    found = cross(
        [made(WRITER)],
        [made(WRITER), made(READER)],
        drawn,
        folder=folder / "run",
        executor=Local(2),
        progress=silent,
        options=options,
    )
    assert [v.grade for v in found.verdicts] == ["bitwise", "drift"]
    search = partial(strategies.smallest_failing, examples=5, seed=0)
    least = shrink.shrink(found, drawn, search, folder=folder, progress=silent, options=options)
    assert least is not None
    rows = {row.id: row for row in matrix.environments}
    return reproduction.write(least, rows, ROOT / FOLDER, folder / "found", options)


def ran(script: Path, *how: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *how, script], capture_output=True, text=True, timeout=600, check=False, cwd=script.parent
    )


def test_the_smallest_classifier_has_one_layer_and_the_verdict_names_it(shrunk: Reproduction) -> None:
    specification = shrunk.specification
    assert (specification["layers"], specification["heads"], specification["hidden"]) == (1, 1, 4)
    assert specification["activation"] == "gelu"
    assert (specification["head"], specification["features"], specification["extra"]) == ([], 0, [])
    assert shrunk.tried > 0
    assert (shrunk.verdict.writer, shrunk.verdict.reader) == (WRITER, READER)
    assert str(shrunk.verdict.first_layer).endswith("bert_encoder hidden_states.1")


def test_the_script_fails_with_the_fault_and_passes_without_it(shrunk: Reproduction) -> None:
    done = ran(shrunk.script, "-c", WITH_FAULT)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("drift: the function changed: ")
    done = ran(shrunk.script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(("identical: ", "bitwise: "))
