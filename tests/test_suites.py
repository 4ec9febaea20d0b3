"""Commands beside a session: one at a time until somebody waits, then two, and none after the session."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support.shares import in_share
from support.suites import Suites

# Writes to the file that is its argument when it begins and, once so many commands have begun, when it ends.
WRITES = """
import sys, time
path, begun = sys.argv[1], int(sys.argv[2])
print("begin", file=open(path, "a"))
limit = time.monotonic() + 10
while open(path).read().count("begin") < begun and time.monotonic() < limit:
    time.sleep(0.01)
print("end", file=open(path, "a"))
"""
SLEEPS = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"


def program(text: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", text, *map(str, arguments)]


def wait_for(folder: Path, lines: int) -> list[str]:
    """Return the lines of the log in `folder` once it has so many, or after ten seconds."""
    log, end = folder / "log", time.monotonic() + 10
    while time.monotonic() < end:
        if log.exists() and len(found := log.read_text("utf-8").split()) >= lines:
            return found
        time.sleep(0.01)
    raise AssertionError("nothing was written")


def test_one_command_runs_at_a_time_beside_the_tests(tmp_path: Path) -> None:
    commands = {name: program(WRITES, tmp_path / "log", 1) for name in ("a", "b")}
    with Suites(commands, folder=str(tmp_path), seconds=30):
        assert wait_for(tmp_path, 4) == ["begin", "end", "begin", "end"]


def test_two_commands_run_at_a_time_once_a_result_is_waited_for(tmp_path: Path) -> None:
    commands = {name: program(WRITES, tmp_path / "log", 2) for name in ("a", "b")}
    with Suites(commands, folder=str(tmp_path), seconds=30) as running:
        assert {running.result(name).returncode for name in commands} == {0}
        assert wait_for(tmp_path, 4) == ["begin", "begin", "end", "end"]


def test_a_result_has_the_output_the_errors_and_the_status(tmp_path: Path) -> None:
    text = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    with Suites({"a": program(text)}, folder=str(tmp_path), seconds=30) as running:
        done = running.result("a")
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")


def test_variables_that_a_test_changes_do_not_reach_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "import os; print(os.environ.get('BERT_BUNDLE_CACHE'))"
    monkeypatch.delenv("BERT_BUNDLE_CACHE", raising=False)
    commands = {"a": program(WRITES, tmp_path / "log", 1), "b": program(text)}
    with Suites(commands, folder=str(tmp_path), seconds=30) as running:
        monkeypatch.setenv("BERT_BUNDLE_CACHE", str(tmp_path))
        assert running.result("b").stdout == "None\n"


def test_a_command_that_takes_too_long_is_an_error(tmp_path: Path) -> None:
    with (
        Suites({"a": program(SLEEPS)}, folder=str(tmp_path), seconds=0.5) as running,
        pytest.raises(subprocess.TimeoutExpired),
    ):
        running.result("a")


def test_the_end_of_the_session_ends_what_runs_and_begins_nothing(tmp_path: Path) -> None:
    commands = {"a": program(SLEEPS), "b": program(WRITES, tmp_path / "log", 1)}
    before = set(psutil.Process().children(recursive=True))
    began = time.monotonic()
    with Suites(commands, folder=str(tmp_path), seconds=30):
        while len(set(psutil.Process().children(recursive=True)) - before) < 2:
            time.sleep(0.01)
    assert set(psutil.Process().children(recursive=True)) <= before
    assert time.monotonic() - began < 15
    assert not (tmp_path / "log").exists()


def test_each_test_is_in_one_share_and_the_shares_are_about_as_large() -> None:
    names = [f"test_{number}[case]" for number in range(1000)]
    shares = [[name for name in names if in_share(name, f"{index}/4")] for index in (1, 2, 3, 4)]
    assert sorted(name for share in shares for name in share) == sorted(names)
    assert all(200 < len(share) < 300 for share in shares)
    assert all(in_share(name, "1/1") for name in names)
