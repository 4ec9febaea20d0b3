"""What `--report` leaves in files: beside what is printed, of this run alone, and refused before a run begins."""

import json
import os
import stat
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
from support.command_line import commands

from bert_bundle.errors import ConfigError, FormatError
from bert_bundle.host.cli import cli, main
from bert_bundle.host.commands import options, report_files
from bert_bundle.host.commands.options import CommandResult, common, reported
from bert_bundle.host.commands.report_files import FORMATS

REPORTED = ("audit", "demo", "gate", "matrix run")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answering(text: str = "of this run") -> click.Command:
    """A command with an answer and a report in each format."""

    @click.command()
    @reported
    @common
    def command(options: options.Options) -> CommandResult:
        files = {"junit": lambda: f"<junit>{text}</junit>", "markdown": lambda: f"# {text}\n"}
        return options.answer(lambda: {"said": text}, lambda style: f"{text}\n", 1, files)

    return command


def ended(arguments: list[str], command: click.Command | None = None) -> CommandResult:
    """What the command answers."""
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
            found = found.commands[name]
        return {option for parameter in found.params for option in parameter.opts}

    assert {" ".join(path) for path in commands(cli) if "--report" in names(path)} == set(REPORTED)


def test_each_format_goes_to_its_file_beside_what_is_printed() -> None:
    answer = ended(["--report", "json=a.json,junit=b.xml", "--report", "markdown=c.md"])
    assert (answer.text, answer.exit_code, answer.trouble) == ("of this run\n", 1, None)
    assert left() == ["a.json", "b.xml", "c.md"]
    assert Path("a.json").read_text() == ended(["--json"]).text == '{\n  "said": "of this run"\n}\n'
    assert Path("b.xml").read_text() == "<junit>of this run</junit>"
    assert Path("c.md").read_text() == "# of this run\n"


def test_a_format_may_go_to_two_files_and_none_is_asked_for_by_default() -> None:
    assert ended([]).trouble is None
    ended(["--report", "json=a.json,json=b.json"])
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("html=a.html", "a report as html is not there yet @ --report"),
        ("xml=a.xml", "no such report @ --report"),
        ("junit", "no such report @ --report"),
        ("junit=", "no such report @ --report"),
        ("", "no such report @ --report"),
        ("json=a.json,", "no such report @ --report"),
        ("json=a,b.json", "no such report @ --report"),
        ("json=a.json,junit=./a.json", "two reports go to one file @ --report"),
        ("json=folder", "a report goes to a file @ folder"),
        ("json=/dev/null", "a report goes to a file @ /dev/null"),
        ("json=file/a.json", "the file of a report cannot be written @ file/a.json"),
        (f"json={'x' * 300}", "the file of a report cannot be written @ xxx"),
        ("json=/proc/a.json", "the file of a report cannot be written @ /proc/a.json"),
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


def test_the_answer_names_the_formats_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    main(["audit", "nowhere", "--report", "html=a.html"])
    assert capsys.readouterr().err.splitlines()[1:] == ["  wanted: json, junit, markdown", "  found: html=a.html"]


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
    assert json.loads(Path("a.json").read_text()) == {"said": "of this run"}
    assert stat.S_IMODE(os.stat("a.json").st_mode) == 0o640


def test_a_new_file_has_the_mode_that_any_new_file_has() -> None:
    Path("other").touch()
    ended(["--report", "json=a.json"])
    assert os.stat("a.json").st_mode == os.stat("other").st_mode


@pytest.mark.parametrize("error", [FormatError("a planted error"), KeyboardInterrupt(), KeyError("a planted bug")])
def test_a_command_that_ends_without_an_answer_leaves_no_report_of_an_earlier_run(error: BaseException) -> None:
    @click.command()
    @reported
    @common
    def command(options: options.Options) -> CommandResult:
        raise error

    asked = ["--report", "json=a.json,junit=a.xml,markdown=a.md"]
    ended(asked)
    with pytest.raises((type(error), click.Abort)):
        command.main(asked, standalone_mode=False)
    name, words = type(error).__name__, "a planted error"
    if name != "FormatError":
        name, words = "WorkerError", "the run was cut short"
    assert json.loads(Path("a.json").read_text())["error"]["class"] == name
    assert Path("a.md").read_text().startswith(f"### bert-bundle: {name}\n\n`{words}`\n")
    (end,) = ElementTree.parse("a.xml").iter("error")
    assert (end.get("type"), end.get("message")) == (name, words)


def test_a_place_that_is_lost_during_the_run_costs_neither_the_answer_nor_the_other_reports(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @cli.command("lose")
    @reported
    @common
    def command(options: options.Options) -> CommandResult:
        Path("gone").rmdir()
        return options.answer(lambda: {"said": 1}, lambda style: "the answer\n", 1)

    try:
        assert main(["lose", "--report", "json=gone/a.json,json=b.json"]) == 2
    finally:
        del cli.commands["lose"]
    out, err = capsys.readouterr()
    assert out == "the answer\n"
    assert err.startswith("the file of a report cannot be written @ gone/a.json\n  found: No such file or directory\n")
    assert left() == ["b.json"]


def test_every_format_can_say_that_a_command_failed() -> None:
    assert sorted(report_files.of_failure(ConfigError("x"))) == sorted(FORMATS)
