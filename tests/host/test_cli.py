"""How a command ends: exit codes, what is on which stream, interrupts, bugs."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import psutil
import pytest
from support.command_line import commands
from support.fake_bundles import fake_generate
from support.paths import ROOT

from bert_bundle import errors
from bert_bundle.host.cli import BUG, cli, main
from bert_bundle.progress import silent

# A command with two jobs whose workers never answer. Prints the ids of their processes.
HANGING = f"""
import sys
from pathlib import Path
sys.path.append({str(ROOT / "tests")!r})
from bert_bundle.host.cli import cli, main
from bert_bundle.host.environments.nearest import this_interpreter
from bert_bundle.host.runs.job import JobEnvironment, Target, WriteJob
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.run_job import JobContext
from support.entries import entry

def say(text):
    ids = [word for word in text.split() if word.isdigit()]
    if ids:
        sys.stdout.write(" ".join(ids) + "\\n")  # in one write: two threads print
        sys.stdout.flush()

here = this_interpreter()
job = WriteJob(
    environment=JobEnvironment.of(here),
    targets=(Target(path=Path("/nowhere/bundle"), specification=dict()),),
    entry=entry(dict(generate="worker_faults:hangs"), dict(generate=dict(children=2))),
)

@cli.command("hang")
def command():
    Local(2).gather([job, job], JobContext(environments=[here], progress=say))

