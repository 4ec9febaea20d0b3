"""The closed vocabulary of tensor ops: keras.ops names with their parameters, and their equivalents in TensorFlow.

A row is (keras.ops name, TensorFlow symbols it is captured from, parameters in TensorFlow's order). A parameter is
(keras.ops name, TensorFlow name[, default[, implied]]). A value equal to its default is left out of a graph; `implied`
is TensorFlow's default if keras.ops has another one or none. A parameter without a keras.ops name must be omitted in
the call or have its default. A rebuild calls the first symbol.

Unlike keras.ops, `matmul` has `transpose_a` and `transpose_b`, which first swap the last two axes of an operand. One
kernel does both; separate kernels would change the last bits. keras.ops does not have `gather_nd`, which takes the
parts of a tensor at positions that the model is given or computes.
"""

from dataclasses import dataclass
from typing import Any, Mapping, Tuple

from bert_bundle.errors import FormatError

REQUIRED = object()
REST = "*"  # the TensorFlow name of a parameter that takes all remaining positional arguments
# Parameters for tensors of one dtype, or constants of it.
OPERANDS = ("x1", "x2", "xs", "operands", "kernel", "fill_value")


@dataclass(frozen=True)
class Parameter:
    """One parameter of an op: its name in keras.ops (empty if it has none), its name in TensorFlow, its defaults."""

    name: str
    tensorflow: str
    default: Any = REQUIRED
    implied: object = None


@dataclass(frozen=True)
class Op:
    """One op: its keras.ops name, the TensorFlow symbol that computes it, TensorFlow's parameters in order.

    `returns_list`: the op returns a list of tensors, each named by its position.
    """

    name: str
    symbol: str
    signature: Tuple[Parameter, ...]
    returns_list: bool = False

    @property
    def parameters(self) -> Tuple[Parameter, ...]:
        """Return the parameters that have a name in keras.ops, and so in a graph."""
        return tuple(p for p in self.signature if p.name)


@dataclass(frozen=True)
class NestedOp:
    """An op whose result is an argument of another op, for one TensorFlow op that is two in keras.ops."""

    name: str
    arguments: Mapping[str, object]


_Rows = Tuple[Tuple[str, Op], ...]  # (TensorFlow symbol, op)


def _op(name: str, symbols: str, *parameters: Tuple[Any, ...], returns_list: bool = False) -> _Rows:
    op = Op(name, symbols.split()[0], tuple(Parameter(*p) for p in parameters), returns_list)
    return tuple((symbol, op) for symbol in symbols.split())


def _unary(name: str, symbols: str, parameter: str = "x") -> _Rows:
    return _op(name, symbols, ("x", parameter))


def _binary(name: str, symbols: str) -> _Rows:
    return _op(name, symbols, ("x1", "x"), ("x2", "y"))


def _reduction(name: str, symbols: str) -> _Rows:
    return _op(name, symbols, ("x", "input_tensor"), ("axis", "axis", None), ("keepdims", "keepdims", False))


def _arg(name: str) -> _Rows:
    axis = ("axis", "axis", REQUIRED, 0)
    return _op(name, "math." + name, ("x", "input"), axis, ("", "output_type", "int64"))


_DTYPE = ("dtype", "dtype", REQUIRED, "float32")
_ANY_DTYPE = ("dtype", "dtype", None)

