"""User code run once on symbolic tensors: the function of a Lambda, the `call` of a layer or of a subclassed model.

The result consists of plain layers and ops, which `capture` reads; the code itself is not kept. While a `call` runs,
each of the layer's own variables is replaced by a symbolic tensor, so that what is computed from it stays computed from
it. Afterwards the live objects are as before.

Does not know: graphs.
"""

import contextlib
import functools
from types import ModuleType
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, Mapping, Optional, Tuple

from bert_bundle import encoders, keras_models
from bert_bundle.capturing.structures import is_symbolic, leaves, map_leaves
from bert_bundle.encoders.families import TRACED
from bert_bundle.errors import ModelError
from bert_bundle.keras_models.dialect import Dialect
from bert_bundle.keras_models.nodes import attributes, calls_its_graph, distinct, is_from_keras, tensors

# Packages of bert_bundle that define layer classes. A class that derives from one of theirs is not traced either.
_OWN_PACKAGES = tuple(package.__name__ + "." for package in (encoders, keras_models))
_FIX = (
    "write it with Keras layers and tensor ops on its inputs only: no Python control flow on values, no py_function or "
    "numpy_function, no state"
)
_OP_FIX = "write it with other ops of TensorFlow or of Keras, or with built-in layers"
_OP_FIXES: Mapping[str, str] = {
    "tf.raw_ops.Where": "a model predicts for each text, so keep every row: instead of tf.boolean_mask(x, mask) write "
    "x * tf.cast(mask, x.dtype)[..., tf.newaxis] before a sum, or tf.where(mask[..., tf.newaxis], x, -1e9) before a "
    "maximum",
}
_MOST_TOKEN_AXES = 2  # of a document: texts, tokens
_CREATE_IN_INIT = "create it with add_weight in __init__ or build, and use it in call as an attribute of its layer"

VariableToTensor = Callable[[str, Any], Any]  # (path within the layer, variable) -> symbolic tensor
Features = Optional[Mapping[str, str]]  # name of an input without tokens -> its dtype
InGraph = Callable[[Any, List[Any], Mapping[str, Any]], Any]  # `function_graph.run` of (function, args, kwargs)


def runs_user_code(layer: Any, keras: ModuleType, dialect: Dialect) -> bool:
    """Return whether the layer runs user code: its class is defined outside Keras, transformers and bert_bundle.

    A model with a graph runs user code if calling it does more than run the graph. A TimeDistributed of a model is
    traced like user code: a wrapper holds built-in layers only. So is a class of transformers that ends in `TRACED`.
    """
    if isinstance(layer, keras.layers.TimeDistributed):
        return isinstance(layer.layer, keras.Model)
    if isinstance(layer, keras.layers.Lambda):
        return True
    if isinstance(layer, keras.Model) and dialect.has_graph(layer):
        return not calls_its_graph(layer)
    if any(cls.__module__.startswith(_OWN_PACKAGES) for cls in type(layer).__mro__):
        return False
    is_traced = type(layer).__name__.endswith(TRACED) or not type(layer).__module__.startswith("transformers.")
    return is_traced and not is_from_keras(type(layer))


def trace(
    layer: Any,
    args: Any,
    kwargs: Mapping[str, Any],
    dialect: Dialect,
    place: str,
    to_tensor: VariableToTensor,
    in_graph: Optional[InGraph],
) -> Any:
    """Return the nested symbolic tensors that the layer computes from symbolic arguments.

    Code that does not run on them is run again in a function's graph. Raises ModelError if it does not run there.
    """
    is_lambda = hasattr(layer, "function") and not hasattr(type(layer), "function")
    _check_stateless(layer, place)
    function = layer.function if is_lambda else layer.call
    before = [id(variable) for variable in layer.weights]
    given = dict(layer.arguments or {}) if is_lambda else {k: v for k, v in kwargs.items() if v is not None}
    check_training(given, place)
    if not is_lambda and dialect.passes_training(layer):
        given["training"] = None  # so that the layers inside follow the mode in which the model runs
    args, given = _cast(list(args), layer, dialect), _cast(given, layer, dialect)
    try:
        with contextlib.ExitStack() as stack:
            if not is_lambda:
                stack.enter_context(_symbolic_variables(layer, to_tensor))
            result = function(*args, **given)
    except ModelError:
        raise
    except Exception as error:  # a function of TensorFlow that takes no symbolic tensor of Keras
        result = run_in_graph(function, args, given, in_graph, "Lambda" if is_lambda else "custom layer", place, error)
    if [id(variable) for variable in layer.weights] != before:
        raise ModelError("a variable that is created when the layer is called", place=place, fix=_CREATE_IN_INIT)
    return result


