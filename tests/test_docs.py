"""The documentation stays true: its tables are what the code gives, its commands, links and paths are there.

Each check is a function from texts to faults, and has a planted fault that it must catch. The tables between
`<!-- generated: NAME -->` and `<!-- end -->` are those of generated.py: `python tests/test_docs.py --write`.
"""

import re
import shlex
import sys
from collections.abc import Iterator, Mapping

import click
import pytest
from support.command_line import subcommands
from support.generated_tables import BLOCKS, error_classes, leaves, options
from support.paths import ROOT

from bert_bundle import errors
from bert_bundle.host.cli import BUG, cli
from bert_bundle.version import VERSION

NAME = "bert-bundle "
COMMANDS, FORMAT, MAP = "docs/commands.md", "docs/format.md", "tests/README.md"
FILES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md", MAP)
BLOCK = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n)(?P<body>.*?)(<!-- end -->\n)", re.DOTALL)
FENCED = re.compile(r"^```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)

Texts = Mapping[str, str]


def test_generated_blocks_are_what_the_code_gives() -> None:
    assert list(stale(texts())) == []
    with pytest.raises(AssertionError, match=r"docs/format\.md: layers is not what the code gives"):
        assert list(stale(changed(FORMAT, "| `Dense` | `units` |", "| `Dense` | `unit` |"))) == []
    assert list(stale(changed(FORMAT, "generated: ops -->", "generated: opps -->"))) == [
        "docs/format.md: opps is no table", "ops stands nowhere",
    ]  # fmt: skip


def test_exit_codes_are_those_of_the_code() -> None:
    assert list(wrong_exit_codes(texts())) == []
    assert list(wrong_exit_codes(changed(COMMANDS, "| 4 | ", "| 6 | "))) == ["exit code 4", "exit code 6"]
    assert list(wrong_exit_codes(changed(COMMANDS, "| 3 | something", "| 3 | nothing"))) == ["exit code 3"]


def test_every_command_and_option_is_documented_and_nothing_else() -> None:
    assert list(wrong_commands(texts())) == []
    more = changed(COMMANDS, "| `--force` |", "| `--farce` |")
    assert list(wrong_commands(more)) == ["demo --farce: documented only", "demo --force: not documented"]
    odd = list(wrong_commands(changed(COMMANDS, "### bert-bundle audit", "### bert-bundle odd")))
    assert {"audit --env: not documented", "odd --env: documented only"} < set(odd)


def test_every_command_line_in_a_document_is_one_that_parses() -> None:
    assert list(wrong_lines(texts())) == []
    assert sum(len(command_lines(text)) for text in texts().values()) > 10
    wrong = {"x.md": "```sh\nbert-bundle audit b --evn x\npip install x && bert-bundle bogus  # no\n```\n"}
    assert [fault.split(":")[0] for fault in wrong_lines(wrong)] == ["x.md"] * 2


def test_every_error_is_documented() -> None:
    assert list(missing_errors(texts())) == []
    assert list(missing_errors(changed(COMMANDS, "WorkerError", "Worker"))) == ["WorkerError"]


def test_every_relative_link_and_every_path_in_code_marks_is_there() -> None:
    assert list(broken(texts())) == []
    planted = "[a](docs/nowhere.md) [b](docs/format.md#nowhere) [c](docs/format.md) [d](https://x.org) `tests/none.py`"
    assert list(broken({**texts(), "x.md": planted})) == [
        "x.md: docs/nowhere.md", "x.md: docs/format.md#nowhere", "x.md: tests/none.py",
    ]  # fmt: skip


def test_every_folder_of_tests_is_on_their_map() -> None:
    assert list(unmapped(texts())) == []
    assert list(unmapped(changed(MAP, "| `tests/host` |", "| `tests/hast` |"))) == ["tests/host"]


def test_the_changelog_begins_with_this_version() -> None:
    assert re.findall(r"^## (\S+)", texts()["CHANGELOG.md"], re.MULTILINE)[0] == VERSION


def texts() -> dict[str, str]:
    """Path -> text of every document."""
    paths = [*FILES, *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))]
    return {path: (ROOT / path).read_text("utf-8") for path in paths}


def changed(path: str, old: str, new: str) -> dict[str, str]:
    """The documents with a fault planted in one of them."""
    assert old in texts()[path]
    return {**texts(), path: texts()[path].replace(old, new)}


