"""The ops of a TensorFlow graph (`StridedSlice`, `AddV2`) in the vocabulary of `ops`: one translation for every source.

TensorFlow computes every function with some hundred kinds of op (tensorflow.org/api_docs/python/tf/raw_ops). Those that
have an equivalent are translated here; an op of several steps becomes nested ones.

Does not know: TensorFlow, where a graph comes from.
"""

from typing import Any, Callable, Dict, List, Mapping, Optional, Protocol, Sequence, Tuple

import numpy as np

from bert_bundle.graph.op_calls import is_infinite
from bert_bundle.graph.ops import NestedOp


class RawOp(Protocol):
    """One op of a TensorFlow graph. Its inputs are tensors of any kind, which are only passed on."""

    @property
    def kind(self) -> str:
        """Return the type of the op."""

    @property
    def inputs(self) -> Sequence[object]:
        """Return the tensors that the op receives, in order."""

    def attribute(self, name: str) -> Any:
        """Return an attribute; a dtype as its name, bytes as a string."""

    def constant(self, position: int) -> Optional[np.ndarray]:
        """Return the value of an input that is known before the model runs, else None."""

    def elements(self, position: int) -> Optional[List[Any]]:
        """Return the elements of an input of one axis: integers, or tensors where they are not known. Else None."""


_NAMES: Mapping[str, str] = {  # kinds whose inputs are the operands of one op, in order
    **{kind: kind.lower() for kind in "Tanh Sigmoid Relu Relu6 Elu Selu Softplus Softsign Exp Expm1".split()},
    **{kind: kind.lower() for kind in "Log Log1p Sin Cos Floor Ceil Round Sign Reciprocal IsNan Sqrt".split()},
    **{kind: kind.lower() for kind in "Rsqrt Square Erf Add Maximum Minimum Equal Less Greater".split()},
    "Abs": "absolute",
    "Neg": "negative",
    "Inv": "reciprocal",
    "Rint": "round",
    "LogicalNot": "logical_not",
    "OnesLike": "ones_like",
    "ZerosLike": "zeros_like",
    "StopGradient": "stop_gradient",
    "AddV2": "add",
    "Sub": "subtract",
    "Mul": "multiply",
    "RealDiv": "true_divide",
    "DivNoNan": "divide_no_nan",
    "FloorDiv": "floor_divide",
    "FloorMod": "mod",
    "Pow": "power",
    "NotEqual": "not_equal",
    "GreaterEqual": "greater_equal",
    "LessEqual": "less_equal",
    "LogicalAnd": "logical_and",
    "LogicalOr": "logical_or",
    "Select": "where",
    "SelectV2": "where",
    "ClipByValue": "clip",
    "Softmax": "softmax",
    "LogSoftmax": "log_softmax",
    "Fill": "full",
    "BroadcastTo": "broadcast_to",
    "Reshape": "reshape",
    "Tile": "tile",
}
_PARAMETERS: Mapping[str, Tuple[str, ...]] = {  # of the ops above that do not take x, or x1 and x2
    "where": ("condition", "x1", "x2"),
    "clip": ("x", "x_min", "x_max"),
    "full": ("shape", "fill_value"),
    "broadcast_to": ("x", "shape"),
    "reshape": ("x", "newshape"),
    "tile": ("x", "repeats"),
}
_REDUCTIONS: Mapping[str, str] = {kind: kind.lower() for kind in "Sum Mean Max Min Prod Any All".split()}
_UNCHANGED = frozenset(["Identity", "PreventGradient", "CheckNumerics", "EnsureShape", "Snapshot"])
_SIZES = ("shape", "newshape", "repeats")  # parameters that take sizes, each of which may be a tensor


def translate(op: RawOp) -> object:
    """Return the op as a `NestedOp`, or one of its inputs if it changes nothing.

    An op with several results becomes one that returns a list. Raises KeyError with the kind, or the attribute, that
    has no equivalent.
    """
    if op.kind in _UNCHANGED:
        return op.inputs[0]
    if op.kind in _NAMES and not _is_clip_without_bound(op):
        name = _NAMES[op.kind]
        names = _PARAMETERS.get(name, ("x",) if len(op.inputs) == 1 else ("x1", "x2"))
        values = [_sizes(op, i) if name in _SIZES else _operand(op, i) for i, name in enumerate(names)]
        return NestedOp(name, dict(zip(names, values)))
    if op.kind == "ClipByValue":
        return NestedOp("maximum", {"x1": op.inputs[0], "x2": _operand(op, 1)})
    if op.kind in _REDUCTIONS:
        return _reduction(op)
    if op.kind not in _RULES:
        raise KeyError("tf.raw_ops." + op.kind)
    return _RULES[op.kind](op)