_ROWS = (
    *_op("getitem", "__operators__.getitem", ("x", "tensor"), ("key", "slice_spec")),
    *_op("cast", "cast", ("x", "x"), ("dtype", "dtype")),
    *_op("expand_dims", "expand_dims", ("x", "input"), ("axis", "axis")),
    *_op("squeeze", "compat.v1.squeeze squeeze", ("x", "input"), ("axis", "axis", None)),
    *_op("reshape", "reshape", ("x", "tensor"), ("newshape", "shape")),
    *_op("transpose", "compat.v1.transpose transpose", ("x", "a"), ("axes", "perm", None)),
    *_op("concatenate", "concat", ("xs", "values"), ("axis", "axis")),
    *_op("stack", "stack", ("xs", "values"), ("axis", "axis", 0)),
    *_op("tile", "tile", ("x", "input"), ("repeats", "multiples")),
    *_op("repeat", "repeat", ("x", "input"), ("repeats", "repeats"), ("axis", "axis", None)),
    *_op("broadcast_to", "broadcast_to", ("x", "input"), ("shape", "shape")),
    *_op("flip", "reverse", ("x", "tensor"), ("axis", "axis")),
    *_op(
        "pad",
        "compat.v1.pad",
        ("x", "tensor"),
        ("pad_width", "paddings"),
        ("", "mode", "CONSTANT"),
        ("", "name"),
        ("constant_values", "constant_values", 0),
    ),
    *_op(
        "take",
        "compat.v1.gather",
        ("x", "params"),
        ("indices", "indices"),
        ("", "validate_indices"),
        ("", "name"),
        ("axis", "axis", REQUIRED, 0),
        ("", "batch_dims", 0),
    ),
    *_op(
        "gather_nd",
        "compat.v1.gather_nd gather_nd",
        ("x", "params"),
        ("indices", "indices"),
        ("", "name"),
        ("batch_dims", "batch_dims", 0),
        ("", "bad_indices_policy", ""),
    ),
    *_op(
        "split",
        "split",
        ("x", "value"),
        ("indices_or_sections", "num_or_size_splits"),
        ("axis", "axis", 0),
        returns_list=True,
    ),
    *_op("unstack", "unstack", ("x", "value"), ("num", "num", None), ("axis", "axis", 0), returns_list=True),
    *_op("top_k", "math.top_k", ("x", "input"), ("k", "k", REQUIRED, 1), ("sorted", "sorted", True), returns_list=True),
    *_op("sort", "sort", ("x", "values"), ("axis", "axis", -1), ("", "direction", "ASCENDING")),
    *_arg("argmax"),
    *_arg("argmin"),
    *_op("cumsum", "math.cumsum", ("x", "x"), ("axis", "axis", REQUIRED, 0), ("", "exclusive"), ("", "reverse")),
    *_op(
        "one_hot",
        "one_hot",
        ("x", "indices"),
        ("num_classes", "depth"),
        ("", "on_value"),
        ("", "off_value"),
        ("axis", "axis", -1),
        _DTYPE,
    ),
    *_op("shape", "compat.v1.shape", ("x", "input"), ("", "name"), ("", "out_type", "int32")),
    *_op("arange", "range", ("start", "start"), ("stop", "limit", None), ("step", "delta", 1), _ANY_DTYPE),
    *_op("ones", "ones", ("shape", "shape"), _DTYPE),
    *_op("zeros", "zeros", ("shape", "shape"), _DTYPE),
    *_op("full", "fill", ("shape", "dims"), ("fill_value", "value")),
    *_unary("stop_gradient", "stop_gradient", "input"),
    *_unary("ones_like", "ones_like", "input"),
    *_unary("zeros_like", "zeros_like", "input"),
    *_op("where", "where", ("condition", "condition"), ("x1", "x"), ("x2", "y")),
    *_op("clip", "clip_by_value", ("x", "t"), ("x_min", "clip_value_min"), ("x_max", "clip_value_max")),
    *_op("matmul", "linalg.matmul", ("x1", "a"), ("x2", "b"), *((t, t, False) for t in ("transpose_a", "transpose_b"))),
    *_op("tensordot", "tensordot", ("x1", "a"), ("x2", "b"), ("axes", "axes")),
    *_op(
        "conv",
        "nn.convolution",
        ("x", "input"),
        ("kernel", "filters"),
        ("strides", "strides", 1),
        ("padding", "padding", "valid"),
        ("", "data_format"),
        ("dilation_rate", "dilations", 1),
    ),
    *_op("einsum", "einsum", ("subscripts", "equation"), ("operands", REST)),
    *_op(
        "normalize",
        "math.l2_normalize linalg.l2_normalize nn.l2_normalize",
        ("x", "x"),
        ("axis", "axis", None),
        ("", "epsilon", 1e-12),
    ),
    *_reduction("sum", "math.reduce_sum"),
    *_reduction("mean", "math.reduce_mean math.reduce_variance"),
    *_reduction("max", "math.reduce_max"),
    *_reduction("min", "math.reduce_min"),
    *_reduction("std", "math.reduce_std"),
    *_reduction("any", "math.reduce_any"),
    *_reduction("all", "math.reduce_all"),
    *_op(
        "norm",
        "compat.v1.norm",
        ("x", "tensor"),
        ("", "ord", "euclidean"),
        ("axis", "axis", None),
        ("keepdims", "keepdims", False),
    ),
    *_reduction("prod", "math.reduce_prod"),
    *_reduction("logsumexp", "math.reduce_logsumexp"),
    *_op("add", "nn.bias_add", ("x1", "value"), ("x2", "bias"), ("", "data_format")),
    *_binary("add", "math.add __operators__.add"),
    *_binary("subtract", "math.subtract __operators__.sub math.squared_difference"),
    *_binary("multiply", "math.multiply __operators__.mul"),
    *_binary("true_divide", "math.truediv math.divide __operators__.truediv"),
    *_binary("divide_no_nan", "math.divide_no_nan"),
    *_binary("floor_divide", "compat.v1.floor_div math.floordiv __operators__.floordiv"),
    *_binary("mod", "math.floormod __operators__.mod"),
    *_binary("power", "math.pow __operators__.pow"),
    *_binary("maximum", "math.maximum"),
    *_binary("minimum", "math.minimum"),
    *_binary("equal", "math.equal __operators__.eq"),
    *_binary("not_equal", "math.not_equal __operators__.ne"),
    *_binary("greater", "math.greater __operators__.gt"),
    *_binary("greater_equal", "math.greater_equal __operators__.ge"),
    *_binary("less", "math.less __operators__.lt"),
    *_binary("less_equal", "math.less_equal __operators__.le"),
    *_binary("logical_and", "math.logical_and __operators__.and"),
    *_binary("logical_or", "math.logical_or __operators__.or"),
    *_unary("logical_not", "math.logical_not __operators__.invert"),
    *_unary("negative", "math.negative __operators__.neg"),
    *_unary("absolute", "math.abs __operators__.abs"),
    *_unary("exp", "math.exp"),
    *_unary("expm1", "math.expm1"),
    *_unary("log", "math.log"),
    *_unary("log1p", "math.log1p"),
    *_unary("sin", "math.sin"),
    *_unary("cos", "math.cos"),
    *_unary("floor", "math.floor"),
    *_unary("ceil", "math.ceil"),
    *_unary("round", "math.round"),
    *_unary("sign", "math.sign"),
    *_unary("reciprocal", "math.reciprocal"),
    *_unary("isnan", "math.is_nan"),
    *_unary("sqrt", "math.sqrt"),
    *_unary("rsqrt", "math.rsqrt"),
    *_unary("square", "math.square"),
    *_unary("tanh", "math.tanh nn.tanh"),
    *_unary("sigmoid", "math.sigmoid nn.sigmoid"),
    *_unary("relu", "nn.relu", "features"),
    *_unary("relu6", "nn.relu6", "features"),
    *_op("leaky_relu", "nn.leaky_relu", ("x", "features"), ("negative_slope", "alpha", 0.2)),
    *_unary("elu", "nn.elu", "features"),
    *_unary("selu", "nn.selu", "features"),
    *_op("silu", "nn.silu", ("x", "features"), ("", "beta", 1.0)),
    *_unary("softsign", "nn.softsign", "features"),
    *_unary("log_sigmoid", "math.log_sigmoid"),
    *_unary("softplus", "math.softplus nn.softplus", "features"),
    *_unary("erf", "math.erf"),
    *_op("gelu", "nn.gelu", ("x", "features"), ("approximate", "approximate", False)),
    *_op("softmax", "nn.softmax math.softmax compat.v1.nn.softmax", ("x", "logits"), ("axis", "axis", -1)),
    *_op(
        "log_softmax", "nn.log_softmax math.log_softmax compat.v1.nn.log_softmax", ("x", "logits"), ("axis", "axis", -1)
    ),
)

BY_SYMBOL: Mapping[str, Op] = dict(_ROWS)
BY_NAME: Mapping[str, Op] = {op.name: op for op in BY_SYMBOL.values()}  # the last row of that name


def check_arguments(name: str, arguments: Mapping[str, object], place: str) -> None:
    """Raise FormatError unless the op exists and accepts exactly these arguments."""
    op = BY_NAME.get(name)
    if op is None:
        raise FormatError("an op outside the vocabulary", place=place, found=name)
    known = {p.name for p in op.parameters}
    needed = {p.name for p in op.parameters if p.default is REQUIRED}
    if set(arguments) - known or needed - set(arguments):
        raise FormatError(
            "an op has missing or unknown arguments",
            place=place,
            wanted=", ".join(p.name for p in op.parameters),
            found=", ".join(sorted(arguments)),
        )
