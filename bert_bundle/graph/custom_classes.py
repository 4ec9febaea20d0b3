"""Rules for user-defined layer classes that are stored by name and config: names, configs, which ones a graph needs."""

from types import MappingProxyType
from typing import Any, Mapping, Optional

from bert_bundle.encoders import families
from bert_bundle.errors import FormatError, ModelError, RuntimeUnavailableError
from bert_bundle.graph import layer_fields
from bert_bundle.graph.graph import Graph
from bert_bundle.graph.layers import LAYERS, MODELS

Classes = Mapping[str, Any]  # name in the graph -> class
NONE: Classes = MappingProxyType({})

BUILT_IN = frozenset((*LAYERS, *MODELS, *families.CLASSES))  # names that mean what they mean
PLACE = "custom_objects"
BASE_FIELDS = ("batch_input_shape", "dtype", "name", "trainable")  # said by the graph, or by what a layer is called on
_OBJECT = frozenset(("class", "class_name", "module", "registered_name"))  # keys by which Keras knows an object
_LONGEST = 200


def checked_classes(custom_objects: Optional[Mapping[str, Any]]) -> Classes:
    """`custom_objects` as it was passed. Raises ModelError for a name that no class of a caller's may have."""
    for name in custom_objects or ():
        if not is_name(name):
            raise ModelError(
                "a name that no custom object may have", place=PLACE, wanted="a text of 1 to 200 characters",
                found=repr(name), fix="name it as its class",
            )  # fmt: skip
        if name in BUILT_IN:
            raise ModelError(
                "a custom object under the name of a built-in layer",
                place="{} {}".format(PLACE, name),
                fix="leave it out, or give it another name at save: {} stays what it is".format(name),
            )
    return dict(custom_objects or {})


def is_name(name: Any) -> bool:
    """Whether a class may be kept under that name."""
    return isinstance(name, str) and 0 < len(name) <= _LONGEST and name.isprintable()


def required_classes(graph: Graph, classes: Classes) -> Classes:
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


def check_config(config: Any, place: str) -> None:
    """Raises FormatError unless `config` is one that `config_of` could have written."""
    if not isinstance(config, dict) or set(config) & set(BASE_FIELDS):
        raise FormatError("a layer's configuration is malformed", place=place, wanted="fields of its own")
    for name, value in config.items():
        where = "{}/{}".format(place, name)
        try:
            again = plain_value(as_keras(value), where)
        except ModelError as error:
            raise FormatError(error.message, place=where, wanted=error.wanted, found=error.found) from None
        if again != value:
            raise FormatError("a layer's field is not in canonical form", place=where, wanted=again, found=value)


def plain_value(value: Any, place: str) -> Any:
    if not isinstance(
        value, (dict, Mapping)
    ):  # Keras 2 gives its dict's proxy the class of dict, and registers it nowhere
        return (
            [plain_value(item, place) for item in value]
            if isinstance(value, (list, tuple))
            else layer_fields.plain(value, place)
        )
    if _OBJECT & set(value):
        return layer_fields.canonical_object(value, place)
    if not all(isinstance(key, str) for key in value):
        raise ModelError("a value that is no plain data", place=place, wanted="texts as keys", found=list(value)[:8])
    return {key: plain_value(item, place) for key, item in value.items()}


def as_keras(value: Any) -> Any:
    """`value` as every Keras reads it: what names a class has `class_name`; texts stay as they are."""
    if isinstance(value, list):
        return [as_keras(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"class", "config"}:
        return {"class_name": value["class"], "config": value["config"]}
    return {key: as_keras(item) for key, item in value.items()}
