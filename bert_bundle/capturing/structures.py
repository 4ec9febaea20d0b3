"""Nested structures of tensors: lists, dicts, and the outputs of transformers, which are both. Runs no code."""

from typing import Any, Callable, Iterator, Mapping, Tuple


def map_leaves(structure: Any, convert: Callable[[Any], Any], is_leaf: Callable[[Any], bool]) -> Any:
    """Return a nested structure with its leaves converted; a ModelOutput of transformers stays one."""
    if is_leaf(structure):
        return convert(structure)
    if isinstance(structure, Mapping):
        items = {key: map_leaves(value, convert, is_leaf) for key, value in structure.items()}
        return items if type(structure) is dict else type(structure)(**items)
    if isinstance(structure, (list, tuple)):
        values = [map_leaves(value, convert, is_leaf) for value in structure]
        return type(structure)(*values) if hasattr(structure, "_fields") else type(structure)(values)
    return structure


def is_symbolic(value: Any) -> bool:
    """Return whether a value is a symbolic tensor of Keras."""
    return hasattr(value, "_keras_history")


def is_in(graph: Any, value: Any) -> bool:
    """Return whether a value is a tensor of this graph of TensorFlow."""
    return getattr(value, "graph", None) is graph


def leaves(structure: Any, is_leaf: Callable[[Any], bool]) -> Iterator[Any]:
    """Yield every leaf of a nested structure, in order."""
    if is_leaf(structure):
        yield structure
    elif isinstance(structure, Mapping):
        for value in structure.values():
            yield from leaves(value, is_leaf)
    elif isinstance(structure, (list, tuple)):
        for value in structure:
            yield from leaves(value, is_leaf)


def paths(structure: Any, path: Tuple[Any, ...] = ()) -> Iterator[Tuple[Tuple[Any, ...], Any]]:
    """Yield (keys and positions that lead to it, tensor) for every tensor in the outputs of a call."""
    if isinstance(structure, (Mapping, list, tuple)):
        items = structure.items() if isinstance(structure, Mapping) else enumerate(structure)
        for key, value in items:
            yield from paths(value, (*path, key))
    elif structure is not None:
        yield path, structure


def plain(structure: Any) -> Any:
    """Return a nested structure with plain dicts and lists, without what is None."""
    if isinstance(structure, Mapping):
        return {key: plain(value) for key, value in structure.items() if value is not None}
    if isinstance(structure, (list, tuple)):
        return [plain(value) for value in structure if value is not None]
    return structure
