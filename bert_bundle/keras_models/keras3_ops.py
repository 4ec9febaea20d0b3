"""Tensor ops in Keras 3: the op of the vocabulary that an operation of Keras 3 is, and that op applied to tensors.

An op of Keras 3 is an object: tensors are arguments of its call, everything else is an attribute. Ops that keras.ops
lacks, in some release or in all, are operations defined here; each class has the name of its op.

Does not know: graphs, layers.
"""

import inspect
import re
from typing import Any, Dict, List, Mapping, Tuple

import keras
import numpy as np

from bert_bundle.graph import op_calls, ops
from bert_bundle.keras_models import keras3_shape_ops

_ALIASES = {
    "convert_to_tensor": "cast",
    "get_item": "getitem",
    "divide": "true_divide",
    "abs": "absolute",
    "amax": "max",
    "amin": "min",
}
# Arguments of keras.ops that an op of the vocabulary fixes; TensorFlow's l2_normalize divides by at least 1e-6.
_FIXED: Mapping[str, Mapping[str, Any]] = {
    "conv": {"data_format": "channels_last"},
    "elu": {"alpha": 1.0},
    "normalize": {"order": 2, "epsilon": 1e-6},
    "pad": {"mode": "constant"},
    "round": {"decimals": 0},
}
_LISTS = ("xs", "operands")  # parameters that take a list of tensors
_NORMALIZE_EPSILON = 1e-12  # TensorFlow's epsilon of l2_normalize, the least sum of squares


def operation(
    keras_op: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any], output: Any
) -> Tuple[str, Dict[str, Any]]:
    """Return (op of the vocabulary, arguments by keras.ops names) of a call that returned `output`.

    Raises KeyError with the op or the argument that has no equivalent.
    """
    if isinstance(keras_op, keras3_shape_ops.ShapeOp):
        first, rest = ops.BY_NAME[keras_op.op].parameters[0].name, dict(kwargs)
        if "key" in rest:
            rest["key"] = keras3_shape_ops.with_slices(rest["key"])
        return keras_op.op, {first: args[0], **rest}
    snake_case = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(keras_op).__name__).lower()
    op = ops.BY_NAME.get(_ALIASES.get(snake_case, snake_case))
    module = type(keras_op).__module__
    if op is None or not (module.startswith("keras.") or module == __name__):
        raise KeyError("keras.ops." + snake_case)
    given = _arguments_of(op, keras_op, args, kwargs)
    result = {}
    for parameter in op.parameters:
        value = given.pop(parameter.name, parameter.default)
        if value is None and parameter.name == "dtype" and parameter.default is ops.REQUIRED:
            value = str(output.dtype)  # the dtype was not passed
        if value is ops.REQUIRED or (value is None and parameter.default is ops.REQUIRED):
            raise KeyError("{} without {}".format(op.name, parameter.name))
        if parameter.name == "axis":
            value = op_calls.axis(op.name, value)
        if parameter.name == "key" and isinstance(value, (list, tuple)) and len(value) == 1:
            value = value[0]
        if not (type(value) is type(parameter.default) and value == parameter.default):
            result[parameter.name] = value
    for name, value in given.items():
        is_fixed = name in _FIXED.get(op.name, {})
        if not is_fixed and value is not None and value is not False and name not in ("self", "kwargs", "args"):
            raise KeyError(name)
    return op.name, result


