"""The commands end to end, on a matrix of one small environment made by uv, without TensorFlow in it."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from support.fake_bundles import fake_generate

from bert_bundle.host.cli import main
from bert_bundle.host.environments.environment import CACHE_VARIABLE
from bert_bundle.progress import silent

pytestmark = pytest.mark.environments  # makes a small one

ROW = {"python": "3.11", "as_of": "2024-05-15", "packages": ["packaging==23.2"], "runtime": "native", "groups": ["ci"]}
EXPECT = {"environment": "small", "outcome": "refused", "reason": "it has no TensorFlow"}


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def folder(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a matrix and its lock, a forged bundle, and a cache of environments that the tests share."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))
    write_matrix(tmp_path)
    fake_generate(progress=silent, specification={}, target="router")
    assert main(["matrix", "lock", "-q"]) == 0
    return tmp_path


def write_matrix(folder: Path, **more: object) -> None:
    matrix = {"version": 1, "environments": {"small": ROW}, **more}
    text = yaml.safe_dump(matrix).replace("'2024-05-15'", "2024-05-15").replace("'3.11'", '"3.11"')
    (folder / "compat_matrix.yaml").write_text(text)


def test_lock_writes_a_lock_and_list_shows_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = folder / "locks" / "small.txt"
    assert "packaging==23.2" in lock.read_text()
    capsys.readouterr()
    assert main(["matrix", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["environments"][0]["locked"] is True
    lock.unlink()
    assert main(["matrix", "list"]) == 0
    assert re.search(r"small .* no$", capsys.readouterr().out, re.MULTILINE)


def test_lock_says_what_it_wrote(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["matrix", "lock", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["locks"][0]["id"] == "small"
    assert err == "small: resolving as on 2024-05-15\n"


def test_an_audit_of_what_cannot_load_it_ends_with_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "router"]) == 1
    out, err = capsys.readouterr()
    assert re.search(r"^small .* refused!", out, re.MULTILINE)
    assert "0 of 1 as expected, 1 not as expected" in out
    assert "small (reader): replaying router" in err


def test_an_audit_and_a_run_leave_a_report_in_every_format(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--report", "json=a.json,junit=a.xml,markdown=a.md", "--json", "-q"]
    capsys.readouterr()
    assert main(["audit", "router", *asked]) == 1
    assert (folder / "a.json").read_text() == capsys.readouterr().out
    (failure,) = ElementTree.parse("a.xml").iter("failure")
    assert failure.get("type") == "refused"
    assert (folder / "a.md").read_text().startswith("### bert-bundle audit: 0 of 1 as expected, 1 not as expected in ")
    assert main(["matrix", "run", *asked]) == 3
    assert (folder / "a.json").read_text() == capsys.readouterr().out
    (error,) = ElementTree.parse("a.xml").iter("error")
    assert error.get("type") == "not run"
    assert "\n| 1 | `small` | `-!` |\n" in (folder / "a.md").read_text()


def test_an_audit_whose_refusal_is_known_ends_with_0(
    folder: Path, classic_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_matrix(folder, expect=[EXPECT])
    capsys.readouterr()
    assert main(["audit", str(classic_bundle), "--json", "-q"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["summary"]["as_expected"] == 1
    assert document["verdicts"][0]["reason"].startswith("known: it has no TensorFlow; refused: the native")
    assert err == ""
    assert main(["audit", "router", "-q"]) == 1  # that bundle is damaged, which no environment is expected to say


def test_an_environment_that_cannot_be_made_ends_with_4(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = folder / "locks" / "small.txt"
    lock.write_text(re.sub(r"--hash=sha256:[0-9a-f]{8}", "--hash=sha256:00000000", lock.read_text()))
    capsys.readouterr()
    assert main(["audit", "router", "--json"]) == 4
    document = json.loads(capsys.readouterr().out)
    assert document["verdicts"][0]["grade"] == "not run"
    assert document["environments"][0]["error"]["class"] == "EnvironmentNotMadeError"


def test_a_cross_run_in_which_nothing_is_written_ends_with_3(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", "run", "--keep", "kept"]) == 3
    out = capsys.readouterr().out
    assert "1 small" in out
    assert "0 of 1 as expected, 1 not run" in out
    assert "not written" in out


def test_bundles_are_not_kept_in_a_folder_that_holds_something(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["matrix", "run", "--keep", "router"]) == 2
    assert "--keep must be an empty or new folder @ router" in capsys.readouterr().err


def test_a_missing_lock_is_a_fault_of_the_configuration(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "locks" / "small.txt").unlink()
    assert main(["audit", "router"]) == 2
    assert "bert-bundle matrix lock --env small" in capsys.readouterr().err


def test_verify_says_where_it_would_replay_and_that_nobody_can(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "router"]) == 2
    assert "no environment has a backend" in capsys.readouterr().err


def test_an_upgrade_is_audited_beside_today_and_leaves_nothing_beside_the_matrix_file(
    folder: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(folder.rglob("*"))
    capsys.readouterr()
    upgrade = ["--with", "packaging==23.1", "--upgrade-from", "small"]
    assert main(["audit", "router", "--json", *upgrade]) == 1  # nothing here can load a bundle
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert [v["reader"] for v in document["verdicts"]] == ["small", "with-packaging-23.1"]
    (said,) = document["upgrades"]
    assert (said["source"], said["instead_of"], said["asked"], said["package_changes"]) == (
        "small",
        "small",
        ["packaging==23.1"],
        [],
    )
    assert "with-packaging-23.1: no other package had to change with it" in err.splitlines()
    assert sorted(folder.rglob("*")) == before
    assert any((cache / "locks").glob("with-packaging-23.1-*.txt"))
    assert main(["audit", "router", *upgrade]) == 1
    assert re.search(
        r"^with-packaging-23\.1: small with packaging==23\.1$\n^  changed with it: nothing$\n"
        r"^  small: refused; with the upgrade: refused$",
        capsys.readouterr().out,
        re.MULTILINE,
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["audit", "router", "--with", "packaging"], 2, "not pinned to one release @ --with"),
        (["audit", "router", "--with", "packaging==23.1", "--upgrade-from", "large"], 2, "no environment matches"),
        (["audit", "router", "--upgrade-from", "small"], 2, "--upgrade-from needs --with @ --upgrade-from"),
        (
            ["audit", "router", "--with", "packaging==23.1", "--upgrade-from", "small", "--env", "x"],
            2,
            "no environment",
        ),
        (
            ["audit", "router", "--with", "packaging==0.0.9", "--upgrade-from", "small"],
            4,
            "the upgrade cannot be resolved",
        ),
        (["bisect", "router", "--good", "small", "--bad", "large"], 2, "no environment matches"),
        (["bisect", "router", "--good", "small", "--bad", "small"], 2, "there is nothing to bisect"),
        (
            ["bisect", "router", "--good", "small", "--bad", "small", "--tolerance", "2"],
            2,
            "--tolerance must be between 0 and 1 @ --tolerance",
        ),
        (["bisect", "none", "--good", "small", "--bad", "small"], 5, "none"),
        (["bisect", "router", "--good", "small"], 2, "missing option '--bad'"),
    ],
)
def test_an_upgrade_or_a_bisection_that_cannot_be_is_refused_in_words(
    folder: Path, arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("present", ["a folder", "a file", "a bundle"])
def test_a_demo_replaces_nothing_that_it_was_not_told_to(
    folder: Path, present: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = folder / "out"
    if present == "a bundle":
        fake_generate(progress=silent, specification={}, target=str(target))
    elif present == "a folder":
        target.mkdir()
        (target / "precious").touch()
    else:
        target.touch()
    write_matrix(folder, environments={"small": {**ROW, "groups": ["demo"]}})
    before = sorted(p.name for p in target.rglob("*"))
    assert main(["demo", "--out", "out"]) in (2, 5)
    assert "the target exists" in capsys.readouterr().err or present == "a bundle"
    if present != "a bundle":
        assert main(["demo", "--out", "out", "--force"]) == 5
    assert sorted(p.name for p in target.rglob("*")) == before
