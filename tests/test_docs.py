"""Checks that keep the documents true: generated tables, commands, links, paths and the symbols that prose names.

Each check is a function from texts to faults, and each has a planted fault that it must catch. The tables between
`<!-- generated: NAME -->` and `<!-- end -->` come from support/generated_tables.py; `python tests/test_docs.py --write`
writes them.
"""

import ast
import json
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click
import pytest
from support.command_line import subcommands
from support.generated_tables import BLOCKS, error_classes, leaves, options
from support.paths import ROOT

from bert_bundle import errors
from bert_bundle.host.cli import BUG, cli
from bert_bundle.host.config.matrix_schema import SCHEMA_NAME, matrix_schema
from bert_bundle.version import VERSION

NAME = "bert-bundle "
COMMANDS, FORMAT, MAP, ROOMS = "docs/commands.md", "docs/format.md", "tests/README.md", "docs/architecture.md"
FILES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md", MAP)
BLOCK = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n)(?P<body>.*?)(<!-- end -->\n)", re.DOTALL)
POINTER = re.compile(r"`((?:bert_bundle|benchmarks|docs|tests|tools)/[\w./-]+)(?:::([\w.]+))?`")
FENCED = re.compile(r"^```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)

MATRIX_SCHEMA = ROOT / "docs" / "schema" / "input" / SCHEMA_NAME  # the other schemas are of what commands print

Texts = Mapping[str, str]


def test_generated_blocks_are_what_the_code_gives() -> None:
    assert list(stale(texts())) == []
    with pytest.raises(AssertionError, match=r"docs/format\.md: layers is not what the code gives"):
        assert list(stale(changed(FORMAT, "| `Dense` | `units` |", "| `Dense` | `unit` |"))) == []
    with pytest.raises(AssertionError, match=r"docs/architecture\.md: rooms is not what the code gives"):
        assert list(stale(changed(ROOMS, "| layer 3 of the core | `bert_bundle/format/`", "| layer 2 of"))) == []
    assert list(stale(changed(FORMAT, "generated: ops -->", "generated: opps -->"))) == [
        "docs/format.md: opps is not a generated table",
        "ops is in no document",
    ]


def test_the_schema_of_the_matrix_file_is_what_the_code_gives() -> None:
    assert json.loads(MATRIX_SCHEMA.read_text("utf-8")) == matrix_schema()


def test_exit_codes_are_those_of_the_code() -> None:
    assert list(wrong_exit_codes(texts())) == []
    assert list(wrong_exit_codes(changed(COMMANDS, "| 4 | ", "| 6 | "))) == ["exit code 4", "exit code 6"]
    assert list(wrong_exit_codes(changed(COMMANDS, "| 3 | something", "| 3 | nothing"))) == ["exit code 3"]


def test_every_command_and_option_is_documented_and_nothing_else() -> None:
    assert list(wrong_commands(texts())) == []
    more = changed(COMMANDS, "| `--force` |", "| `--farce` |")
    assert list(wrong_commands(more)) == [
        f"{command} --{option}"
        for command in ("demo", "init", "pull", "rescue")
        for option in ("farce: documented only", "force: not documented")
    ]
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


def test_every_relative_link_and_every_path_in_code_marks_exists() -> None:
    assert list(broken(texts())) == []
    planted = "[a](docs/nowhere.md) [b](docs/format.md#nowhere) [c](docs/format.md) [d](https://x.org) `tests/none.py`"
    assert list(broken({**texts(), "x.md": planted})) == [
        "x.md: docs/nowhere.md",
        "x.md: docs/format.md#nowhere",
        "x.md: tests/none.py",
    ]


@pytest.mark.parametrize(
    ("pointer", "fault"),
    [
        ("bert_bundle/none.py::save", "bert_bundle/none.py"),
        ("bert_bundle/api.py::nothing", "bert_bundle/api.py::nothing is not defined there"),
        ("bert_bundle/api.py::Bundle", "bert_bundle/api.py::Bundle is only imported there"),
        ("bert_bundle/api.py::Verification.nothing", "bert_bundle/api.py::Verification.nothing is not defined there"),
        ("docs/style.md::bundle", "docs/style.md::bundle does not name a Python file"),
    ],
)
def test_a_pointer_to_a_symbol_that_is_not_defined_in_its_file_is_a_fault(pointer: str, fault: str) -> None:
    assert list(broken({"x.md": f"see `{pointer}`"})) == [f"x.md: {fault}"]


@pytest.mark.parametrize(
    "pointer",
    [
        "bert_bundle/api.py::save",
        "bert_bundle/api.py::Verification",
        "bert_bundle/api.py::Verification.ok",  # a method
        "bert_bundle/api.py::Verification.figures",  # a field
        "bert_bundle/graph/layers.py::LAYERS",  # a constant
    ],
)
def test_a_pointer_to_a_function_a_class_a_member_or_a_constant_is_right(pointer: str) -> None:
    assert list(broken({"x.md": f"see `{pointer}`"})) == []


def test_prose_points_at_code_by_symbol() -> None:
    assert sum(len(re.findall(r"\.py::\w", text)) for text in texts().values()) > 40


def test_every_folder_of_tests_is_on_their_map() -> None:
    assert list(unmapped(texts())) == []
    assert list(unmapped(changed(MAP, "| `tests/host` |", "| `tests/hast` |"))) == ["tests/host"]


def test_the_changelog_begins_with_this_version() -> None:
    assert re.findall(r"^## (\S+)", texts()["CHANGELOG.md"], re.MULTILINE)[0] == VERSION


def texts() -> dict[str, str]:
    """Return the text of every document, by path."""
    paths = [*FILES, *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))]
    return {path: (ROOT / path).read_text("utf-8") for path in paths}


