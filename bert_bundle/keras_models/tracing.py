"""Code of the caller's own run once on symbolic tensors: a Lambda's function, a layer's `call`, a subclassed model's.

What comes out are plain layers and ops, which capture reads; nothing of the code is kept. While a `call` runs, each of
the layer's own variables stands replaced by a symbolic tensor, so that what is computed from it stays computed from it;
the live objects are as before when it ends. Knows nothing of graphs.
"""

import contextlib
import inspect
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from bert_bundle.errors import ModelError
from bert_bundle.keras_models.nodes import KERAS, attributes, calls_its_graph, tensors

_FIX = (
    "write it with Keras layers and tensor ops on its inputs alone: no Python control flow on values, no tf.function, "
    "py_function or numpy_function, no state"
)
_MADE_IN_INIT = "make it with add_weight in __init__ or build, and use it in call as an attribute of its own layer"

Hold = Callable[[str, Any], Any]  # (path within the layer, variable) -> symbolic tensor


def is_own_code(layer: Any, keras: Any, dialect: Any) -> bool:
    """Whether what a layer does is code of the caller's: its class is none of Keras or ours, and made of no encoder's.

    A model with a graph that does more than run it has code of the caller's too.
    """
    if isinstance(layer, keras.layers.Lambda):
        return True
    if isinstance(layer, keras.Model) and dialect.has_graph(layer):
        return not calls_its_graph(layer)
    if any(
        cls.__module__.startswith(("transformers.", "bert_bundle.encoders.", "bert_bundle.keras_models."))
        for cls in type(layer).__mro__
    ):
        return False
    return type(layer).__module__.split(".")[0] not in KERAS


def trace(layer: Any, args: Any, kwargs: Mapping[str, Any], dialect: Any, place: str, hold: Hold) -> Any:
    """What the layer makes of symbolic arguments: nested symbolic tensors. Raises ModelError when it cannot be run."""
    is_lambda = hasattr(layer, "function") and not hasattr(type(layer), "function")
    _check_stateless(layer, place)
    function = layer.function if is_lambda else layer.call
    before = [id(variable) for variable in layer.weights]
    given = dict(layer.arguments or {}) if is_lambda else {k: v for k, v in kwargs.items() if v is not None}
    if given.get("training") is True:
        raise ModelError(
            "a layer that is always in training mode", place=place, wanted="training left out, or False",
            found="training=True", fix="its predictions are random or move its averages",
        )  # fmt: skip
    if not is_lambda and "training" in inspect.signature(function).parameters:
        given["training"] = None  # what it holds decides for itself, when it predicts and when it trains
    try:
        with contextlib.ExitStack() as stack:
            if not is_lambda:
                stack.enter_context(_symbolic(layer, hold))
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
        raise ModelError("a variable that is created when the layer is called", place=place, fix=_MADE_IN_INIT)
    return result


def functional(model: Any, keras: Any, dialect: Any, length: Optional[int], add: Callable[[Any, Any], Hold]) -> Any:
    """A functional model of what a subclassed one computes, on inputs like those it was called on.

    `add` remembers the model and makes tensors of its variables. `length`: tokens of an input of whole numbers in one
    axis; when None, as many as it was called on.
    Raises ModelError when it was never called, or cannot be traced.
    """
    inputs = _inputs(model, keras, dialect, length)
    outputs = trace(model, [inputs], {}, dialect, model.name, add(model, next(tensors(inputs))))
    return keras.Model(inputs, outputs, name=model.name)


@contextlib.contextmanager
def unchanged(model: Any) -> Iterator[None]:
    """Takes back the nodes that tracing adds to the model's layers."""
    layers = list(model._flatten_layers()) if hasattr(model, "_flatten_layers") else []
    lists = [nodes for layer in layers for nodes in (layer._inbound_nodes, layer._outbound_nodes)]
    lengths = [len(nodes) for nodes in lists]
    try:
        yield
    finally:
        for nodes, length in zip(lists, lengths):
            del nodes[length:]


def _inputs(model: Any, keras: Any, dialect: Any, length: Optional[int]) -> Any:
    if dialect.has_graph(model):
        nested = dialect.inputs(model)
        return _map(nested, lambda t, name: keras.Input(t.shape[1:], dtype=t.dtype, name=t._keras_history[0].name))
    nested = dialect.called_on(model)
    if nested is None:
        raise ModelError(
            "a subclassed model that was never called",
            place=model.name,
            fix="call it once on one argument: a tensor, a list of tensors or a dict of tensors",
        )

    def like(spec: Any, name: str) -> Any:
        shape = tuple(spec.shape)[1:]
        tokens = len(shape) == 1 and "int" in str(spec.dtype)
        return keras.Input((length,) if tokens and length else shape, dtype=spec.dtype, name=name)

    return _map(nested, like)


def _map(nested: Any, make: Callable[[Any, str], Any]) -> Any:
    if isinstance(nested, Mapping):
        return {key: make(value, str(key)) for key, value in nested.items()}
    if isinstance(nested, (list, tuple)):
        return [make(value, "input_{}".format(number)) for number, value in enumerate(nested, 1)]
    return make(nested, "input_1")


def _cast(value: Any, layer: Any, dialect: Any) -> Any:
    """What Keras does before it calls a layer: floating inputs take the layer's dtype."""
    if isinstance(value, Mapping):
        return {key: _cast(item, layer, dialect) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_cast(item, layer, dialect) for item in value)
    wanted = layer.compute_dtype if getattr(layer, "_autocast", getattr(layer, "autocast", True)) else None
    floating = hasattr(value, "_keras_history") and dialect.is_floating(value)
    return dialect.cast(value, wanted) if floating and wanted else value


def _check_stateless(layer: Any, place: str) -> None:
    """Raises ModelError for what a layer adds to training that no graph of ours holds."""
    if getattr(layer, "_callable_losses", None) or getattr(layer, "activity_regularizer", None) is not None:
        raise ModelError(
            "a custom layer that adds a loss",
            place=place,
            fix="regularize a built-in layer inside it; a loss of your own belongs to compile",
        )
    for path, variable in _own_variables(layer):
        if getattr(variable, "constraint", None) is not None or getattr(variable, "regularizer", None) is not None:
            raise ModelError(
                "a variable of a custom layer with a constraint or a regularizer",
                place="{} {}".format(place, path),
                fix="hold it in a Dense or an Embedding, or leave it free",
            )


def _own_variables(layer: Any) -> List[Tuple[str, Any]]:
    """(path of attributes, variable) of every variable that the layer holds itself, each once."""
    found: Dict[int, Tuple[str, Any]] = {}
    for path, value in attributes(layer):
        if id(value) in _variable_ids(layer):
            found.setdefault(id(value), (path, value))
    return list(found.values())


def _variable_ids(layer: Any) -> "frozenset[int]":
    inside = {id(v) for part in layer._flatten_layers(recursive=False, include_self=False) for v in part.weights}
    return frozenset(id(variable) for variable in layer.weights) - inside


@contextlib.contextmanager
def _symbolic(layer: Any, hold: Hold) -> Iterator[None]:
    """While inside, the layer's attributes hold symbolic tensors in place of its own variables."""
    symbols = {id(variable): hold(path, variable) for path, variable in _own_variables(layer)}

    def replaced(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: replaced(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [replaced(item) for item in value]
        return symbols.get(id(value), value)

    live = vars(layer)
    own = {path.split(".")[0] for path, value in attributes(layer) if id(value) in symbols}
    before = {name: live[name] for name in own}
    try:
        live.update({name: replaced(value) for name, value in before.items()})
        yield
    finally:
        live.update(before)
