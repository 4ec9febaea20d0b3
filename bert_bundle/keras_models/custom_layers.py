"""Layers of user-defined classes that are stored by name and config instead of being traced: recorded and rebuilt.

Stores no code and imports none: a graph names such a class and holds its configuration as plain data; the class itself
is passed to `load`. The configuration may hold numbers, strings, booleans, lists, dicts, and
objects that are an initializer, a regularizer or a constraint of Keras: Keras would import any other object by its
`module`.

Does not know: the nodes of a graph, files.
"""

from typing import Any, Dict

from bert_bundle.errors import BundleError, ModelError
from bert_bundle.format import strict_json
from bert_bundle.graph.custom_classes import BASE_FIELDS, as_keras, plain_value
from bert_bundle.graph.graph import Layer
from bert_bundle.keras_models.layer_construction import dtype_of
from bert_bundle.keras_models.nodes import check_parts
from bert_bundle.keras_models.runtime import Runtime

_FIX = "return {**super().get_config(), ...} with every argument of __init__, and pass **kwargs on to super().__init__"


def stored_name(layer: Any, runtime: Runtime) -> str:
    """Return the name that the layer's class is stored under, or "" if it is not stored by name."""
    return min((name for name, cls in runtime.classes.items() if cls is type(layer)), default="")


def layer_of(layer: Any, runtime: Runtime, place: str) -> Layer:
    """Return the record of a live layer. Raises ModelError for something that the record would lose."""
    for part in layer._flatten_layers(recursive=True, include_self=False):
        if runtime.encoders.family_of(part) is not None:
            raise ModelError(
                "an encoder inside a custom layer that is stored by name",
                place=place,
                found="{} ({})".format(part.name, type(part).__name__),
                fix="leave the class out of custom_objects: it is traced, and its encoder saved as a checkpoint",
            )
    check_parts(layer, place)
    return Layer(
        name=layer.name,
        class_name=stored_name(layer, runtime),
        trainable=bool(layer._trainable),
        policy=runtime.dialect.dtype_policy(layer),
        config=config_of(layer, place),
        custom=True,
    )


def config_of(layer: Any, place: str) -> Dict[str, Any]:
    """Return `get_config()` without name, dtype and trainable, as plain data. Raises ModelError naming the field."""
    try:
        fields = dict(layer.get_config())
    except Exception as error:  # user code, or Keras' own method, which raises if it is not overridden
        raise ModelError(
            "a custom layer without a complete get_config",
            place=place,
            found="{}: {}".format(type(error).__name__, error),
            fix=_FIX,
        ) from error
    for name in ("name", "dtype"):
        if name not in fields:
            raise ModelError(
                "a custom layer without a complete get_config",
                place="{} {}".format(place, name),
                wanted=name,
                found=", ".join(map(str, fields)),
                fix=_FIX,
            )
    config = {}
    for name, value in fields.items():
        if name not in BASE_FIELDS:
            where = "{} {}".format(place, name)
            config[name] = plain_value(value, where)
            try:
                strict_json.parse(strict_json.canonical({str(name): config[name]}), where)
            except (BundleError, ValueError) as error:
                raise ModelError("a value that a bundle cannot hold", place=where, found=error) from None
    return config


def make(layer: Layer, policy: str, runtime: Runtime, place: str) -> Any:
    """Return an unbuilt live layer of the record. Raises ModelError if its class returns another one, or raises."""
    cls = runtime.classes[layer.class_name]
    fields = {**{name: as_keras(value) for name, value in layer.config.items()}, "name": layer.name}
    try:
        live = cls.from_config({**fields, "dtype": dtype_of(runtime.keras, policy)})
    except Exception as error:  # user code
        raise ModelError(
            "a custom layer that its class does not rebuild from its config",
            place=place,
            wanted=", ".join(sorted(fields)),
            found="{}: {}".format(type(error).__name__, error),
            fix=_FIX,
        ) from error
    wanted = (cls.__name__, layer.name, policy)
    found = (
        type(live).__name__,
        str(getattr(live, "name", "")),
        runtime.dialect.dtype_policy(live) if type(live) is cls else "",
    )
    if type(live) is not cls or found != wanted:
        raise ModelError(
            "a custom layer that its class does not rebuild from its config",
            place=place,
            wanted=", ".join(wanted),
            found=", ".join(found),
            fix=_FIX,
        )
    return live
