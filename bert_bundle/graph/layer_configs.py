"""The canonical configuration of a layer of the vocabulary: the same for every Keras release.

Fields have the names and forms of Keras 3. What only some releases add, drop or write in another way is not in a graph.
A field that changes what the layer computes and is not in the table is refused. Builds no layer.
"""

from typing import Any, Dict, List, Mapping, Optional

from bert_bundle.errors import FormatError, ModelError
from bert_bundle.graph import layer_fields
from bert_bundle.graph.layers import KERAS_2_NAMES, LAYERS, POLICIES, RECURRENT, REPLACEMENTS, REQUIRED, TABLES, WRAPPED

_DEEPEST = 3  # wrappers in a layer: a TimeDistributed of a Bidirectional of an LSTM, and one more
_NORMALIZATIONS = frozenset(
    ["BatchNormalization", "GroupNormalization", "LayerNormalization", "Normalization", "UnitNormalization"]
)

# Fields outside the table that may be dropped because they do not change what a layer predicts: those that never do,
# and those that do not while they have this value. A field that is None or False is dropped too.
_IRRELEVANT = frozenset(
    "name trainable dtype batch_input_shape batch_shape input_shape build_config implementation input_length "
    "kernel_constraint kernel_initializer kernel_regularizer key_shape query_shape value_shape renorm_momentum seed "
    "synchronized shared_object_id".split()
)
_IRRELEVANT_VALUES: Mapping[str, object] = {"data_format": "channels_last", "groups": 1}


def canonical_config(
    class_name: str, config: Mapping[str, Any], place: str, rank: Optional[int] = None, depth: int = 0
) -> Dict[str, object]:
    """Return the fields of a layer's `get_config()` that differ from their defaults, as Keras 3 writes them.

    `rank` is the rank of the layer's input, including the batch: a built normalization layer of Keras 2 counts its axis
    from the front, the graph counts it from the end. Raises ModelError if the class is not in the vocabulary or a field
    cannot be represented.
    """
    table = LAYERS.get(class_name)
    if table is None or depth > _DEEPEST or (depth and class_name in TABLES):
        raise ModelError(
            "a layer that a bundle cannot represent",
            place=place,
            wanted="one of " + ", ".join(sorted(LAYERS)),
            found=class_name,
            fix=REPLACEMENTS.get(class_name, "write it with those layers or with tensor ops"),
        )
    names = {old: new for new, old in KERAS_2_NAMES.get(class_name, {}).items()}
    given = {names.get(name, name): value for name, value in config.items()}
    _check_dropped(given, table, place)
    result = {}
    for name, default in table.items():
        if name not in given and default is not REQUIRED:  # this release does not have the field
            continue
        value, where = given.get(name, REQUIRED), "{} {}".format(place, name)
        if name in WRAPPED and value is not None:
            value = _wrapped(class_name, value, where, rank, depth)
        else:
            value = layer_fields.canonical(name, value, where)
        if name == "axis" and class_name in _NORMALIZATIONS:
            value = _from_the_end(value, rank)
        if class_name == "MultiHeadAttention" and name == "output_shape" and isinstance(value, int):
            value = [value]
        if default is REQUIRED or value != default:
            result[name] = value
    if class_name == "Bidirectional" and _is_reverse(result["layer"], result.get("backward_layer")):
        del result["backward_layer"]
    return result


def check_config(class_name: str, config: object, place: str, depth: int = 0) -> None:
    """Raise FormatError unless `canonical_config` could have returned `config`."""
    table = LAYERS.get(class_name)
    if table is None or depth > _DEEPEST or (depth and class_name in TABLES):
        raise FormatError("a layer outside the vocabulary", place=place, found=class_name)
    if not isinstance(config, dict) or set(config) - set(table):
        raise FormatError("a layer's configuration has unknown fields", place=place, wanted=", ".join(sorted(table)))
    missing = [name for name, default in table.items() if default is REQUIRED and name not in config]
    if missing:
        raise FormatError("a layer's configuration lacks a field", place=place, wanted=missing[0])
    for name, value in config.items():
        where = "{}/{}".format(place, name)
        if name in WRAPPED:
            _check_wrapped(class_name, value, where, depth)
            continue
        layer_fields.check(class_name, name, value, table[name], where)
        wanted = _from_the_end(value, None) if class_name in _NORMALIZATIONS and name == "axis" else value
        if value == table[name] or wanted != value:  # a default is left out, a list of one axis is that axis
            raise FormatError("a layer's field is not in canonical form", place=where, wanted=wanted, found=value)


