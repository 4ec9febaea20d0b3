"""The command that writes a card anew, with the audit of a run."""

import json
import shutil
from pathlib import Path

import pytest
from support.hub_card import card_data
from support.paths import ROOT

from bert_bundle.api import inspect
from bert_bundle.host.cli import main

CLASSIC = ROOT / "tests" / "compat" / "classic-tf2.4"
VERDICT = {
    "bundle": "somewhere/router", "writer": "a", "reader": "tf2.15", "grade": "bitwise", "as_expected": True,
    "reason": "", "double": 0.0, "labels_changed": 0,
}  # fmt: skip


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(CLASSIC, tmp_path / "router"))


def audit(folder: Path, *verdicts: dict[str, object]) -> Path:
    path = folder / "audit.json"
    path.write_text(json.dumps({"verdicts": verdicts, "summary": {}}))
    return path


def test_a_card_is_printed_and_written_only_when_asked(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, digest = (bundle / "README.md").read_bytes(), inspect(bundle).digest
    assert main(["card", "router"]) == 0
    printed = capsys.readouterr().out
    assert (bundle / "README.md").read_bytes() == before
    assert main(["card", "router", "--update", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["card"], document["digest"], document["written"]) == (printed, digest, True)
    assert (bundle / "README.md").read_text("utf-8") == printed
    assert card_data(printed)["library_name"] == "bert_bundle"
    assert inspect(bundle).digest == digest


def test_the_last_audit_is_in_the_card_until_there_is_another(bundle: Path) -> None:
    drift = {**VERDICT, "reader": "tf2.21", "grade": "drift", "as_expected": False, "reason": "a | b", "double": 2e-3}
    path = audit(bundle.parent, VERDICT, drift)
    assert main(["card", "router", "--update", "--audit", str(path)]) == 0
    text = (bundle / "README.md").read_text("utf-8")
    assert "Replayed in 2 environments, 1 as expected." in text
    assert "| tf2.15 | bitwise | yes | 0 | 0 |" in text
    assert "| tf2.21 | drift | **no**: a \\| b | 2.0e-03 | 0 |" in text
    assert main(["card", "router", "--update"]) == 0
    assert (bundle / "README.md").read_text("utf-8") == text
    assert main(["card", "router", "--update", "--audit", str(audit(bundle.parent, VERDICT))]) == 0
    assert "tf2.21 |" not in (bundle / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not the document of an audit"),
        ("{}", "not the document of an audit"),
        (json.dumps({"verdicts": []}), "not the document of an audit"),
        (json.dumps({"verdicts": [{**VERDICT, "bundle": "other"}]}), "the audit is of another bundle"),
        (None, "the file cannot be read"),
    ],
)
def test_a_file_that_is_not_the_audit_of_this_bundle_changes_nothing(
    bundle: Path, content: str | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (bundle / "README.md").read_bytes()
    if content is not None:
        Path("audit.json").write_text(content)
    assert main(["card", "router", "--update", "--audit", "audit.json"]) == 2
    assert message in capsys.readouterr().err
    assert (bundle / "README.md").read_bytes() == before


def test_a_damaged_bundle_gets_no_card(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bundle / "graph.json").write_bytes(b"{}")
    before = (bundle / "README.md").read_bytes()
    assert main(["card", "router", "--update"]) == 5
    assert (bundle / "README.md").read_bytes() == before
