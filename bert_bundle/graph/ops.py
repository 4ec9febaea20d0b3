"""The closed vocabulary of tensor ops: keras.ops names with their parameters, and what each is in TensorFlow.

A row is (keras.ops name, TensorFlow symbols it is captured from, parameters in TensorFlow's order). A parameter is
(keras.ops name, TensorFlow name[, default[, implied]]). A value equal to its default is left out of a graph; `implied`
is what TensorFlow takes where keras.ops has another default or none. One without a keras.ops name must say nothing: be
left out, or have its default. The first symbol is what a rebuild calls.

Beyond keras.ops, `matmul` has `transpose_a` and `transpose_b`: the last two axes of an operand swapped first. One
kernel does both, and two would move the last bits.
"""

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Tuple

from bert_bundle.errors import FormatError

REQUIRED = object()
REST = "*"  # the TensorFlow name of a parameter that takes all further positional arguments
OPERANDS = ("x1", "x2", "xs", "operands", "fill_value")  # hold tensors of one dtype, or constants of it


@dataclass(frozen=True)
class Parameter:
    """One argument of an op: its name in keras.ops (empty where it has none), in TensorFlow, and what is left out."""

    name: str
    tensorflow: str
    default: Any = REQUIRED
    implied: Any = None


@dataclass(frozen=True)
class Op:
    """One op: its keras.ops name, the TensorFlow symbol that computes it, TensorFlow's parameters in order.

    `several`: it makes a list of tensors, each named by its position.
    """

    name: str
    symbol: str
    signature: Tuple[Parameter, ...]
    several: bool = False

    @property
    def parameters(self) -> Tuple[Parameter, ...]:
        """Those that a graph has."""
        return tuple(p for p in self.signature if p.name)


@dataclass(frozen=True)
class Step:
    """An op whose result is an argument of another: what TensorFlow has one op for and keras.ops two."""

    name: str
    arguments: Mapping[str, Any]


def _op(name: str, symbols: str, *parameters: Tuple[Any, ...], several: bool = False) -> Tuple[Tuple[str, Op], ...]:
    op = Op(name, symbols.split()[0], tuple(Parameter(*p) for p in parameters), several)
    return tuple((symbol, op) for symbol in symbols.split())


def _unary(name: str, symbols: str, argument: str = "x") -> Tuple[Tuple[str, Op], ...]:
    return _op(name, symbols, ("x", argument))


def _binary(name: str, symbols: str) -> Tuple[Tuple[str, Op], ...]:
    return _op(name, symbols, ("x1", "x"), ("x2", "y"))


def _reduction(name: str, symbols: str) -> Tuple[Tuple[str, Op], ...]:
    return _op(name, symbols, ("x", "input_tensor"), ("axis", "axis", None), ("keepdims", "keepdims", False))


def _arg(name: str) -> Tuple[Tuple[str, Op], ...]:
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
    *_op("pad", "compat.v1.pad", ("x", "tensor"), ("pad_width", "paddings"), ("", "mode", "CONSTANT"), ("", "name"),
         ("constant_values", "constant_values", 0)),
    *_op("take", "compat.v1.gather", ("x", "params"), ("indices", "indices"), ("", "validate_indices"),
         ("", "name"), ("axis", "axis", REQUIRED, 0), ("", "batch_dims", 0)),
    *_op("split", "split", ("x", "value"), ("indices_or_sections", "num_or_size_splits"), ("axis", "axis", 0),
         several=True),
    *_op("unstack", "unstack", ("x", "value"), ("num", "num", None), ("axis", "axis", 0), several=True),
    *_op("top_k", "math.top_k", ("x", "input"), ("k", "k", REQUIRED, 1), ("sorted", "sorted", True), several=True),
    *_op("sort", "sort", ("x", "values"), ("axis", "axis", -1), ("", "direction", "ASCENDING")),
    *_arg("argmax"),
    *_arg("argmin"),
    *_op("cumsum", "math.cumsum", ("x", "x"), ("axis", "axis", REQUIRED, 0), ("", "exclusive"), ("", "reverse")),
    *_op("one_hot", "one_hot", ("x", "indices"), ("num_classes", "depth"), ("", "on_value"), ("", "off_value"),
         ("axis", "axis", -1), _DTYPE),
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
    *_op("einsum", "einsum", ("subscripts", "equation"), ("operands", REST)),
    *_op("normalize", "math.l2_normalize linalg.l2_normalize nn.l2_normalize", ("x", "x"), ("axis", "axis", None),
         ("", "epsilon", 1e-12)),
    *_reduction("sum", "math.reduce_sum"),
    *_reduction("mean", "math.reduce_mean math.reduce_variance"),
    *_reduction("max", "math.reduce_max"),
    *_reduction("min", "math.reduce_min"),
    *_reduction("std", "math.reduce_std"),
    *_reduction("any", "math.reduce_any"),
    *_reduction("all", "math.reduce_all"),
    *_op("norm", "compat.v1.norm", ("x", "tensor"), ("", "ord", "euclidean"), ("axis", "axis", None),
         ("keepdims", "keepdims", False)),
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
    *_op("log_softmax", "nn.log_softmax math.log_softmax compat.v1.nn.log_softmax", ("x", "logits"),
         ("axis", "axis", -1)),
)  # fmt: skip

