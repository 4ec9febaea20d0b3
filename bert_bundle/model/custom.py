"""Classes of the caller's own that are kept as they are, not traced: which they are, what their layers say, one made.

Knows nothing of graphs' nodes or of files, stores no code and imports none: a graph names such a class and holds its
configuration as plain data, the class itself comes from whoever loads. What a configuration may hold is closed too:
Keras imports what a dict with a `module` names, so an object in it is an initializer, a regularizer or a constraint of
Keras, and everything else is numbers, texts, truth values, lists and dicts.
"""

from types import MappingProxyType
from typing import Any, Dict, Mapping, Optional

from ..errors import BundleError, FormatError, ModelError, RuntimeUnavailableError
from ..format import strict_json
from . import fields
from .construction import dtype_of
from .encoders import families
from .graph import Graph, Layer
from .layers import LAYERS, MODELS
from .nodes import KERAS, check_parts

Classes = Mapping[str, Any]  # name in the graph -> class
NONE: Classes = MappingProxyType({})

BUILT_IN = frozenset((*LAYERS, *MODELS, *families.CLASSES))  # names that mean what they mean
_PLACE = "custom_objects"
_BASE = ("batch_input_shape", "dtype", "name", "trainable")  # said by the graph, or by what a layer is called on
_OBJECT = frozenset(("class", "class_name", "module", "registered_name"))  # keys by which Keras knows an object
_SAY = "return {**super().get_config(), ...} with every argument of __init__, and pass **kwargs on to super().__init__"
_LONGEST = 200


def given(custom_objects: Optional[Mapping[str, Any]]) -> Classes:
    """`custom_objects` as it was passed. Raises ModelError for a name that no class of a caller's may have."""
    for name in custom_objects or ():
        if not is_name(name):
            raise ModelError(
                "a name that no custom object may have", place=_PLACE, wanted="a text of 1 to 200 characters",
                found=repr(name), fix="name it as its class",
            )  # fmt: skip
        if name in BUILT_IN:
            raise ModelError(
                "a custom object under the name of a built-in layer",
                place="{} {}".format(_PLACE, name),
                fix="leave it out, or give it another name at save: {} stays what it is".format(name),
            )
    return dict(custom_objects or {})


def is_name(name: Any) -> bool:
    """Whether a class may be kept under that name."""
    return isinstance(name, str) and 0 < len(name) <= _LONGEST and name.isprintable()


def check_classes(classes: Classes, keras: Any) -> None:
    """Raises ModelError for what is no class of layers of the caller's own, in the Keras at hand."""
    for name, cls in classes.items():
        is_layer = isinstance(cls, type) and issubclass(cls, keras.layers.Layer)
        if not is_layer or issubclass(cls, (keras.Model, keras.layers.Lambda)) or cls.__module__.split(".")[0] in KERAS:
            raise ModelError(
                "a custom object that cannot be kept",
                place="{} {}".format(_PLACE, name),
                wanted="a class of the caller's own, derived from {}.layers.Layer".format(keras.__name__),
                found="{}.{}".format(getattr(cls, "__module__", ""), getattr(cls, "__name__", type(cls).__name__)),
                fix="leave it out: models and Lambdas are traced; write functions with built-in layers and tensor ops",
            )


def kept_as(layer: Any, runtime: Any) -> str:
    """The name under which the layer's class, that very one, is kept; empty where it is not kept."""
    return min((name for name, cls in runtime.classes.items() if cls is type(layer)), default="")