sys.exit(main(["hang"]))
"""


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    fake_generate(progress=silent, specification={}, target=str(tmp_path / "router"))
    return tmp_path / "router"


def test_no_two_ends_share_an_exit_code() -> None:
    codes = [
        errors.AS_EXPECTED, errors.NOT_AS_EXPECTED, errors.USAGE, errors.NOT_RUN, errors.NO_ENVIRONMENT,
        errors.REFUSED, errors.INTERRUPTED, BUG,
    ]  # fmt: skip
    assert len(set(codes)) == len(codes)


def test_results_are_on_stdout_and_the_end_is_0(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(bundle)]) == 0
    out, err = capsys.readouterr()
    assert "tensorflow-cpu 2.15.1" in out
    assert err == ""


def test_an_error_is_on_stderr_once_and_stdout_stays_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(tmp_path / "none")]) == 5
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("not a bundle: there is no such folder @ ")
    assert err.count("not a bundle") == 1


def test_with_json_an_error_is_the_one_document_on_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(tmp_path / "none"), "--json"]) == 5
    out, err = capsys.readouterr()
    assert set(json.loads(out)["error"]) == {"class", "message", "place", "wanted", "found", "fix"}
    assert err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bogus"], "no such command 'bogus'"),
        (["inspect"], "missing argument 'BUNDLE'"),
        (["inspect", "x", "--bogus"], "no such option"),
        (["matrix", "list", "--jobs", "many"], "not a valid integer"),
        (["matrix", "list", "--groups", "bogus"], "unknown group"),
        (["matrix", "list", "--env", "bogus"], "no environment matches"),
        (["matrix", "list", "--matrix", "/nowhere"], "cannot read the file"),
        (["matrix", "run", "--readers", "bogus"], "no environment matches"),
        (["matrix", "run", "--examples", "0"], "0 is not in the range"),
        (
            ["matrix", "run", "--examples", "2", "--classifiers", "classic"],
            "--examples needs --classifiers generated",
        ),
        (["matrix", "run", "--classifiers", "many"], "'many' is not one of"),
        (["demo", "--encoder", "huge"], "'huge' is not one of"),
    ],
)
def test_wrong_arguments_end_with_2_in_words_and_as_json(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert main([*arguments, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert message in error["message"]
    assert error["class"] == "ConfigError"


@pytest.mark.parametrize("arguments", [[], ["matrix"]])
def test_no_command_ends_with_2_and_says_where_help_is(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    path = " ".join(["bert-bundle", *arguments])
    assert capsys.readouterr().err == f"missing command @ {path}\n  fix: see {path} --help\n"


def test_less_than_one_job_is_refused_before_anything_is_made(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(bundle), "--jobs", "0"]) == 2
    assert capsys.readouterr().err.startswith("--jobs must be at least 1 @ --jobs")


@pytest.mark.parametrize("name", ["golden/inputs.json", "golden/tensors.safetensors", "bundle.json"])
def test_a_damaged_bundle_ends_with_5(bundle: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray((bundle / name).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / name).write_bytes(data)
    for command in ("inspect", "verify", "audit"):
        assert main([command, str(bundle)]) == 5
        assert capsys.readouterr().out == ""


def test_a_manifest_whose_writer_says_nothing_is_damaged_and_no_bug(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, writer in enumerate(({}, {"packages": 3, "python": 4}, {"packages": {"x": "junk"}, "python": "3"})):
        fake_generate(progress=silent, specification={"writer": writer}, target=str(tmp_path / str(number)))
        assert main(["verify", str(tmp_path / str(number))]) == 5
        assert "bundle.json#/writer" in capsys.readouterr().err


def test_inspect_as_json_is_the_manifest(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(bundle), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((bundle / "bundle.json").read_text())


def test_an_unexpected_exception_is_called_a_bug_and_ends_with_a_code_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with planted("broken"):
        assert main(["broken"]) == BUG
        out, err = capsys.readouterr()
        assert out == ""
        assert "KeyError: 'a planted bug'" in err
        assert err.endswith("this is a bug in bert_bundle: please report it with the traceback above\n")
        assert main(["broken", "--json"]) == BUG
        assert json.loads(capsys.readouterr().out)["error"]["message"] == "KeyError: 'a planted bug'"


@contextlib.contextmanager
def planted(name: str) -> Iterator[None]:
    """Yield a command that raises an unexpected error, for as long as the context lasts."""

    @cli.command(name)
    @click.option("--json", is_flag=True)
    def command(json: bool) -> None:
        raise KeyError("a planted bug")

    try:
        yield
    finally:
        del cli.commands[name]


def alive(number: int) -> bool:
    """Whether the process runs; one that has ended and waits to be collected does not."""
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def hanging() -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """Yield a command whose workers hang, and its six processes: two workers, and the two children of each."""
    with subprocess.Popen(
        [sys.executable, "-c", HANGING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as host:
        assert host.stdout is not None
        try:
            yield host, [int(word) for _ in range(2) for word in host.stdout.readline().split()]
        finally:
            host.kill()


def test_an_interrupt_ends_with_130_without_traceback_and_leaves_no_process() -> None:
    with hanging() as (host, processes):
        assert len(processes) == 6
        assert all(map(alive, processes))
        os.kill(host.pid, signal.SIGINT)
        _, err = host.communicate(timeout=10)
        assert host.returncode == 130
        assert err == "\ninterrupted\n"  # the terminal stands behind its ^C
        assert not any(map(alive, processes))


def test_an_interrupt_at_the_terminal_reaches_the_host_alone() -> None:
    """A terminal's Ctrl-C goes to the whole foreground group; the workers are not in it."""
    with hanging() as (host, _):
        os.killpg(host.pid, signal.SIGINT)
        _, err = host.communicate(timeout=10)
        assert host.returncode == 130
        assert err == "\ninterrupted\n"  # the terminal stands behind its ^C


def test_a_reader_of_stdout_that_goes_away_changes_nothing(bundle: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as nobody:
        ended = subprocess.run(
            [sys.executable, "-m", "bert_bundle", "inspect", str(bundle)], stdout=nobody, stderr=subprocess.PIPE
        )
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_stdout_that_knows_only_ascii_is_no_bug(bundle: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bert_bundle", "matrix", "list"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_the_installed_command_is_this_one() -> None:
    ended = subprocess.run([Path(sys.executable).with_name("bert-bundle"), "--version"], capture_output=True, text=True)
    assert ended.returncode == 0
    assert re.fullmatch(r"bert-bundle, version \d+\.\d+\.\d+\n", ended.stdout)


@pytest.mark.parametrize("path", commands(cli), ids=" ".join)
def test_every_command_teaches_by_example_and_takes_the_common_options(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*path, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"Examples:\n    bert-bundle {' '.join(path)}" in shown
    for option in ("--matrix FILE", "--json", "--jobs N", "--quiet", "--no-color"):
        assert option in shown


def test_the_help_names_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for code in (0, 1, 2, 3, 4, 5, 130):
        assert re.search(rf"\b{code}  [a-z]", shown)
