"""Keras 3 as it says things, on any backend: its graph's nodes, its ops, its precision; knows nothing of encoders.

It has the functions of `keras2`; what they promise is written there.
"""

import contextlib
import inspect
import re
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import numpy as np

from bert_bundle.errors import ModelError, RuntimeUnavailableError
from bert_bundle.graph import ops
from bert_bundle.graph.graph import Input

_FLOATS = ("float16", "float32", "float64")
_ALIASES = {"get_item": "getitem", "divide": "true_divide", "abs": "absolute", "amax": "max", "amin": "min"}
# What an op of the vocabulary means where keras.ops leaves a choice: l2_normalize divides by at least 1e-6.
_MEANT: Mapping[str, Mapping[str, Any]] = {
    "elu": {"alpha": 1.0},
    "normalize": {"order": 2, "epsilon": 1e-6},
    "pad": {"mode": "constant"},
    "round": {"decimals": 0},
}
_LISTS = ("xs", "operands")  # parameters that are a list of tensors
_WRITTEN = "bert_bundle_written"  # of a node that a rebuild made: the named arguments of the call


def bind() -> Any:
    """The `keras` module, of release 3. Raises RuntimeUnavailableError where there is none, or none of its backends."""
    try:
        import keras
    except (ImportError, RuntimeError) as error:
        found = str(error).splitlines()[0] if str(error) else type(error).__name__
    else:
        if int(keras.__version__.split(".")[0]) >= 3:
            return keras
        found = "keras " + keras.__version__
    raise RuntimeUnavailableError(
        "the installed packages do not provide the native runtime",
        wanted="keras 3 and one of its backends: tensorflow, jax or torch",
        found=found,
        fix="load the bundle in an environment of the matrix, or install those packages",
    )


@contextlib.contextmanager
def precision(keras: Any, policy: str) -> Iterator[None]:
    """Layers made inside have the dtype policy; the caller's settings are back afterwards."""
    floatx, before = keras.config.floatx(), keras.config.dtype_policy()
    try:
        keras.config.set_floatx(policy if policy in _FLOATS else "float32")
        keras.config.set_dtype_policy(policy)
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(before)


@contextlib.contextmanager
def working(float64: bool, *, own_code: bool = False) -> Iterator[None]:
    """Return the context to build and run a model in, with `float64` in float64; `own_code` makes no difference.

    Two things stand in the way of float64 but for TensorFlow: Keras 3 takes it for float32 wherever it infers a dtype
    (seen in 3.15: `mean` and `tanh` are off by 1e-7, LayerNormalization by 4e-7), and JAX wherever it makes an array.
    """
    import keras
    from keras.src.backend.common import dtypes

    backend, narrower = keras.config.backend(), getattr(dtypes, "BIT64_TO_BIT32_DTYPE", {})
    if not float64 or backend == "tensorflow":
        yield
        return
    before = dict(narrower)
    narrower.pop("float64", None)
    try:
        with _jax_in_float64() if backend == "jax" else contextlib.nullcontext():
            yield
    finally:
        narrower.update(before)


def _jax_in_float64() -> Any:
    import jax

    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    from jax.experimental import enable_x64

    return enable_x64()


def has_graph(model: Any) -> bool:
    """Whether the model is functional, or Sequential with a known input."""
    return hasattr(_functional(model), "_inputs_struct")


def inputs(model: Any) -> Any:
    """The symbolic inputs in the form they were given."""
    return _functional(model)._inputs_struct


def outputs(model: Any) -> Any:
    """The symbolic outputs in the form they were given."""
    return _functional(model)._outputs_struct


def called_with(layer: Any, number: int) -> Tuple[Tuple[Any, ...], Mapping[str, Any]]:
    """(positional, named) arguments of a layer's call."""
    node = layer._inbound_nodes[number]
    arguments, kwargs = node.arguments, dict(node.arguments.kwargs)
    filled_in = kwargs.get("training") is False and _default(layer.call, "training") is False
    if filled_in and "training" not in getattr(node, _WRITTEN, ()):
        del kwargs["training"]  # by Keras, as far as anyone can tell
    implied = getattr(arguments.args[0], "_keras_mask", None) if arguments.args else None
    if implied is not None and kwargs.get("mask") is implied:
        del kwargs["mask"]  # Keras passes on what the tensor has
    if isinstance(kwargs.get("mask"), (list, tuple)) and not any(m is not None for m in kwargs["mask"]):
        del kwargs["mask"]  # nor this: one None for each input of a nested model
    return tuple(arguments.args), kwargs


