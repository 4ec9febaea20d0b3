"""The pytest plugin in sessions of its own: the tests of `--bundle`, and what it costs everybody else."""

import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

import pytest
import yaml
from support.fake_bundles import fake_generate
from support.forged_candidates import NOWHERE, lock_nowhere, row
from support.paths import ROOT

from bert_bundle.host.environments.locks import FOLDER
from bert_bundle.interpreter import host_requirements
from bert_bundle.progress import silent

pytest_plugins = ("pytester",)

NAME = "bert_bundle.pytest_plugin"
HEAVY = ("numpy", "tensorflow", "transformers", "keras", "safetensors", "click", "pydantic", "yaml", "hypothesis")


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Return a folder with a test, a fake bundle, and a matrix of two environments that no machine can make."""
    other = {**row(NOWHERE), "as_of": date(2026, 1, 1), "groups": ["old"]}  # an object of its own: YAML without anchors
    rows = {NOWHERE.id: row(NOWHERE), "neverwhere": other}
    pytester.path.joinpath("compat_matrix.yaml").write_text(yaml.safe_dump({"version": 1, "environments": rows}))
    locks = pytester.path / FOLDER
    locks.mkdir()
    lock_nowhere(locks)
    (locks / "neverwhere.txt").write_text((locks / "nowhere.txt").read_text())
    fake_generate(progress=silent, specification={}, target=str(pytester.path / "router"))
    pytester.makepyfile(test_own="def test_of_their_own():\n    pass\n")
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return project.runpytest_inprocess("-p", NAME, "-p", "no:cacheprovider", "-p", "no:hypothesispytest", *arguments)


def test_a_bundle_is_a_test_for_each_environment_beside_the_tests_that_are_there(project: pytest.Pytester) -> None:
    found = run(project, "--bundle", "router", "--bundle-env", "*where", "-v")
    found.assert_outcomes(passed=1, failed=2)
    found.stdout.fnmatch_lines_random(
        ["*test_own.py::test_of_their_own PASSED*", "router::nowhere FAILED*", "router::neverwhere FAILED*"]
    )


def test_without_a_selection_it_takes_the_group_ci(project: pytest.Pytester) -> None:
    found = run(project, "--bundle", "router", "--collect-only", "-q")
    found.stdout.fnmatch_lines(["test_own.py::test_of_their_own", "router::nowhere"])
    found.stdout.no_fnmatch_line("*neverwhere*")


def test_a_failure_shows_the_reason_of_the_report_and_no_traceback(project: pytest.Pytester) -> None:
    found = run(project, "--bundle", "router")
    found.assert_outcomes(passed=1, failed=1)
    found.stdout.fnmatch_lines(["no interpreter for Python 3.99*", "*wanted: a working CPython 3.99*"])
    found.stdout.no_fnmatch_line("*Traceback*")
    found.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_a_bundle_that_is_refused_fails_with_that_error(project: pytest.Pytester) -> None:
    found = run(project, "--bundle", "missing")
    found.assert_outcomes(passed=1, failed=1)
    found.stdout.fnmatch_lines(["*missing*"])
    found.stdout.no_fnmatch_line("*Traceback*")


def test_its_tests_are_selected_by_name_and_by_marker(project: pytest.Pytester) -> None:
    asked = ("--bundle", "router", "--bundle-env", "*where")
    run(project, *asked, "-k", "nowhere").assert_outcomes(failed=1, deselected=2)
    run(project, *asked, "-m", "bert_bundle", "--strict-markers").assert_outcomes(failed=2, deselected=1)
    run(project, *asked, "-m", "not bert_bundle").assert_outcomes(passed=1, deselected=2)


def test_several_bundles_are_tests_of_each(project: pytest.Pytester) -> None:
    run(project, "--bundle", "router", "--bundle", "missing").assert_outcomes(passed=1, failed=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--bundle-env", "x"), "--bundle-env and --bundle-matrix need --bundle PATH"),
        (("--bundle-matrix", "x"), "--bundle-env and --bundle-matrix need --bundle PATH"),
        (("--bundle", "router", "--bundle-env", "tf1"), "no environment matches"),
        (("--bundle", "router", "--bundle-matrix", "none.yaml"), "cannot read the file @ none.yaml"),
    ],
)
def test_options_that_mean_nothing_are_usage_errors(
    arguments: tuple[str, ...], message: str, project: pytest.Pytester
) -> None:
    found = run(project, *arguments)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines([f"ERROR: *{message}*"])


def test_without_the_extra_it_says_what_to_install_only_where_it_is_used(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_requirements, "EXTRA", (*host_requirements.EXTRA, "not_installed_anywhere"))
    run(project).assert_outcomes(passed=1)
    found = run(project, "--bundle", "router")
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines(["ERROR: pytest --bundle needs packages that are not installed*"])


def test_a_field_that_no_classifier_has_is_refused(project: pytest.Pytester) -> None:
    project.makepyfile("def test_of_a_classifier(build_classifier):\n    build_classifier(clases=3)\n")
    found = run(project)
    found.assert_outcomes(failed=1, passed=1)
    found.stdout.fnmatch_lines(["*ConfigError: not a field of a classifier @ clases"])


def test_it_is_installed_under_the_name_of_its_module() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"] == {"pytest11": {NAME: NAME}}
    assert not [line for line in project["dependencies"] if "pytest" in line]


@pytest.mark.parametrize("loaded", [True, False])
def test_a_session_that_does_not_use_it_imports_nothing_for_it(loaded: bool, tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(
        f"import sys\n\ndef test_it():\n    assert ({NAME!r} in sys.modules) is {loaded}\n"
        f"    assert not {set(HEAVY)!r} & sys.modules.keys()\n"
    )
    plugin = ["-p", NAME if loaded else f"no:{NAME}"]
    quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:xdist"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugin, *quiet, "test_own.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
