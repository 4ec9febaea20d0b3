"""What Python sources import: module by module, with the line, and whether importing the module runs it."""

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from graphlib import CycleError, TopologicalSorter


@dataclass(frozen=True, kw_only=True)
class Import:
    """One imported module by its full name, whether it is imported as soon as the importer is, or for types only."""

    module: str
    line: int
    at_import: bool
    for_types: bool = False

    @property
    def top(self) -> str:
        return self.module.split(".")[0]


def imports(tree: ast.AST, known: Collection[str], at_import: bool = True, for_types: bool = False) -> Iterator[Import]:
    """Yield every absolute import in `tree`; `from a import b` is of `a.b` where that is one of the `known` modules."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module=alias.name, line=node.lineno, at_import=at_import, for_types=for_types)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names if not node.level else []:
                inside = f"{node.module}.{alias.name}"
                module = inside if inside in known else node.module or ""
                yield Import(module=module, line=node.lineno, at_import=at_import, for_types=for_types)
        else:
            types = for_types or _for_types(node)
            runs = not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and not types
            yield from imports(node, known, at_import and runs, types)


def relative_imports(tree: ast.AST) -> Iterator[int]:
    """Yield the line of every relative import."""
    return (node.lineno for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level)


def cycle(graph: Mapping[str, Collection[str]]) -> list[str]:
    """Return the modules of an import cycle, sorted; nothing where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return sorted(set(error.args[1]))
    return []


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
