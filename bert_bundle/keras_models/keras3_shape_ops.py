"""Ops that return sizes or take sizes as tensors, as operations of Keras 3.

Keras 3 gives the sizes of a symbolic tensor as plain numbers, None for those that depend on the batch, and accepts
nothing else as a shape. A graph that TensorFlow wrote computes them when the model runs (`tf.shape(x)[0]`): here they
are tensors too.

Does not know: graphs, how ops are captured.
"""

import math
import operator
from typing import Any, Dict, List, Mapping, Optional

import keras
import numpy as np

from bert_bundle.graph import ops

# Ops with a parameter that is a size or sizes. Keras 3 has no operation for the first group; for the second it has one
# that accepts no tensor there. The third is refused with a tensor there, since its output would have no known shape.
_ALWAYS: Mapping[str, str] = {"shape": "", "arange": "start", "ones": "shape", "zeros": "shape", "full": "shape"}
_SOMETIMES: Mapping[str, str] = {
    "reshape": "newshape",
    "broadcast_to": "shape",
    "tile": "repeats",
    "pad": "pad_width",
    "getitem": "key",
}
_NEVER: Mapping[str, str] = {
    "repeat": "repeats",
    "one_hot": "num_classes",
    "top_k": "k",
    "split": "indices_or_sections",
}
_SIZE_PARAMETERS = ("newshape", "shape", "repeats", "pad_width", "start", "stop", "step")
_SLICE = (
    "slice"  # key of the dict that a slice is among the arguments of an operation: Keras finds no tensor in a slice
)
_JOINING = ("stack", "concatenate")  # of sizes only, along their one axis
_ARITHMETIC = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "floor_divide": operator.floordiv,
}
_UNKNOWN = object()  # a bound of a slice that is not known before the model runs
_KNOWN = "bert_bundle_known_sizes"  # attribute of a symbolic tensor of sizes: those known before the model runs


def is_shape_op(name: str, arguments: Mapping[str, Any]) -> bool:
    """Return whether Keras 3 itself cannot apply the op to these arguments (by keras.ops names) because of sizes.

    Raises TypeError for an op that receives a tensor where it needs a number.
    """
    if name in _NEVER and _is_symbolic(arguments.get(_NEVER[name])):
        raise TypeError("{}: {} is a tensor where Keras 3 takes a number".format(name, _NEVER[name]))
    if name in _JOINING or name in _ARITHMETIC:  # on sizes only: JAX's own would give tracers under its jit
        operands = arguments["xs"] if name in _JOINING else [arguments["x1"], arguments["x2"]]
        return _is_symbolic(operands) and all(_is_size(x) for x in operands)
    if name == "unstack":
        return getattr(arguments["x"], _KNOWN, None) is not None
    return name in _ALWAYS or (name in _SOMETIMES and _is_symbolic(without_slices(arguments.get(_SOMETIMES[name]))))


def apply(name: str, arguments: Mapping[str, Any], floating: str) -> Any:
    """Apply the op to symbolic tensors and sizes; `floating` is the dtype of floats not combined with a tensor."""
    rest = {k: without_slices(v) if k == "key" else v for k, v in arguments.items()}
    first = rest.pop(ops.BY_NAME[name].parameters[0].name)
    result = ShapeOp(name, floating)(first, **rest)
    if name == "unstack" and all(isinstance(part, keras.KerasTensor) for part in result):
        for part, size in zip(result, _known_sizes(first)):
            setattr(part, _KNOWN, size)
    if not isinstance(result, keras.KerasTensor):
        return result
    if name == "shape":
        setattr(result, _KNOWN, list(first.shape))
    elif name in _JOINING:
        setattr(result, _KNOWN, _joined(name, _known_sizes(first)))
    elif name in _ARITHMETIC:
        pair = _known_sizes(first), _known_sizes(rest["x2"])
        setattr(result, _KNOWN, None if None in pair else _ARITHMETIC[name](*pair))
    return result


def without_slices(key: Any) -> Any:
    """Return a key of `getitem` with a dict in place of each slice."""
    if isinstance(key, (list, tuple)):
        return [without_slices(part) for part in key]
    return {_SLICE: [key.start, key.stop, key.step]} if isinstance(key, slice) else key


def with_slices(key: Any) -> Any:
    """Return the key that `without_slices` was given."""
    if isinstance(key, (list, tuple)):
        return [with_slices(part) for part in key]
    return slice(*key[_SLICE]) if isinstance(key, dict) else key