def _is_clip_without_bound(op: RawOp) -> bool:
    return op.kind == "ClipByValue" and op.constant(2) is not None and is_infinite(op.constant(2))


def _operand(op: RawOp, position: int) -> object:
    """Return an input, as plain data where it is known before the model runs."""
    value = op.constant(position)
    return op.inputs[position] if value is None else value.tolist()


def _sizes(op: RawOp, position: int) -> object:
    """Return an input that holds sizes: a list of integers and tensors, or a tensor."""
    elements = op.elements(position)
    return op.inputs[position] if elements is None else elements


def _known(op: RawOp, position: int, what: str) -> Any:
    """Return an input as plain data. Raises KeyError if it is not known before the model runs."""
    value = op.constant(position)
    if value is None:
        raise KeyError("tf.raw_ops.{} with a tensor as {}".format(op.kind, what))
    return value.tolist()


def _axis(op: RawOp, position: int) -> Any:
    axis = _known(op, position, "axis")
    return axis[0] if isinstance(axis, list) and len(axis) == 1 else axis


def _dropping(arguments: Mapping[str, object], defaults: Mapping[str, object]) -> Dict[str, object]:
    """Return the arguments without those that have their default."""
    return {name: value for name, value in arguments.items() if name not in defaults or defaults[name] != value}


def _reduction(op: RawOp) -> NestedOp:
    arguments = {"x": op.inputs[0], "axis": _axis(op, 1)}
    if arguments["axis"] == []:  # TensorFlow reduces over no axis
        raise KeyError("tf.raw_ops.{} without an axis".format(op.kind))
    return NestedOp(_REDUCTIONS[op.kind], {**arguments, **({"keepdims": True} if op.attribute("keep_dims") else {})})


def _bias_add(op: RawOp) -> NestedOp:
    if op.attribute("data_format") != "NHWC":
        raise KeyError("tf.raw_ops.BiasAdd with another data_format")
    return NestedOp("add", {"x1": _operand(op, 0), "x2": _operand(op, 1)})


def _matmul(a: str, b: str) -> Callable[[RawOp], NestedOp]:
    def rule(op: RawOp) -> NestedOp:
        flags = {"transpose_a": bool(op.attribute(a)), "transpose_b": bool(op.attribute(b))}
        return NestedOp(
            "matmul", {"x1": _operand(op, 0), "x2": _operand(op, 1), **{k: v for k, v in flags.items() if v}}
        )

    return rule


def _squared_difference(op: RawOp) -> NestedOp:
    return NestedOp("square", {"x": NestedOp("subtract", {"x1": _operand(op, 0), "x2": _operand(op, 1)})})


def _expand_dims(op: RawOp) -> NestedOp:
    return NestedOp("expand_dims", {"x": op.inputs[0], "axis": _axis(op, 1)})


def _squeeze(op: RawOp) -> NestedOp:
    axes = list(op.attribute("squeeze_dims"))
    return NestedOp("squeeze", {"x": op.inputs[0], **({"axis": axes[0] if len(axes) == 1 else axes} if axes else {})})


def _transpose(op: RawOp) -> NestedOp:
    return NestedOp("transpose", {"x": op.inputs[0], "axes": _known(op, 1, "perm")})


def _concatenate(op: RawOp) -> NestedOp:
    last = len(op.inputs) - 1
    return NestedOp("concatenate", {"xs": [_operand(op, i) for i in range(last)], "axis": _axis(op, last)})


def _pack(op: RawOp) -> NestedOp:
    operands = {"xs": [_operand(op, i) for i in range(len(op.inputs))], "axis": op.attribute("axis")}
    return NestedOp("stack", _dropping(operands, {"axis": 0}))