def _check_dropped(given: Mapping[str, object], table: Mapping[str, object], place: str) -> None:
    """Raise ModelError for a field that the graph would drop although it changes what the layer predicts."""
    for name, value in given.items():
        if name in table or name in _IRRELEVANT or value is None or value is False:
            continue
        if name not in _IRRELEVANT_VALUES or value != _IRRELEVANT_VALUES[name]:
            raise ModelError(
                "a layer's field that a bundle cannot represent",
                place="{} {}".format(place, name),
                wanted="its default",
                found=value if isinstance(value, (bool, int, float, str)) else type(value).__name__,
                fix="leave it out: not every release has it",
            )


def _from_the_end(axis: object, rank: Optional[int]) -> object:
    """Return the axis or axes, counted from the end if the rank is known; a list of one axis becomes that axis."""
    axes: List[object] = axis if isinstance(axis, list) else [axis]
    counted = [a - rank if rank is not None and isinstance(a, int) and a >= 0 else a for a in axes]
    return counted[0] if len(counted) == 1 else counted


def _wrapped(holder: str, record: object, place: str, rank: Optional[int], depth: int) -> Dict[str, object]:
    """Return the layer inside a wrapper: class, name, dtype policy and canonical configuration."""
    class_name = record.get("class_name") if isinstance(record, dict) else type(record).__name__
    config = dict(record.get("config", {})) if isinstance(record, dict) else {}
    name = str(config.get("name", ""))
    if holder == "Bidirectional":
        config.pop("zero_output_for_mask", None)  # the wrapper sets it from return_sequences
        if class_name not in RECURRENT:
            raise ModelError(
                "a layer that a bundle cannot represent",
                place=place,
                wanted=", ".join(sorted(RECURRENT)),
                found=class_name,
                fix="wrap one of those",
            )
        for prefix in ("forward_", "backward_"):  # some Keras releases add it to the name of the wrapped layer
            name = name[len(prefix) :] if name.startswith(prefix) else name
    inner = rank - 1 if rank is not None and holder == "TimeDistributed" else rank
    policy = config.get("dtype") or "float32"
    policy = policy["config"]["name"] if isinstance(policy, dict) else policy
    result = {"class": class_name, "name": name}
    result["config"] = canonical_config(str(class_name), config, place + " " + name, inner, depth + 1)
    return result if policy == "float32" else {**result, "dtype": policy}


def _is_reverse(forward: Mapping[str, Any], backward: Optional[Mapping[str, Any]]) -> bool:
    """Return whether `backward`, apart from its name, is what a Bidirectional derives from `forward` by default."""
    if backward is None:
        return False
    config = dict(forward["config"])
    if not config.pop("go_backwards", False):
        config["go_backwards"] = True
    return {**backward, "name": ""} == {**forward, "name": "", "config": config}


def _check_wrapped(holder: str, record: object, place: str, depth: int) -> None:
    needed = {"class", "name", "config"}
    if not isinstance(record, dict) or not needed <= set(record) or set(record) - needed - {"dtype"}:
        raise FormatError("a wrapped layer is malformed", place=place, wanted="class, name, config")
    if not isinstance(record["class"], str) or not isinstance(record["name"], str) or len(record["name"]) > 500:
        raise FormatError("a wrapped layer is malformed", place=place, wanted="strings as class and name")
    if record.get("dtype", "mixed_float16") not in POLICIES or record.get("dtype") == "float32":
        raise FormatError("a layer's dtype is malformed", place=place, found=record["dtype"])
    if holder == "Bidirectional" and record["class"] not in RECURRENT:
        raise FormatError("a layer outside the vocabulary", place=place, found=record["class"])
    check_config(record["class"], record["config"], place + "/config", depth + 1)
