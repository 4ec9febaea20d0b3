"""Paths of a Keras archive (`layers/dense_1/vars/0`) -> the full names of variables (`dense_9/kernel`).

Since Keras 2.12 archives name a layer after its class and how many of that class came before it, a part of a layer
after the attribute that holds it, and a variable by its position. The orders are those of the
classes of Keras and transformers.
"""

import re
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from bert_bundle.encoders import families
from bert_bundle.encoders.families import Family
from bert_bundle.encoders.families.family import EMBEDDINGS, TABLES
from bert_bundle.errors import FormatError, ModelError

VARIABLES = "vars"
MODELS = ("Functional", "Model", "Sequential")

_TRAINING = ("optimizer/", "metrics/", "_metrics/")  # what begins the paths of tensors that are not the model's
_PAIR = ("kernel", "bias")
_NORM = ("gamma", "beta")
_RECURRENT = ("kernel", "recurrent_kernel", "bias")
_ORDER: Mapping[str, Tuple[str, ...]] = {  # class -> names of its own variables, where they are not kernel and bias
    "BatchNormalization": (*_NORM, "moving_mean", "moving_variance"),
    "Embedding": ("embeddings",),
    "GRU": _RECURRENT,
    "GroupNormalization": _NORM,
    "LSTM": _RECURRENT,
    "LayerNormalization": _NORM,
    "Normalization": ("mean", "variance", "count"),
    "PReLU": ("alpha",),
    "SeparableConv1D": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "SimpleRNN": _RECURRENT,
}
_LEFT_OUT = {
    "gamma": "scale",
    "beta": "center",
    "bias": "use_bias",
}  # a variable that is not there if the field is False
# Attributes of transformers' classes whose layers have another name.
_ATTRIBUTES = {"self_attention": "self", "dense_output": "output", "bert_output": "output", "out": "output"}
_LISTED = re.compile(r"/([a-z_]+)/tf[a-z0-9_]*?(?:_([0-9]+))?(?=/)")  # an attribute that is a list, a layer in it
_TABLES = ("word_embeddings/weight", "token_type_embeddings/embeddings", "position_embeddings/embeddings")


def full_names(architecture: Mapping[str, Any], paths: List[str], place: str) -> Dict[str, str]:
    """Return path -> full name of the model's own variables; those of an optimizer or a metric are left out.

    Raises FormatError for a path that no layer of the architecture has.
    """
    if architecture["class_name"] in families.BY_TENSORFLOW:
        return _of_encoder_by_itself(families.BY_TENSORFLOW[architecture["class_name"]], paths, place)
    layers = dict(_containers(architecture, ""))
    found: Dict[str, str] = {}
    for path in paths:
        if path.startswith(_TRAINING):
            continue
        holder = max((prefix for prefix in layers if path.startswith(prefix + "/")), key=len, default=None)
        if holder is None:
            raise FormatError("a tensor that no layer of the model has", place=place, found=path)
        found[path] = _name(layers[holder], path[len(holder) + 1 :], "{} {}".format(place, path))
    return found


def has_architecture(architecture: Mapping[str, Any]) -> bool:
    """Return whether a configuration says what a model consists of; that of a subclassed model does not."""
    known = architecture.get("class_name") in families.BY_TENSORFLOW
    config = architecture.get("config")
    return known or (isinstance(config, dict) and "layers" in config)


def of_weights(paths: Sequence[str]) -> List[str]:
    """Return those of the paths that name a variable of the model, not of its optimizer or metrics."""
    return [path for path in paths if "/{}/".format(VARIABLES) in path and not path.startswith(_TRAINING)]


