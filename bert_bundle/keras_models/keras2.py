"""The dialect of Keras 2: its graph's nodes, its ops, its precision. `dialect.Dialect` documents the functions.

Does not know: encoders.
"""

import contextlib
import inspect
import os
from types import ModuleType
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import numpy as np

from bert_bundle.encoders import pretrained_inputs
from bert_bundle.encoders.families.family import TOKENS
from bert_bundle.errors import ModelError, RuntimeUnavailableError
from bert_bundle.graph import op_calls, ops
from bert_bundle.graph.graph import Input
from bert_bundle.graph.layers import FLOATS
from bert_bundle.keras_models.nodes import check_one_argument

_LISTS = ("values", ops.REST)  # TensorFlow's parameters that take a list of operands


def bind() -> ModuleType:
    """Return the `keras` module that transformers' TensorFlow classes are made of.

    As transformers 4.41 and later do, bind tf.keras to tf-keras if that is installed. This works only before TensorFlow
    is imported.
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
    keras: ModuleType = getattr(modeling_tf_utils, "keras", None) or tensorflow.keras
    if not issubclass(modeling_tf_utils.TFPreTrainedModel, keras.Model):
        raise RuntimeUnavailableError(
            "transformers and tf.keras use two different Keras",
            wanted="one Keras 2",
            found=keras.__name__,
            fix="set TF_USE_LEGACY_KERAS=1 before tensorflow is imported",
        )
    return keras


@contextlib.contextmanager
def precision(keras: ModuleType, policy: str) -> Iterator[None]:
    """Set a plain dtype as `floatx` too, which transformers' classes use for their weights."""
    floatx, before = keras.backend.floatx(), keras.mixed_precision.global_policy()
    try:
        keras.backend.set_floatx(policy if policy in FLOATS else "float32")
        keras.mixed_precision.set_global_policy(policy)
        yield
    finally:
        keras.backend.set_floatx(floatx)
        keras.mixed_precision.set_global_policy(before)


@contextlib.contextmanager
def compute_context(float64: bool, *, user_code: bool = False) -> Iterator[None]:
    """Set `floatx` with `float64`, and switch AutoGraph off unless there is `user_code`.

    Old releases cast a mask to floatx, whatever the layer's own dtype is (seen in GlobalAveragePooling1D of 2.4). A
    global policy that nobody has set is the one of floatx: what is restored is the one from before.
    """
    keras = bind()
    backend, floatx, policy = keras.backend, keras.backend.floatx(), keras.mixed_precision.global_policy()
    try:
        backend.set_floatx("float64" if float64 else floatx)
        with contextlib.nullcontext() if user_code else autograph("DISABLED"):
            yield
    finally:
        backend.set_floatx(floatx)
        keras.mixed_precision.set_global_policy(policy)


@contextlib.contextmanager
def autograph(status: str) -> Iterator[None]:
    """Set AutoGraph to "DISABLED", or to its default "UNSPECIFIED"; do nothing if this TensorFlow does not have it.

    It converts every layer's `call` again, and nothing in a bundle needs it (measured: 4.2 s -> 1.3 s).
    """
    context: Any = contextlib.nullcontext()
    with contextlib.suppress(ImportError, AttributeError):
        from tensorflow.python.autograph.core import ag_ctx

        context = ag_ctx.ControlStatusCtx(status=ag_ctx.Status[status])
    with context:
        yield


def has_graph(model: Any) -> bool:
    return bool(getattr(model, "_is_graph_network", False))


def inputs(model: Any) -> Any:
    return model._nested_inputs


def outputs(model: Any) -> Any:
    return model._nested_outputs


def input_specs(model: Any) -> Any:
    from transformers import TFPreTrainedModel

    if isinstance(model, TFPreTrainedModel):
        return pretrained_inputs.specs(model)
    _check_one_argument(model)
    return model._saved_model_inputs_spec


def _check_one_argument(model: Any) -> None:
    """Raise ModelError for a model that was called on tensors in more arguments than the first, which Keras keeps.

    TensorFlow 2.4 keeps nothing of the others: a mask or token types that `call` takes beside one tensor were passed.
    """
    from tensorflow import TensorSpec, nest

    kept = getattr(model, "_saved_model_arg_spec", None)
    if kept is not None:
        args, kwargs = kept
        others = {**dict(enumerate(args[1:], 1)), **kwargs}
        found = [
            str(name) for name, value in others.items() if any(isinstance(v, TensorSpec) for v in nest.flatten(value))
        ]
    else:
        is_one = isinstance(model._saved_model_inputs_spec, TensorSpec)
        found = [name for name in TOKENS[1:] if is_one and name in inspect.signature(model.call).parameters]
    check_one_argument(model, found)