def _unpack(op: RawOp) -> NestedOp:
    arguments = {"x": op.inputs[0], "num": op.attribute("num"), "axis": op.attribute("axis")}
    return NestedOp("unstack", _dropping(arguments, {"axis": 0}))


def _split(op: RawOp) -> NestedOp:
    arguments = {"x": op.inputs[1], "indices_or_sections": op.attribute("num_split"), "axis": _axis(op, 0)}
    return NestedOp("split", _dropping(arguments, {"axis": 0}))


def _split_by_sizes(op: RawOp) -> List[NestedOp]:
    """Return one slice for each of the sizes, since `split` of keras.ops takes positions."""
    sizes, axis = _known(op, 1, "size_splits"), _axis(op, 2)
    if -1 in sizes[:-1]:
        raise KeyError("tf.raw_ops.SplitV with a size of -1 before the last")
    starts = np.cumsum([0, *sizes[:-1]]).tolist()
    parts = [slice(start, None if size == -1 else start + size) for start, size in zip(starts, sizes)]
    if axis < 0:
        keys = [[Ellipsis, part, *[slice(None)] * (-axis - 1)] for part in parts]
    else:
        keys = [[*[slice(None)] * axis, part] for part in parts]
    return [NestedOp("getitem", {"x": op.inputs[0], "key": key}) for key in keys]


def _pad(op: RawOp) -> NestedOp:
    widths = op.constant(1)
    value = _known(op, 2, "constant_values") if len(op.inputs) > 2 else 0
    arguments = {"x": op.inputs[0], "pad_width": op.inputs[1] if widths is None else widths.tolist()}
    return NestedOp("pad", _dropping({**arguments, "constant_values": value}, {"constant_values": 0}))


def _take(op: RawOp) -> NestedOp:
    axis = _axis(op, 2) if len(op.inputs) > 2 else 0
    batch = op.attribute("batch_dims") if len(op.inputs) > 2 else 0
    if not batch:
        return NestedOp("take", {"x": _operand(op, 0), "indices": _operand(op, 1), "axis": axis})
    if batch != axis:
        raise KeyError("tf.raw_ops.GatherV2 with batch_dims {} and axis {}".format(batch, axis))
    positions = NestedOp("expand_dims", {"x": _operand(op, 1), "axis": -1})
    return NestedOp("gather_nd", {"x": _operand(op, 0), "indices": positions, "batch_dims": batch})


def _getitem(op: RawOp) -> NestedOp:
    begins, ends, steps = (op.elements(position) for position in (1, 2, 3))
    if begins is None or ends is None or steps is None:
        raise KeyError("tf.raw_ops.StridedSlice with bounds of unknown number")
    key = slice_key(op.attribute, begins, ends, steps)
    return NestedOp("getitem", {"x": op.inputs[0], "key": key[0] if len(key) == 1 else key})


def slice_key(
    attribute: Callable[[str], Any], begins: Sequence[Any], ends: Sequence[Any], steps: Sequence[Any]
) -> List[object]:
    """Return the bounds of a `StridedSlice` as the key of a slice in Python: `attribute` gives its bit masks.

    Raises KeyError for an index that is not an integer.
    """
    masks = {name: int(attribute(name + "_mask")) for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}
    key: List[object] = []
    for position, (begin, end, step) in enumerate(zip(begins, ends, steps)):
        on = {name for name, mask in masks.items() if mask & 1 << position}
        if "ellipsis" in on:
            key.append(Ellipsis)
        elif "new_axis" in on:
            key.append(None)
        elif "shrink_axis" in on:
            if not isinstance(begin, int):
                raise KeyError("tf.raw_ops.StridedSlice with a tensor as index")
            key.append(begin)
        else:
            key.append(
                slice(None if "begin" in on else begin, None if "end" in on else end, None if step == 1 else step)
            )
    return key


def _slice(op: RawOp) -> NestedOp:
    begins, sizes = op.elements(1), op.elements(2)
    if begins is None or sizes is None or not all(isinstance(n, int) for n in (*begins, *sizes)):
        raise KeyError("tf.raw_ops.Slice with a tensor as bound")
    key = [slice(begin, None if size == -1 else begin + size) for begin, size in zip(begins, sizes)]
    return NestedOp("getitem", {"x": op.inputs[0], "key": key})