def mark_part(x: Any, key: Any, result: Any) -> Any:
    """Return `result`, which is `x[key]`, with its known sizes recorded if `x` is a tensor of sizes."""
    if hasattr(x, _KNOWN) and isinstance(key, (int, slice)):
        setattr(result, _KNOWN, _known_sizes(x)[key])
    return result


class ShapeOp(keras.Operation):  # type: ignore[misc]
    """An op of the vocabulary that takes sizes as tensors, or returns them."""

    def __init__(self, op: str, floating: str) -> None:
        super().__init__()
        self.op, self.floating = op, floating

    def call(self, first: Any, **rest: Any) -> Any:
        """Apply the op to tensors of the backend."""
        if self.op == "shape":
            return _size_tensor(keras.ops.shape(first))
        given = self._by_name(first, rest)
        if self.op == "unstack":
            sizes = _as_numbers(first)
            return [np.int32(size) for size in sizes] if isinstance(sizes, list) else keras.ops.unstack(first)
        if self.op in _JOINING or self.op in _ARITHMETIC:
            return _computed_sizes(self.op, given)
        if "dtype" in given or self.op == "full":
            given["dtype"] = _dtype(self.op, given, self.floating)
        if self.op == "getitem":
            key = with_slices(_as_numbers(given["key"]))
            return given["x"][tuple(key) if isinstance(key, list) else key]
        given.update({name: _as_numbers(given[name]) for name in _SIZE_PARAMETERS if name in given})
        return getattr(keras.ops, self.op)(**given)

    def compute_output_spec(self, first: Any, **rest: Any) -> Any:
        """Return the dtype and the shape of the result; sizes that are not known are None."""
        given = self._by_name(first, rest)
        if self.op == "unstack":
            return [keras.KerasTensor([], "int32") for _ in range(first.shape[0])]
        return keras.KerasTensor(_shape(self.op, given), _dtype(self.op, given, self.floating))

    def _by_name(self, first: Any, rest: Mapping[str, Any]) -> Dict[str, Any]:
        parameters = ops.BY_NAME[self.op].parameters
        defaults = {p.name: p.default for p in parameters if p.default is not ops.REQUIRED}
        return {**defaults, **rest, parameters[0].name: first}


def _shape(op: str, given: Mapping[str, Any]) -> List[Optional[int]]:
    if op == "shape":
        return [len(given["x"].shape)]
    if op in _JOINING:
        return [len(_joined(op, _known_sizes(given["xs"])))]
    if op in _ARITHMETIC:
        return []
    if op == "arange":
        ends = [_known_sizes(given[name]) for name in ("start", "stop", "step")]
        first, last = (0, ends[0]) if given["stop"] is None else ends[:2]
        known = all(isinstance(end, (int, float)) for end in (first, last, ends[2]))
        return [max(0, math.ceil((last - first) / ends[2])) if known else None]
    if op == "getitem":
        return _shape_of_part(list(given["x"].shape), with_slices(_known_bounds(given["key"])))
    sizes: List[Any] = _known_sizes(given[{**_ALWAYS, **_SOMETIMES}[op]])
    if op == "pad":
        return [
            None if None in (length, *pair) else length + sum(pair) for length, pair in zip(given["x"].shape, sizes)
        ]
    if op == "tile":
        lengths = list(given["x"].shape)
        return [None if None in pair else pair[0] * pair[1] for pair in zip(lengths, sizes)]
    if op == "reshape" and -1 in sizes:
        whole = [*given["x"].shape, *(size for size in sizes if size != -1)]
        rest = 0 if None in whole else math.prod(given["x"].shape) // -math.prod(sizes)
        return [(rest or None) if size == -1 else size for size in sizes]
    return sizes


def _shape_of_part(lengths: List[Optional[int]], key: Any) -> List[Optional[int]]:
    """Return the shape of a part; the length of a slice is None if a bound, or the length of its axis, is not known."""
    parts = list(key) if isinstance(key, list) else [key]
    taken = sum(part is not None and part is not Ellipsis for part in parts)
    if Ellipsis in parts:
        position = parts.index(Ellipsis)
        parts[position : position + 1] = [slice(None)] * (len(lengths) - taken)
    else:
        parts += [slice(None)] * (len(lengths) - taken)
    rest = list(lengths)
    result: List[Optional[int]] = []
    for part in parts:
        if part is None:
            result.append(1)
            continue
        length = rest.pop(0)
        if isinstance(part, slice):
            whole = part == slice(None)
            result.append(length if whole or length is None else _length_of_slice(part, length))
    return result