BY_SYMBOL: Mapping[str, Op] = dict(_ROWS)
BY_NAME: Mapping[str, Op] = {op.name: op for op in BY_SYMBOL.values()}  # of two rows, the last


def check_arguments(name: str, arguments: Mapping[str, Any], place: str) -> None:
    """Raises FormatError unless the op exists and `arguments` holds exactly what it takes."""
    op = BY_NAME.get(name)
    if op is None:
        raise FormatError("an op outside the vocabulary", place=place, found=name)
    known = {p.name for p in op.parameters}
    needed = {p.name for p in op.parameters if p.default is REQUIRED}
    if set(arguments) - known or needed - set(arguments):
        raise FormatError(
            "an op's arguments are not its own",
            place=place,
            wanted=", ".join(p.name for p in op.parameters),
            found=", ".join(sorted(arguments)),
        )


def operation(symbol: str, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tuple[str, Dict[str, Any]]:
    """(keras.ops name, arguments by keras.ops names) of a TensorFlow call; an argument may be a `Step`.

    A squared difference is the square of a difference, a variance the mean of one: TensorFlow 2.4 takes that
    apart itself. Raises KeyError naming what has no equal.
    """
    op = BY_SYMBOL.get(symbol)
    if op is None:
        raise KeyError("tf." + symbol)
    arguments = bind(op, args, kwargs)
    if symbol == "math.squared_difference":
        return "square", {"x": Step("subtract", arguments)}
    if symbol == "math.reduce_variance":
        difference = {"x1": arguments["x"], "x2": Step("mean", {**arguments, "keepdims": True})}
        return "mean", {**arguments, "x": Step("square", {"x": Step("subtract", difference)})}
    return op.name, arguments


def bind(op: Op, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Dict[str, Any]:
    """The arguments of a TensorFlow call by keras.ops name, defaults left out; `name` is no argument.

    Raises KeyError with the first argument that the op does not represent.
    """
    by_name = _by_name(op, args)
    by_name.update((k, v) for k, v in kwargs.items() if k != "name")
    result = {}
    for parameter in op.signature:
        value = _plain(by_name.pop(parameter.tensorflow, None))
        value = _said(parameter) if value is None else value
        if value is REQUIRED:
            raise KeyError(parameter.tensorflow)
        same = type(value) is type(parameter.default) and value == parameter.default
        if not parameter.name and not (same or value is False):
            raise KeyError(parameter.tensorflow)
        if parameter.name and not same:
            result[parameter.name] = axis(op.name, value) if parameter.name == "axis" else value
    for name, value in by_name.items():
        if value is not None and value is not False:
            raise KeyError(name)
    if op.name == "split" and type(result["indices_or_sections"]) is not int:
        raise KeyError("num_or_size_splits that is no whole number")  # sizes in TensorFlow, positions in keras.ops
    return result


def axis(op: str, value: Any) -> Any:
    """An axis as a graph has it: one of several is a number, but for `flip`, which TensorFlow gives a list only.

    Keras 3 keeps a reduction's one axis as a list, whatever it was given.
    """
    if op == "flip":
        return [value] if type(value) is int else value
    return value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value


def _said(parameter: Parameter) -> Any:
    """What a call says that leaves the parameter out."""
    if not parameter.name and parameter.default is REQUIRED:
        return False
    return parameter.default if parameter.implied is None else parameter.implied


def _by_name(op: Op, args: Tuple[Any, ...]) -> Dict[str, Any]:
    names = [p.tensorflow for p in op.signature]
    if names[-1] == REST:
        return {**dict(zip(names[:-1], args)), REST: list(args[len(names) - 1 :])}
    extra: List[Any] = list(args[len(names) :])
    if any(value is not None for value in extra):  # a name left out by position is no argument
        raise KeyError("argument {}".format(len(args)))
    return dict(zip(names, args))


def _plain(value: Any) -> Any:
    """A TensorFlow dtype by its name; anything else as it is."""
    return str(value.name) if type(value).__name__ == "DType" else value
