"""Rules for user-defined layer classes that are stored by name and config: names, configs, which ones a graph needs."""

from types import MappingProxyType
from typing import Any, Dict, Mapping, Optional

from bert_bundle.encoders import families
from bert_bundle.errors import FormatError, ModelError, RuntimeUnavailableError
from bert_bundle.graph import layer_fields
from bert_bundle.graph.graph import Graph
from bert_bundle.graph.layers import LAYERS, MODELS, TABLES

Classes = Mapping[str, Any]  # name in the graph -> class
NONE: Classes = MappingProxyType({})

# Names with a fixed meaning; user-defined classes had those of tables before there were any.
BUILT_IN = frozenset((*LAYERS, *MODELS, *families.CLASSES)) - TABLES
PLACE = "custom_objects"
BASE_FIELDS = ("batch_input_shape", "dtype", "name", "trainable")  # recorded elsewhere in the graph
_OBJECT_KEYS = frozenset(("class", "class_name", "module", "registered_name"))  # keys that mark a serialized object
_LONGEST_NAME = 200


def checked_classes(custom_objects: Optional[Mapping[str, object]]) -> Classes:
    """Return `custom_objects` as a mapping. Raises ModelError for a name that a custom class cannot have."""
    for name in custom_objects or ():
        if not is_name(name):
            raise ModelError(
                "not a valid name for a custom object",
                place=PLACE,
                wanted="a printable string of 1 to {} characters".format(_LONGEST_NAME),
                found=repr(name),
                fix="name it after its class",
            )
        if name in BUILT_IN:
            raise ModelError(
                "a custom object has the name of a built-in layer",
                place="{} {}".format(PLACE, name),
                fix="remove it, or save it under another name: {} always means the built-in layer".format(name),
            )
    return dict(custom_objects or {})


def is_name(name: object) -> bool:
    """Return whether a custom class may be stored under that name."""
    return isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name.isprintable()


def required_classes(graph: Graph, classes: Classes) -> Classes:
    """Return those of `classes` that the graph uses. Raises RuntimeUnavailableError if one is missing."""
    used = {layer.class_name: path for path, layer in reversed(list(graph.walk())) if layer.custom}
    for path, layer in graph.walk():
        if layer.custom and layer.class_name not in classes:
            raise RuntimeUnavailableError(
                "a layer needs a class that the bundle does not contain",
                place=path,
                wanted="the class {} that the model was saved with".format(layer.class_name),
                found="custom_objects with " + (", ".join(sorted(classes)) or "nothing"),
                fix="pass custom_objects={{{}}} to bert_bundle.load or bert_bundle.verify".format(
                    ", ".join("{!r}: {}".format(name, name.split(">")[-1]) for name in sorted(used))
                ),
            )
    return {name: classes[name] for name in used}


def check_config(config: object, place: str) -> None:
    """Raise FormatError unless `config` could have been written by a save."""
    if not isinstance(config, dict) or set(config) & set(BASE_FIELDS):
        raise FormatError(
            "a layer's configuration is malformed",
            place=place,
            wanted="an object without the fields " + ", ".join(BASE_FIELDS),
        )
    for name, value in config.items():
        where = "{}/{}".format(place, name)
        try:
            canonical = plain_value(as_keras(value), where)
        except ModelError as error:
            raise FormatError(error.message, place=where, wanted=error.wanted, found=error.found) from None
        if canonical != value:
            raise FormatError("a layer's field is not in canonical form", place=where, wanted=canonical, found=value)


def plain_value(value: object, place: str) -> object:
    """Return a field of `get_config()` as JSON data. Raises ModelError for a value that is not plain data.

    An object may be an initializer, a regularizer or a constraint of Keras.
    """
    # Keras 2 wraps a dict in a proxy that has the class of dict and is not registered as a Mapping.
    if not isinstance(value, (dict, Mapping)):
        if isinstance(value, (list, tuple)):
            return [plain_value(item, place) for item in value]
        return layer_fields.plain(value, place)
    if _OBJECT_KEYS & set(value):
        return layer_fields.canonical_object(value, place)
    if not all(isinstance(key, str) for key in value):
        raise ModelError("a value that is not plain data", place=place, wanted="strings as keys", found=list(value)[:8])
    result: Dict[str, object] = {key: plain_value(item, place) for key, item in value.items()}
    return result


def as_keras(value: object) -> object:
    """Return a stored value as every Keras reads it: an object has `class_name`; strings are unchanged."""
    if isinstance(value, list):
        return [as_keras(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"class", "config"}:
        return {"class_name": value["class"], "config": value["config"]}
    return {key: as_keras(item) for key, item in value.items()}
