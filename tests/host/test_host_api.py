"""The public functions of the host: the records of each command's JSON, its arguments, and where it cannot run."""

import inspect
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import made_up_results
from support.command_line import subcommands
from support.forged_bundles import resign
from support.forged_candidates import write_releases
from support.generated_tables import options

import bert_bundle
from bert_bundle.errors import ConfigError, FormatError
from bert_bundle.host.cli import cli, main
from bert_bundle.host.environments.locks import FOLDER
from bert_bundle.host.operations.audit import Audit
from bert_bundle.host.operations.bisect import Bisection
from bert_bundle.host.operations.gate import Gate
from bert_bundle.host.operations.records import contents
from bert_bundle.host.report.documents import runs as documents
from bert_bundle.host.runs.verdict import Verdict
from bert_bundle.interpreter import host_requirements

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "audit": bert_bundle.audit,
    "bisect": bert_bundle.bisect,
    "diff": bert_bundle.diff,
    "doctor": bert_bundle.doctor,
    "gate": bert_bundle.gate,
}
ONLY_OPTIONS = {"json", "quiet", "no_color", "report", "require", "print_policy"}  # how a command prints, and its files
NAMED = {"env": "environments", "with": "upgrade_to"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a matrix of one locked environment that no machine can make, and two releases that label alike."""
    monkeypatch.chdir(tmp_path)
    write_releases(tmp_path)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Return the document that a command prints."""
    capsys.readouterr()
    main([*arguments, "--json", "-q"])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_an_audit_is_the_record_of_what_the_command_prints(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    found = bert_bundle.audit("new", progress=said.append)
    (verdict,) = found.verdicts
    assert (verdict.grade, verdict.reader, verdict.as_expected) == ("not run", "nowhere", False)
    assert (found.ok, found.exit_code, found.summary.not_run) == (False, 4, 1)
    assert "no interpreter for Python 3.99" in str(found.environments[0].error)
    assert repr(found).startswith("Audit(0 of 1 as expected, 1 not run in ")
    forecast, failure = said
    assert re.fullmatch(r"1 environment to make, about 1\.1 GB, [0-9.]+ GB free", forecast)
    assert failure == "nowhere: no interpreter for Python 3.99"
    mine, theirs = found.to_json(), printed(capsys, "audit", "new")
    assert mine["summary"].pop("seconds") >= 0 <= theirs["summary"].pop("seconds")
    assert json.loads(json.dumps(mine)) == theirs


def test_each_key_of_a_verdict_is_an_attribute_of_its_record() -> None:
    verdict = made_up_results.verdict("w", "r", float64_difference=0.25, native_difference=0.5)
    assert {key: getattr(verdict, key) for key in documents.verification(verdict)} == documents.verification(verdict)
    assert isinstance(verdict, Verdict)


def test_a_gate_is_the_record_of_what_the_command_prints_and_writes_only_where_it_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = bert_bundle.gate(folder / "new", baseline="old")
    assert not Path("verdict.json").exists()
    assert (found.decision, found.ok, repr(found)) == ("refused", False, "Gate(refused)")
    assert {check.name: check.status for check in found.checks}["bundle"] == "passed"
    assert found.to_json() == printed(capsys, "gate", "new", "--baseline", "old", "--out", "theirs.json")
    bert_bundle.gate("new", baseline="old", out="mine.json")
    assert Path("mine.json").read_bytes() == Path("theirs.json").read_bytes()


def test_a_comparison_is_the_record_of_what_the_command_prints(
    classic_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = shutil.copytree(classic_bundle, tmp_path / "other")
    resign(other, labels=("class 0", "billing"))
    found = bert_bundle.diff(str(classic_bundle), other)
    assert [(change.part, change.b) for change in found.changes] == [("signature", "billing")]
    assert (found.same, repr(found)) == (False, "Comparison(bundle, other: 1 differences, 0 labels changed)")
    assert found.to_json() == printed(capsys, "diff", str(classic_bundle), str(other))


def test_a_diagnosis_is_the_record_of_what_the_command_prints(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = bert_bundle.doctor(environments="now")
    (diagnosis,) = found.environments
    assert (diagnosis.id, diagnosis.works, found.ok) == ("nowhere", (), False)
    assert repr(found) == "Diagnoses(1 environments, 1 not as expected)"
    assert found.to_json() == printed(capsys, "doctor", "--env", "now")
    assert bert_bundle.doctor().to_json() == printed(capsys, "doctor")


def test_a_bisection_is_a_record_on_one_line_and_a_document() -> None:
    made_up = made_up_results.bisection()
    found = Bisection(**contents(made_up))
    assert (found.ok, repr(found)) == (True, "Bisection(router: tensorflow-cpu)")
    assert json.loads(json.dumps(found.to_json()))["culprits"][0][0]["name"] == "tensorflow-cpu"
    nothing = Bisection(**{**contents(made_up), "culprits": (), "exact": False})
    assert (nothing.ok, repr(nothing)) == (False, "Bisection(router: no culprit)")


def test_what_is_as_expected_is_ok() -> None:
    run = made_up_results.run([made_up_results.verdict("w", "r")], made_up_results.made("r"))
    assert Audit(**contents(run)).ok
    assert Gate(**contents(made_up_results.gated(made_up_results.PASSED, found=run))).ok


@pytest.mark.parametrize(
    ("call", "message", "place"),
    [
        (lambda: bert_bundle.audit("new", upgrade_from="now"), "upgrade_from needs upgrade_to", "upgrade_from"),
        (lambda: bert_bundle.audit("new", jobs=0), "jobs must be at least 1", "jobs"),
        (lambda: bert_bundle.audit("new", upgrade_to="numpy"), "not pinned to one release", "upgrade_to"),
        (lambda: bert_bundle.audit("new", environments=["tf1"]), "no environment matches", ""),
        (lambda: bert_bundle.audit("new", groups="x"), "unknown group", ""),
        (lambda: bert_bundle.audit("new", matrix="none.yaml"), "cannot read the file", "none.yaml"),
        (lambda: bert_bundle.gate("new", out="none/x.json"), "the folder of out does not exist", "none/x.json"),
        (lambda: bert_bundle.gate("new", policy="none.yaml"), "cannot read the file", "none.yaml"),
        (
            lambda: bert_bundle.bisect("new", good="now", bad="now", tolerance=2),
            "tolerance must be between 0 and 1",
            "tolerance",
        ),
        (lambda: bert_bundle.bisect("new", good="now", bad="tf1"), "no environment matches", "bad"),
        (lambda: bert_bundle.doctor(environments="tf1"), "no environment matches", ""),
    ],
)
def test_an_error_about_an_argument_names_the_argument(
    call: Callable[[], object], message: str, place: str, folder: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        call()
    error = caught.value
    assert (error.message, error.place) == (message, place)
    assert "--" not in str(error)


def test_an_error_whose_fix_is_a_command_line_names_that(folder: Path) -> None:
    (folder / FOLDER / "nowhere.txt").unlink()
    with pytest.raises(ConfigError) as caught:
        bert_bundle.audit("new")
    assert "bert-bundle matrix lock --env nowhere" in caught.value.fix


def test_a_bundle_that_is_refused_is_refused_before_an_environment_is_made(folder: Path) -> None:
    said: list[str] = []
    for call in (bert_bundle.audit, bert_bundle.gate):
        with pytest.raises(FormatError):
            call("nowhere", progress=said.append)
    with pytest.raises(FormatError):
        bert_bundle.bisect("none", good="now", bad="now", progress=said.append)
    with pytest.raises(FormatError):
        bert_bundle.diff("new", "none")
    assert said == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_option_that_is_not_about_printing_is_an_argument_that_is_described(name: str) -> None:
    wanted = {long.removeprefix("--").replace("-", "_") for long in options(subcommands(cli)[name])} - ONLY_OPTIONS
    if name in ("diff", "doctor"):
        wanted -= {"jobs", *(["matrix"] if name == "diff" else [])}  # these start no workers, and diff reads no matrix
    parameters = inspect.signature(FUNCTIONS[name]).parameters
    keywords = {parameter.name for parameter in parameters.values() if parameter.kind is parameter.KEYWORD_ONLY}
    assert keywords == {NAMED.get(option, option) for option in wanted} | ({"progress"} & parameters.keys())
    described = f"{inspect.getdoc(FUNCTIONS[name])}\n{inspect.getdoc(bert_bundle.audit)}"
    assert all(parameter in described for parameter in parameters)
    assert "Raises " in described


@pytest.mark.parametrize("name", FUNCTIONS)
def test_without_the_extra_each_function_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_requirements, "EXTRA", (*host_requirements.EXTRA, "not_installed_anywhere"))
    parameters = inspect.signature(FUNCTIONS[name]).parameters.values()
    needed = {p.name: "x" for p in parameters if p.default is p.empty}
    with pytest.raises(ConfigError) as caught:
        FUNCTIONS[name](**needed)
    error = caught.value
    assert error.message == f"bert_bundle.{name} needs packages that are not installed; the library works here"
    assert (error.found, error.fix) == ("no not_installed_anywhere", "pip install 'bert-bundle[matrix]'")