def run_in_graph(
    function: Any,
    args: List[Any],
    kwargs: Mapping[str, Any],
    in_graph: Optional[InGraph],
    what: str,
    place: str,
    cause: Exception,
) -> Any:
    """Return what `function` computes in a function's graph, where it is run because of `cause`.

    what      what the function is, for the message of an error
    in_graph  None where Keras has another backend than TensorFlow: `cause` is the reason of the error then

    Raises ModelError if the function does not run there.
    """
    try:
        if in_graph is None:
            raise cause
        return in_graph(function, args, kwargs)
    except ModelError:
        raise
    except KeyError as error:
        raise ModelError(
            "a tensor op that a bundle cannot represent",
            place=place,
            found=error.args[0],
            fix=_OP_FIXES.get(error.args[0], _OP_FIX),
        ) from error
    except Exception as error:
        raise ModelError(
            "a {} that cannot be traced".format(what),
            place=place,
            found="{}: {}".format(type(error).__name__, error),
            fix=_FIX,
        ) from error


def check_training(kwargs: Mapping[str, Any], place: str) -> None:
    """Raise ModelError for a call with `training=True`."""
    if kwargs.get("training") is True:
        raise ModelError(
            "a layer that is always in training mode",
            place=place,
            wanted="training left out, or False",
            found="training=True",
            fix="leave it out: in training mode predictions are random or change averages, and cannot be compared",
        )


def functional(
    model: Any,
    keras: ModuleType,
    dialect: Dialect,
    length: Optional[int],
    add: Callable[[Any, Any], VariableToTensor],
    in_graph: Optional[InGraph],
    features: Features,
) -> Any:
    """Return a functional model that computes what a subclassed model computes, on inputs like those it was called on.

    add, in_graph  `TracedLayers.add`, and as of `trace`
    length         tokens of an integer input with one axis; if None, as many as it was called on
    features       the inputs without tokens, with their dtypes where Keras does not keep them. With None they are not
                   known: all inputs are integers there, and all have the shapes that the model was called on

    Raises ModelError if the model was never called, or cannot be traced.
    """
    inputs = _inputs(model, keras, dialect, length, features)
    outputs = trace(model, [inputs], {}, dialect, model.name, add(model, next(tensors(inputs))), in_graph)
    outputs = dict(outputs) if isinstance(outputs, Mapping) else outputs
    with _distinct_names(outputs, dialect):
        return keras.Model(inputs, outputs, name=model.name)


def is_guess(model: Any, dialect: Dialect, length: Optional[int], features: Features) -> bool:
    """Return whether `functional` has to know the features, for the lengths of the others or for their dtypes."""
    if dialect.has_graph(model):
        return False
    specs = leaves(dialect.input_specs(model), lambda value: hasattr(value, "shape"))
    return length is not None or (bool(features) and any(spec.dtype is None for spec in specs))


@contextlib.contextmanager
def _distinct_names(outputs: Any, dialect: Dialect) -> Iterator[None]:
    """Let no two layers behind the outputs have one name while inside the context: a functional model refuses it."""
    found: Dict[int, Any] = {}
    stack = list(tensors(outputs))
    seen = set()
    while stack:
        layer, number, _ = stack.pop()._keras_history
        found[id(layer)] = layer
        if (id(layer), number) not in seen:
            seen.add((id(layer), number))
            stack.extend(tensors(list(dialect.call_arguments(layer, number))))
    before = [(layer, "_name" if "_name" in vars(layer) else "name", layer.name) for layer in found.values()]
    try:
        for (layer, attribute, _), name in zip(before, distinct(name for _, _, name in before)):
            vars(layer)[attribute] = name
        yield
    finally:
        for layer, attribute, name in before:
            vars(layer)[attribute] = name


@contextlib.contextmanager
def unchanged(model: Any) -> Iterator[None]:
    """Remove, on leaving, the nodes that tracing added to the model's layers."""
    layers = list(model._flatten_layers()) if hasattr(model, "_flatten_layers") else []
    lists = [nodes for layer in layers for nodes in (layer._inbound_nodes, layer._outbound_nodes)]
    lengths = [len(nodes) for nodes in lists]
    try:
        yield
    finally:
        for nodes, length in zip(lists, lengths):
            del nodes[length:]


