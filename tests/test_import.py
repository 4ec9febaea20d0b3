"""Importing the package is cheap: nothing heavy, whatever is installed."""

import subprocess
import sys

import pytest

HEAVY = ("tensorflow", "transformers", "keras", "tf_keras", "tokenizers", "safetensors", "numpy", "click", "pydantic")
QUESTION = "import sys; {}; print([m for m in {!r} if m in sys.modules])"


def loaded(statement: str) -> str:
    """Which of the heavy modules a fresh interpreter has after `statement`."""
    code = QUESTION.format(statement, HEAVY)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("statement", ["import bert_bundle", "from bert_bundle import BundleError, __version__"])
def test_importing_the_package_imports_nothing_heavy(statement: str) -> None:
    assert loaded(statement) == "[]"


def test_a_heavy_import_would_be_seen() -> None:
    assert loaded("import bert_bundle.api") == "['numpy']"