def call(layer: Any, args: List[Any], kwargs: Mapping[str, Any]) -> Any:
    """The layer's symbolic call. Its node remembers what was written: Keras fills defaults in and does not say so."""
    result = layer(*args, **kwargs)
    setattr(layer._inbound_nodes[-1], _WRITTEN, frozenset(kwargs))
    return result


def returned(layer: Any, number: int) -> Any:
    """What a layer's call returned: a node holds that flat, the layer knows its form."""
    flat = layer._inbound_nodes[number].outputs
    if hasattr(layer, "nested_outputs"):
        return layer.nested_outputs(flat)
    if has_graph(layer):
        from keras import tree

        nested = tree.pack_sequence_as(outputs(layer), flat)
        return flat[0] if len(flat) == 1 and not isinstance(nested, dict) else nested  # see `nodes.form`
    return flat[0] if len(flat) == 1 else list(flat)


def called_on(model: Any) -> Any:
    """Keras 3 keeps shapes of what a subclassed model was called on, no dtypes: a ModelError that says what to do."""
    raise ModelError(
        "a subclassed model of Keras 3",
        place=model.name,
        wanted="a functional model, which knows its inputs",
        found=type(model).__name__,
        fix="save keras.Model(inputs, model(inputs)): what model computes is traced",
    )


def placeholder(layer: Any, place: str) -> Input:
    """The node of an InputLayer. Raises ModelError for a sparse or ragged one."""
    if getattr(layer, "sparse", False) or getattr(layer, "ragged", False):
        raise ModelError("a sparse or ragged input", place=place, fix="use a dense tensor with padding")
    return Input(layer.name, tuple(layer.batch_shape[1:]), str(layer.dtype))


def policy(layer: Any) -> str:
    """The name of the layer's dtype policy."""
    return str(layer.dtype_policy.name)


def is_floating(tensor: Any) -> bool:
    """Whether a symbolic tensor holds floating-point numbers."""
    return "float" in str(tensor.dtype)


def cast(tensor: Any, dtype: str) -> Any:
    """The symbolic tensor in another dtype; itself where it has that."""
    from keras import ops as keras_ops

    return tensor if tensor.dtype == dtype else keras_ops.cast(tensor, dtype)


def is_op(layer: Any) -> bool:
    """Whether what made a symbolic tensor is a tensor op and no layer."""
    import keras

    return not isinstance(layer, keras.Layer)


def operation(layer: Any, number: int) -> Tuple[str, Dict[str, Any]]:
    """(keras.ops name, arguments by keras.ops names) of an op's call. Raises KeyError naming what has no equal.

    An op of Keras 3 is an object: tensors are arguments of its call, everything else are its attributes.
    """
    from bert_bundle.keras_models import keras3_extra_ops, keras3_shape_ops

    if isinstance(layer, keras3_shape_ops.Sized):
        first, kwargs = called_with(layer, number)
        return layer.op, {ops.BY_NAME[layer.op].parameters[0].name: first[0], **kwargs}
    written = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(layer).__name__).lower()
    op = ops.BY_NAME.get(_ALIASES.get(written, written))
    if op is None or not (
        type(layer).__module__.startswith("keras.") or type(layer).__module__ == keras3_extra_ops.__name__
    ):
        raise KeyError("keras.ops." + written)
    args, kwargs = called_with(layer, number)
    meant = _MEANT.get(op.name, {})
    given = dict(zip((p.name for p in op.parameters), args))
    if op.name == "einsum":
        given = {"operands": list(args)}
    given.update(kwargs)
    for name, argument in inspect.signature(type(layer).__init__).parameters.items():
        if name not in ("self", "name", "dtype") or name in (p.name for p in op.parameters):
            given.setdefault(name, getattr(layer, name, argument.default))
        if name in meant and given.get(name) != meant[name]:
            raise KeyError("{}={}".format(name, given.get(name)))
    result = {}
    for parameter in op.parameters:
        value = given.pop(parameter.name, parameter.default)
        if value is None and parameter.name == "dtype" and parameter.default is ops.REQUIRED:
            value = str(layer._inbound_nodes[number].outputs[0].dtype)  # that of the time, said by nobody
        if value is ops.REQUIRED or (value is None and parameter.default is ops.REQUIRED):
            raise KeyError("{} that says no {}".format(op.name, parameter.name))
        if parameter.name == "axis":
            value = ops.axis(op.name, value)
        if not (type(value) is type(parameter.default) and value == parameter.default):
            result[parameter.name] = value
    for name, value in given.items():
        if name not in meant and value is not None and value is not False and name not in ("self", "kwargs", "args"):
            raise KeyError(name)
    return op.name, result


