"""The environments of the group `broken`: each breaks, a rule refuses each, and no pass goes unnoticed."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_line import SAME, bert_bundle
from support.paths import ROOT

from bert_bundle.host.config.matrix_file import FILE_NAME, read_matrix
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.interpreter import installed, launch
from bert_bundle.interpreter.known_breakages import RULES, Rule

MATRIX = read_matrix(ROOT / FILE_NAME)
CHEAP = "keras3.15-py3.13-backend-missing"
WRITER = "tf2.15-hf4.40-py3.11"

# What each runtime is made of, without us in between; and what comes of it where the rule applies.
PROGRAMS = {
    "transformers": "import tensorflow; from transformers import TFBertModel; tensorflow.keras.Model",
    "native": "import tokenizers, keras; keras.layers.Dense(1)",
}
ALIGNED = """
from safetensors.numpy import save
headers = [int.from_bytes(save({}, {"a": length * "b"})[:8], "little") for length in range(8)]
assert all(header % 8 == 0 for header in headers), "data that is not aligned"
"""
ENDS = {
    "tensorflow-missing": "No module named 'tensorflow'",
    "tensorflow-classes-missing": "cannot import name 'TFBertModel'",
    "numpy-2": "Unable to convert function return value to a Python type",
    "h5py": "numpy.dtype size changed, may indicate binary incompatibility",
    "protobuf-4": "Descriptors cannot be created directly",
    "keras-engine-missing": "No module named 'keras.engine'",
    "tf-keras-missing": "Keras 3, but this is not yet supported",
    "tf-keras-missing-2.15": "Keras cannot be imported",
    "tf-keras-release": "no attribute 'register_load_context_function'",
    "python": "No module named 'tensorflow'",
    "keras-3-missing": "No module named 'keras'",
    "backend-missing": "No module named 'tensorflow'",
    "tokenizers-missing": "No module named 'tokenizers'",
    "safetensors-0.3": "AssertionError: data that is not aligned",
}


def matrix_file(folder: Path, old: str, new: str) -> Path:
    """Return a copy of the matrix with `old` replaced, its locks beside it."""
    text = (ROOT / FILE_NAME).read_text("utf-8")
    assert text.count(old) == 1
    (folder / "locks").symlink_to(ROOT / "locks")
    (folder / FILE_NAME).write_text(text.replace(old, new), "utf-8")
    return folder / FILE_NAME


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_what_a_rule_refuses_does_not_work(rule: Rule, made: Callable[[str], ReadyEnvironment]) -> None:
    (row,) = [row for row in MATRIX.environments if row.id.endswith(f"-py{row.python}-{rule.id}")]
    program = ALIGNED if rule.id == "safetensors-0.3" else PROGRAMS[row.runtime]
    there = made(row.id)
    backend = installed.binding(there.packages.__contains__).get(installed.KERAS_BACKEND)
    done = subprocess.run(
        [there.python, "-c", program],
        env=launch.environment(backend),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode != 0
    assert ENDS[rule.id] in done.stderr


def test_every_broken_environment_refuses_in_the_words_of_its_rule(classic_bundle: Path) -> None:
    code, document = bert_bundle("audit", classic_bundle, "--groups", "broken")
    assert code == 0
    verdicts = document["verdicts"]
    assert len(verdicts) == len(RULES)
    for verdict in verdicts:
        (rule,) = [r for r in RULES if verdict["reader"].endswith(f"-{r.id}")]
        assert (verdict["grade"], verdict["as_expected"]) == ("refused", True)
        assert f"refused: {rule.why} @ the " in verdict["reason"]
        assert verdict["seconds"] < 10  # importing TensorFlow would take as long


def test_without_its_entry_under_expect_a_refusal_makes_the_run_fail(tmp_path: Path) -> None:
    entry = f"  - {{environment: {CHEAP}, outcome: refused, rule: backend-missing}}\n"
    matrix = matrix_file(tmp_path, entry, "")
    arguments = ["matrix", "run", "--env", WRITER, "--env", CHEAP, "--writers", WRITER]
    code, document = bert_bundle(*arguments)
    assert (code, document["summary"]["as_expected"]) == (0, 2)
    code, document = bert_bundle(*arguments, "--matrix", matrix, "--reproductions", tmp_path)
    assert (code, document["summary"]["unexpected"]) == (1, 1)
    assert [Path(r["script"]).parent for r in document["reproductions"]] == [tmp_path]
    assert [v["as_expected"] for v in document["verdicts"]] == [True, False]


def test_a_refusal_that_does_not_come_makes_the_run_fail(classic_bundle: Path, tmp_path: Path) -> None:
    wrong = f"expect:\n  - {{environment: {WRITER}, outcome: refused, reason: planted}}\n"
    matrix = matrix_file(tmp_path, "expect:\n", wrong)
    code, document = bert_bundle("audit", classic_bundle, "--env", WRITER, "--matrix", matrix)
    assert code == 1
    (verdict,) = document["verdicts"]
    assert verdict["grade"] in SAME
    assert verdict["reason"].startswith("refused was expected (planted), this is ")


def test_what_is_expected_to_be_refused_does_not_write() -> None:
    code, document = bert_bundle("matrix", "run", "--groups", "broken")
    assert code == 2
    assert document["error"]["wanted"] == "one that is not expected to be refused"
