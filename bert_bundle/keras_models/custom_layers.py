"""Classes of the caller's own that are kept as they are, not traced: which they are, what their layers say, one made.

Knows nothing of graphs' nodes or of files, stores no code and imports none: a graph names such a class and holds its
configuration as plain data, the class itself comes from whoever loads. What a configuration may hold is closed too:
Keras imports what a dict with a `module` names, so an object in it is an initializer, a regularizer or a constraint of
Keras, and everything else is numbers, texts, truth values, lists and dicts.
"""

from typing import Any, Dict

from bert_bundle.errors import BundleError, ModelError
from bert_bundle.format import strict_json
from bert_bundle.graph.custom_classes import BASE_FIELDS, PLACE, Classes, as_keras, plain_value
from bert_bundle.graph.graph import Layer
from bert_bundle.keras_models.layer_construction import dtype_of
from bert_bundle.keras_models.nodes import KERAS, check_parts

_SAY = "return {**super().get_config(), ...} with every argument of __init__, and pass **kwargs on to super().__init__"


def check_classes(classes: Classes, keras: Any) -> None:
    """Raises ModelError for what is no class of layers of the caller's own, in the Keras at hand."""
    for name, cls in classes.items():
        is_layer = isinstance(cls, type) and issubclass(cls, keras.layers.Layer)
        if not is_layer or issubclass(cls, (keras.Model, keras.layers.Lambda)) or cls.__module__.split(".")[0] in KERAS:
            raise ModelError(
                "a custom object that cannot be stored by name",
                place="{} {}".format(PLACE, name),
                wanted="a class of the caller's own, derived from {}.layers.Layer".format(keras.__name__),
                found="{}.{}".format(getattr(cls, "__module__", ""), getattr(cls, "__name__", type(cls).__name__)),
                fix="leave it out: models and Lambdas are traced; write functions with built-in layers and tensor ops",
            )


def kept_as(layer: Any, runtime: Any) -> str:
    """The name under which the layer's class, that very one, is kept; empty where it is not kept."""
    return min((name for name, cls in runtime.classes.items() if cls is type(layer)), default="")


def layer_of(layer: Any, runtime: Any, place: str) -> Layer:
    """The record of a live layer whose class is kept. Raises ModelError for what would be lost or is no plain data."""
    for part in layer._flatten_layers(recursive=True, include_self=False):
        if runtime.encoders.family_of(part) is not None:
            raise ModelError(
                "an encoder inside a custom layer that is stored by name",
                place=place, found="{} ({})".format(part.name, type(part).__name__),
                fix="leave the class out of custom_objects: it is traced, and its encoder saved as a checkpoint",
            )  # fmt: skip
    check_parts(layer, place)
    return Layer(
        name=layer.name,
        class_name=kept_as(layer, runtime),
        trainable=bool(layer._trainable),
        policy=runtime.dialect.policy(layer),
        config=config_of(layer, place),
        custom=True,
    )


def config_of(layer: Any, place: str) -> Dict[str, Any]:
    """What `get_config()` says beyond name, dtype and trainable, as plain data. Raises ModelError naming the field."""
    try:
        said = dict(layer.get_config())
    except Exception as error:  # the caller's code; Keras' own refuses where it is not overridden
        raise ModelError(
            "a custom layer without a complete get_config",
            place=place, found="{}: {}".format(type(error).__name__, error), fix=_SAY,
        ) from error  # fmt: skip
    for name in ("name", "dtype"):
        if name not in said:
            raise ModelError(
                "a custom layer without a complete get_config",
                place="{} {}".format(place, name), wanted=name, found=", ".join(map(str, said)), fix=_SAY,
            )  # fmt: skip
    config = {}
    for name, value in said.items():
        if name not in BASE_FIELDS:
            where = "{} {}".format(place, name)
            config[name] = plain_value(value, where)
            try:
                strict_json.parse(strict_json.canonical({str(name): config[name]}), where)
            except (BundleError, ValueError) as error:
                raise ModelError("a value that a bundle cannot hold", place=where, found=error) from None
    return config


def make(layer: Layer, policy: str, runtime: Any, place: str) -> Any:
    """The layer made by its class from its configuration, unbuilt. Raises ModelError for one that is not as asked."""
    cls = runtime.classes[layer.class_name]
    said = {**{name: as_keras(value) for name, value in layer.config.items()}, "name": layer.name}
    try:
        made = cls.from_config({**said, "dtype": dtype_of(runtime.keras, policy)})
    except Exception as error:  # the caller's code
        raise ModelError(
            "a custom layer that its class does not rebuild from its config",
            place=place, wanted=", ".join(sorted(said)), found="{}: {}".format(type(error).__name__, error), fix=_SAY,
        ) from error  # fmt: skip
    wanted = (cls.__name__, layer.name, policy)
    found = (
        type(made).__name__,
        str(getattr(made, "name", "")),
        runtime.dialect.policy(made) if type(made) is cls else "",
    )
    if type(made) is not cls or found != wanted:
        raise ModelError(
            "a custom layer that its class does not rebuild from its config",
            place=place, wanted=", ".join(wanted), found=", ".join(found), fix=_SAY,
        )  # fmt: skip
    return made