def needed(graph: Graph, classes: Classes) -> Classes:
    """Those of `classes` that the graph names. Raises RuntimeUnavailableError for a layer whose class is not there."""
    used = {layer.class_name: path for path, layer in reversed(list(graph.walk())) if layer.custom}
    for path, layer in graph.walk():
        if layer.custom and layer.class_name not in classes:
            raise RuntimeUnavailableError(
                "a layer of a class that is not in the bundle",
                place=path,
                wanted="the class {} of whoever saved it".format(layer.class_name),
                found="custom_objects with " + (", ".join(sorted(classes)) or "nothing"),
                fix="pass custom_objects={{{}}} to bert_bundle.load or bert_bundle.verify".format(
                    ", ".join("{!r}: {}".format(name, name.split(">")[-1]) for name in sorted(used))
                ),
            )
    return {name: classes[name] for name in used}


def layer_of(layer: Any, runtime: Any, place: str) -> Layer:
    """The record of a live layer whose class is kept. Raises ModelError for what would be lost or is no plain data."""
    for part in layer._flatten_layers(recursive=True, include_self=False):
        if runtime.encoders.family_of(part) is not None:
            raise ModelError(
                "an encoder inside of a layer that is kept as it is",
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
            "a custom layer that does not say its configuration",
            place=place, found="{}: {}".format(type(error).__name__, error), fix=_SAY,
        ) from error  # fmt: skip
    for name in ("name", "dtype"):
        if name not in said:
            raise ModelError(
                "a custom layer that does not say its configuration",
                place="{} {}".format(place, name), wanted=name, found=", ".join(map(str, said)), fix=_SAY,
            )  # fmt: skip
    config = {}
    for name, value in said.items():
        if name not in _BASE:
            where = "{} {}".format(place, name)
            config[name] = _plain(value, where)
            try:
                strict_json.parse(strict_json.canonical({str(name): config[name]}), where)
            except (BundleError, ValueError) as error:
                raise ModelError("a value that no bundle can hold", place=where, found=error) from None
    return config


def check_config(config: Any, place: str) -> None:
    """Raises FormatError unless `config` is one that `config_of` could have written."""
    if not isinstance(config, dict) or set(config) & set(_BASE):
        raise FormatError("a layer's configuration is malformed", place=place, wanted="fields of its own")
    for name, value in config.items():
        where = "{}/{}".format(place, name)
        try:
            again = _plain(_as_keras(value), where)
        except ModelError as error:
            raise FormatError(error.message, place=where, wanted=error.wanted, found=error.found) from None
        if again != value:
            raise FormatError("a layer's field is not in canonical form", place=where, wanted=again, found=value)


def make(layer: Layer, policy: str, runtime: Any, place: str) -> Any:
    """The layer made by its class from its configuration, unbuilt. Raises ModelError for one that is not as asked."""
    cls = runtime.classes[layer.class_name]
    said = {**{name: _as_keras(value) for name, value in layer.config.items()}, "name": layer.name}
    try:
        made = cls.from_config({**said, "dtype": dtype_of(runtime.keras, policy)})
    except Exception as error:  # the caller's code
        raise ModelError(
            "a custom layer that its class does not make from its configuration",
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
            "a custom layer that its class does not make from its configuration",
            place=place, wanted=", ".join(wanted), found=", ".join(found), fix=_SAY,
        )  # fmt: skip
    return made


def _plain(value: Any, place: str) -> Any:
    if not isinstance(
        value, (dict, Mapping)
    ):  # Keras 2 gives its dict's proxy the class of dict, and registers it nowhere
        return (
            [_plain(item, place) for item in value] if isinstance(value, (list, tuple)) else fields.plain(value, place)
        )
    if _OBJECT & set(value):
        return fields.canonical_object(value, place)
    if not all(isinstance(key, str) for key in value):
        raise ModelError("a value that is no plain data", place=place, wanted="texts as keys", found=list(value)[:8])
    return {key: _plain(item, place) for key, item in value.items()}


def _as_keras(value: Any) -> Any:
    """`value` as every Keras reads it: what names a class has `class_name`; texts stay as they are."""
    if isinstance(value, list):
        return [_as_keras(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"class", "config"}:
        return {"class_name": value["class"], "config": value["config"]}
    return {key: _as_keras(item) for key, item in value.items()}
