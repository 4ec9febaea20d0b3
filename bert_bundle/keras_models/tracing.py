"""User code run once on symbolic tensors: the function of a Lambda, the `call` of a layer or of a subclassed model.

The result consists of plain layers and ops, which `capture` reads; the code itself is not kept. While a `call` runs,
each of the layer's own variables is replaced by a symbolic tensor, so that what is computed from it stays computed from
it. Afterwards the live objects are as before.

Does not know: graphs.
"""

import contextlib
import inspect
from types import ModuleType
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, Mapping, Optional, Tuple

from bert_bundle import encoders, keras_models
from bert_bundle.errors import ModelError
from bert_bundle.keras_models.dialect import Dialect
from bert_bundle.keras_models.nodes import attributes, calls_its_graph, is_from_keras, tensors

# Packages besides Keras that define layer classes. A class that derives from one of theirs is not traced either.
_LIBRARY_PACKAGES = tuple(package + "." for package in ("transformers", encoders.__name__, keras_models.__name__))
_FIX = (
    "write it with Keras layers and tensor ops on its inputs only: no Python control flow on values, no tf.function, "
    "py_function or numpy_function, no state"
)
_CREATE_IN_INIT = "create it with add_weight in __init__ or build, and use it in call as an attribute of its layer"

VariableToTensor = Callable[[str, Any], Any]  # (path within the layer, variable) -> symbolic tensor


def runs_user_code(layer: Any, keras: ModuleType, dialect: Dialect) -> bool:
    """Return whether the layer runs user code: its class is defined outside Keras, transformers and bert_bundle.

    A model with a graph runs user code if calling it does more than run the graph. A TimeDistributed of a model is
    traced like user code: a wrapper holds built-in layers only.
    """
    if isinstance(layer, keras.layers.TimeDistributed):
        return isinstance(layer.layer, keras.Model)
    if isinstance(layer, keras.layers.Lambda):
        return True
    if isinstance(layer, keras.Model) and dialect.has_graph(layer):
        return not calls_its_graph(layer)
    if any(cls.__module__.startswith(_LIBRARY_PACKAGES) for cls in type(layer).__mro__):
        return False
    return not is_from_keras(type(layer))


def trace(
    layer: Any, args: Any, kwargs: Mapping[str, Any], dialect: Dialect, place: str, to_tensor: VariableToTensor
) -> Any:
    """Return the nested symbolic tensors that the layer computes from symbolic arguments.

    Raises ModelError if its code does not run on them.
    """
    is_lambda = hasattr(layer, "function") and not hasattr(type(layer), "function")
    _check_stateless(layer, place)
    function = layer.function if is_lambda else layer.call
    before = [id(variable) for variable in layer.weights]
    given = dict(layer.arguments or {}) if is_lambda else {k: v for k, v in kwargs.items() if v is not None}
    check_training(given, place)
    if not is_lambda and "training" in inspect.signature(function).parameters:
        given["training"] = None  # so that the layers inside follow the mode in which the model runs
    try:
        with contextlib.ExitStack() as stack:
            if not is_lambda:
                stack.enter_context(_symbolic_variables(layer, to_tensor))
            result = function(*_cast(list(args), layer, dialect), **_cast(given, layer, dialect))
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            "a {} that cannot be traced".format("Lambda" if is_lambda else "custom layer"),
            place=place,
            found="{}: {}".format(type(error).__name__, error),
            fix=_FIX,
        ) from error
    if [id(variable) for variable in layer.weights] != before:
        raise ModelError("a variable that is created when the layer is called", place=place, fix=_CREATE_IN_INIT)
    return result


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
) -> Any:
    """Return a functional model that computes what a subclassed model computes, on inputs like those it was called on.

    `add` is `TracedLayers.add`. `length`: tokens of an integer input with one axis; if None, as many as it was called
    on. Raises ModelError if the model was never called, or cannot be traced.
    """
    inputs = _inputs(model, keras, dialect, length)
    outputs = trace(model, [inputs], {}, dialect, model.name, add(model, next(tensors(inputs))))
    return keras.Model(inputs, outputs, name=model.name)


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


def _inputs(model: Any, keras: ModuleType, dialect: Dialect, length: Optional[int]) -> Any:
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
        is_tokens = len(shape) == 1 and "int" in str(spec.dtype)
        return keras.Input((length,) if is_tokens and length else shape, dtype=spec.dtype, name=name)

    return _map(nested, like)


def _map(nested: Any, make: Callable[[Any, str], Any]) -> Any:
    if isinstance(nested, Mapping):
        return {key: make(value, str(key)) for key, value in nested.items()}
    if isinstance(nested, (list, tuple)):
        return [make(value, "input_{}".format(number)) for number, value in enumerate(nested, 1)]
    return make(nested, "input_1")


def _cast(value: Any, layer: Any, dialect: Dialect) -> Any:
    """Cast floating inputs to the layer's compute dtype, as Keras does before it calls a layer."""
    if isinstance(value, Mapping):
        return {key: _cast(item, layer, dialect) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_cast(item, layer, dialect) for item in value)
    dtype = layer.compute_dtype if getattr(layer, "_autocast", getattr(layer, "autocast", True)) else None
    is_floating = hasattr(value, "_keras_history") and dialect.is_floating(value)
    return dialect.cast(value, dtype) if is_floating and dtype else value


def _check_stateless(layer: Any, place: str) -> None:
    """Raise ModelError for losses, constraints and regularizers, which the traced graph would lose."""
    if getattr(layer, "_callable_losses", None) or getattr(layer, "activity_regularizer", None) is not None:
        raise ModelError(
            "a custom layer that adds a loss",
            place=place,
            fix="use the regularizer of a built-in layer inside it, and pass your own loss to compile",
        )
    for path, variable in _own_variables(layer):
        if getattr(variable, "constraint", None) is not None or getattr(variable, "regularizer", None) is not None:
            raise ModelError(
                "a variable of a custom layer with a constraint or a regularizer",
                place="{} {}".format(place, path),
                fix="put it in a Dense or an Embedding layer, or remove the constraint and the regularizer",
            )


def _own_variables(layer: Any) -> List[Tuple[str, Any]]:
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
    symbols = {id(variable): to_tensor(path, variable) for path, variable in _own_variables(layer)}

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