def _arguments_of(op: ops.Op, keras_op: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the arguments of a call and the attributes of its operation, by parameter name."""
    fixed, names = _FIXED.get(op.name, {}), [p.name for p in op.parameters]
    given: Dict[str, Any] = {"operands": list(args)} if op.name == "einsum" else dict(zip(names, args))
    given.update(kwargs)
    for name, argument in inspect.signature(type(keras_op).__init__).parameters.items():
        if name not in ("self", "name", "dtype") or name in names:
            given.setdefault(name, getattr(keras_op, name, argument.default))
        if name in fixed and given.get(name) != fixed[name]:
            raise KeyError("{}={}".format(name, given.get(name)))
    return given


def apply(name: str, arguments: Mapping[str, Any], floating: str) -> Any:
    """Apply an op of the vocabulary to symbolic tensors; see `dialect.Dialect.apply`."""
    if isinstance(arguments.get("x"), list):  # a lookup table, which takes no dtype from its indices
        table = np.asarray(arguments["x"])
        arguments = {**arguments, "x": table.astype(floating if table.dtype.kind == "f" else "int32")}
    if keras3_shape_ops.is_shape_op(name, arguments):
        return keras3_shape_ops.apply(name, arguments, floating)
    result = _apply(name, arguments, floating)
    return keras3_shape_ops.mark_part(arguments["x"], arguments["key"], result) if name == "getitem" else result


def _apply(name: str, arguments: Mapping[str, Any], floating: str) -> Any:
    op = ops.BY_NAME[name]
    given = {p.name: p.default for p in op.parameters if p.default is not ops.REQUIRED}
    given.update(arguments)
    given.update(_FIXED.get(name, {}))
    if name == "getitem":
        key = given["key"]  # Keras 3 accepts one number, or a tuple: `x[1:]` by itself is refused
        return given["x"][tuple(key) if isinstance(key, list) else key if isinstance(key, int) else (key,)]
    operands = [p.name for p in op.parameters if p.name in ops.OPERANDS]
    _convert_constants(given, operands, floating)
    if name == "flip" and isinstance(given["axis"], list) and len(given["axis"]) == 1:
        given["axis"] = given["axis"][0]  # Keras 3.9 wraps any axis in a list
    if name in ("norm", "logsumexp") and isinstance(given["axis"], int):
        given["axis"] = (given["axis"],)  # norm makes a list of it, which JAX rejects; Keras 3.9 rejects a number
    if name == "einsum":
        return keras.ops.einsum(given["subscripts"], *given["operands"])
    if name == "matmul":
        transposed = given.pop("transpose_a"), given.pop("transpose_b")
        if any(transposed):
            return Matmul(*transposed)(given["x1"], given["x2"])
    if name == "normalize":
        return Normalize(given["axis"])(given["x"])
    if name == "stop_gradient":
        return StopGradient()(given["x"])
    if name == "gather_nd":
        given["indices"] = np.asarray(given["indices"]) if isinstance(given["indices"], list) else given["indices"]
        return GatherNd(given["batch_dims"])(given["x"], given["indices"])
    tensors = [given.pop(p.name) for p in op.parameters[: max(1, len(operands))] if p.name in given]
    return getattr(keras.ops, name)(*tensors, **given)


def _convert_constants(arguments: Dict[str, Any], operands: List[str], floating: str) -> None:
    """Convert constant operands to arrays of the dtype of the other operands, or of `floating` if there are none.

    A plain number is converted by Keras, except in a list of operands.
    """
    flat = [x for name in operands for x in (arguments[name] if name in _LISTS else [arguments[name]])]
    dtype = next((x.dtype for x in flat if hasattr(x, "dtype")), floating)
    for name in operands:
        value = arguments[name]
        if name in _LISTS:
            arguments[name] = [x if hasattr(x, "dtype") else np.asarray(x, dtype) for x in value]
        elif isinstance(value, list):
            arguments[name] = np.asarray(value, dtype)


class Matmul(keras.Operation):  # type: ignore[misc]
    """Multiplies two operands, after swapping the last two axes of one or both."""

    def __init__(self, transpose_a: bool, transpose_b: bool) -> None:
        super().__init__()
        self.transpose_a, self.transpose_b = transpose_a, transpose_b

    def call(self, x1: Any, x2: Any) -> Any:
        """Return (..., n, m) of (..., n, k) and (..., k, m), either of them swapped."""
        x1 = keras.ops.swapaxes(x1, -1, -2) if self.transpose_a else x1
        return keras.ops.matmul(x1, keras.ops.swapaxes(x2, -1, -2) if self.transpose_b else x2)


class GatherNd(keras.Operation):  # type: ignore[misc]
    """Takes the parts of x at positions, each a vector of indices: keras.ops does not have it."""

    def __init__(self, batch_dims: int) -> None:
        super().__init__()
        self.batch_dims = batch_dims

    def call(self, x: Any, indices: Any) -> Any:
        """Return (*batch, *positions, *rest) of x (*batch, *axes, *rest) and indices (*batch, *positions, axes).

        The axes before the rest are joined to one, so that a position is one number.
        """
        sizes, rank = keras.ops.shape(x), len(indices.shape) - 1
        joined = self.batch_dims + indices.shape[-1]
        columns = [keras.ops.cast(indices[..., axis], "int32") for axis in range(indices.shape[-1])]
        place: Any = 0
        for axis in range(joined):
            if axis < self.batch_dims:
                shape = [-1 if other == axis else 1 for other in range(rank)]
                index = keras.ops.reshape(keras.ops.arange(sizes[axis], dtype="int32"), shape)
            else:
                index = columns[axis - self.batch_dims]
            place = place * sizes[axis] + index
        return keras.ops.take(keras.ops.reshape(x, (-1, *sizes[joined:])), place, axis=0)

    def compute_output_spec(self, x: Any, indices: Any) -> Any:
        """Return the shape that `call` documents, and the dtype of x."""
        joined = self.batch_dims + indices.shape[-1]
        return keras.KerasTensor((*indices.shape[:-1], *x.shape[joined:]), x.dtype)


class Normalize(keras.Operation):  # type: ignore[misc]
    """Divides x by its Euclidean norm along an axis, with TensorFlow's epsilon: Keras 3.4 takes no epsilon."""

    def __init__(self, axis: Any) -> None:
        super().__init__()
        self.axis = axis

    def call(self, x: Any) -> Any:
        """Return x, normalized, in its shape."""
        squares = keras.ops.sum(keras.ops.square(x), axis=self.axis, keepdims=True)
        return x * keras.ops.rsqrt(keras.ops.maximum(squares, _NORMALIZE_EPSILON))


class StopGradient(keras.Operation):  # type: ignore[misc]
    """Stops the gradient of x: in Keras 3.4 the function does not accept symbolic tensors."""

    def call(self, x: Any) -> Any:
        """Return x."""
        return keras.ops.stop_gradient(x)

    def compute_output_spec(self, x: Any) -> Any:
        """Return the shape and dtype of x."""
        return keras.KerasTensor(x.shape, x.dtype)
