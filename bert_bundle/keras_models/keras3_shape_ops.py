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
_SOMETIMES: Mapping[str, str] = {"reshape": "newshape", "broadcast_to": "shape", "tile": "repeats"}
_NEVER: Mapping[str, str] = {
    "repeat": "repeats",
    "pad": "pad_width",
    "one_hot": "num_classes",
    "top_k": "k",
    "split": "indices_or_sections",
}
_SIZE_PARAMETERS = ("newshape", "shape", "repeats", "start", "stop", "step")
_ARITHMETIC = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "floor_divide": operator.floordiv,
}
_KNOWN = "bert_bundle_known_sizes"  # attribute of a symbolic tensor of sizes: those known before the model runs


def is_shape_op(name: str, arguments: Mapping[str, Any]) -> bool:
    """Return whether Keras 3 itself cannot apply the op to these arguments (by keras.ops names) because of sizes.

    Raises TypeError for an op that receives a tensor where it needs a number.
    """
    if name in _NEVER and _is_symbolic(arguments.get(_NEVER[name])):
        raise TypeError("{}: {} is a tensor where Keras 3 takes a number".format(name, _NEVER[name]))
    if name == "stack" or name in _ARITHMETIC:  # on sizes only: JAX's own would give tracers under its jit
        operands = arguments["xs"] if name == "stack" else [arguments["x1"], arguments["x2"]]
        return _is_symbolic(operands) and all(isinstance(x, int) or hasattr(x, _KNOWN) for x in operands)
    return name in _ALWAYS or (name in _SOMETIMES and _is_symbolic(arguments.get(_SOMETIMES[name])))


def apply(name: str, arguments: Mapping[str, Any], floating: str) -> Any:
    """Apply the op to symbolic tensors and sizes; `floating` is the dtype of floats not combined with a tensor."""
    rest = dict(arguments)
    first = rest.pop(ops.BY_NAME[name].parameters[0].name)
    result = ShapeOp(name, floating)(first, **rest)
    if not isinstance(result, keras.KerasTensor):
        return result
    if name == "shape":
        setattr(result, _KNOWN, list(first.shape))
    elif name == "stack":
        setattr(result, _KNOWN, _known_sizes(first))
    elif name in _ARITHMETIC:
        pair = _known_sizes(first), _known_sizes(rest["x2"])
        setattr(result, _KNOWN, None if None in pair else _ARITHMETIC[name](*pair))
    return result


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
        if self.op == "stack" or self.op in _ARITHMETIC:
            return _computed_sizes(self.op, given)
        if "dtype" in given or self.op == "full":
            given["dtype"] = _dtype(self.op, given, self.floating)
        given.update({name: _as_numbers(given[name]) for name in _SIZE_PARAMETERS if name in given})
        return getattr(keras.ops, self.op)(**given)

    def compute_output_spec(self, first: Any, **rest: Any) -> Any:
        """Return the dtype and the shape of the result; sizes that are not known are None."""
        given = self._by_name(first, rest)
        return keras.KerasTensor(_shape(self.op, given), _dtype(self.op, given, self.floating))

    def _by_name(self, first: Any, rest: Mapping[str, Any]) -> Dict[str, Any]:
        parameters = ops.BY_NAME[self.op].parameters
        defaults = {p.name: p.default for p in parameters if p.default is not ops.REQUIRED}
        return {**defaults, **rest, parameters[0].name: first}


def _shape(op: str, given: Mapping[str, Any]) -> List[Optional[int]]:
    if op == "shape" or op == "stack":
        return [len(given["x"].shape if op == "shape" else given["xs"])]
    if op in _ARITHMETIC:
        return []
    if op == "arange":
        ends = [_known_sizes(given[name]) for name in ("start", "stop", "step")]
        first, last = (0, ends[0]) if given["stop"] is None else ends[:2]
        known = all(isinstance(end, (int, float)) for end in (first, last, ends[2]))
        return [max(0, math.ceil((last - first) / ends[2])) if known else None]
    sizes: List[Any] = _known_sizes(given[{**_ALWAYS, **_SOMETIMES}[op]])
    if op == "tile":
        lengths = list(given["x"].shape)
        return [None if None in pair else pair[0] * pair[1] for pair in zip(lengths, sizes)]
    if op == "reshape" and -1 in sizes:
        whole = [*given["x"].shape, *(size for size in sizes if size != -1)]
        rest = 0 if None in whole else math.prod(given["x"].shape) // -math.prod(sizes)
        return [(rest or None) if size == -1 else size for size in sizes]
    return sizes


def _dtype(op: str, given: Mapping[str, Any], floating: str) -> str:
    if op in ("shape", "stack", *_ARITHMETIC):
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


def _as_numbers(value: Any) -> Any:
    """Return one or more sizes when a model runs, as plain numbers; a TensorFlow graph needs, and keeps, tensors."""
    if isinstance(value, (list, tuple)):
        return [_as_numbers(item) for item in value]
    if value is None or isinstance(value, (int, float)):
        return value
    try:
        return np.asarray(keras.ops.convert_to_numpy(value)).tolist()
    except (NotImplementedError, TypeError):  # a symbolic tensor of TensorFlow has no values
        return value


def _computed_sizes(op: str, given: Mapping[str, Any]) -> Any:
    """Return sizes computed from sizes, as NumPy values if the given ones are numbers."""
    sizes = _as_numbers(given["xs"] if op == "stack" else [given["x1"], given["x2"]])
    if op == "stack":
        return _size_tensor(sizes)
    if all(isinstance(size, int) for size in sizes):
        return np.int32(_ARITHMETIC[op](*sizes))
    return getattr(keras.ops, op)(*sizes)


def _size_tensor(sizes: Any) -> Any:
    """Return sizes as one tensor: a NumPy array if possible, which keeps its values under JAX's jit."""
    if all(isinstance(size, int) for size in sizes):
        return np.asarray(sizes, "int32")
    return keras.ops.convert_to_tensor(list(sizes), dtype="int32")


def _is_symbolic(value: Any) -> bool:
    return any(isinstance(leaf, keras.KerasTensor) for leaf in keras.tree.flatten(value))
