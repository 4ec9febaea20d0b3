"""The ops of a TensorFlow graph in the vocabulary, without TensorFlow."""

from typing import Any, Optional

import numpy as np
import pytest

from bert_bundle.errors import FormatError
from bert_bundle.graph import ops, raw_ops
from bert_bundle.graph.ops import NestedOp

UNKNOWN = object()  # in place of a constant: a tensor whose value is not known before the model runs


class Op:
    """An op whose inputs are called a, b, c, ...; each has a constant value, or `UNKNOWN`."""

    def __init__(self, kind: str, *values: Any, elements: Any = None, **attributes: Any) -> None:
        self.kind, self.values, self.attributes = kind, values, attributes
        self.inputs = ["abcdefgh"[position] for position in range(len(values))]
        self.known: dict[int, list[Any]] = elements or {}

    def attribute(self, name: str) -> Any:
        return self.attributes[name]

    def constant(self, position: int) -> Optional["np.ndarray[Any, Any]"]:
        value = self.values[position]
        return None if value is UNKNOWN else np.asarray(value)

    def elements(self, position: int) -> list[Any] | None:
        constant = self.constant(position)
        return self.known.get(position) if constant is None else [int(item) for item in constant]


def _masks(**given: int) -> dict[str, int]:
    names = ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    return {name + "_mask": given.get(name, 0) for name in names}


X = UNKNOWN
ALL = slice(None)

TRANSLATED = {
    "one operand": (Op("Tanh", X), NestedOp("tanh", {"x": "a"})),
    "two operands": (Op("AddV2", X, X), NestedOp("add", {"x1": "a", "x2": "b"})),
    "a constant operand": (Op("Mul", 2.0, X), NestedOp("multiply", {"x1": 2.0, "x2": "b"})),
    "three operands": (Op("SelectV2", X, X, 0.0), NestedOp("where", {"condition": "a", "x1": "b", "x2": 0.0})),
    "a reduction": (Op("Sum", X, [1], keep_dims=True), NestedOp("sum", {"x": "a", "axis": 1, "keepdims": True})),
    "a reduction of two axes": (Op("Max", X, [1, 2], keep_dims=False), NestedOp("max", {"x": "a", "axis": [1, 2]})),
    "a swapped matrix": (
        Op("BatchMatMulV2", X, X, adj_x=False, adj_y=True),
        NestedOp("matmul", {"x1": "a", "x2": "b", "transpose_b": True}),
    ),
    "a shape known in part": (
        Op("Reshape", X, X, elements={1: ["rows", 4]}),
        NestedOp("reshape", {"x": "a", "newshape": ["rows", 4]}),
    ),
    "a clip without a bound": (Op("ClipByValue", X, 0.0, np.inf), NestedOp("maximum", {"x1": "a", "x2": 0.0})),
    "a clip": (Op("ClipByValue", X, 0.0, 1.0), NestedOp("clip", {"x": "a", "x_min": 0.0, "x_max": 1.0})),
    "parts of other sizes": (
        Op("SplitV", X, [2, 3], -1),
        [
            NestedOp("getitem", {"x": "a", "key": [Ellipsis, slice(0, 2)]}),
            NestedOp("getitem", {"x": "a", "key": [Ellipsis, slice(2, 5)]}),
        ],
    ),
    "the rest as a part": (
        Op("SplitV", X, [2, -1], 1),
        [
            NestedOp("getitem", {"x": "a", "key": [ALL, slice(0, 2)]}),
            NestedOp("getitem", {"x": "a", "key": [ALL, slice(2, None)]}),
        ],
    ),
    "an item of an axis": (
        Op(
            "StridedSlice",
            X,
            [0, -1],
            [0, 0],
            [1, 1],
            **_masks(begin=1, end=1, shrink_axis=2),
        ),
        NestedOp("getitem", {"x": "a", "key": [ALL, -1]}),
    ),
    "a slice up to a tensor": (
        Op(
            "StridedSlice",
            X,
            [0, 0],
            X,
            [1, 2],
            elements={2: [0, "longest"]},
            **_masks(begin=3, end=1),
        ),
        NestedOp("getitem", {"x": "a", "key": [ALL, slice(None, "longest", 2)]}),
    ),
    "a new axis after the others": (
        Op("StridedSlice", X, [0, 0], [0, 0], [1, 1], **_masks(ellipsis=1, new_axis=2)),
        NestedOp("getitem", {"x": "a", "key": [Ellipsis, None]}),
    ),
    "a table by a tensor": (Op("ResourceGather", X, X), NestedOp("take", {"x": "a", "indices": "b", "axis": 0})),
    "parts at positions": (Op("GatherNd", X, X), NestedOp("gather_nd", {"x": "a", "indices": "b"})),
    "a position in each row": (
        Op("GatherV2", X, X, 1, batch_dims=1),
        NestedOp("gather_nd", {"x": "a", "indices": NestedOp("expand_dims", {"x": "b", "axis": -1}), "batch_dims": 1}),
    ),
    "a convolution": (
        Op("Conv2D", X, X, padding="SAME", data_format="NHWC", strides=[1, 2, 1, 1], dilations=[1, 1, 1, 1]),
        NestedOp("conv", {"x": "a", "kernel": "b", "padding": "same", "strides": [2, 1]}),
    ),
    "where the largest is": (
        Op("ArgMax", X, -1, output_type="int64"),
        NestedOp("cast", {"x": NestedOp("argmax", {"x": "a", "axis": -1}), "dtype": "int64"}),
    ),
    "a bias": (Op("BiasAdd", X, X, data_format="NHWC"), NestedOp("add", {"x1": "a", "x2": "b"})),
    "what changes nothing": (Op("Identity", X), "a"),
}

