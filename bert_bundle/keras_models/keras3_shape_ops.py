"""Ops that make sizes, or are given them, as operations of Keras 3; knows nothing of graphs or of captures.

Keras 3 says the sizes of a symbolic tensor in plain numbers, None where the batch decides, and takes nothing else for a
shape. A graph that TensorFlow wrote asks for them while the model runs (`tf.shape(x)[0]`): here they are tensors too.
"""

import math
import operator
from typing import Any, Dict, List, Mapping, Optional

import keras
import numpy as np

from bert_bundle.graph import ops

# Ops of sizes -> the parameter that is one; Keras 3 has none of the first as an op, of the others none with a tensor.
_ALWAYS: Mapping[str, str] = {"shape": "", "arange": "start", "ones": "shape", "zeros": "shape", "full": "shape"}
_SOMETIMES: Mapping[str, str] = {"reshape": "newshape", "broadcast_to": "shape", "tile": "repeats"}
# Given a tensor there, these are refused: no output of theirs would have a shape that is known.
_NEVER: Mapping[str, str] = {
    "repeat": "repeats", "pad": "pad_width", "one_hot": "num_classes", "top_k": "k", "split": "indices_or_sections",
}  # fmt: skip
_SIZES = ("newshape", "shape", "repeats", "start", "stop", "step")
_WHOLE = {"add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "floor_divide": operator.floordiv}
_KNOWN = "bert_bundle_known"  # of a symbolic tensor that is made of sizes alone: those known before a model runs


def is_sized(name: str, arguments: Mapping[str, Any]) -> bool:
    """Whether Keras 3 itself cannot apply the op to these arguments, by keras.ops names.

    Raises TypeError for an op that is given a tensor for a number.
    """
    if name in _NEVER and _symbolic(arguments.get(_NEVER[name])):
        raise TypeError("{}: {} is a tensor where Keras 3 takes a number".format(name, _NEVER[name]))
    if name == "stack" or name in _WHOLE:  # of sizes: JAX's own would be no numbers any more under its jit
        operands = arguments["xs"] if name == "stack" else [arguments["x1"], arguments["x2"]]
        return _symbolic(operands) and all(isinstance(x, int) or hasattr(x, _KNOWN) for x in operands)
    return name in _ALWAYS or (name in _SOMETIMES and _symbolic(arguments.get(_SOMETIMES[name])))


def apply(name: str, arguments: Mapping[str, Any], floating: str) -> Any:
    """The op on symbolic tensors and sizes; `floating` is the dtype of floats that have no tensor beside them."""
    rest = dict(arguments)
    first = rest.pop(ops.BY_NAME[name].parameters[0].name)
    result = Sized(name, floating)(first, **rest)
    if not isinstance(result, keras.KerasTensor):
        return result
    if name == "shape":
        setattr(result, _KNOWN, list(first.shape))
    elif name == "stack":
        setattr(result, _KNOWN, _known(first))
    elif name in _WHOLE:
        pair = _known(first), _known(rest["x2"])
        setattr(result, _KNOWN, None if None in pair else _WHOLE[name](*pair))
    return result


def part(x: Any, key: Any, result: Any) -> Any:
    """`result`, which is `x[key]`: a size where `x` is made of sizes."""
    if hasattr(x, _KNOWN) and isinstance(key, (int, slice)):
        setattr(result, _KNOWN, _known(x)[key])
    return result


class Sized(keras.Operation):  # type: ignore[misc]
    """An op of the vocabulary that is given sizes as tensors, or makes one."""

    def __init__(self, op: str, floating: str) -> None:
        super().__init__()
        self.op, self.floating = op, floating

    def call(self, first: Any, **rest: Any) -> Any:
        """The op on the backend's tensors."""
        if self.op == "shape":
            return _gathered(keras.ops.shape(first))
        given = self._by_name(first, rest)
        if self.op == "stack" or self.op in _WHOLE:
            return _made(self.op, given)
        if "dtype" in given or self.op == "full":
            given["dtype"] = _dtype(self.op, given, self.floating)
        given.update({name: _plain(given[name]) for name in _SIZES if name in given})
        return getattr(keras.ops, self.op)(**given)

    def compute_output_spec(self, first: Any, **rest: Any) -> Any:
        """The result's dtype and its shape, None where that is not known."""
        given = self._by_name(first, rest)
        return keras.KerasTensor(_shape(self.op, given), _dtype(self.op, given, self.floating))

    def _by_name(self, first: Any, rest: Mapping[str, Any]) -> Dict[str, Any]:
        parameters = ops.BY_NAME[self.op].parameters
        defaults = {p.name: p.default for p in parameters if p.default is not ops.REQUIRED}
        return {**defaults, **rest, parameters[0].name: first}


def _shape(op: str, given: Mapping[str, Any]) -> List[Optional[int]]:
    if op == "shape" or op == "stack":
        return [len(given["x"].shape if op == "shape" else given["xs"])]
    if op in _WHOLE:
        return []
    if op == "arange":
        ends = [_known(given[name]) for name in ("start", "stop", "step")]
        first, last = (0, ends[0]) if given["stop"] is None else ends[:2]
        known = all(isinstance(end, (int, float)) for end in (first, last, ends[2]))
        return [max(0, math.ceil((last - first) / ends[2])) if known else None]
    sizes: List[Any] = _known(given[{**_ALWAYS, **_SOMETIMES}[op]])
    if op == "tile":
        lengths = list(given["x"].shape)
        return [None if None in pair else pair[0] * pair[1] for pair in zip(lengths, sizes)]
    if op == "reshape" and -1 in sizes:
        whole = [*given["x"].shape, *(size for size in sizes if size != -1)]
        rest = 0 if None in whole else math.prod(given["x"].shape) // -math.prod(sizes)
        return [(rest or None) if size == -1 else size for size in sizes]
    return sizes


def _dtype(op: str, given: Mapping[str, Any], floating: str) -> str:
    if op in ("shape", "stack", *_WHOLE):
        return "int32"
    if op == "full" or given.get("dtype", "") is None:
        values = [given[name] for name in ("fill_value", "start", "stop", "step") if name in given]
        found = next((value.dtype for value in values if hasattr(value, "dtype")), None)
        if found is None:
            kinds = {type(value) for value in values}
            return floating if float in kinds else "bool" if kinds == {bool} else "int32"
        return str(keras.backend.standardize_dtype(found))
    return str(keras.backend.standardize_dtype(given["dtype"] if "dtype" in given else given["x"].dtype))


def _known(value: Any) -> Any:
    """A size, or sizes, of what a model is made of: whole numbers where they are known, None where they are not."""
    if isinstance(value, (list, tuple)):
        return [_known(item) for item in value]
    if not isinstance(value, keras.KerasTensor):
        return _plain(value)
    length = value.shape[0] if len(value.shape) == 1 else None
    return getattr(value, _KNOWN, None if length is None else [None] * length)


def _plain(value: Any) -> Any:
    """A size, or sizes, of what is run: plain numbers, but for tensors of a TensorFlow graph, which takes those."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (int, float)):
        return value
    try:
        return np.asarray(keras.ops.convert_to_numpy(value)).tolist()
    except (NotImplementedError, TypeError):  # a symbolic tensor of TensorFlow's has no values
        return value


def _made(op: str, given: Mapping[str, Any]) -> Any:
    """Sizes that are made of sizes, numbers of NumPy's where those are."""
    sizes = _plain(given["xs"] if op == "stack" else [given["x1"], given["x2"]])
    if op == "stack":
        return _gathered(sizes)
    if all(isinstance(size, int) for size in sizes):
        return np.int32(_WHOLE[op](*sizes))
    return getattr(keras.ops, op)(*sizes)


def _gathered(sizes: Any) -> Any:
    """The sizes of a tensor as one. As an array of NumPy's where that can be: under JAX's jit it has values still."""
    if all(isinstance(size, int) for size in sizes):
        return np.asarray(sizes, "int32")
    return keras.ops.convert_to_tensor(list(sizes), dtype="int32")


def _symbolic(value: Any) -> bool:
    return any(isinstance(leaf, keras.KerasTensor) for leaf in keras.tree.flatten(value))
