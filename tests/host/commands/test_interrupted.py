"""A command that is interrupted ends with what was found so far, everywhere it is asked for, and leaves no worker."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psutil
import pytest
from support.fake_bundles import fake_generate
from support.paths import ROOT
from support.schemas import validate

from bert_bundle.progress import silent

SIGNALS = [signal.SIGINT, signal.SIGTERM]

# Commands over five environments, two at a time: two agree, two never answer, the last has not begun by then.
COMMANDS = f"""
import sys
from dataclasses import replace
from pathlib import Path
sys.path.append({str(ROOT / "tests")!r})
import click
from bert_bundle.host.cli import cli, main
from bert_bundle.host.commands.options import common, with_report_files
from bert_bundle.host.environments.nearest import this_interpreter
from bert_bundle.host.config.gate_policy import GatePolicy
from bert_bundle.host.gate import gate as gates
from bert_bundle.host.report.reports import AuditReport, CrossReport, GateReport
from bert_bundle.host.runs import run
from bert_bundle.host.runs.run_options import RunOptions
from support.entries import FAKE, entry

places = [replace(this_interpreter(), id=f"env{{n}}") for n in range(5)]
hangs = {{f"env{{n}}": entry(dict(replay="worker_faults:hangs", generate="worker_faults:hangs"), dict(
    replay=dict(children=1), generate=dict(children=1))) for n in (2, 3)}}
chosen = RunOptions(entry=FAKE, entries=hangs)

@cli.command("planted-audit")
@click.argument("bundle", type=Path)
@with_report_files
@common
def audit(options, bundle):
    found = run.audit(bundle, places, executor=options.executor, progress=options.progress, options=chosen)
    return options.reported(AuditReport(run=found), found.exit_code)

@cli.command("planted-cross")
@click.argument("folder", type=Path)
@with_report_files
@common
def cross(options, folder):
    given = dict(folder=folder, executor=options.executor, progress=options.progress, options=chosen)
    found = run.cross(places, places, [dict()], **given)
    return options.reported(CrossReport(run=found), found.exit_code)

@cli.command("planted-gate")
@click.argument("bundle", type=Path)
@common
def gate(options, bundle):
    candidate, policy = gates.read_checked_bundle(bundle), GatePolicy(version=1)
    found = gates.gate(candidate, None, policy, nearest=places[0], environments=places, executor=options.executor,
        progress=options.progress, options=chosen)
    return options.reported(GateReport(gate=found, decision_file=Path("verdict.json")), found.exit_code)

@cli.command("planted-wait")
@with_report_files
@common
def wait(options):
    options.progress("waiting")
    __import__("time").sleep(3600)

sys.exit(main())
"""


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    fake_generate(progress=silent, specification={}, target=str(tmp_path / "router"))
    return tmp_path / "router"


@contextmanager
def started(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", COMMANDS, *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as host:
        try:
            yield host
        finally:
            host.kill()


def hanging(host: subprocess.Popen[str], until: int = 2) -> list[str]:
    """Read standard error until so many workers hang, and return its lines."""
    assert host.stderr is not None
    lines: list[str] = []
    while sum(line.split(": ")[-1].replace(" ", "").strip().isdigit() for line in lines) < until:
        lines.append(host.stderr.readline())
        assert lines[-1], lines
    return lines


def interrupted(host: subprocess.Popen[str], code: signal.Signals) -> str:
    """Interrupt the command; return its standard output once nothing of it is left."""
    family = psutil.Process(host.pid).children(recursive=True)
    assert len(family) >= 4  # two workers, each with a child
    began = time.monotonic()
    os.kill(host.pid, code)
    out, _ = host.communicate(timeout=20)
    assert time.monotonic() - began < 10
    assert host.returncode == 130
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive
    return out


@pytest.mark.parametrize("code", SIGNALS)
def test_an_audit_ends_with_what_was_found_in_json_and_in_every_report(
    bundle: Path, tmp_path: Path, code: signal.Signals
) -> None:
    reports = {form: tmp_path / f"a.{form}" for form in ("json", "junit", "markdown")}
    asked = ",".join(f"{form}={path}" for form, path in reports.items())
    with started("planted-audit", bundle, "--json", "--report", asked, "--jobs", "2") as host:
        hanging(host)
        document = json.loads(interrupted(host, code))
    validate("run.json", document)
    assert document["interrupted"] is True
    assert grades(document) == ["bitwise", "bitwise", "not run", "not run", "not run"]
    assert {v["reason"] for v in document["verdicts"][2:]} == {"the run was interrupted"}
    assert json.loads(reports["json"].read_text()) == document
    assert "interrupted: 2 of 5 as expected, 3 not run" in reports["markdown"].read_text()
    suite = ElementTree.parse(reports["junit"]).getroot()
    assert len(list(suite.iter("testcase"))) == 5
    assert len([*suite.iter("skipped"), *suite.iter("error")]) == 3


def test_the_text_shows_the_rows_and_says_that_it_is_not_all(bundle: Path) -> None:
    with started("planted-audit", bundle, "--jobs", "2") as host:
        hanging(host)
        lines = interrupted(host, signal.SIGINT).splitlines()
    assert [line.split()[0] for line in lines if re.match(r"env\d ", line)] == [f"env{n}" for n in range(5)]
    assert lines[-1].startswith("interrupted: 2 of 5 as expected, 3 not run in ")
    assert not any("the run was interrupted" in line for line in lines)  # not once more for each cell


def test_a_cross_run_cut_short_while_it_writes_has_every_cell(tmp_path: Path) -> None:
    with started("planted-cross", tmp_path, "--jobs", "2", "--json") as host:
        hanging(host)
        document = json.loads(interrupted(host, signal.SIGINT))
    validate("run.json", document)
    assert grades(document) == ["not run"] * 25
    assert document["interrupted"] is True


def test_a_gate_keeps_the_checks_that_it_made_and_is_undecided(bundle: Path) -> None:
    with started("planted-gate", bundle, "--jobs", "2", "--json") as host:
        hanging(host)
        document = json.loads(interrupted(host, signal.SIGINT))
    validate("gate.json", document)
    statuses = {check["name"]: check["status"] for check in document["checks"]}
    assert statuses["verify"] == "passed"  # in env0, which had ended
    assert statuses["audit"] == statuses["load"] == "not run"
    assert [grade["grade"] for grade in document["grades"]][:2] == ["bitwise", "bitwise"]


@pytest.mark.parametrize("code", SIGNALS)
def test_a_command_that_has_found_nothing_yet_leaves_one_document_too(tmp_path: Path, code: signal.Signals) -> None:
    with started("planted-wait", "--json", "--report", f"json={tmp_path / 'a.json'}") as host:
        assert host.stderr is not None
        assert host.stderr.readline() == "waiting\n"
        os.kill(host.pid, code)
        out, err = host.communicate(timeout=10)
    assert host.returncode == 130
    assert "Traceback" not in err
    validate("error.json", json.loads(out))
    assert json.loads(out)["error"]["class"] == "InterruptedRunError"
    assert json.loads((tmp_path / "a.json").read_text()) == json.loads(out)


def grades(document: dict[str, Any]) -> list[str]:
    return [verdict["grade"] for verdict in document["verdicts"]]
