"""The closed vocabulary of tensor ops: TensorFlow calls under keras.ops names, however they were written."""

from typing import Any

import pytest

from bert_bundle.errors import FormatError
from bert_bundle.graph.op_calls import bind, operation
from bert_bundle.graph.ops import BY_NAME, BY_SYMBOL, REQUIRED, NestedOp, check_arguments


class DType:
    """A stand-in for TensorFlow's class of that name."""

    def __init__(self, name: str) -> None:
        self.name = name


@pytest.mark.parametrize(
    ("symbol", "args", "kwargs", "bound"),
    [
        ("math.reduce_sum", ("t",), {}, {"x": "t"}),
        ("math.reduce_sum", ("t", 1), {}, {"x": "t", "axis": 1}),
        ("math.reduce_sum", ("t", [1]), {}, {"x": "t", "axis": 1}),
        ("math.reduce_sum", ("t", [1, 2]), {}, {"x": "t", "axis": [1, 2]}),
        ("reverse", ("t", [1]), {}, {"x": "t", "axis": [1]}),
        (
            "math.reduce_sum",
            ("t",),
            {"axis": 1, "keepdims": True, "name": "n"},
            {"x": "t", "axis": 1, "keepdims": True},
        ),
        ("math.reduce_sum", (), {"input_tensor": "t", "axis": None, "keepdims": False}, {"x": "t"}),
        ("math.reduce_sum", ("t", 0), {}, {"x": "t", "axis": 0}),
        ("math.reduce_sum", ("t", None, 0), {}, {"x": "t", "keepdims": 0}),
        ("__operators__.add", ("a", "b"), {}, {"x1": "a", "x2": "b"}),
        ("math.add", ("a",), {"y": "b"}, {"x1": "a", "x2": "b"}),
        ("cast", ("t", "float32"), {}, {"x": "t", "dtype": "float32"}),
        ("concat", (["a", "b"], -1), {}, {"xs": ["a", "b"], "axis": -1}),
        ("nn.softmax", ("t",), {"axis": -1}, {"x": "t"}),
        ("nn.gelu", ("t",), {"approximate": True}, {"x": "t", "approximate": True}),
        ("linalg.matmul", ("a", "b"), {"transpose_a": False, "name": None}, {"x1": "a", "x2": "b"}),
        ("linalg.matmul", ("a", "b"), {"transpose_b": True}, {"x1": "a", "x2": "b", "transpose_b": True}),
        (
            "compat.v1.gather",
            ("t", [0, 2]),
            {"axis": None, "batch_dims": 0, "name": None},
            {"x": "t", "indices": [0, 2], "axis": 0},
        ),
        ("compat.v1.shape", ("t", None, DType("int32")), {}, {"x": "t"}),
        ("compat.v1.pad", ("t", [[1, 1]], "CONSTANT", None, 0), {}, {"x": "t", "pad_width": [[1, 1]]}),
        ("compat.v1.norm", ("t",), {"ord": "euclidean", "axis": -1, "keepdims": None}, {"x": "t", "axis": -1}),
        ("math.argmax", ("t",), {}, {"x": "t", "axis": 0}),
        ("math.cumsum", ("t",), {"axis": 1}, {"x": "t", "axis": 1}),
        ("math.top_k", ("t",), {}, {"x": "t", "k": 1}),
        ("one_hot", ("t", 5), {"axis": -1}, {"x": "t", "num_classes": 5, "dtype": "float32"}),
        ("zeros", (["t", 3],), {"dtype": DType("float64")}, {"shape": ["t", 3], "dtype": "float64"}),
        ("range", ("t",), {}, {"start": "t"}),
        ("einsum", ("btf,buf->btu", "a", "b"), {}, {"subscripts": "btf,buf->btu", "operands": ["a", "b"]}),
        ("nn.bias_add", ("a", "b"), {}, {"x1": "a", "x2": "b"}),
        ("nn.silu", ("a", 1.0), {}, {"x": "a"}),
        ("__operators__.getitem", ("t", (slice(None), 0)), {}, {"x": "t", "key": (slice(None), 0)}),
    ],
)
def test_arguments_are_bound_by_name_without_defaults(symbol: str, args: Any, kwargs: Any, bound: Any) -> None:
    assert bind(BY_SYMBOL[symbol], args, kwargs) == bound


