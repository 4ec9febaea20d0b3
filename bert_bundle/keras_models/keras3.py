"""The dialect of Keras 3, on any backend: its graph's nodes, its precision. `dialect.Dialect` documents the functions.

Does not know: encoders.
"""

import contextlib
import functools
import inspect
import os
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ContextManager, Dict, Iterator, List, Mapping, Optional, Tuple

import numpy as np

from bert_bundle.encoders.families.family import TOKENS
from bert_bundle.errors import ModelError, RuntimeUnavailableError
from bert_bundle.graph.graph import Input
from bert_bundle.graph.layers import FLOATS
from bert_bundle.interpreter import installed
from bert_bundle.interpreter.installed import KERAS_BACKEND
from bert_bundle.keras_models.nodes import check_one_argument

# Attributes of a node that `call` made: the names of the keyword arguments that it passed; and by the identity of a
# tensor that Keras cast first, which it records in 3.9 and not in 3.4, 3.11 or later, the tensor that was passed.
_PASSED, _CASTS = "bert_bundle_passed", "bert_bundle_casts"


def bind() -> ModuleType:
    """Import Keras 3. Where TensorFlow, its own default, is not installed, it gets the backend that is."""
    if KERAS_BACKEND not in os.environ and not any(map(installed.installed, installed.BACKENDS["tensorflow"])):
        os.environ.update({k: v for k, v in installed.binding(installed.installed).items() if k == KERAS_BACKEND})
    try:
        import keras
    except (ImportError, RuntimeError, ValueError) as error:  # ValueError: KERAS_BACKEND is none of its backends
        found = str(error).splitlines()[0] if str(error) else type(error).__name__
    else:
        if int(keras.__version__.split(".")[0]) >= 3:
            module: ModuleType = keras
            return module
        found = "keras " + keras.__version__
    raise RuntimeUnavailableError(
        "the installed packages do not provide the native runtime",
        wanted="keras 3 and one of its backends: tensorflow, jax or torch",
        found=found,
        fix="load the bundle in an environment of the matrix, or install those packages",
    )


@contextlib.contextmanager
def precision(keras: ModuleType, policy: str) -> Iterator[None]:
    floatx, before = keras.config.floatx(), keras.config.dtype_policy()
    try:
        keras.config.set_floatx(policy if policy in FLOATS else "float32")
        keras.config.set_dtype_policy(policy)
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(before)