def passes_training(layer: Any) -> bool:
    return bool(layer._expects_training_arg)  # by name or in **kwargs


def call_arguments(layer: Any, number: int) -> Tuple[Tuple[Any, ...], Mapping[str, Any]]:
    node = layer._inbound_nodes[number]
    return tuple(node.call_args), node.call_kwargs


def call(layer: Any, args: List[Any], kwargs: Mapping[str, Any]) -> Any:
    return layer(*args, **kwargs)


def call_outputs(layer: Any, number: int) -> Any:
    return layer._inbound_nodes[number].outputs


def input_node(layer: Any, place: str) -> Input:
    if getattr(layer, "sparse", False) or getattr(layer, "ragged", False):
        raise ModelError("a sparse or ragged input", place=place, fix="use a dense tensor with padding")
    return Input(layer.name, tuple(layer._batch_input_shape[1:]), str(layer.dtype), bool(layer._trainable))


def dtype_policy(layer: Any) -> str:
    return str(layer._dtype_policy.name)


def is_floating(tensor: Any) -> bool:
    return bool(tensor.dtype.is_floating)


def cast(tensor: Any, dtype: str) -> Any:
    import tensorflow

    return tensor if tensor.dtype == dtype else tensorflow.cast(tensor, dtype)


def is_op(layer: Any) -> bool:
    """Return whether `layer` is one that Keras 2 makes of an op: it has the op's symbol and function."""
    return hasattr(layer, "symbol") and hasattr(layer, "function")


def operation(layer: Any, number: int) -> Tuple[str, Dict[str, Any]]:
    return op_calls.operation(str(layer.symbol), *call_arguments(layer, number))


def apply(name: str, arguments: Mapping[str, Any], floating: str) -> Any:
    import tensorflow

    op = ops.BY_NAME[name]
    given = {p.tensorflow: arguments[p.name] for p in op.parameters if p.name in arguments}
    if name == "getitem":
        key = given["slice_spec"]
        return given["tensor"][tuple(key) if isinstance(key, list) else key]
    _convert_constants(op, given, floating)
    if name == "conv":
        given["padding"] = given.get("padding", "valid").upper()
    function = tensorflow
    for part in op.symbol.split("."):
        function = getattr(function, part)
    first = given.pop(op.parameters[0].tensorflow)  # Keras 2.13 accepts the first argument by position only
    return function(first, *given.pop(ops.REST, ()), **given)


def tensor(array: np.ndarray) -> Any:
    import tensorflow

    return tensorflow.constant(array)


def array(tensor: Any) -> np.ndarray:
    return np.asarray(tensor)


def variable_name(variable: Any) -> str:
    return str(variable.name.split(":")[0])


def set_values(keras: ModuleType, pairs: List[Tuple[Any, np.ndarray]]) -> None:
    keras.backend.batch_set_value([(v, np.asarray(a, v.dtype.as_numpy_dtype)) for v, a in pairs])


def _convert_constants(op: ops.Op, arguments: Dict[str, Any], floating: str) -> None:
    """Convert constants to tensors of the dtype of the op's other operand, or of `floating` if there is none.

    Otherwise Keras converts a constant in first place (`1.0 - x`) to a tensor of floatx, whatever the dtype of x is.
    """
    import tensorflow

    operands = [p.tensorflow for p in op.parameters if p.name in ops.OPERANDS and p.tensorflow in arguments]
    flat = [x for name in operands for x in (arguments[name] if name in _LISTS else [arguments[name]])]
    dtype = next((x.dtype for x in flat if hasattr(x, "dtype")), None)

    def converted(value: Any) -> Any:
        if hasattr(value, "dtype"):
            return value
        constant = tensorflow.constant(value, dtype)
        return tensorflow.cast(constant, floating) if dtype is None and constant.dtype.is_floating else constant

    for name in operands:
        value = arguments[name]
        arguments[name] = [converted(x) for x in value] if name in _LISTS else converted(value)