@pytest.mark.parametrize(
    ("symbol", "args", "kwargs", "named"),
    [
        ("linalg.matmul", ("a", "b"), {"adjoint_b": True}, "adjoint_b"),
        ("math.exp", ("a", "b"), {}, "argument 2"),
        ("compat.v1.gather", ("a", "i", None, None, 1, 1), {}, "batch_dims"),
        ("math.cumsum", ("a", 1, True), {}, "exclusive"),
        ("compat.v1.norm", ("a",), {"ord": 1}, "ord"),
        ("compat.v1.pad", ("a", [[1, 1]], "REFLECT", None, 0), {}, "mode"),
        ("math.argmax", ("a", -1), {"output_type": "int32"}, "output_type"),
        ("split", ("a", [2, 4]), {"axis": -1}, "num_or_size_splits that is not an integer"),
        ("one_hot", ("a", 5), {"on_value": 2.0}, "on_value"),
        ("math.reduce_sum", (), {"axis": 1}, "input_tensor"),
        ("math.exp", (), {}, "x"),
        ("nn.l2_normalize", ("t",), {"epsilon": 1e-6}, "epsilon"),
        ("where", ("c", "a"), {}, "y"),
    ],
)
def test_an_argument_without_an_equivalent_is_named(symbol: str, args: Any, kwargs: Any, named: str) -> None:
    with pytest.raises(KeyError) as caught:
        bind(BY_SYMBOL[symbol], args, kwargs)
    assert caught.value.args == (named,)


def test_an_op_that_keras_lacks_becomes_several_ops() -> None:
    assert operation("math.squared_difference", ("a", "b"), {}) == (
        "square",
        {"x": NestedOp("subtract", {"x1": "a", "x2": "b"})},
    )
    mean = NestedOp("mean", {"x": "t", "axis": 1, "keepdims": True})
    square = NestedOp("square", {"x": NestedOp("subtract", {"x1": "t", "x2": mean})})
    assert operation("math.reduce_variance", ("t", 1), {}) == ("mean", {"x": square, "axis": 1})
    assert operation("math.exp", ("t",), {}) == ("exp", {"x": "t"})
    with pytest.raises(KeyError, match=r"tf\.math\.lgamma"):
        operation("math.lgamma", ("t",), {})


def test_several_symbols_may_be_one_op() -> None:
    assert BY_SYMBOL["math.add"] is BY_SYMBOL["__operators__.add"] is BY_NAME["add"]
    assert BY_NAME["add"].symbol == "math.add"
    assert BY_SYMBOL["nn.bias_add"].name == "add"


@pytest.mark.parametrize("name", BY_NAME)
def test_every_op_takes_its_required_arguments_and_no_unknown_ones(name: str) -> None:
    op = BY_NAME[name]
    least = {p.name: "t" for p in op.parameters if p.default is REQUIRED}
    assert least
    check_arguments(name, least, "x")
    check_arguments(name, {p.name: "t" for p in op.parameters}, "x")
    with pytest.raises(FormatError, match="an op has missing or unknown arguments"):
        check_arguments(name, {**least, "evil": 1}, "x")
    with pytest.raises(FormatError, match="an op has missing or unknown arguments"):
        check_arguments(name, {}, "x")


@pytest.mark.parametrize("name", ["py_function", "math.reduce_sum", "Sum", "", "__import__('os')", "io.read_file"])
def test_an_op_outside_the_vocabulary_is_refused(name: str) -> None:
    with pytest.raises(FormatError, match="an op outside the vocabulary") as caught:
        check_arguments(name, {"x": 1}, "graph.json#/nodes/3")
    assert caught.value.place == "graph.json#/nodes/3"
    assert caught.value.found == name


def test_no_op_reads_writes_or_runs_anything() -> None:
    modules = {symbol.rpartition(".")[0] for symbol in BY_SYMBOL}
    assert modules <= {"", "math", "nn", "linalg", "__operators__", "compat.v1", "compat.v1.nn"}
