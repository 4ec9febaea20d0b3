"""Keras 2 as it says things: its graph's nodes, its ops, its precision; knows nothing of encoders."""

import contextlib
import os
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import numpy as np

from bert_bundle.errors import ModelError, RuntimeUnavailableError
from bert_bundle.graph import ops
from bert_bundle.graph.graph import Input

_FLOATS = ("float16", "float32", "float64")
_LISTS = ("values", ops.REST)  # arguments of TensorFlow that are a list of operands


def bind() -> Any:
    """The `keras` module whose layers transformers' TensorFlow classes are made of.

    tf.keras is bound to tf-keras where that is installed, as transformers 4.41 and later do; before any import only.
    Raises RuntimeUnavailableError, naming what is missing, where there is none.
    """
    from importlib import util

    if util.find_spec("tf_keras") is not None:
        os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    try:
        import tensorflow
        from transformers import modeling_tf_utils
    except (ImportError, RuntimeError) as error:
        raise RuntimeUnavailableError(
            "the installed packages do not provide the transformers runtime",
            wanted="tensorflow and transformers 4 with its TensorFlow classes (and tf-keras from TensorFlow 2.16)",
            found=str(error).splitlines()[0] if str(error) else type(error).__name__,
            fix="load the bundle in an environment of the matrix, or install those packages",
        ) from error
    keras = getattr(modeling_tf_utils, "keras", None) or tensorflow.keras
    if not issubclass(modeling_tf_utils.TFPreTrainedModel, keras.Model):
        raise RuntimeUnavailableError(
            "transformers and tf.keras use two different Keras",
            wanted="one Keras 2",
            found=keras.__name__,
            fix="set TF_USE_LEGACY_KERAS=1 before tensorflow is imported",
        )
    return keras


@contextlib.contextmanager
def precision(keras: Any, policy: str) -> Iterator[None]:
    """Layers made inside have the dtype policy; the caller's settings are back afterwards.

    A plain dtype becomes `floatx` too: it is what transformers' classes make their weights in.
    """
    floatx, before = keras.backend.floatx(), keras.mixed_precision.global_policy()
    try:
        keras.backend.set_floatx(policy if policy in _FLOATS else "float32")
        keras.mixed_precision.set_global_policy(policy)
        yield
    finally:
        keras.backend.set_floatx(floatx)
        keras.mixed_precision.set_global_policy(before)


@contextlib.contextmanager
def working(float64: bool, *, own_code: bool = False) -> Iterator[None]:
    """The context to build and to run in, with `float64` in float64; without AutoGraph, unless `own_code` runs in it.

    Old releases cast a mask to floatx, whatever the layer's own dtype is (seen in GlobalAveragePooling1D of 2.4).
    """
    backend = bind().backend
    floatx = backend.floatx()
    try:
        backend.set_floatx("float64" if float64 else floatx)
        with contextlib.nullcontext() if own_code else autograph("DISABLED"):
            yield
    finally:
        backend.set_floatx(floatx)


@contextlib.contextmanager
def autograph(status: str) -> Iterator[None]:
    """AutoGraph "DISABLED", or "UNSPECIFIED" as it is for whoever says nothing; nothing where TensorFlow has none.

    It converts every layer's `call` anew; nothing that a bundle holds needs it (measured: 4.2 s -> 1.3 s).
    """
    context: Any = contextlib.nullcontext()
    with contextlib.suppress(ImportError, AttributeError):
        from tensorflow.python.autograph.core import ag_ctx

        context = ag_ctx.ControlStatusCtx(status=ag_ctx.Status[status])
    with context:
        yield


def has_graph(model: Any) -> bool:
    """Whether the model is functional, or Sequential with a known input."""
    return bool(getattr(model, "_is_graph_network", False))


def inputs(model: Any) -> Any:
    """The symbolic inputs in the form they were given: one, a list, a dict."""
    return model._nested_inputs


def outputs(model: Any) -> Any:
    """The symbolic outputs in the form they were given."""
    return model._nested_outputs


def called_on(model: Any) -> Any:
    """What a subclassed model was first called on: nested specifications with shape and dtype; None when never."""
    return model._saved_model_inputs_spec


def called_with(layer: Any, number: int) -> Tuple[Tuple[Any, ...], Mapping[str, Any]]:
    """(positional, named) arguments of a layer's call."""
    node = layer._inbound_nodes[number]
    return tuple(node.call_args), node.call_kwargs