@contextlib.contextmanager
def compute_context(float64: bool, *, user_code: bool = False) -> Iterator[None]:
    """Make float64 available on every backend; `user_code` makes no difference.

    On backends other than TensorFlow, Keras 3 infers float32 where float64 is meant (seen in 3.15: `mean` and `tanh`
    are off by 1e-7, LayerNormalization by 4e-7), and JAX creates float32 arrays by default.
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


def _jax_in_float64() -> ContextManager[Any]:
    import jax

    if hasattr(jax, "enable_x64"):
        context: ContextManager[Any] = jax.enable_x64(True)
        return context
    from jax.experimental import enable_x64

    context = enable_x64()
    return context


def has_graph(model: Any) -> bool:
    return hasattr(_functional(model), "_inputs_struct")


def inputs(model: Any) -> Any:
    return _functional(model)._inputs_struct


def outputs(model: Any) -> Any:
    return _functional(model)._outputs_struct


def _functional(model: Any) -> Any:
    return getattr(model, "_functional", None) or model


@dataclass(frozen=True)
class InputSpec:
    """The shape of an input that a subclassed model was first called on; Keras 3 does not keep its dtype."""

    shape: Tuple[Optional[int], ...]
    dtype: None = None


def input_specs(model: Any) -> Any:
    """Return shapes without dtypes: Keras 3 keeps those of the first argument, if `call` has others."""
    shapes = dict(getattr(model, "_build_shapes_dict", None) or {})
    nested = next(iter(shapes.values()), None)
    others = [name for name in TOKENS[1:] if name in inspect.signature(model.call).parameters]
    check_one_argument(model, [*list(shapes)[1:], *(others if _is_shape(nested) else [])])
    return None if nested is None else _specs(nested)


def _is_shape(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(size is None or isinstance(size, int) for size in value)


def _specs(nested: Any) -> Any:
    if isinstance(nested, Mapping):
        return {key: _specs(value) for key, value in nested.items()}
    return InputSpec(tuple(nested)) if _is_shape(nested) else [_specs(value) for value in nested]


def passes_training(layer: Any) -> bool:
    return bool(layer._call_has_training_arg)  # by name only


def call_arguments(layer: Any, number: int) -> Tuple[Tuple[Any, ...], Mapping[str, Any]]:
    """Leave out what Keras 3 adds to the arguments that were passed."""
    node = layer._inbound_nodes[number]
    arguments, kwargs = node.arguments, dict(node.arguments.kwargs)
    may_be_default = kwargs.get("training") is False and _default(layer.call, "training") is False
    if may_be_default and "training" not in getattr(node, _PASSED, ()):
        del kwargs["training"]  # Keras stores the default as if it had been passed
    implied = getattr(arguments.args[0], "_keras_mask", None) if arguments.args else None
    if implied is not None and kwargs.get("mask") is implied:
        del kwargs["mask"]  # Keras passes on the mask of the tensor
    if isinstance(kwargs.get("mask"), (list, tuple)) and not any(m is not None for m in kwargs["mask"]):
        del kwargs["mask"]  # Keras passes one None for each input of a nested model
    casts = getattr(node, _CASTS, None)
    if casts is None:
        casts = _own_casts(layer, node)
    if casts:
        from keras import tree

        args, kwargs = tree.map_structure(lambda value: casts.get(id(value), value), (tuple(arguments.args), kwargs))
        return args, kwargs
    return tuple(arguments.args), kwargs


def _default(function: Any, name: str) -> Any:
    parameter = inspect.signature(function).parameters.get(name)
    return None if parameter is None else parameter.default


def call(layer: Any, args: List[Any], kwargs: Mapping[str, Any]) -> Any:
    """Record what was passed on the node, where Keras stores defaults and casts like arguments that were passed."""
    from keras import tree

    result = layer(*args, **kwargs)
    node = layer._inbound_nodes[-1]
    given = {id(value) for value in tree.flatten([args, dict(kwargs)])}
    setattr(node, _PASSED, frozenset(kwargs))
    setattr(
        node, _CASTS, {id(tensor): _cast_tensor(tensor) for tensor in node.input_tensors if id(tensor) not in given}
    )
    return result


def _own_casts(layer: Any, node: Any) -> Dict[int, Any]:
    """Return, by the identity of each tensor that `layer` casts itself, what it is a cast of.

    Whether the user wrote such a cast cannot be seen, and makes no difference: the layer would cast.
    """
    if is_op(layer) or not layer.autocast or not _records_casts():
        return {}
    sources = {id(tensor): _cast_tensor(tensor) for tensor in node.input_tensors if tensor.dtype == layer.compute_dtype}
    return {key: source for key, source in sources.items() if is_floating(source)}


@functools.lru_cache(maxsize=None)
def _records_casts() -> bool:
    """Return whether this Keras has a Cast in its graph where a layer casts its inputs."""
    import keras

    layer = keras.layers.Activation("linear", dtype="float16", name="casts")
    layer(keras.Input((1,), dtype="float32", name="cast"))
    tensor = layer._inbound_nodes[0].input_tensors[0]
    return _cast_tensor(tensor) is not tensor


def _cast_tensor(tensor: Any) -> Any:
    """Return what `tensor` is a cast of; the tensor itself if it is none."""
    operation, number, _ = tensor._keras_history
    return operation._inbound_nodes[number].input_tensors[0] if type(operation).__name__ == "Cast" else tensor


def call_outputs(layer: Any, number: int) -> Any:
    """Restore the form of the outputs, which a node holds as a flat list, from the layer."""
    flat = layer._inbound_nodes[number].outputs
    if hasattr(layer, "nested_outputs"):
        return layer.nested_outputs(flat)
    if has_graph(layer):
        from keras import tree

        nested = tree.pack_sequence_as(outputs(layer), flat)
        return flat[0] if len(flat) == 1 and not isinstance(nested, dict) else nested  # see `nodes.form`
    return flat[0] if len(flat) == 1 else list(flat)


def input_node(layer: Any, place: str) -> Input:
    if getattr(layer, "sparse", False) or getattr(layer, "ragged", False):
        raise ModelError("a sparse or ragged input", place=place, fix="use a dense tensor with padding")
    return Input(layer.name, tuple(layer.batch_shape[1:]), str(layer.dtype), bool(layer._trainable))


def dtype_policy(layer: Any) -> str:
    return str(layer.dtype_policy.name)


def is_floating(tensor: Any) -> bool:
    return "float" in str(tensor.dtype)


def cast(tensor: Any, dtype: str) -> Any:
    from keras import ops as keras_ops

    return tensor if tensor.dtype == dtype else keras_ops.cast(tensor, dtype)


def is_op(layer: Any) -> bool:
    import keras

    return not isinstance(layer, keras.Layer)


def operation(layer: Any, number: int) -> Tuple[str, Dict[str, Any]]:
    from bert_bundle.keras_models import keras3_ops

    args, kwargs = call_arguments(layer, number)
    return keras3_ops.operation(layer, args, kwargs, layer._inbound_nodes[number].outputs[0])


def apply(name: str, arguments: Mapping[str, Any], floating: str) -> Any:
    from bert_bundle.keras_models import keras3_ops

    return keras3_ops.apply(name, arguments, floating)


def tensor(array: np.ndarray) -> Any:
    from keras import ops as keras_ops

    return keras_ops.convert_to_tensor(array, dtype="string" if array.dtype.kind == "U" else str(array.dtype))


def array(tensor: Any) -> np.ndarray:
    from keras import ops as keras_ops

    return np.asarray(keras_ops.convert_to_numpy(tensor))


def variable_name(variable: Any) -> str:
    return str(variable.path)


def set_values(keras: ModuleType, pairs: List[Tuple[Any, np.ndarray]]) -> None:
    for variable, array in pairs:
        variable.assign(array)