REFUSED = {
    "an unknown kind": (Op("While", X), "tf.raw_ops.While"),
    "an axis that is a tensor": (Op("ExpandDims", X, X), "tf.raw_ops.ExpandDims with a tensor as axis"),
    "a reduction over nothing": (Op("Sum", X, np.zeros(0, int), keep_dims=False), "tf.raw_ops.Sum without an axis"),
    "batches of indices": (Op("GatherV2", X, X, 2, batch_dims=1), "tf.raw_ops.GatherV2 with batch_dims 1 and axis 2"),
    "a reverse sum": (Op("Cumsum", X, 1, exclusive=False, reverse=True), "tf.raw_ops.Cumsum, exclusive or reverse"),
    "other values than 1 and 0": (
        Op("OneHot", X, 3, 2.0, 0.0, axis=-1, T="float32"),
        "tf.raw_ops.OneHot with other values than 1 and 0",
    ),
    "an index that is a tensor": (
        Op("StridedSlice", X, X, [1], [1], elements={1: ["first"]}, **_masks(shrink_axis=1)),
        "tf.raw_ops.StridedSlice with a tensor as index",
    ),
    "a rest before the last part": (Op("SplitV", X, [-1, 2], 1), "tf.raw_ops.SplitV with a size of -1 before the last"),
    "a bias of channels that come first": (
        Op("BiasAdd", X, X, data_format="NCHW"),
        "tf.raw_ops.BiasAdd with another data_format",
    ),
    "channels first": (
        Op("Conv2D", X, X, padding="SAME", data_format="NCHW", strides=[1, 1, 1, 1], dilations=[1, 1, 1, 1]),
        "tf.raw_ops.Conv2D with another data_format or explicit padding",
    ),
}


@pytest.mark.parametrize("case", list(TRANSLATED))
def test_an_op_of_tensorflow_has_an_equivalent(case: str) -> None:
    op, wanted = TRANSLATED[case]
    assert raw_ops.translate(op) == wanted


@pytest.mark.parametrize("case", list(REFUSED))
def test_what_has_no_equivalent_is_named(case: str) -> None:
    op, wanted = REFUSED[case]
    with pytest.raises(KeyError) as caught:
        raw_ops.translate(op)
    assert caught.value.args[0] == wanted


def test_every_translation_is_an_op_of_the_vocabulary_with_its_own_arguments() -> None:
    for kind, name in raw_ops._NAMES.items():
        operands = len(raw_ops._PARAMETERS.get(name, ())) or (1 if ops.BY_NAME[name].parameters[0].name == "x" else 2)
        _check(raw_ops.translate(Op(kind, *[X] * operands)))
    for op, _ in TRANSLATED.values():
        _check(raw_ops.translate(op))


def test_an_argument_outside_the_vocabulary_is_found() -> None:
    """Planted fault: a rule that gives an op an argument of another one."""
    with pytest.raises(FormatError, match="an op has missing or unknown arguments"):
        _check(NestedOp("tanh", {"x": NestedOp("sum", {"x": "a", "approximate": True})}))


def _check(step: Any) -> None:
    if isinstance(step, list):
        for item in step:
            _check(item)
    elif isinstance(step, NestedOp):
        ops.check_arguments(step.name, step.arguments, "graph.json")
        for value in step.arguments.values():
            _check(value)
