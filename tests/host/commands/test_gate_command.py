"""The gate as a command: how it ends, the verdict that it leaves, and what a deploy step checks in it."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.forged_bundles import resign, rewrite, unprivileged
from support.forged_candidates import RIGHT, but, judged, release, write_releases

from bert_bundle.errors import ConfigError, StorageError
from bert_bundle.format import strict_json
from bert_bundle.format.staging import write_file
from bert_bundle.host.cli import main
from bert_bundle.host.config.gate_policy import DEFAULT
from bert_bundle.host.gate import decision_file as files
from bert_bundle.host.gate.gate import read_checked_bundle
from bert_bundle.host.report.documents import gate as documents


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a matrix of one locked environment that no machine can make, and two releases that label alike."""
    monkeypatch.chdir(tmp_path)
    write_releases(tmp_path)
    return tmp_path


def written(path: str = "verdict.json") -> dict[str, Any]:
    record: dict[str, Any] = strict_json.parse(Path(path).read_bytes(), path)
    return record


def ships(folder: Path) -> dict[str, Any]:
    """Return a verdict by which `new` ships, left as verdict.json."""
    new, old = (read_checked_bundle(folder / name) for name in ("new", "old"))
    record = documents.gate(judged(new, old))
    files.write(folder / "verdict.json", record)
    return record


