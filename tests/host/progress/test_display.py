"""What is seen of a run while it works: rows on a terminal, plain lines elsewhere, nothing with --quiet."""

import io
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.fake_bundles import fake_generate
from support.paths import ROOT
from support.terminals import run_in_terminal, terminal_environment

from bert_bundle.host.progress.plain_lines import PlainLines
from bert_bundle.progress import silent

# An audit in three environments with ids of usual length, one at a time.
AUDIT = f"""
import sys
from dataclasses import replace
from pathlib import Path
sys.path.append({str(ROOT / "tests")!r})
import click
from bert_bundle.host.cli import cli, main
from bert_bundle.host.commands.options import common
from bert_bundle.host.environments.nearest import this_interpreter
from bert_bundle.host.report.reports import AuditReport
from bert_bundle.host.runs import run
from bert_bundle.host.runs.run_options import RunOptions
from support.entries import FAKE

places = [replace(this_interpreter(), id=f"tf2.{{n}}-hf4.40-py3.11") for n in (13, 15, 18)]

@cli.command("planted-audit")
@click.argument("bundle", type=Path)
@common
def audit(options, bundle):
    options.progress("an\\x1b[2J escape")
    chosen = RunOptions(entry=FAKE, watcher=options.run_options.watcher)
    found = run.audit(bundle, places, executor=options.executor, progress=options.progress, options=chosen)
    return options.reported(AuditReport(run=found), found.exit_code)

sys.exit(main())
"""
ENDS = [rf"\[{n}/3\] tf2\.{minor}-hf4\.40-py3\.11 bitwise \d s" for n, minor in ((1, 13), (2, 15), (3, 18))]


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    fake_generate(progress=silent, specification={}, target=str(tmp_path / "router"))
    return [sys.executable, "-c", AUDIT, "planted-audit", str(tmp_path / "router"), "--jobs", "1"]


def logged(command: list[str], **environ: str) -> str:
    """Return standard error of a command, which is a pipe."""
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=terminal_environment(environ))
    return done.stderr


@pytest.mark.parametrize("environ", [{}, {"FORCE_COLOR": "1"}, {"CI": "true"}])
def test_a_pipe_gets_plain_lines_with_each_grade_and_no_control_characters(
    command: list[str], environ: dict[str, str]
) -> None:
    lines = logged(command, **environ).splitlines()
    assert all(line.isprintable() for line in lines)
    assert lines[0] == r"an\x1b[2J escape"
    assert re.search(r"^tf2\.13-hf4\.40-py3\.11 \(reader\): ", "\n".join(lines), re.MULTILINE)
    ends = [line for line in lines if line.startswith("[")]
    assert len(ends) == 3
    assert all(re.fullmatch(pattern, line) for pattern, line in zip(ENDS, ends, strict=True))


def test_quiet_says_nothing(command: list[str]) -> None:
    assert logged([*command, "--quiet"]) == ""


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_gets_a_row_for_each_job_and_a_line_for_each_grade(command: list[str], columns: int) -> None:
    code, shown, output = run_in_terminal([*command, "--json"], columns, stdout=False)
    assert code == 0
    assert output.startswith("{")
    assert "\x1b[2J" not in shown.replace("\\x1b[2J", "")
    text = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", shown)
    for pattern in (*ENDS, r"1/3 ", r"tf2\.15-hf4\.40-py3\.11 \(reader\)"):
        assert re.search(pattern, text), pattern
    assert max(len(line) for part in text.split("\n") for line in part.split("\r")) <= columns
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1  # the cursor is there again


def test_a_command_that_has_nothing_to_report_draws_nothing() -> None:
    command = [sys.executable, "-m", "bert_bundle", "gate", "--print-policy"]
    code, shown, output = run_in_terminal(command, 80, stdout=False)
    assert (code, shown) == (0, "")
    assert "environments" in output


def test_without_colour_the_terminal_gets_none(command: list[str]) -> None:
    ends = [
        run_in_terminal([*command, "--no-color"], 80, stdout=False),
        run_in_terminal(command, 80, stdout=False, NO_COLOR="1"),
    ]
    for _, shown, _ in ends:
        assert not re.search(r"\x1b\[[\d;]*3\dm", shown)


def test_a_dumb_terminal_gets_plain_lines(command: list[str]) -> None:
    _, shown, _ = run_in_terminal(command, 80, stdout=False, TERM="dumb")
    assert all(line.isprintable() for line in shown.splitlines())


def test_an_ascii_terminal_gets_ascii(command: list[str]) -> None:
    _, shown, _ = run_in_terminal(command, 80, LC_ALL="C", PYTHONIOENCODING="ascii")
    assert shown.isascii()


def test_silence_is_broken_by_what_still_runs() -> None:
    stream = io.StringIO()
    lines = PlainLines(stream, quiet_seconds=0.2)
    lines("installing")
    time.sleep(0.5)
    lines.planned(2)
    lines.begun("a (reader)")
    lines.doing("a (reader)", "replaying in float64")
    lines.begun("b (reader)")
    time.sleep(0.35)
    lines.ended("a (reader)", "a bitwise 1 s")
    lines.close()
    time.sleep(0.3)
    assert stream.getvalue().splitlines() == [
        "installing",
        "still installing, 0 s",
        "still installing, 0 s",
        "a (reader): replaying in float64",
        "still a (reader): replaying in float64, 0 s; b (reader): starting, 0 s",
        "[1/2] a bitwise 1 s",
    ]
    assert not [thread for thread in threading.enumerate() if "_beat" in thread.name]


def test_who_speaks_often_is_not_interrupted() -> None:
    stream = io.StringIO()
    lines = PlainLines(stream, quiet_seconds=0.5)
    for number in range(8):
        lines(str(number))
        time.sleep(0.1)
    lines.close()
    assert stream.getvalue().split() == list("01234567")
