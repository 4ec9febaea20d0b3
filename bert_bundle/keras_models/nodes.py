"""Symbolic tensors, nodes and functions of live Keras models: walked, named and checked.

Does not know: how a graph is captured.
"""

import re
from types import ModuleType
from typing import Any, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from bert_bundle.errors import ModelError
from bert_bundle.graph.graph import Argument
from bert_bundle.graph.layer_fields import plain
from bert_bundle.graph.layers import WRAPPED

_PACKAGE = __name__.rpartition(".")[0]
_KERAS_PACKAGES = ("keras", "tf_keras", "tensorflow")  # whose layers and functions every release has
_KERAS_BOOKKEEPING = ("_layers", "_non_trainable", "_self_", "_trainable")  # attributes where Keras lists sublayers
_SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.-]*\Z")
_FUNCTIONS = ("activation", "_initializer", "_regularizer", "_constraint")  # fields that hold a function


def is_from_keras(definition: Any) -> bool:
    """Return whether a class or a function is defined in a package of Keras or TensorFlow."""
    return str(definition.__module__).split(".")[0] in _KERAS_PACKAGES


def constant(value: Any, place: str) -> Argument:
    """Return a constant of TensorFlow, NumPy or Python as graph data."""
    name = getattr(value, "name", None)
    if type(value).__name__ == "DType" and isinstance(name, str):
        return name
    if type(value).__name__ == "TensorShape":
        return [None if d is None else int(d) for d in value.as_list()]
    if hasattr(value, "assign"):
        raise ModelError(
            "a variable used outside the layer that owns it",
            place=place,
            found=getattr(value, "name", ""),
            fix="create it with add_weight in a custom layer, and use it in the call of that layer",
        )
    if hasattr(value, "numpy") and getattr(value, "shape", None) is not None:
        value = value.numpy()
    return plain(value, place)


def check_is_model(model: Any, keras: ModuleType, scope: str) -> None:
    """Raise ModelError for what is not a model of this Keras."""
    if not isinstance(model, keras.Model):
        raise ModelError(
            "not a model of the Keras that transformers uses",
            place=scope or type(model).__name__,
            wanted="a {}.Model".format(keras.__name__),
            found="{}.{}".format(type(model).__module__, type(model).__name__),
            fix="set TF_USE_LEGACY_KERAS=1 before tensorflow is imported, and build the model again",
        )


def check_one_argument(model: Any, others: Sequence[str]) -> None:
    """Raise ModelError for a subclassed model that was called on tensors in `others` beside its first argument."""
    if others:
        raise ModelError(
            "a subclassed model that was called on several arguments",
            place=model.name,
            wanted="one argument: a tensor, a list of tensors or a dict of tensors",
            found="tensors in " + ", ".join(others),
            fix="save keras.Model(inputs, model(input_ids, attention_mask=mask)) of keras.Input: what it computes is "
            "traced",
        )


def float_constants(argument: Argument, float64: bool) -> Argument:
    """Convert numeric constants to float to match the tensor they are combined with (float32 unless `float64`).

    A loaded model has float32 constants, so a constant of 64 bits would not be saved as the same bytes again.
    """
    if isinstance(argument, list):
        return [float_constants(item, float64) for item in argument]
    if isinstance(argument, bool) or not isinstance(argument, (int, float)):
        return argument
    with np.errstate(over="ignore"):
        return float(argument) if float64 else float(str(np.float32(argument)))


def calls_its_graph(model: Any) -> bool:
    """Return whether calling the model runs its graph; a functional model of a subclass may override `call`.

    The class that a loaded encoder has by itself only completes what it is called with.
    """
    keras_class = next(c for c in type(model).__mro__ if is_from_keras(c))
    methods = [(getattr(type(model), name), getattr(keras_class, name)) for name in ("call", "__call__")]
    return all(method is of_keras or method.__module__.startswith(_PACKAGE) for method, of_keras in methods)


def check_functions(layer: Any, config: Mapping[str, Any], place: str) -> None:
    """Raise ModelError for a user-defined function with the name of a Keras function: `def relu(x)`."""
    for name in WRAPPED:
        if name in config:
            inner = getattr(layer, {"layer": "forward_layer"}.get(name, name), None) or layer.layer
            check_functions(inner, inner.get_config(), place + " " + inner.name)
    for name in config:
        function = getattr(layer, name, None) if name.endswith(_FUNCTIONS) else None
        if function is not None and not is_from_keras(function):
            raise ModelError(
                "a function that a bundle cannot represent",
                place="{} {}".format(place, name),
                wanted="a function of Keras",
                found="{}.{}".format(function.__module__, getattr(function, "__name__", type(function).__name__)),
                fix="use a Keras function, or write yours with tensor ops",
            )


def check_name(name: str, place: str, *, is_input: bool) -> None:
    """Raise ModelError for the name of a layer, or of an input, that some Keras release does not accept.

    Keras 2 makes a TensorFlow scope of a layer's name; Keras 3 accepts any name without a slash.
    """
    if "/" in name if is_input else not _SCOPE.match(name):
        raise ModelError(
            "a name that not every Keras accepts",
            place=place,
            wanted="a name without a slash" if is_input else "letters, digits, '.', '_' and '-', not '_' or '-' first",
            found=name,
            fix="create it with another name",
        )


