"""An upgrade of a real environment, and the package in it that activates a planted fault, found by real replays."""

from datetime import date
from pathlib import Path

import pytest
from support.command_line import SAME, bert_bundle
from support.planted_upgrade import CULPRIT, GOOD, locked, planted, written

from bert_bundle.host.upgrades import upgrade
from bert_bundle.progress import silent

ASKED = ("typing-extensions==4.15.0", "idna==3.9")


@pytest.fixture(scope="module")
def classic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("bisected"))


def test_a_package_that_a_real_fault_hangs_on_is_found_among_those_of_an_upgrade(classic: Path) -> None:
    good = locked(GOOD)
    bad = upgrade.upgrade(good, ASKED, instead_of=GOOD, today=date(2025, 9, 15), progress=silent)
    found = planted(classic, good, bad.locked, silent)
    assert found.changes == len(ASKED)
    assert [[unit.name for unit in group] for group in found.culprits] == [[CULPRIT]]
    assert (found.bad.grade, found.exit_code) == ("drift", 0)
    assert found.environments == 2 + 2  # the ends, idna alone, the culprit alone


def test_an_upgrade_is_audited_beside_the_environment_of_today(classic: Path) -> None:
    options = ("--upgrade-from", GOOD, "--with", "typing_extensions==4.15.0 tokenizers==0.21.0")
    code, document = bert_bundle("audit", classic, *options)
    assert code == 0
    assert [v["reader"] for v in document["verdicts"]] == [GOOD, "with-typing_extensions-4.15.0-tokenizers-0.21.0"]
    assert {v["grade"] for v in document["verdicts"]} <= SAME
    (said,) = document["upgrades"]
    assert (said["source"], said["instead_of"], said["package_changes"]) == (GOOD, GOOD, [])
    today, upgraded = (environment["packages"] for environment in document["environments"])
    assert {name for name in today if upgraded[name] != today[name]} == {"typing-extensions", "tokenizers"}


def test_an_upgrade_that_cannot_be_resolved_exits_with_4_and_the_message_of_uv(classic: Path) -> None:
    code, document = bert_bundle("audit", classic, "--with", "tensorflow==2.21.0 numpy==1.26.4")
    assert code == 4
    assert document["error"]["message"] == "the upgrade cannot be resolved"
    assert "tensorflow-cpu>=2.21.0" in document["error"]["found"]