def refused(arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what the command prints when it ends with 2 and leaves no verdict."""
    assert main(["gate", "-q", *arguments.split()]) == 2
    assert not Path("verdict.json").exists()
    return capsys.readouterr().err


def test_an_environment_that_cannot_be_made_ends_with_4_and_a_verdict_that_refuses(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = "json=r.json,junit=r.xml,markdown=r.md"
    assert main(["gate", "new", "--baseline", "old", "-q", "--report", files]) == 4
    assert json.loads(Path("r.json").read_text()) == written()
    assert '<error message="nowhere could not be made' in Path("r.xml").read_text()
    assert Path("r.md").read_text().startswith("### bert-bundle gate: refused\n")
    out = capsys.readouterr().out
    assert "audit: nowhere could not be made: no interpreter for Python 3.99" in out
    assert "wanted: a working CPython 3.99" in " ".join(out.split())
    assert out.splitlines()[-2:] == ["written to: verdict.json", "refused"]
    verdict = written()
    assert (verdict["decision"], verdict["environments"][0]["error"]) == (
        "refused",
        "no interpreter for Python 3.99",
    )
    assert str(Path.home()) not in Path("verdict.json").read_text()


def test_the_document_on_standard_output_is_the_file_to_the_byte(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", "new", "--json", "-q", "--out", "here.json"]) == 4
    assert capsys.readouterr().out.encode() == Path("here.json").read_bytes()
    first = Path("here.json").read_bytes()
    assert main(["gate", "new", "-q", "--out", "here.json"]) == 4
    assert Path("here.json").read_bytes() == first


def test_the_default_policy_is_printed_as_it_ships_and_is_a_policy(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", "--print-policy"]) == 0
    printed = capsys.readouterr().out
    assert printed == DEFAULT.read_text("utf-8")
    Path("gate.yaml").write_text(printed)
    assert main(["gate", "new", "-q", "--policy", "gate.yaml"]) == 4


@pytest.mark.parametrize(
    ("policy", "arguments", "message"),
    [
        ("", "", "missing argument 'CANDIDATE'"),
        ("version: 1\nbehavior: {}\n", "new --policy gate.yaml", "unknown key @ gate.yaml: behavior"),
        ("version: 1\nenvironments: {groups: [x]}\n", "new --policy gate.yaml", "unknown group @ gate.yaml: environ"),
        ("version: 1\nenvironments: {names: [x]}\n", "new --policy gate.yaml", "no environment matches @ gate.yaml"),
        (
            "version: 1\nenvironments: {}\n",
            "new --policy gate.yaml",
            "no environment is selected, so nothing would be checked",
        ),
        ("version: 1\nbaseline: required\n", "new --policy gate.yaml", "the policy requires a baseline"),
        ("", "new --policy none.yaml", "cannot read the file @ none.yaml"),
        ("", "new --out none/verdict.json", "the folder of --out does not exist @ none/verdict.json"),
        ("", "new --require none.json", "the decision file cannot be read @ none.json"),
        (
            "",
            "new --require v.json --report json=x.json",
            "--report cannot be combined with --require or --print-policy",
        ),
        ("", "--print-policy --report json=x.json", "--report cannot be combined with --require or --print-policy"),
        ("", "new --require v.json --baseline old", "--require cannot be combined with --baseline, --out or --python"),
    ],
)
def test_what_is_wrong_with_the_question_ends_with_2(
    folder: Path, policy: str, arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("gate.yaml").write_text(policy)
    assert message in refused(arguments, capsys)


def test_a_baseline_with_other_labels_ends_with_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    resign(folder / "old", labels=("access", "bug", "billing"))
    assert (
        "the baseline has other labels @ old\n  wanted: access, billing, bug\n  found: access, bug, billing"
        in refused("new --baseline old", capsys)
    )


@pytest.mark.parametrize("damaged", ["new", "old"])
def test_a_damaged_bundle_ends_with_5_and_leaves_no_verdict_of_an_earlier_gate(
    folder: Path, damaged: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ships(folder)
    golden = folder / damaged / "golden" / "facts.json"
    golden.write_bytes(golden.read_bytes() + b" ")
    assert main(["gate", "new", "--baseline", "old"]) == 5
    assert "a file is not what was written @ golden/facts.json" in capsys.readouterr().err
    assert not Path("verdict.json").exists()


@pytest.mark.parametrize("content", [b"precious", b"{}", b'{"format": "bert_bundle verdict", "format_version": 2}\n'])
def test_a_file_that_is_no_verdict_is_never_replaced(
    folder: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("precious.json").write_bytes(content)
    refused("new --out precious.json", capsys)
    assert Path("precious.json").read_bytes() == content
    assert main(["gate", "new", "--out", "old"]) == 2
    assert Path("old", "bundle.json").exists()


def test_a_deploy_step_may_require_the_verdict_of_the_very_bundle(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = ships(folder)
    assert verdict["decision"] == "ships"
    assert main(["gate", "new", "--require", "verdict.json"]) == 0
    assert capsys.readouterr().out == "verdict.json: this bundle ships\n"
    assert main(["gate", "new", "--require", "verdict.json", "--policy", str(DEFAULT)]) == 0
    capsys.readouterr()
    assert main(["gate", "new", "--require", "verdict.json", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "verdict": "verdict.json",
        "candidate": verdict["candidate"],
        "ships": True,
        "reason": "",
    }
    assert Path("verdict.json").exists()


def test_another_bundle_another_policy_and_a_refusal_do_not_pass_for_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = ships(folder)
    release(folder, "other", predicted=but(RIGHT, at_4=2))
    assert main(["gate", "other", "--require", "verdict.json"]) == 1
    said = f"verdict.json: the decision is about another bundle: {verdict['candidate']}"
    assert " ".join(capsys.readouterr().out.split()) == said
    Path("gate.yaml").write_text("version: 1\nbehaviour: {broke: 1}\n")
    assert main(["gate", "new", "--require", "verdict.json", "--policy", "gate.yaml"]) == 1
    assert "the decision was made by another policy" in capsys.readouterr().out
    for decision in ("refused", "undecided"):
        files.write(Path("verdict.json"), {**verdict, "decision": decision})
        assert main(["gate", "new", "--require", "verdict.json"]) == 1
        assert f"the decision is: {decision}" in capsys.readouterr().out
    rewrite(folder / "new", "golden/facts.json", (folder / "new" / "golden" / "facts.json").read_bytes() + b" ")
    files.write(Path("verdict.json"), verdict)
    assert main(["gate", "new", "--require", "verdict.json"]) == 1
    (folder / "new" / "golden" / "facts.json").write_bytes(b"{}")
    assert main(["gate", "new", "--require", "verdict.json"]) == 5


def test_a_verdict_is_written_whole_or_not_at_all() -> None:
    with unprivileged() as folder:
        verdict = folder / "verdict.json"
        write_file(str(verdict), b"old")
        folder.chmod(0o500)
        with pytest.raises(StorageError, match="the file system failed"):
            write_file(str(verdict), b"new")
        folder.chmod(0o700)
        assert (verdict.read_bytes(), [path.name for path in folder.iterdir()]) == (b"old", ["verdict.json"])
        write_file(str(verdict), b"new")
        assert (verdict.read_bytes(), [path.name for path in folder.iterdir()]) == (b"new", ["verdict.json"])


def test_a_link_in_the_place_of_the_verdict_is_replaced_and_not_followed(folder: Path) -> None:
    record = ships(folder)
    Path("verdict.json").rename("elsewhere.json")
    Path("link.json").symlink_to("elsewhere.json")
    files.clear(Path("link.json"))
    files.write(Path("link.json"), record)
    assert (Path("link.json").is_symlink(), Path("elsewhere.json").exists()) == (False, True)
    with pytest.raises(ConfigError, match="the decision file cannot be read"):
        files.read(folder)