def check_path(layer: Any, place: str, layers: Mapping[str, Any]) -> None:
    """Raise ModelError unless the layer has one path and the path one layer, since weights are stored by path.

    `layers`: live layers by path so far.
    """
    if layers.get(place, layer) is not layer:
        raise ModelError(
            "two layers of one model have the same name", place=place, fix="give each layer a different name"
        )
    other = next((path for path, known in layers.items() if known is layer and path != place), None)
    if other is not None:
        raise ModelError(
            "a layer shared between a model and a model nested in it",
            place=place,
            found="the same layer as " + other,
            fix="call it in one of them only",
        )


def check_apart(encoder: Any, others: Iterable[Any], place: str) -> None:
    """Raise ModelError for an encoder inside another one, or around it: each would have a copy of the weights."""
    for other in others:
        if any(part is encoder for part in other._flatten_layers()) or any(
            part is other for part in encoder._flatten_layers()
        ):
            raise ModelError(
                "an encoder that is called as a model and by its main layer",
                place=place,
                found="the weights of " + other.name,
                fix="call it in one way everywhere: by its main layer, or as the model",
            )


def check_parts(layer: Any, place: str) -> None:
    """Raise ModelError if a part of a layer is frozen and the layer is not, or the other way round."""
    for part in layer._flatten_layers(recursive=True, include_self=False):
        if part.weights and bool(part.trainable) != bool(layer.trainable):
            raise ModelError(
                "a part of a layer whose trainable flag differs from the layer's",
                place="{} {}".format(place, part.name),
                wanted=bool(layer.trainable),
                found=bool(part.trainable),
                fix="set trainable on the layer itself, which sets it on the parts too",
            )


def attributes(layer: Any) -> Iterator[Tuple[str, Any]]:
    """Yield (path, value) for everything in a layer's attributes, inside lists and dicts too: `blocks.0`."""
    for name, value in vars(layer).items():
        if not name.startswith(_KERAS_BOOKKEEPING):
            yield from _leaves(name, value)


def _leaves(path: str, value: Any) -> Iterator[Tuple[str, Any]]:
    if isinstance(value, dict):
        for key in value:
            yield from _leaves("{}.{}".format(path, key), value[key])
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _leaves("{}.{}".format(path, number), item)
    else:
        yield path, value


def tensors(structure: Any) -> Iterator[Any]:
    """Yield every symbolic tensor in a nested structure, in order; dicts by key, as Keras flattens them."""
    if hasattr(structure, "_keras_history"):
        yield structure
    elif isinstance(structure, Mapping):
        for key in sorted(structure):
            yield from tensors(structure[key])
    elif isinstance(structure, (list, tuple)):
        for item in structure:
            yield from tensors(item)
    elif isinstance(structure, slice):
        yield from tensors([structure.start, structure.stop, structure.step])


def with_states(args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tuple[Tuple[Any, ...], Mapping[str, Any]]:
    """Return a recurrent layer's call as Keras 3 records it; Keras 2 lists initial states after the sequence."""
    states = kwargs.get("initial_state")
    if args and isinstance(args[0], (list, tuple)):
        args, states = (args[0][0], *args[1:]), list(args[0][1:])
    if states is None:
        return args, kwargs
    return args, {**kwargs, "initial_state": list(states) if isinstance(states, (list, tuple)) else [states]}


def rank(arguments: Tuple[Tuple[Any, ...], Mapping[str, Any]]) -> Optional[int]:
    """Return the number of axes, including the batch, of the first tensor that a layer is called with."""
    return next((len(tensor.shape) for tensor in tensors(list(arguments))), None)


def output_name(outputs: Any, position: int, place: str) -> str:
    """Return the name of the output at `position` of a call that returned `outputs`; empty for the only one."""
    if hasattr(outputs, "_keras_history"):
        return ""
    for name, tensor in _paths(outputs):
        if tensor._keras_history[2] == position:
            return name
    raise ModelError("a tensor that is not an output of its layer", place=place)


def distinct(names: Iterable[str]) -> List[str]:
    """Return the names with repeated ones numbered, as Keras 2 numbers several outputs of one layer."""
    result: List[str] = []
    for name in names:
        numbered, number = name, 0
        while numbered in result:
            number += 1
            numbered = "{}_{}".format(name, number)
        result.append(numbered)
    return result


def _paths(structure: Any, path: str = "") -> Iterator[Tuple[str, Any]]:
    """Yield (name, tensor) for every output; a name is keys and positions joined by dots."""
    if hasattr(structure, "_keras_history"):
        yield path, structure
        return
    items = structure.items() if isinstance(structure, Mapping) else enumerate(structure or ())
    for key, value in items:
        yield from _paths(value, "{}.{}".format(path, key) if path else str(key))


def form(nested: Any) -> str:
    """Return "single", "list" or "dict"; a list of one tensor is "single", as in Keras 2."""
    if isinstance(nested, Mapping):
        return "dict"
    return "single" if len(list(tensors(nested))) == 1 else "list"


def ends(nested: Any) -> Iterator[Tuple[str, Any]]:
    """Yield (key, tensor) for every input or output; keys are empty unless `nested` is a dict."""
    if isinstance(nested, Mapping):
        yield from ((str(key), value) for key, value in nested.items())
    else:
        yield from (("", tensor) for tensor in tensors(nested))
