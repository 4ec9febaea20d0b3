"""The layers of the package, enforced from its own imports: who may know whom, and what each side may import.

Core modules run inside every environment, down to Python 3.8; host modules run matrices and never import TensorFlow.
Each rule is a function from sources to faults, and has a planted fault below that it must catch.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from graphlib import CycleError, TopologicalSorter

PACKAGE = Path(__file__).resolve().parents[1] / "bert_bundle"

# Low to high. A room may import from the rooms before it, and within itself without a cycle. A name with a dot is a
# folder of the host; a module beside the folders is a room of its own.
CORE = (
    "errors version",
    "interpreter",
    "format",
    "encoders",
    "tokenizer",
    "graph",
    "keras_models",
    "grading",
    "loading",
    "saving",
    "api",
    "",  # bert_bundle itself: the public names
    "classifiers",
    "demo",
    "worker",
)
HOST = (
    "host",
    "host.config",
    "host.environments",
    "host.workers",
    "host.runs",
    "host.upgrades",
    "host.gate",
    "host.diff",
    "host.report",
    "host.demo",
    "host.commands",
    "host.cli",
    "__main__",
)

HEAVY = {"tensorflow", "tf_keras", "transformers", "keras", "jax", "tokenizers"}
DATA = ("interpreter", "format", "graph", "grading")  # the model and its figures as data: Keras is never imported
LONGEST_FILE = 350
MOST_MODULES = 17
LEAVES = (
    "encoders.*",
    "keras_models.*",
    "tokenizer.*",
    "classifiers.*",
)  # may import Keras at their top
HYPOTHESIS = "classifiers.strategies"  # the only module that imports it
YOUNGER_THAN_3_8 = {"graphlib", "zoneinfo", "tomllib", "annotationlib", "compression", "string.templatelib"}
STANDARD = sys.stdlib_module_names - YOUNGER_THAN_3_8
UNSUBSCRIPTABLE_IN_3_8 = {"list", "dict", "tuple", "set", "frozenset", "type"}


@dataclass(frozen=True, kw_only=True)
class Import:
    """One imported module, in full, and whether importing the importer runs it."""

    module: str
    line: int
    at_import: bool


def test_every_module_keeps_to_its_layer() -> None:
    sources = {_name(path): path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
    assert len(sources) > 10
    assert list(faults(sources)) == []


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("stray", "", "stray: its folder has no place: name it in CORE or HOST"),
        ("host.stray.x", "", "host.stray.x: its folder has no place: name it in CORE or HOST"),
        ("errors", "from bert_bundle.format import layout", "errors:1: imports format.layout, which lies higher"),
        ("format.files", "from bert_bundle.graph import ops", "format.files:1: imports graph.ops, which lies higher"),
        ("host.config.x", "def f():\n    import bert_bundle.host.cli", "host.config.x:2: imports host.cli, which lies"),
        ("api", "from bert_bundle.host.runs.run import Run", "api:1: imports host.runs.run, which lies higher"),
        ("host.runs.run", "import tensorflow.keras", "host.runs.run:1: the host imports tensorflow"),
        ("host.cli", "def f():\n    from transformers import AutoModel", "host.cli:2: the host imports transformers"),
        ("host.demo.downloads", "import keras", "host.demo.downloads:1: the host imports keras"),
        ("graph.ops", "def f():\n    import keras", "graph.ops:2: the model as data imports keras"),
        ("api", "import tensorflow", "api:1: the core imports tensorflow at its top"),
        ("api", "try:\n    import yaml\nexcept ImportError:\n    pass", "api:2: the core imports yaml"),
        ("worker.loop", "def f():\n    import psutil", "worker.loop:2: the core imports psutil"),
        ("format.layout", "import tomllib", "format.layout:1: the core imports tomllib"),
        ("api", "import hypothesis", "api:1: the core imports hypothesis"),
        ("classifiers.heads", "import hypothesis", "classifiers.heads:1: the core imports hypothesis"),
        ("worker.loop", "match 1:\n    case _: pass", "worker.loop:2: not Python 3.8"),
        (
            "worker.loop",
            "def f(x: int | None): pass",
            "worker.loop:1: X | Y in an annotation is younger than Python 3.8",
        ),
        ("worker.loop", "x: list[int] = []", "worker.loop:1: list[...] is younger than Python 3.8"),
        ("host.runs.run", "def", "host.runs.run:1: not Python"),
        ("api", "from .errors import BundleError", "api:1: a relative import"),
    ],
)
def test_a_fault_is_found_and_named(module: str, source: str, fault: str) -> None:
    known = dict.fromkeys(("format.layout", "graph.ops", "host.runs.run", "host.cli"), "")
    assert fault in [found[: len(fault)] for found in faults({**known, module: source})]


def test_a_cycle_within_a_room_is_found() -> None:
    sources = {
        "graph.graph": "from bert_bundle.graph import ops",
        "graph.ops": "def f():\n    from bert_bundle.graph.graph import Graph",
    }
    assert list(faults(sources)) == ["graph.graph: imports itself by way of graph.ops"]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "host.runs.run",
            "import yaml\nfrom bert_bundle.host.config import matrix_file\nx: list[int] | None = None",
        ),
        ("api", "import json, os.path, numpy, safetensors.numpy\ndef f():\n    import tensorflow"),
        ("keras_models.weights", "import tensorflow"),
        ("classifiers.strategies", "import hypothesis\nimport keras"),
        ("worker.loop", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import tensorflow"),
    ],
)
def test_what_is_allowed_is_not_a_fault(module: str, source: str) -> None:
    assert list(faults({"host.config.matrix_file": "", module: source})) == []


def test_no_folder_is_long_and_no_file_is_long() -> None:
    folders: dict[Path, int] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        folders[path.parent] = folders.get(path.parent, 0) + (path.name != "__init__.py")
        assert len(path.read_text("utf-8").splitlines()) <= LONGEST_FILE, path
    assert {folder: n for folder, n in folders.items() if n > MOST_MODULES} == {}


def faults(sources: Mapping[str, str]) -> Iterator[str]:
    """Every fault of `sources`, module name (without "bert_bundle.") to text; a module that does not parse has one."""
    graph: dict[str, set[str]] = {}
    for module, source in sources.items():
        if _rank(module) is None:
            yield f"{module}: its folder has no place: name it in CORE or HOST"
            continue
        try:
            tree = ast.parse(source, feature_version=(3, 8) if _is_core(module) else None)
        except SyntaxError as error:
            yield f"{module}:{error.lineno}: not Python{' 3.8' if _is_core(module) else ''}: {error.msg}"
            continue
        yield from (
            f"{module}:{n.lineno}: a relative import"
            for n in ast.walk(tree)
            if isinstance(n, ast.ImportFrom) and n.level
        )
        imports = list(_imports(module, tree, set(sources)))
        ours = [i for i in imports if i.module.split(".")[0] == "bert_bundle"]
        graph[module] = {_short(i.module) for i in ours}
        yield from _upward(module, ours)
        yield from _foreign(module, [i for i in imports if i not in ours])
        if _is_core(module):
            yield from _too_young(module, tree)
    yield from _cycles(graph)


def _upward(module: str, ours: list[Import]) -> Iterator[str]:
    own = _rank(module)
    for i in ours:
        rank = _rank(_short(i.module))
        if own is not None and rank is not None and rank > own:
            yield f"{module}:{i.line}: imports {_short(i.module) or i.module}, which lies higher"


def _foreign(module: str, others: list[Import]) -> Iterator[str]:
    leaf = any(fnmatchcase(module, pattern) for pattern in LEAVES)
    for i in others:
        top = i.module.split(".")[0]
        if not _is_core(module):
            if top in HEAVY:
                yield f"{module}:{i.line}: the host imports {top}"
        elif top in HEAVY:
            if _room(module) in DATA:
                yield f"{module}:{i.line}: the model as data imports {top}"
            elif i.at_import and not leaf:
                yield f"{module}:{i.line}: the core imports {top} at its top"
        elif top not in STANDARD | {"numpy", "safetensors"} and (top, module) != ("hypothesis", HYPOTHESIS):
            yield f"{module}:{i.line}: the core imports {top}"


def _too_young(module: str, tree: ast.Module) -> Iterator[str]:
    """What parses as Python 3.8 and fails there when it runs."""
    for node in ast.walk(tree):
        annotations = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        for part in (p for a in annotations if isinstance(a, ast.AST) for p in ast.walk(a)):
            if isinstance(part, ast.BinOp) and isinstance(part.op, ast.BitOr):
                yield f"{module}:{part.lineno}: X | Y in an annotation is younger than Python 3.8"
        name = node.value if isinstance(node, ast.Subscript) else None
        if isinstance(name, ast.Name) and name.id in UNSUBSCRIPTABLE_IN_3_8:
            yield f"{module}:{name.lineno}: {name.id}[...] is younger than Python 3.8"


def _cycles(graph: Mapping[str, set[str]]) -> Iterator[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        first, *way = sorted(set(error.args[1]))
        yield f"{first}: imports itself by way of {', '.join(way) or 'itself'}"


def _imports(module: str, tree: ast.AST, known: set[str], at_import: bool = True) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module=alias.name, line=node.lineno, at_import=at_import)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node, known)
            for alias in node.names:
                inside = _short(f"{base}.{alias.name}")
                full = f"{base}.{alias.name}" if base.startswith("bert_bundle") and inside in known else base
                yield Import(module=full, line=node.lineno, at_import=at_import)
        else:
            runs = not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and not _for_types(node)
            yield from _imports(module, node, known, at_import and runs)


def _absolute(module: str, node: ast.ImportFrom, known: set[str]) -> str:
    if not node.level:
        return node.module or ""
    is_package = any(other.startswith(f"{module}.") for other in known) or not module
    parts = ["bert_bundle", *filter(None, module.split("."))]
    kept = parts[: len(parts) - node.level + is_package]
    return ".".join([*kept, *filter(None, [node.module])])


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _rank(module: str) -> int | None:
    """The place of the module's room in CORE + HOST; None for a room that is not listed."""
    room = _room(module)
    return next((i for i, rooms in enumerate(CORE + HOST) if room in (rooms.split() or [""])), None)


def _room(module: str) -> str:
    """The folder that holds the module: its first name, of the host its first two."""
    parts = module.split(".")
    return ".".join(parts[: 2 if parts[0] == "host" else 1])


def _is_core(module: str) -> bool:
    return _room(module).split(".")[0] not in ("host", "__main__")


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _short(module: str) -> str:
    return module.removeprefix("bert_bundle").removeprefix(".")
