"""The rooms of the package: which may import which, what each side may import, how long files and folders may be.

Core rooms run inside every environment, down to Python 3.8; host rooms need Python 3.11 and never import TensorFlow.
Each rule is a function from sources to faults, and has planted faults below that it must find.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

import pytest
from support import rooms
from support.imports import Import, cycle, imports, relative_imports
from support.paths import ROOT
from support.rooms import room_of

SOURCES = rooms.read_package()
LAYERS = rooms.layers(SOURCES)
MOST_LINES, MOST_MODULES = 350, 16  # of a file; of a folder, without its __init__.py

# What the core may import beside itself, NumPy, safetensors and what the standard library had in Python 3.8.
HEAVY = {"tensorflow", "tf_keras", "transformers", "keras", "jax", "tokenizers"}  # inside functions only, except here:
HEAVY_AT_TOP = ("encoders.*", "keras_models.*", "tokenizer.*", "classifiers.*")
NEVER_HEAVY = ("interpreter", "format", "graph", "grading")  # the model and its figures as data
LIBRARIES = {
    ("hypothesis", "classifiers.strategies"),
    ("pyfive", "keras_files.hdf5"),
    ("h5py", "rescuing.own_paths"),
    ("huggingface_hub", "hub.client"),
}  # the only module of each
NEWER_THAN_3_8 = {"graphlib", "zoneinfo", "tomllib", "annotationlib", "compression", "string.templatelib"}
LIGHT = (sys.stdlib_module_names - NEWER_THAN_3_8) | {"numpy", "safetensors"}
NOT_SUBSCRIPTABLE_IN_3_8 = {"list", "dict", "tuple", "set", "frozenset", "type"}


def test_every_room_names_its_layer() -> None:
    assert len(LAYERS) > 25
    assert list(rooms.wrong_layers(SOURCES)) == []


def test_every_module_keeps_to_the_rules_of_its_room() -> None:
    assert [*faults(SOURCES), *sizes(SOURCES)] == []


@pytest.mark.parametrize(
    ("module", "docstring", "fault"),
    [
        ("errors", None, "errors: its docstring ends with '', not with a line like 'Layer 3 of the core.'"),
        ("graph", "The graph.", "graph: its docstring ends with 'The graph.', not with a line like 'Layer 3 of"),
        ("", "Save.\n\nLayer 12 of the core", "bert_bundle: its docstring ends with 'Layer 12 of the core', not with"),
        ("graph", "Layer three of the core.", "graph: its docstring ends with 'Layer three of the core.', not with"),
        ("graph", "Layer 0 of the core.", "graph: its docstring ends with 'Layer 0 of the core.', not with a line"),
        ("graph", "Layer 6 of the core.\n\nMore.", "graph: its docstring ends with 'More.', not with a line like"),
        ("host.gate", "Layer 7 of the core.", "host.gate: names layer 7 of the core, and is in the host"),
        ("graph", "Layer 6 of the host.", "graph: names layer 6 of the host, and is in the core"),
        ("graph.ops", "Layer 6 of the core.", "graph.ops: names a layer, as only its room graph does"),
        ("worker", "Layer 17 of the core.", "layer 16 of the core: no room names it, and one names layer 17 of the"),
        ("stray", "A room.", "stray: its docstring ends with 'A room.', not with a line like 'Layer 3 of the core.'"),
        ("host.stray.x", None, "host.stray: has no __init__.py that names its layer"),
    ],
)
def test_a_layer_that_is_missing_or_wrong_is_found_and_named(module: str, docstring: str | None, fault: str) -> None:
    source = f'"""{docstring}\n"""' if docstring else ""
    assert fault in [found[: len(fault)] for found in rooms.wrong_layers({**SOURCES, module: source})]


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("errors", "from bert_bundle.format import layout", "errors:1: imports format.layout, which is in a higher"),
        ("format.files", "from bert_bundle.graph import ops", "format.files:1: imports graph.ops, which is in a high"),
        ("format.files", "import bert_bundle", "format.files:1: imports bert_bundle, which is in a higher layer"),
        ("host.config.x", "def f():\n    import bert_bundle.host.cli", "host.config.x:2: imports host.cli, which is"),
        ("errors", "from bert_bundle.version import VERSION", "errors:1: imports version, which is in the same layer"),
        ("api", "from bert_bundle.host.runs.run import Run", "api:1: the core imports the host: host.runs.run"),
        ("worker.loop", "def f():\n    import bert_bundle.host.cli", "worker.loop:2: the core imports the host: host"),
        ("api", "from .errors import BundleError", "api:1: a relative import"),
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
        ("worker.loop", "def f(x: int | None): pass", "worker.loop:1: X | Y in an annotation needs Python 3.10"),
        ("worker.loop", "x: list[int] = []", "worker.loop:1: list[...] needs Python 3.9"),
        ("host.runs.run", "def", "host.runs.run:1: not Python"),
        ("host_api", "x: list[int] = []", "host_api:1: list[...] needs Python 3.9"),
        ("host_api", "match 1:\n    case _: pass", "host_api:2: not Python 3.8"),
        ("", "from bert_bundle.host.runs.run import Run", ":1: the core imports the host: host.runs.run"),
        ("api", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import bert_bundle.host.cli", "api:3: the"),
    ],
)
def test_a_fault_is_found_and_named(module: str, source: str, fault: str) -> None:
    known = dict.fromkeys(("version", "format.layout", "graph.ops", "host.runs.run", "host.cli"), "")
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
        ("", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bert_bundle.host_api import audit"),
    ],
)
def test_what_is_allowed_is_not_a_fault(module: str, source: str) -> None:
    assert list(faults({"host.config.matrix_file": "", module: source})) == []


def test_a_file_and_a_folder_that_are_too_long_are_found() -> None:
    files = {f"format.part{number}": "" for number in range(MOST_MODULES)}
    assert list(sizes({"format": "", **files, "graph.ops": "\n" * MOST_LINES})) == []
    assert list(sizes({"format": "", **files, "format.more": ""})) == ["format: 17 modules, at most 16"]
    assert list(sizes({"graph.ops": "\n" * (MOST_LINES + 1)})) == ["graph.ops: 351 lines, at most 350"]


def test_no_file_of_tests_tools_and_benchmarks_is_too_long() -> None:
    paths = [path for folder in ("tests", "tools", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(paths) > 100
    assert list(too_long({str(path.relative_to(ROOT)): path.read_text("utf-8") for path in paths})) == []


def faults(sources: Mapping[str, str]) -> Iterator[str]:
    """Yield every broken rule about imports and syntax in `sources`: module name to text."""
    known = {f"bert_bundle.{module}" for module in sources}
    graph: dict[str, set[str]] = {}
    for module, source in sources.items():
        try:
            tree = ast.parse(source, feature_version=(3, 8) if is_old(module) else None)
        except SyntaxError as error:
            yield f"{module}:{error.lineno}: not Python{' 3.8' if is_old(module) else ''}: {error.msg}"
            continue
        yield from (f"{module}:{line}: a relative import" for line in relative_imports(tree))
        found = list(imports(tree, known))
        own = [i for i in found if i.top == "bert_bundle"]
        graph[module] = {short(i.module) for i in own}
        yield from upward(module, own)
        yield from foreign(module, [i for i in found if i not in own])
        if is_old(module):
            yield from too_new(module, tree)
    if circle := cycle(graph):
        yield f"{circle[0]}: imports itself by way of {', '.join(circle[1:]) or 'itself'}"


def upward(module: str, own: list[Import]) -> Iterator[str]:
    """Yield every import of another room that is not in a lower layer; of a room without a layer, `rooms` tells."""
    room = room_of(module)
    for i in own:
        imported = short(i.module)
        if room_of(imported) == room or not {room, room_of(imported)} <= LAYERS.keys():
            continue
        if i.for_types and not module:
            continue  # the package shows its public functions to type checkers
        here, there = LAYERS[room], LAYERS[room_of(imported)]
        if here.side < there.side:
            yield f"{module}:{i.line}: the core imports the host: {imported}"
        elif here <= there:
            which = "the same" if here == there else "a higher"
            yield f"{module}:{i.line}: imports {rooms.shown(imported)}, which is in {which} layer"


def foreign(module: str, others: list[Import]) -> Iterator[str]:
    at_top = any(fnmatchcase(module, pattern) for pattern in HEAVY_AT_TOP)
    for i in others:
        if not is_core(module):
            if i.top in HEAVY:
                yield f"{module}:{i.line}: the host imports {i.top}"
        elif i.top in HEAVY:
            if room_of(module) in NEVER_HEAVY:
                yield f"{module}:{i.line}: the model as data imports {i.top}"
            elif i.at_import and not at_top:
                yield f"{module}:{i.line}: the core imports {i.top} at its top"
        elif i.top not in LIGHT and (i.top, module) not in LIBRARIES:
            yield f"{module}:{i.line}: the core imports {i.top}"


def too_new(module: str, tree: ast.Module) -> Iterator[str]:
    """Yield what Python 3.8 parses, and fails at when it runs."""
    for node in ast.walk(tree):
        annotations = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        for part in (p for a in annotations if isinstance(a, ast.AST) for p in ast.walk(a)):
            if isinstance(part, ast.BinOp) and isinstance(part.op, ast.BitOr):
                yield f"{module}:{part.lineno}: X | Y in an annotation needs Python 3.10"
        name = node.value if isinstance(node, ast.Subscript) else None
        if isinstance(name, ast.Name) and name.id in NOT_SUBSCRIPTABLE_IN_3_8:
            yield f"{module}:{name.lineno}: {name.id}[...] needs Python 3.9"


def sizes(sources: Mapping[str, str]) -> Iterator[str]:
    """Yield every file and every folder that is too long."""
    folders = {module.rpartition(".")[0] for module in sources}
    modules = Counter(module.rpartition(".")[0] for module in sources if module not in folders)
    for folder, number in modules.items():
        if number > MOST_MODULES:
            yield f"{folder or 'bert_bundle'}: {number} modules, at most {MOST_MODULES}"
    yield from too_long(sources)


def too_long(sources: Mapping[str, str]) -> Iterator[str]:
    """Yield every file with too many lines."""
    for name, source in sources.items():
        if (lines := len(source.splitlines())) > MOST_LINES:
            yield f"{name}: {lines} lines, at most {MOST_LINES}"


def is_core(module: str) -> bool:
    return rooms.side(module) == rooms.CORE


def is_old(module: str) -> bool:
    """Return whether old Pythons import a module."""
    return is_core(module) or module in rooms.DOORS


def short(module: str) -> str:
    return module.removeprefix("bert_bundle").removeprefix(".")
