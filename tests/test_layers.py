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

# Low to high: a module may import from its own layer, without a cycle, and from those before it.
CORE = (
    "errors version",
    "isolation",
    "rules",
    "format",  # packages themselves hold nothing but a docstring, unless they are named higher up
    "model",
    "model.encoders",
    "format.layout",
    "format.strict_json",
    "format.digest",
    "format.tensors",
    "format.manifest",
    "format.proven",
    "format.atomic",
    "format.golden",
    "numerics",
    "model.* tokenizer.*",
    "tokenizer",
    "card examples proof swaps",
    "loaded",
    "replay",
    "draft",
    "bundle",
    "",  # bert_bundle itself: the public names
    "testing testing.*",
    "demo demo.*",
    "tasks",
    "worker",
)
HOST = (
    "matrix",
    "matrix.installer matrix.strict_yaml matrix.validation",
    "matrix.spec matrix.interpreters",
    "matrix.locks matrix.policy",
    "matrix.environment matrix.checkup matrix.delta",
    "matrix.upgrades",
    "matrix.derived",
    "matrix.pipe matrix.process matrix.versions",
    "matrix.behaviour matrix.cells matrix.comparison",
    "matrix.verdict",
    "matrix.places matrix.executors matrix.executors.*",
    "matrix.run",
    "matrix.loads",
    "matrix.checks",
    "matrix.gate",
    "matrix.shrink matrix.bench",
    "matrix.bisect",
    "matrix.reproduction",
    "report report.*",
    "demo.material demo.run",
    "commands commands.*",
    "cli",
)

HEAVY = {"tensorflow", "tf_keras", "transformers", "keras", "jax", "tokenizers"}
LEAVES = ("model.*", "tokenizer.*", "testing.*")  # where the heavy imports may stand at the top
TOOLS = {"hypothesis", "pytest"}  # of the tests: in bert_bundle.testing only
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
        ("stray", "", "stray: has no place: name it in CORE or HOST"),
        ("format.stray", "", "format.stray: has no place: name it in CORE or HOST"),
        ("errors", "from .format import layout", "errors:1: imports format.layout, which lies higher"),
        ("format.digest", "from . import atomic", "format.digest:1: imports format.atomic, which lies higher"),
        ("matrix.spec", "def f():\n    import bert_bundle.cli", "matrix.spec:2: imports cli, which lies higher"),
        ("bundle", "from .matrix.spec import Matrix", "bundle:1: imports matrix.spec, which lies higher"),
        ("matrix.run", "import tensorflow.keras", "matrix.run:1: the host imports tensorflow"),
        ("cli", "def f():\n    from transformers import AutoModel", "cli:2: the host imports transformers"),
        ("demo.material", "import keras", "demo.material:1: the host imports keras"),
        ("bundle", "import tensorflow", "bundle:1: the core imports tensorflow at its top"),
        ("bundle", "try:\n    import yaml\nexcept ImportError:\n    pass", "bundle:2: the core imports yaml"),
        ("worker", "def f():\n    import psutil", "worker:2: the core imports psutil"),
        ("format.layout", "import tomllib", "format.layout:1: the core imports tomllib"),
        ("bundle", "import hypothesis", "bundle:1: the core imports hypothesis"),
        ("worker", "match 1:\n    case _: pass", "worker:2: not Python 3.8"),
        ("worker", "def f(x: int | None): pass", "worker:1: X | Y in an annotation is younger than Python 3.8"),
        ("worker", "x: list[int] = []", "worker:1: list[...] is younger than Python 3.8"),
        ("matrix.run", "def", "matrix.run:1: not Python"),
    ],
)
def test_a_fault_is_found_and_named(module: str, source: str, fault: str) -> None:
    known = dict.fromkeys(("format.layout", "format.atomic", "matrix.spec", "cli"), "")
    assert [found[: len(fault)] for found in faults({**known, module: source})] == [fault]


def test_a_cycle_within_a_layer_is_found() -> None:
    sources = {"model.graph": "from . import ops", "model.ops": "def f():\n    from .graph import Graph"}
    assert list(faults(sources)) == ["model.graph: imports itself by way of model.ops"]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("matrix.run", "import yaml\nfrom .spec import Matrix\nx: list[int] | None = None"),
        ("bundle", "import json, os.path, numpy, safetensors.numpy\ndef f():\n    import tensorflow"),
        ("model.graph", "import tensorflow"),
        ("testing.strategies", "import hypothesis\nimport keras"),
        ("worker", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import tensorflow"),
    ],
)
def test_what_is_allowed_is_not_a_fault(module: str, source: str) -> None:
    assert list(faults({"matrix.spec": "", module: source})) == []


def faults(sources: Mapping[str, str]) -> Iterator[str]:
    """Every fault of `sources`, module name (without "bert_bundle.") to text; a module that does not parse has one."""
    graph: dict[str, set[str]] = {}
    for module, source in sources.items():
        if _rank(module) is None:
            yield f"{module}: has no place: name it in CORE or HOST"
            continue
        try:
            tree = ast.parse(source, feature_version=(3, 8) if _is_core(module) else None)
        except SyntaxError as error:
            yield f"{module}:{error.lineno}: not Python{' 3.8' if _is_core(module) else ''}: {error.msg}"
            continue
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
            if i.at_import and not leaf:
                yield f"{module}:{i.line}: the core imports {top} at its top"
        elif top not in STANDARD | {"numpy", "safetensors"} | (TOOLS if module.startswith("testing.") else set()):
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
    """The place in CORE + HOST of the most exact pattern that names `module`; the package itself is ""."""
    exact = [i for i, layer in enumerate(CORE + HOST) if module in (layer.split() or [""])]
    if exact:
        return exact[0]
    globs = [i for i, layer in enumerate(CORE + HOST) if any(fnmatchcase(module, p) for p in layer.split())]
    return globs[0] if globs else None


def _is_core(module: str) -> bool:
    rank = _rank(module)
    return rank is not None and rank < len(CORE)


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _short(module: str) -> str:
    return module.removeprefix("bert_bundle").removeprefix(".")
