"""Keras' nodes, symbolic tensors and functions as they are: walked and named; captures nothing itself."""

import re
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

import numpy as np

from bert_bundle.errors import ModelError
from bert_bundle.graph.layers import WRAPPED

KERAS = ("keras", "tf_keras", "tensorflow")  # the packages whose layers and functions every release has
_BOOKS = ("_layers", "_non_trainable", "_self_", "_trainable")  # attributes in which Keras keeps what a layer holds
_SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.-]*\Z")
_FUNCTIONS = ("activation", "_initializer", "_regularizer", "_constraint")  # fields that hold one


def whole_slice(value: slice, place: str) -> slice:
    """`value` when its bounds are whole numbers; ModelError when they are tensors."""
    parts = (value.start, value.stop, value.step)
    if not all(part is None or isinstance(part, int) for part in parts):
        raise ModelError(
            "a slice whose bounds are tensors",
            place=place,
            wanted="whole numbers",
            fix="select with tf.where or a mask",
        )
    return value


def floats(value: Any, float64: bool) -> Any:
    """Constants beside a floating tensor as that has them: floats, and in single precision unless `float64`.

    What a loaded model has is single, so a constant of 64 bits would not be saved as the same bytes again.
    """
    if isinstance(value, list):
        return [floats(item, float64) for item in value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    with np.errstate(over="ignore"):
        return float(value) if float64 else float(str(np.float32(value)))


def calls_its_graph(model: Any) -> bool:
    """Whether calling the model runs its graph: a subclass of Keras' own may be functional and call something else."""
    own = next(c for c in type(model).__mro__ if c.__module__.split(".")[0] in KERAS)
    return all(getattr(type(model), name) is getattr(own, name) for name in ("call", "__call__"))


def check_own(layer: Any, config: Mapping[str, Any], place: str) -> None:
    """Raises ModelError for a function of the caller's that bears the name of one of Keras': `def relu(x)`."""
    for name in WRAPPED:
        if name in config:
            inner = getattr(layer, {"layer": "forward_layer"}.get(name, name), None) or layer.layer
            check_own(inner, inner.get_config(), place + " " + inner.name)
    for name in config:
        live = getattr(layer, name, None) if name.endswith(_FUNCTIONS) else None
        if live is not None and live.__module__.split(".")[0] not in KERAS:
            raise ModelError(
                "a function that a bundle cannot represent",
                place="{} {}".format(place, name),
                wanted="one of Keras' own",
                found="{}.{}".format(live.__module__, getattr(live, "__name__", type(live).__name__)),
                fix="name a Keras function, or apply yours as tensor ops",
            )


def check_name(name: str, place: str, *, is_input: bool) -> None:
    """Raises ModelError for a name of a layer, or of an input, that some Keras does not take.

    Keras 2 makes a scope of a layer's name (TensorFlow's rule for those), Keras 3 takes any without a slash.
    """
    if "/" in name if is_input else not _SCOPE.match(name):
        raise ModelError(
            "a name that not every Keras accepts",
            place=place,
            wanted="a name without a slash" if is_input else "letters, digits, '.', '_' and '-', not '_' or '-' first",
            found=name,
            fix="give it another name when it is made",
        )


def check_path(layer: Any, place: str, live: Mapping[str, Any]) -> None:
    """One layer has one path, and one path one layer: weights and flags go by paths. `live`: layers by path so far."""
    if live.get(place, layer) is not layer:
        raise ModelError("two layers of one model have the same name", place=place, fix="give each a name of its own")
    other = next((path for path, known in live.items() if known is layer and path != place), None)
    if other is not None:
        raise ModelError(
            "a layer shared between a model and a model nested in it",
            place=place,
            found="the same layer as " + other,
            fix="call it in one of them only",
        )


def check_parts(layer: Any, place: str) -> None:
    """Raises ModelError when a part of a layer is frozen and the layer is not, or the other way round."""
    for part in layer._flatten_layers(recursive=True, include_self=False):
        if part.weights and bool(part.trainable) != bool(layer.trainable):
            raise ModelError(
                "a part of a layer whose trainable flag differs from the layer's",
                place="{} {}".format(place, part.name),
                wanted=bool(layer.trainable),
                found=bool(part.trainable),
                fix="set the flag of the layer itself: that sets its parts' too",
            )


def attributes(layer: Any) -> Iterator[Tuple[str, Any]]:
    """(path, value) of everything that a layer's attributes hold, through lists and dicts: `blocks.0`."""
    for name, value in vars(layer).items():
        if not name.startswith(_BOOKS):
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
    """Every symbolic tensor in a nested structure, in written order (dicts by key, as Keras flattens them)."""
    if hasattr(structure, "_keras_history"):
        yield structure
    elif isinstance(structure, Mapping):
        for key in sorted(structure):
            yield from tensors(structure[key])
    elif isinstance(structure, (list, tuple)):
        for item in structure:
            yield from tensors(item)


def with_states(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
    """A recurrent layer's call as Keras 3 says it: Keras 2 puts the initial states into one list with the sequence."""
    states = kwargs.get("initial_state")
    if args and isinstance(args[0], (list, tuple)):
        args, states = (args[0][0], *args[1:]), list(args[0][1:])
    if states is None:
        return args, kwargs
    return args, {**kwargs, "initial_state": list(states) if isinstance(states, (list, tuple)) else [states]}


def rank(arguments: Tuple[Tuple[Any, ...], Mapping[str, Any]]) -> Optional[int]:
    """The number of axes of the first tensor that a layer is called with, the batch counted."""
    return next((len(tensor.shape) for tensor in tensors(list(arguments))), None)


def position_name(returned: Any, position: int, place: str) -> str:
    """The name of the output at `position` among what a call returned, empty for the only one."""
    if hasattr(returned, "_keras_history"):
        return ""
    for name, tensor in _paths(returned):
        if tensor._keras_history[2] == position:
            return name
    raise ModelError("a tensor that is not an output of its layer", place=place)


def distinct(names: Iterable[str]) -> List[str]:
    """The names of a model's outputs: a layer's second one is numbered, as Keras 2 does it."""
    result: List[str] = []
    for name in names:
        own, number = name, 0
        while own in result:
            number += 1
            own = "{}_{}".format(name, number)
        result.append(own)
    return result


def _paths(structure: Any, path: str = "") -> Iterator[Tuple[str, Any]]:
    """(name, tensor) of every output: keys and positions joined by dots."""
    if hasattr(structure, "_keras_history"):
        yield path, structure
        return
    items = structure.items() if isinstance(structure, Mapping) else enumerate(structure or ())
    for key, value in items:
        yield from _paths(value, "{}.{}".format(path, key) if path else str(key))


def form(nested: Any) -> str:
    """ "single", "list" or "dict"; a list of one is that one, as in Keras 2."""
    if isinstance(nested, Mapping):
        return "dict"
    return "single" if len(list(tensors(nested))) == 1 else "list"


def ends(nested: Any) -> Iterator[Tuple[str, Any]]:
    """(key, tensor) of every input or output; keys are empty but for dicts."""
    if isinstance(nested, Mapping):
        yield from ((str(key), value) for key, value in nested.items())
    else:
        yield from (("", tensor) for tensor in tensors(nested))
