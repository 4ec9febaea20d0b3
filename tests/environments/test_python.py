"""What Python code and pytest do with bundles, in real environments: an audit, tests of a bundle, the fixtures."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.environments import WRITER
from support.forged_bundles import edit, put
from support.paths import ROOT

import bert_bundle
from bert_bundle.host.environments.environment import ReadyEnvironment

OLDEST = "tf2.4-hf4.5-py3.8"
PLUGIN = ("-p", "bert_bundle.pytest_plugin", "-p", "no:cacheprovider")
USES = """
import bert_bundle

def test_a_classifier_and_its_bundle(build_classifier, tiny_classifier, tiny_bundle):
    assert bert_bundle.verify(tiny_bundle).ok
    assert list(tiny_classifier.labels) == list(bert_bundle.load(tiny_bundle).labels) == ["class 0", "class 1"]
    assert len(build_classifier(classes=3, features=0).labels) == 3

def test_it_was_built_once(tiny_classifier, request):
    assert tiny_classifier is request.getfixturevalue("tiny_classifier")
"""


def session(python: str | Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Return a session of pytest in a folder, with this checkout as the package."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [str(python), "-m", "pytest", *PLUGIN, *arguments]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=600, check=False)


def test_an_audit_from_python_grades_each_environment(classic_bundle: Path) -> None:
    said: list[str] = []
    found = bert_bundle.audit(classic_bundle, environments=[WRITER, OLDEST], fresh=True, progress=said.append)
    grades = {verdict.reader: verdict.grade for verdict in found.verdicts}
    assert (found.ok, grades[WRITER]) == (True, "bitwise")
    assert grades[OLDEST] in ("bitwise", "identical")
    assert all(verdict.double is not None and verdict.double < 5e-7 for verdict in found.verdicts)
    assert {environment["id"] for environment in found.to_json()["environments"]} == {WRITER, OLDEST}
    assert any("replaying" in line for line in said)


def test_pytest_tests_a_bundle_in_each_environment_and_names_what_changed(classic_bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(classic_bundle, tmp_path / "router")
    changed = shutil.copytree(classic_bundle, tmp_path / "changed")
    edit(changed, "encoders/bert_encoder/config.json", put("layer_norm_eps", 1e-3))
    asked = ("--bundle", "router", "--bundle", "changed", "--bundle-env", WRITER, "-rA")
    done = session(sys.executable, tmp_path, *asked)
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert f"PASSED router::{WRITER}" in done.stdout, done.stdout
    assert f"changed in {WRITER}: reconfigured\n" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("name", [WRITER, OLDEST])
def test_the_fixtures_build_and_save_a_classifier_in_the_installed_keras(
    name: str, made: Callable[[str], ReadyEnvironment], tmp_path: Path
) -> None:
    (tmp_path / "test_uses.py").write_text(USES)
    done = session(made(name).python, tmp_path, "-q", "test_uses.py")
    assert "2 passed" in done.stdout, done.stdout + done.stderr