def call(layer: Any, args: List[Any], kwargs: Mapping[str, Any]) -> Any:
    """The layer's symbolic call, of which `called_with` then knows what is written here."""
    return layer(*args, **kwargs)


def returned(layer: Any, number: int) -> Any:
    """What a layer's call returned: nested symbolic tensors."""
    return layer._inbound_nodes[number].outputs


def placeholder(layer: Any, place: str) -> Input:
    """The node of an InputLayer. Raises ModelError for a sparse or ragged one."""
    if getattr(layer, "sparse", False) or getattr(layer, "ragged", False):
        raise ModelError("a sparse or ragged input", place=place, fix="use a dense tensor with padding")
    return Input(layer.name, tuple(layer._batch_input_shape[1:]), str(layer.dtype))


def policy(layer: Any) -> str:
    """The name of the layer's dtype policy."""
    return str(layer._dtype_policy.name)


def is_floating(tensor: Any) -> bool:
    """Whether a symbolic tensor holds floating-point numbers."""
    return bool(tensor.dtype.is_floating)


def cast(tensor: Any, dtype: str) -> Any:
    """The symbolic tensor in another dtype; itself where it has that."""
    import tensorflow

    return tensor if tensor.dtype == dtype else tensorflow.cast(tensor, dtype)


def is_op(layer: Any) -> bool:
    """Whether what made a symbolic tensor is a tensor op and no layer: Keras 2 makes it a layer with a symbol."""
    return hasattr(layer, "symbol") and hasattr(layer, "function")


def operation(layer: Any, number: int) -> Tuple[str, Dict[str, Any]]:
    """(keras.ops name, arguments by keras.ops names) of an op's call. Raises KeyError naming what has no equal."""
    return ops.operation(str(layer.symbol), *called_with(layer, number))


def apply(name: str, arguments: Mapping[str, Any], floating: str) -> Any:
    """The op on symbolic tensors; `floating` is the dtype of constants that have no tensor beside them."""
    import tensorflow

    op = ops.BY_NAME[name]
    given = {p.tensorflow: arguments[p.name] for p in op.parameters if p.name in arguments}
    if name == "getitem":
        key = given["slice_spec"]
        return given["tensor"][tuple(key) if isinstance(key, list) else key]
    _give_constants_a_dtype(op, given, floating)
    function = tensorflow
    for part in op.symbol.split("."):
        function = getattr(function, part)
    first = given.pop(op.parameters[0].tensorflow)  # Keras 2.13 takes the first by position only
    return function(first, *given.pop(ops.REST, ()), **given)


def tensor(array: np.ndarray) -> Any:
    """The array as this Keras' backend has it."""
    import tensorflow

    return tensorflow.constant(array)


def array(tensor: Any) -> np.ndarray:
    """A backend's tensor as an array."""
    return np.asarray(tensor)


def variable_name(variable: Any) -> str:
    """The name of a variable with that of every scope around it."""
    return str(variable.name.split(":")[0])


def set_values(keras: Any, pairs: List[Tuple[Any, np.ndarray]]) -> None:
    """Assigns each (variable, array), the array in the variable's own dtype."""
    keras.backend.batch_set_value([(v, np.asarray(a, v.dtype.as_numpy_dtype)) for v, a in pairs])


def _give_constants_a_dtype(op: ops.Op, arguments: Dict[str, Any], floating: str) -> None:
    """Constants become tensors of the dtype that the op's other operand has; `floating` where there is none.

    Left to itself, Keras makes a constant that stands first (`1.0 - x`) a tensor of floatx, which x need not be.
    """
    import tensorflow

    operands = [p.tensorflow for p in op.parameters if p.name in ops.OPERANDS and p.tensorflow in arguments]
    flat = [x for name in operands for x in (arguments[name] if name in _LISTS else [arguments[name]])]
    dtype = next((x.dtype for x in flat if hasattr(x, "dtype")), None)

    def typed(value: Any) -> Any:
        if hasattr(value, "dtype"):
            return value
        constant = tensorflow.constant(value, dtype)
        return tensorflow.cast(constant, floating) if dtype is None and constant.dtype.is_floating else constant

    for name in operands:
        value = arguments[name]
        arguments[name] = [typed(x) for x in value] if name in _LISTS else typed(value)
