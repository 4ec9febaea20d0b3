"""The public names, and that importing them is cheap: nothing heavy, whatever is installed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import ROOT

import bert_bundle

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


def seconds() -> float:
    """How long a fresh interpreter takes to import the package, itself not counted."""
    command = [sys.executable, "-X", "importtime", "-c", "import bert_bundle"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
    (line,) = [line for line in lines if line.split("|")[-1].strip() == "bert_bundle"]
    return int(line.split("|")[1]) / 1e6


def test_importing_the_package_takes_less_than_50_milliseconds() -> None:
    assert min(seconds() for _ in range(5)) < 0.05


PUBLIC = [
    "BertBundleError", "Bundle", "BundleError", "Manifest", "Rescue", "SaveStep", "Verification", "__version__",
    "audit", "bisect", "diff", "doctor", "gate", "inspect", "load", "rescue", "save", "verify",
]  # fmt: skip


def test_the_package_shows_exactly_its_public_names() -> None:
    assert dir(bert_bundle) == sorted(bert_bundle.__all__) == PUBLIC
    for name in PUBLIC:
        getattr(bert_bundle, name)
    assert dir(bert_bundle) == PUBLIC  # whatever was imported since
    with pytest.raises(AttributeError, match="module 'bert_bundle' has no attribute 'draft'"):
        bert_bundle.draft  # type: ignore[attr-defined]  # noqa: B018


def mypy(tmp_path: Path, *lines: str) -> list[str]:
    """Return what mypy reports of a user's module, which sees the package as an installed one."""
    module = tmp_path / "user.py"
    module.write_text("\n".join(["import bert_bundle", *lines, ""]))
    package = str(ROOT / "bert_bundle" / "__init__.py")
    options = ["--strict", "--follow-imports=skip", "--no-error-summary", f"--cache-dir={tmp_path / 'cache'}"]
    command = [sys.executable, "-m", "mypy", *options, "--config-file=", package, str(module)]
    output = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT).stdout.splitlines()
    return [line.partition("user.py:")[2] for line in output if "user.py" in line and "error:" in line]


def test_mypy_sees_exactly_the_public_names(tmp_path: Path) -> None:
    names = {alias.asname or alias.name for alias in imported_names()} - set(PUBLIC)
    assert {"Any", "TYPE_CHECKING"} <= names
    assert mypy(tmp_path, *(f"bert_bundle.{name}" for name in PUBLIC)) == []
    hidden = sorted(names)
    found = mypy(tmp_path, *(f"bert_bundle.{name}" for name in hidden))
    assert len(found) == len(hidden)
    assert all("does not explicitly export attribute" in line for line in found)


def imported_names() -> list[ast.alias]:
    """Return what the package imports at its top, for itself or for type checkers."""
    body = ast.parse((ROOT / "bert_bundle" / "__init__.py").read_text("utf-8")).body
    top = [inner for node in body for inner in (node.body if isinstance(node, ast.If) else [node])]
    return [alias for node in top if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names]


@pytest.mark.parametrize(("module", "word"), [("bert_bundle", "Usage: "), ("bert_bundle.worker", "")])
def test_the_package_and_its_worker_run_as_modules(module: str, word: str) -> None:
    command = [sys.executable, "-m", module, *(["--help"] if word else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(word)


def test_the_module_of_the_command_line_can_be_imported_without_running_it() -> None:
    code = "import bert_bundle.__main__, bert_bundle.worker.__main__"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
