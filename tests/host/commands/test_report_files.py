"""What `--report` leaves in files: beside what is printed, of this run alone, and refused before a run begins."""

import inspect
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
from support.command_line import commands, subcommands
from support.made_up_results import audit

from bert_bundle.errors import FormatError
from bert_bundle.host.cli import cli, main
from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.options import Options, common, with_report_files
from bert_bundle.host.report.formats import FORMATS
from bert_bundle.host.report.reports import AuditReport, Format

SENTENCE = "4 of 6 as expected, 1 not as expected, 1 not run in 41 s"
REPORTED = ("audit", "demo", "gate", "matrix run")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


AUDIT = audit()


def answering() -> click.Command:
    """Return a command that reports an audit."""

    @click.command()
    @with_report_files
    @common
    def command(options: Options) -> CommandResult:
        return options.reported(AuditReport(run=AUDIT), 1)

    return command


def ended(arguments: list[str], command: click.Command | None = None) -> CommandResult:
    """Return the result of the command."""
    found = (command or answering()).main(arguments, standalone_mode=False)
    assert isinstance(found, CommandResult)
    return found


def left() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


def test_the_commands_that_grade_have_the_option() -> None:
    def names(path: tuple[str, ...]) -> set[str]:
        found: click.Command = cli
        for name in path:
            assert isinstance(found, click.Group)
            found = subcommands(found)[name]
        return {option for parameter in found.params for option in parameter.opts}

    assert {" ".join(path) for path in commands(cli) if "--report" in names(path)} == set(REPORTED)


def test_each_format_goes_to_its_file_beside_what_is_printed() -> None:
    result = ended(["--report", "json=a.json,junit=b.xml", "--report", "markdown=c.md"])
    assert (result.text.splitlines()[-1], result.exit_code, result.report_error) == (SENTENCE, 1, None)
    assert left() == ["a.json", "b.xml", "c.md"]
    assert Path("a.json").read_text() == ended(["--json"]).text
    assert json.loads(Path("a.json").read_text())["summary"]["cells"] == 6
    assert ElementTree.parse("b.xml").getroot().get("tests") == "7"
    assert Path("c.md").read_text().startswith(f"### bert-bundle audit: {SENTENCE}\n")


def test_a_format_may_go_to_two_files_and_none_is_asked_for_by_default() -> None:
    assert ended([]).report_error is None
    ended(["--report", "json=a.json,json=b.json"])
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("pdf=a.pdf", "--report takes FORMAT=FILE @ --report"),
        ("xml=a.xml", "--report takes FORMAT=FILE @ --report"),
        ("junit", "--report takes FORMAT=FILE @ --report"),
        ("junit=", "--report takes FORMAT=FILE @ --report"),
        ("", "--report takes FORMAT=FILE @ --report"),
        ("json=a.json,", "--report takes FORMAT=FILE @ --report"),
        ("json=a,b.json", "--report takes FORMAT=FILE @ --report"),
        ("json=a.json,junit=./a.json", "--report names one file twice @ --report"),
        ("json=folder", "--report must name a file @ folder"),
        ("json=/dev/null", "--report must name a file @ /dev/null"),
        ("json=file/a.json", "a report file cannot be written @ file/a.json"),
        (f"json={'x' * 300}", "a report file cannot be written @ xxx"),
        ("json=/proc/a.json", "a report file cannot be written @ /proc/a.json"),
    ],
)
def test_what_could_not_be_written_is_refused_before_the_run(
    given: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("folder").mkdir()
    Path("file").touch()
    assert main(["audit", "nowhere", "--report", given]) == 2  # 5 were it the bundle that is looked at first
    assert capsys.readouterr().err.startswith(message)
    assert left() == ["file"]


def test_the_error_and_the_help_name_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    main(["audit", "nowhere", "--report", "pdf=a.pdf"])
    wanted, found = capsys.readouterr().err.splitlines()[1:3]
    assert (wanted, found) == (f"  wanted: one of the formats {', '.join(FORMATS)}", "  found: pdf=a.pdf")
    assert main(["audit", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} (" in shown for name in FORMATS)


def test_folders_are_made_and_a_home_is_found(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    monkeypatch.setenv("HOME", str(here / "home"))
    ended(["--report", "json=new/er/a.json,junit=~/a.xml"])
    assert left() == ["home/a.xml", "new/er/a.json"]


def test_a_file_is_replaced_in_one_step_and_keeps_its_mode_and_the_link_to_it() -> None:
    Path("a.json").write_text("of an earlier run")
    Path("a.json").chmod(0o640)
    Path("link.json").symlink_to("a.json")
    with open("a.json") as reader:
        ended(["--report", "json=link.json"])
        assert reader.read() == "of an earlier run"
    assert Path("link.json").is_symlink()
    assert json.loads(Path("a.json").read_text())["summary"]["cells"] == 6
    assert stat.S_IMODE(os.stat("a.json").st_mode) == 0o640


def test_a_new_file_has_the_mode_that_any_new_file_has() -> None:
    Path("other").touch()
    ended(["--report", "json=a.json"])
    assert os.stat("a.json").st_mode == os.stat("other").st_mode


@pytest.mark.parametrize("error", [FormatError("a planted error"), KeyboardInterrupt(), KeyError("a planted bug")])
def test_a_command_that_ends_without_an_answer_leaves_no_report_of_an_earlier_run(error: BaseException) -> None:
    @click.command()
    @with_report_files
    @common
    def command(options: Options) -> CommandResult:
        raise error

    asked = ["--report", "json=a.json,junit=a.xml,markdown=a.md"]
    ended(asked)
    with pytest.raises((type(error), click.Abort)):
        command.main(asked, standalone_mode=False)
    name, words = type(error).__name__, "a planted error"
    if name == "KeyboardInterrupt":
        name, words = "InterruptedRunError", "interrupted"
    elif name != "FormatError":
        name, words = "WorkerError", "the run was cut short"
    assert json.loads(Path("a.json").read_text())["error"]["class"] == name
    assert Path("a.md").read_text().startswith(f"### bert-bundle: {name}\n\n`{words}`\n")
    (end,) = ElementTree.parse("a.xml").iter("error")
    assert (end.get("type"), end.get("message")) == (name, words)


def test_a_place_that_is_lost_during_the_run_costs_neither_the_answer_nor_the_other_reports(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @cli.command("lose")
    @with_report_files
    @common
    def command(options: Options) -> CommandResult:
        Path("gone").rmdir()
        return options.reported(AuditReport(run=AUDIT), 1)

    try:
        assert main(["lose", "--report", "json=gone/a.json,json=b.json"]) == 2
    finally:
        del cli.commands["lose"]
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == SENTENCE
    assert err.startswith("a report file cannot be written @ gone/a.json\n  found: No such file or directory\n")
    assert left() == ["b.json"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_the_functions_of_the_protocol(name: str) -> None:
    functions = {key: value for key, value in vars(Format).items() if inspect.isfunction(value) and key[0] != "_"}
    assert sorted(functions) == ["audit", "cross", "demo", "error", "gate"]
    for key, promised in functions.items():
        assert annotations(getattr(FORMATS[name], key)) == annotations(promised)


def annotations(function: Callable[..., str]) -> dict[str, str]:
    """Return the annotations of a function as words, without their modules."""
    found = inspect.get_annotations(function)
    return {name: kind if isinstance(kind, str) else kind.__name__ for name, kind in found.items()}