def _range(op: RawOp) -> NestedOp:
    start, stop, step = (_operand(op, position) for position in range(3))
    return NestedOp("arange", _dropping({"start": start, "stop": stop, "step": step}, {"step": 1}))


def _conv(op: RawOp) -> NestedOp:
    """Return a convolution over one or more axes between the rows and the channels, which come last."""
    padding = str(op.attribute("padding")).lower()
    if op.attribute("data_format") not in ("NHWC", "NDHWC") or padding not in ("valid", "same"):
        raise KeyError("tf.raw_ops.{} with another data_format or explicit padding".format(op.kind))
    steps = {"strides": list(op.attribute("strides"))[1:-1], "dilation_rate": list(op.attribute("dilations"))[1:-1]}
    arguments = {"x": op.inputs[0], "kernel": _operand(op, 1), "padding": padding}
    arguments.update({name: values for name, values in steps.items() if set(values) != {1}})
    return NestedOp("conv", _dropping(arguments, {"padding": "valid"}))


def _one_hot(op: RawOp) -> NestedOp:
    if (_known(op, 2, "on_value"), _known(op, 3, "off_value")) != (1, 0):
        raise KeyError("tf.raw_ops.OneHot with other values than 1 and 0")
    arguments = {"x": op.inputs[0], "num_classes": _known(op, 1, "depth"), "axis": op.attribute("axis")}
    return NestedOp("one_hot", {**_dropping(arguments, {"axis": -1}), "dtype": op.attribute("T")})


def _arg(op: RawOp) -> NestedOp:
    found = NestedOp(op.kind.replace("A", "a").replace("M", "m"), {"x": op.inputs[0], "axis": _axis(op, 1)})
    return NestedOp("cast", {"x": found, "dtype": op.attribute("output_type")})


def _cumsum(op: RawOp) -> NestedOp:
    if op.attribute("exclusive") or op.attribute("reverse"):
        raise KeyError("tf.raw_ops.Cumsum, exclusive or reverse")
    return NestedOp("cumsum", {"x": op.inputs[0], "axis": _axis(op, 1)})


def _top_k(op: RawOp) -> NestedOp:
    return NestedOp("top_k", {"x": op.inputs[0], "k": _known(op, 1, "k")})


_RULES: Mapping[str, Callable[[RawOp], object]] = {
    "ArgMax": _arg,
    "ArgMin": _arg,
    "BatchMatMulV2": _matmul("adj_x", "adj_y"),
    "BatchMatMulV3": _matmul("adj_x", "adj_y"),
    "BiasAdd": _bias_add,
    "Cast": lambda op: NestedOp("cast", {"x": op.inputs[0], "dtype": op.attribute("DstT")}),
    "ConcatV2": _concatenate,
    "Conv2D": _conv,
    "Conv3D": _conv,
    "Cumsum": _cumsum,
    "Einsum": lambda op: NestedOp("einsum", {"subscripts": op.attribute("equation"), "operands": list(op.inputs)}),
    "ExpandDims": _expand_dims,
    "GatherNd": lambda op: NestedOp("gather_nd", {"x": _operand(op, 0), "indices": _operand(op, 1)}),
    "GatherV2": _take,
    "LeakyRelu": lambda op: NestedOp("leaky_relu", {"x": op.inputs[0], "negative_slope": op.attribute("alpha")}),
    "MatMul": _matmul("transpose_a", "transpose_b"),
    "OneHot": _one_hot,
    "Pack": _pack,
    "Pad": _pad,
    "PadV2": _pad,
    "Range": _range,
    "ResourceGather": _take,
    "ReverseV2": lambda op: NestedOp("flip", {"x": op.inputs[0], "axis": _known(op, 1, "axis")}),
    "Shape": lambda op: NestedOp("shape", {"x": op.inputs[0]}),
    "Slice": _slice,
    "Split": _split,
    "SplitV": _split_by_sizes,
    "Erfc": lambda op: NestedOp("subtract", {"x1": 1.0, "x2": NestedOp("erf", {"x": op.inputs[0]})}),
    "SquaredDifference": _squared_difference,
    "Squeeze": _squeeze,
    "StridedSlice": _getitem,
    "TopKV2": _top_k,
    "Transpose": _transpose,
    "Unpack": _unpack,
}