def _of_encoder_by_itself(family: Family, paths: List[str], place: str) -> Dict[str, str]:
    """Return the names of the variables of a class with or without a head: an encoder, and the layers beside it."""
    dense = [layer.path.replace(".", "/") for layer in family.heads[family.head].layers] if family.head else []
    found = {}
    for path in paths:
        if path.startswith(_TRAINING):
            continue
        _, first, *rest = path.split("/")
        if first.endswith("main_layer"):
            found[path] = "{}/{}".format(snake_case(family.tensorflow), _in_encoder(family, path, place))
            continue
        number = re.fullmatch(r"dense(?:_([0-9]+))?", first)
        part = "/".join(["classifier", *rest[:-2]]) if number is None else ""
        if number is not None and int(number.group(1) or 0) < len(dense):
            part = dense[int(number.group(1) or 0)]
        if part not in dense:
            raise FormatError("a tensor that the encoder does not have", place=place, found=path)
        found[path] = "/".join([snake_case(family.tensorflow), part, _PAIR[int(rest[-1])]])
    return found


def snake_case(name: str) -> str:
    """Return the name of a class as an archive writes it: `TFBertModel` -> `tf_bert_model`."""
    words = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", words).lower()


def _containers(architecture: Mapping[str, Any], prefix: str) -> Iterator[Tuple[str, Mapping[str, Any]]]:
    """Yield (path in the archive, record) of every layer, those of nested models instead of the models."""
    counts: Dict[str, int] = {}
    for record in architecture["config"]["layers"]:
        name = snake_case(str(record["class_name"]).rpartition(">")[2])
        number = counts.get(name, 0)
        counts[name] = number + 1
        path = "{}layers/{}{}".format(prefix, name, "_{}".format(number) if number else "")
        if record["class_name"] in MODELS:
            yield from _containers(record, path + "/")
        else:
            yield path, record


def _name(record: Mapping[str, Any], path: str, place: str) -> str:
    config, class_name = record["config"], str(record["class_name"]).rpartition(">")[2]
    name = str(record.get("name") or config.get("name"))
    family = families.BY_TENSORFLOW.get(class_name) or families.BY_MAIN_LAYER.get(class_name)
    if family is not None:
        return "{}/{}".format(name, _in_encoder(family, path, place))
    parts = path.split("/")
    holders, position = parts[: parts.index(VARIABLES)], int(parts[-1])
    if class_name in ("Bidirectional", "TimeDistributed"):
        config, class_name = config["layer"]["config"], str(config["layer"]["class_name"])
    if "cell" in holders:
        holders[holders.index("cell")] = "{}_cell".format(snake_case(class_name))
    order = [v for v in _ORDER.get(class_name, _PAIR) if config.get(_LEFT_OUT.get(v, ""), True)]
    if position >= len(order) or class_name == "MultiHeadAttention":
        raise ModelError("a layer whose variables this archive does not name", place=place, found=class_name)
    return "/".join([name, *holders, order[position]])


def _in_encoder(family: Family, path: str, place: str) -> str:
    """Return a variable's name inside of an encoder: `bert/encoder/layer_._0/attention/self/query/kernel`."""
    parts = path.split("/")
    main = 2 if parts[0] == "layers" and parts[1].endswith("main_layer") else int(parts[0] == family.weights.prefix)
    inner = _LISTED.sub(lambda m: "/{}_._{}".format(m.group(1), int(m.group(2) or 0)), "/" + "/".join(parts[main:]))
    *holders, _, position = [_ATTRIBUTES.get(part, part) for part in inner.strip("/").split("/")]
    if holders == [EMBEDDINGS]:
        rows = family.values(family.fields)
        tables = [table for table in _TABLES if rows[TABLES[table.partition("/")[0]]]]
        return "/".join([family.weights.prefix, EMBEDDINGS, tables[int(position)]])
    distances = family.weights.distances
    if distances is not None and holders == distances.path.split(".")[:-1]:
        return "/".join([family.weights.prefix, *distances.path.split("."), "embeddings"])
    if not holders or int(position) > 1:
        raise FormatError("a tensor that the encoder does not have", place=place)
    names = _NORM if "norm" in holders[-1].lower() else _PAIR
    return "/".join([family.weights.prefix, *holders, names[int(position)]])