def _length_of_slice(part: slice, length: int) -> Optional[int]:
    """Return the length of a slice; None if its bounds are not known, which are then neither numbers nor absent."""
    bounds = (part.start, part.stop, part.step)
    known = all(bound is None or isinstance(bound, int) for bound in bounds)
    return len(range(*part.indices(length))) if known else None


def _dtype(op: str, given: Mapping[str, Any], floating: str) -> str:
    if op in ("shape", *_JOINING, *_ARITHMETIC):
        return "int32"
    if op == "full" or given.get("dtype", "") is None:
        values = [given[name] for name in ("fill_value", "start", "stop", "step") if name in given]
        found = next((value.dtype for value in values if hasattr(value, "dtype")), None)
        if found is None:
            kinds = {type(value) for value in values}
            return floating if float in kinds else "bool" if kinds == {bool} else "int32"
        return str(keras.backend.standardize_dtype(found))
    return str(keras.backend.standardize_dtype(given["dtype"] if "dtype" in given else given["x"].dtype))


def _known_sizes(value: Any) -> Any:
    """Return one or more sizes when a model is built: integers, or None where they are not known."""
    if isinstance(value, (list, tuple)):
        return [_known_sizes(item) for item in value]
    if not isinstance(value, keras.KerasTensor):
        return _as_numbers(value)
    length = value.shape[0] if len(value.shape) == 1 else None
    return getattr(value, _KNOWN, None if length is None else [None] * length)


def _known_bounds(key: Any) -> Any:
    """Return a key without slices when a model is built, with `_UNKNOWN` in place of a tensor of unknown value."""
    if isinstance(key, dict):
        return {name: _known_bounds(bounds) for name, bounds in key.items()}
    if isinstance(key, list):
        return [_known_bounds(part) for part in key]
    known = _known_sizes(key) if isinstance(key, keras.KerasTensor) else key
    return _UNKNOWN if known is None and key is not None else known


def _as_numbers(value: Any) -> Any:
    """Return one or more sizes when a model runs, as plain numbers; a TensorFlow graph needs, and keeps, tensors."""
    if isinstance(value, dict):
        return {name: _as_numbers(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_numbers(item) for item in value]
    if value is None or value is Ellipsis or isinstance(value, (int, float)):
        return value
    try:
        return np.asarray(keras.ops.convert_to_numpy(value)).tolist()
    except (NotImplementedError, TypeError):  # a symbolic tensor of TensorFlow has no values
        return value


def _computed_sizes(op: str, given: Mapping[str, Any]) -> Any:
    """Return sizes computed from sizes, as NumPy values if the given ones are numbers."""
    sizes = _as_numbers(given["xs"] if op in _JOINING else [given["x1"], given["x2"]])
    if op in _JOINING and all(isinstance(size, (int, list)) for size in sizes):
        return _size_tensor(_joined(op, sizes))
    if op == "concatenate":
        return keras.ops.concatenate([_size_tensor(part) if isinstance(part, list) else part for part in sizes])
    if op == "stack":
        return _size_tensor(sizes)
    if all(isinstance(size, int) for size in sizes):
        return np.int32(_ARITHMETIC[op](*sizes))
    return getattr(keras.ops, op)(*sizes)


def _joined(op: str, parts: List[Any]) -> List[Any]:
    """Return the sizes of a stack or, in lists, of a concatenation."""
    return [size for part in parts for size in part] if op == "concatenate" else parts


def _is_size(value: Any) -> bool:
    """Return whether an operand is a size or sizes: numbers, or a tensor that was computed from those of another."""
    if isinstance(value, list):
        return all(isinstance(item, int) for item in value)
    return isinstance(value, int) or hasattr(value, _KNOWN)


def _size_tensor(sizes: Any) -> Any:
    """Return sizes as one tensor: a NumPy array if possible, which keeps its values under JAX's jit."""
    if all(isinstance(size, int) for size in sizes):
        return np.asarray(sizes, "int32")
    return keras.ops.convert_to_tensor(list(sizes), dtype="int32")


def _is_symbolic(value: Any) -> bool:
    return any(isinstance(leaf, keras.KerasTensor) for leaf in keras.tree.flatten(value))