def changed(path: str, old: str, new: str) -> dict[str, str]:
    """Return the documents with a fault planted in one of them."""
    assert old in texts()[path]
    return {**texts(), path: texts()[path].replace(old, new)}


def stale(documents: Texts) -> Iterator[str]:
    found = [(path, block) for path, text in documents.items() for block in BLOCK.finditer(text)]
    for path, block in found:
        if block["name"] not in BLOCKS:
            yield f"{path}: {block['name']} is not a generated table"
        elif block["body"] != BLOCKS[block["name"]]():
            yield f"{path}: {block['name']} is not what the code gives: python tests/test_docs.py --write"
    yield from (f"{name} is in no document" for name in sorted(set(BLOCKS) - {block["name"] for _, block in found}))


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
    """Return the calls of bert-bundle in the document's shell blocks, each up to a pipe or a redirection."""
    blocks = [block["body"] for block in FENCED.finditer(text) if block["kind"] == "sh"]
    return re.findall(r"(?:^|&& )(bert-bundle [^|&>\n]+)", "\n".join(blocks), re.MULTILINE)


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
        for file, symbol in POINTER.findall(prose):
            if not (ROOT / file).exists():
                yield f"{path}: {file}"
            elif symbol and not file.endswith(".py"):
                yield f"{path}: {file}::{symbol} does not name a Python file"
            elif symbol:
                yield from (f"{path}: {file}::{symbol} {fault}" for fault in undefined(ROOT / file, symbol))


def undefined(file: Path, symbol: str) -> Iterator[str]:
    """Yield why `symbol`, a name or CLASS.MEMBER, is not defined at the top level of `file`; nothing if it is."""
    body = ast.parse(file.read_text("utf-8")).body
    for part in symbol.split("."):
        found = [node for node in flat(body) if part in names(node)]
        if not found:
            yield "is not defined there"
            return
        if all(isinstance(node, ast.Import | ast.ImportFrom) for node in found):
            yield "is only imported there"
            return
        body = [inner for node in found if isinstance(node, ast.ClassDef) for inner in node.body]


def flat(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a body, and those inside its `if` and `try` statements."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from flat([*node.body, *node.orelse, *getattr(node, "finalbody", [])])
            yield from flat([inner for handler in getattr(node, "handlers", []) for inner in handler.body])


def names(node: ast.stmt) -> set[str]:
    """Return the names that a statement defines or imports."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {name.id for target in targets if target for name in ast.walk(target) if isinstance(name, ast.Name)}


def unmapped(documents: Texts) -> Iterator[str]:
    places = {path.relative_to(ROOT).parts[:2] for path in (ROOT / "tests").rglob("test_*.py")}
    yield from (place for place in sorted(map("/".join, places)) if f"| `{place}` |" not in documents[MAP])


def headings(text: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def write() -> None:
    """Rewrite the body of every generated block, and the schema of the matrix file."""
    MATRIX_SCHEMA.write_text(json.dumps(matrix_schema(), indent=2) + "\n", "utf-8")
    for path, text in texts().items():
        fresh = BLOCK.sub(lambda block: f"{block[1]}{BLOCKS[block['name']]()}{block[4]}", text)
        if fresh != text:
            (ROOT / path).write_text(fresh, "utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: python tests/test_docs.py --write")
    write()
