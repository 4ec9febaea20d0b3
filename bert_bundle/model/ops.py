"""The closed vocabulary of tensor ops: keras.ops names with their parameters, and what each is in TensorFlow.

A row is (keras.ops name, TensorFlow symbols it is captured from, parameters). A parameter is (keras.ops name,
TensorFlow name[, default]); a value equal to its default is left out. The first symbol is what a rebuild calls.
"""

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Tuple

from ..errors import FormatError

REQUIRED = object()
OPERANDS = ("x1", "x2", "xs")  # parameters that hold tensors of one dtype, or constants of it


@dataclass(frozen=True)
class Parameter:
    """One argument of an op: its name in keras.ops, in TensorFlow, and the default that is left out."""

    name: str
    tensorflow: str
    default: Any = REQUIRED


@dataclass(frozen=True)
class Op:
    """One op: its keras.ops name, the TensorFlow symbol that computes it, its parameters in order."""

    name: str
    symbol: str
    parameters: Tuple[Parameter, ...]


def _op(name: str, symbols: str, *parameters: Tuple[Any, ...]) -> Tuple[Tuple[str, Op], ...]:
    first = symbols.split()[0]
    op = Op(name, first, tuple(Parameter(*p) for p in parameters))
    return tuple((symbol, op) for symbol in symbols.split())


def _unary(name: str, symbols: str, argument: str = "x") -> Tuple[Tuple[str, Op], ...]:
    return _op(name, symbols, ("x", argument))


def _binary(name: str, symbols: str) -> Tuple[Tuple[str, Op], ...]:
    return _op(name, symbols, ("x1", "x"), ("x2", "y"))


def _reduction(name: str, symbols: str) -> Tuple[Tuple[str, Op], ...]:
    return _op(name, symbols, ("x", "input_tensor"), ("axis", "axis", None), ("keepdims", "keepdims", False))


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
    *_unary("ones_like", "ones_like", "input"),
    *_unary("zeros_like", "zeros_like", "input"),
    *_op("where", "where", ("condition", "condition"), ("x1", "x"), ("x2", "y")),
    *_op("clip", "clip_by_value", ("x", "t"), ("x_min", "clip_value_min"), ("x_max", "clip_value_max")),
    *_op("matmul", "linalg.matmul", ("x1", "a"), ("x2", "b")),
    *_op("normalize", "math.l2_normalize linalg.l2_normalize nn.l2_normalize", ("x", "x"), ("axis", "axis", None)),
    *_reduction("sum", "math.reduce_sum"),
    *_reduction("mean", "math.reduce_mean"),
    *_reduction("max", "math.reduce_max"),
    *_reduction("min", "math.reduce_min"),
    *_reduction("prod", "math.reduce_prod"),
    *_reduction("logsumexp", "math.reduce_logsumexp"),
    *_binary("add", "math.add __operators__.add"),
    *_binary("subtract", "math.subtract __operators__.sub"),
    *_binary("multiply", "math.multiply __operators__.mul"),
    *_binary("true_divide", "math.truediv math.divide __operators__.truediv"),
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
    *_unary("log", "math.log"),
    *_unary("sqrt", "math.sqrt"),
    *_unary("rsqrt", "math.rsqrt"),
    *_unary("square", "math.square"),
    *_unary("tanh", "math.tanh nn.tanh"),
    *_unary("sigmoid", "math.sigmoid nn.sigmoid"),
    *_unary("relu", "nn.relu", "features"),
    *_unary("softplus", "math.softplus nn.softplus", "features"),
    *_unary("erf", "math.erf"),
    *_op("gelu", "nn.gelu", ("x", "features"), ("approximate", "approximate", False)),
    *_op("softmax", "nn.softmax math.softmax", ("x", "logits"), ("axis", "axis", -1)),
    *_op("log_softmax", "nn.log_softmax math.log_softmax", ("x", "logits"), ("axis", "axis", -1)),
)

BY_SYMBOL: Mapping[str, Op] = dict(_ROWS)
BY_NAME: Mapping[str, Op] = {op.name: op for op in BY_SYMBOL.values()}


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


def bind(op: Op, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Dict[str, Any]:
    """The arguments of a TensorFlow call by keras.ops name, defaults left out; `name` is no argument.

    Raises KeyError with the first argument that the op does not represent.
    """
    by_name = dict(zip((p.tensorflow for p in op.parameters), args))
    if any(extra is not None for extra in args[len(op.parameters) :]):  # a name left out by position is no argument
        raise KeyError("argument {}".format(len(args)))
    by_name.update((k, v) for k, v in kwargs.items() if k != "name")
    result = {}
    for parameter in op.parameters:
        value = by_name.pop(parameter.tensorflow, parameter.default)
        if value is REQUIRED:
            raise KeyError(parameter.tensorflow)
        if not (type(value) is type(parameter.default) and value == parameter.default):
            result[parameter.name] = value
    for name, value in by_name.items():
        if value is not None and value is not False:
            raise KeyError(name)
    return result