def _inputs(model: Any, keras: ModuleType, dialect: Dialect, length: Optional[int], features: Features) -> Any:
    if dialect.has_graph(model):
        nested = dialect.inputs(model)
        return _map(nested, lambda t, name: keras.Input(t.shape[1:], dtype=t.dtype, name=t._keras_history[0].name))
    nested = dialect.input_specs(model)
    if nested is None:
        raise ModelError(
            "a subclassed model that was never called",
            place=model.name,
            fix="call it once on one argument: a tensor, a list of tensors or a dict of tensors",
        )

    def like(spec: Any, name: str) -> Any:
        shape = tuple(spec.shape)[1:]
        dtype = spec.dtype or (features or {}).get(name, "int32" if len(shape) <= _MOST_TOKEN_AXES else "float32")
        is_tokens = features is not None and name not in features and len(shape) == 1 and "int" in str(dtype)
        return keras.Input((length,) if is_tokens and length else shape, dtype=dtype, name=name)

    return _map(nested, like)


def _map(nested: Any, make: Callable[[Any, str], Any]) -> Any:
    if isinstance(nested, Mapping):
        return {key: make(value, str(key)) for key, value in nested.items()}
    if isinstance(nested, (list, tuple)):
        return [make(value, "input_{}".format(number)) for number, value in enumerate(nested, 1)]
    return make(nested, "input_1")


def _cast(value: Any, layer: Any, dialect: Dialect) -> Any:
    """Cast floating inputs to the layer's compute dtype, as Keras does before it calls a layer."""
    dtype = layer.compute_dtype if getattr(layer, "_autocast", getattr(layer, "autocast", True)) else None
    if not dtype:
        return value
    return map_leaves(value, lambda x: dialect.cast(x, dtype) if dialect.is_floating(x) else x, is_symbolic)


def _check_stateless(layer: Any, place: str) -> None:
    """Raise ModelError for losses, which the traced graph would lose; regularizers of variables are kept."""
    regularized = regularizers(layer)
    others = len(getattr(layer, "_callable_losses", None) or ()) > len(regularized)
    if others or getattr(layer, "activity_regularizer", None) is not None:
        raise ModelError(
            "a custom layer that adds a loss",
            place=place,
            fix="use the regularizer of a weight, or of a built-in layer inside it, and pass your own loss to compile",
        )


def regularizers(layer: Any) -> Dict[int, Any]:
    """Return id of a variable -> its regularizer, for the variables that the layer itself regularizes.

    Keras 3 keeps it with the variable. Keras 2 keeps only a function of the variable that it made in `add_weight`.
    """
    found = {}
    for variable in layer.weights:
        if getattr(variable, "regularizer", None) is not None:
            found[id(variable)] = variable.regularizer
    for loss in getattr(layer, "_callable_losses", None) or ():
        inner = loss.args[0] if isinstance(loss, functools.partial) and loss.args else None
        if isinstance(inner, functools.partial) and getattr(inner.func, "__name__", "") == "_loss_for_variable":
            cells = dict(zip(inner.func.__code__.co_freevars, inner.func.__closure__ or ()))
            found[id(inner.args[0])] = cells["regularizer"].cell_contents
    return found


def own_variables(layer: Any) -> List[Tuple[str, Any]]:
    """Return (path of attributes, variable), once each, of the variables in the layer but in none of its sublayers."""
    found: Dict[int, Tuple[str, Any]] = {}
    for path, value in attributes(layer):
        if id(value) in _own_variable_ids(layer):
            found.setdefault(id(value), (path, value))
    return list(found.values())


def _own_variable_ids(layer: Any) -> FrozenSet[int]:
    inside = {id(v) for part in layer._flatten_layers(recursive=False, include_self=False) for v in part.weights}
    return frozenset(id(variable) for variable in layer.weights) - inside


@contextlib.contextmanager
def _symbolic_variables(layer: Any, to_tensor: VariableToTensor) -> Iterator[None]:
    """Replace the layer's own variables in its attributes by symbolic tensors while inside the context."""
    symbols = {id(variable): to_tensor(path, variable) for path, variable in own_variables(layer)}

    def replaced(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: replaced(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [replaced(item) for item in value]
        return symbols.get(id(value), value)

    live = vars(layer)
    names = {path.split(".")[0] for path, value in attributes(layer) if id(value) in symbols}
    before = {name: live[name] for name in names}
    try:
        live.update({name: replaced(value) for name, value in before.items()})
        yield
    finally:
        live.update(before)