def apply(name: str, arguments: Mapping[str, Any], floating: str) -> Any:
    """The op on symbolic tensors; `floating` is the dtype of constants that have no tensor beside them."""
    from bert_bundle.keras_models import keras3_shape_ops

    if isinstance(arguments.get("x"), list):  # a table that is looked up: floats take no dtype from its indices
        table = np.asarray(arguments["x"])
        arguments = {**arguments, "x": table.astype(floating if table.dtype.kind == "f" else "int32")}
    if keras3_shape_ops.is_sized(name, arguments):
        return keras3_shape_ops.apply(name, arguments, floating)
    result = _apply(name, arguments, floating)
    return keras3_shape_ops.part(arguments["x"], arguments["key"], result) if name == "getitem" else result


def _apply(name: str, arguments: Mapping[str, Any], floating: str) -> Any:
    from keras import ops as keras_ops

    from bert_bundle.keras_models import keras3_extra_ops

    op = ops.BY_NAME[name]
    given = {p.name: p.default for p in op.parameters if p.default is not ops.REQUIRED}
    given.update(arguments)
    given.update(_MEANT.get(name, {}))
    if name == "getitem":
        key = given["key"]
        return given["x"][tuple(key) if isinstance(key, list) else key]
    operands = [p.name for p in op.parameters if p.name in ops.OPERANDS]
    flat = [x for n in operands for x in (given[n] if n in _LISTS else [given[n]])]
    dtype = next((x.dtype for x in flat if hasattr(x, "dtype")), floating)
    for operand in operands:
        value = given[operand]
        given[operand] = [_tensor(x, dtype) for x in value] if operand in _LISTS else _typed(value, dtype)
    if name == "flip" and isinstance(given["axis"], list) and len(given["axis"]) == 1:
        given["axis"] = given["axis"][0]  # Keras 3.9 makes a list of whatever it is given
    if name in ("norm", "logsumexp") and isinstance(given["axis"], int):
        given["axis"] = (given["axis"],)  # norm makes a list of it, which JAX does not take; Keras 3.9 takes no number
    if name == "einsum":
        return keras_ops.einsum(given["subscripts"], *given["operands"])
    if name == "matmul":
        transposed = given.pop("transpose_a"), given.pop("transpose_b")
        if any(transposed):
            return keras3_extra_ops.Matmul(*transposed)(given["x1"], given["x2"])
    if name == "normalize":
        return keras3_extra_ops.Normalize(given["axis"])(given["x"])
    if name == "stop_gradient":
        return keras3_extra_ops.StopGradient()(given["x"])
    tensors = [given.pop(p.name) for p in op.parameters[: max(1, len(operands))] if p.name in given]
    return getattr(keras_ops, name)(*tensors, **given)


def _typed(value: Any, dtype: str) -> Any:
    """A list among the operands as an array of their dtype; plain numbers take it by themselves."""
    return np.asarray(value, dtype) if isinstance(value, list) else value


def _tensor(value: Any, dtype: str) -> Any:
    """An operand in a list of them, where numbers do not."""
    return value if hasattr(value, "dtype") else np.asarray(value, dtype)


def tensor(array: np.ndarray) -> Any:
    """The array as this Keras' backend has it."""
    from keras import ops as keras_ops

    return keras_ops.convert_to_tensor(array, dtype=str(array.dtype))


def array(tensor: Any) -> np.ndarray:
    """A backend's tensor as an array."""
    from keras import ops as keras_ops

    return np.asarray(keras_ops.convert_to_numpy(tensor))


def variable_name(variable: Any) -> str:
    """The name of a variable with that of every scope around it."""
    return str(variable.path)


def set_values(keras: Any, pairs: List[Tuple[Any, np.ndarray]]) -> None:
    """Assigns each (variable, array); Keras 3 gives it the variable's own dtype."""
    for variable, array in pairs:
        variable.assign(array)


def _default(function: Any, name: str) -> Any:
    parameter = inspect.signature(function).parameters.get(name)
    return None if parameter is None else parameter.default


def _functional(model: Any) -> Any:
    return getattr(model, "_functional", None) or model