def stale(documents: Texts) -> Iterator[str]:
    found = [(path, block) for path, text in documents.items() for block in BLOCK.finditer(text)]
    for path, block in found:
        if block["name"] not in BLOCKS:
            yield f"{path}: {block['name']} is no table"
        elif block["body"] != BLOCKS[block["name"]]():
            yield f"{path}: {block['name']} is not what the code gives: python tests/test_docs.py --write"
    yield from (f"{name} stands nowhere" for name in sorted(set(BLOCKS) - {block["name"] for _, block in found}))


def wrong_exit_codes(documents: Texts) -> Iterator[str]:
    rows = {int(code): text for code, text in re.findall(r"^\| (\d+) \| ([^|]+) \|", documents[COMMANDS], re.MULTILINE)}
    codes = {value for name, value in vars(errors).items() if name.isupper() and name[0] != "_"} | {BUG}
    said = {int(c): words for c, words in re.findall(r"(\d+)  ([a-z][a-z ]*[a-z])", cli.help or "")}
    for code in sorted(codes | set(rows)):
        if code not in codes or not rows.get(code, "").startswith(said.get(code, "a bug")):
            yield f"exit code {code}"


def wrong_commands(documents: Texts) -> Iterator[str]:
    wanted = {f"{path} {option}" for path, command in leaves(cli) for option in options(command)}
    chapters = [part.partition("\n") for part in re.split(r"^### ", documents[COMMANDS], flags=re.MULTILINE)[1:]]
    written = {title: re.findall(r"^\| `(-[^` ]+)", body, re.MULTILINE) for title, _, body in chapters}
    common = written.pop("options of every command", [])
    own = {title.removeprefix(NAME): listed for title, listed in written.items() if title.startswith(NAME)}
    found = {f"{path} {option}" for path, listed in own.items() for option in [*listed, *common]}
    for line in sorted(wanted ^ found):
        yield f"{line}: {'not documented' if line in wanted else 'documented only'}"


def wrong_lines(documents: Texts) -> Iterator[str]:
    for path, text in documents.items():
        for line in command_lines(text):
            command: click.Command = cli
            words = shlex.split(line, comments=True)[1:]
            try:
                while isinstance(command, click.Group):
                    command = subcommands(command)[words.pop(0)]
                command.make_context("bert-bundle", words)
            except (click.ClickException, LookupError) as error:
                yield f"{path}: {line}: {error}"


def command_lines(text: str) -> list[str]:
    """What is called bert-bundle in the document's blocks of shell, up to a pipe."""
    blocks = [block["body"] for block in FENCED.finditer(text) if block["kind"] == "sh"]
    return re.findall(r"(?:^|&& )(bert-bundle [^|&\n]+)", "\n".join(blocks), re.MULTILINE)


def missing_errors(documents: Texts) -> Iterator[str]:
    for name in (cls.__name__ for cls in error_classes()):
        if not any(re.search(rf"\b{name}\b", documents[path]) for path in (COMMANDS, FORMAT)):
            yield name


def broken(documents: Texts) -> Iterator[str]:
    for path, text in documents.items():
        prose = FENCED.sub("", text)
        for link in re.findall(r"\]\(([^)\s]+)\)", prose):
            target, _, anchor = link.partition("#")
            place = (ROOT / path).parent / target if target else ROOT / path
            slugs = headings(place.read_text("utf-8")) if anchor and place.is_file() else {""}
            if "://" not in link and (not place.exists() or anchor not in slugs):
                yield f"{path}: {link}"
        for named in re.findall(r"`((?:bert_bundle|docs|tests)/[\w./-]+)`", prose):
            if not (ROOT / named).exists():
                yield f"{path}: {named}"


def unmapped(documents: Texts) -> Iterator[str]:
    places = {path.relative_to(ROOT).parts[:2] for path in (ROOT / "tests").rglob("test_*.py")}
    yield from (place for place in sorted(map("/".join, places)) if f"| `{place}` |" not in documents[MAP])


def headings(text: str) -> set[str]:
    """The anchors that a page of GitHub gives its headings."""
    titles = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def write() -> None:
    """Rewrites the body of every block."""
    for path, text in texts().items():
        fresh = BLOCK.sub(lambda block: f"{block[1]}{BLOCKS[block['name']]()}{block[4]}", text)
        if fresh != text:
            (ROOT / path).write_text(fresh, "utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: python tests/test_docs.py --write")
    write()
