"""An encoder's config.json: what is kept of a live configuration, checked field by field. Builds nothing."""

import math
from typing import Any, Dict, Mapping, Tuple

from bert_bundle.encoders import general_config
from bert_bundle.encoders.families import BY_MODEL_TYPE, CLASSES, GENERAL, HEADS, Family, general, relative
from bert_bundle.errors import FormatError, LimitError, ModelError, UnsafeError

_ACTIVATION_FIELDS = ("hidden_act", "conv_act", "pooler_hidden_act")
_ACTIVATIONS = ("gelu", "gelu_new", "relu", "silu", "swish", "tanh")
UNLIMITED = general_config.UNLIMITED  # the length of an encoder without positions
_KINDS = "pos_att_type"
_CODE = frozenset(("auto_map", "custom_pipelines", "trust_remote_code"))
_UNSUPPORTED = ("is_decoder", "add_cross_attention", "pruned_heads")  # each changes what the same weights compute
_MAX_SIZE = 1 << 20  # far above every size of a published encoder
_MAX_LAYERS = 1 << 10


def of_config(config: Mapping[str, Any]) -> Family:
    """Return the family of a canonical configuration."""
    architecture = config["architectures"][0]
    return general.of_name(architecture) if general.DEFAULTS in config else CLASSES[architecture]


def standard(config: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the values of a canonical configuration under BERT's names, see `Family.values`."""
    return of_config(config).values(config)


def facts(config: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what the manifest says of an encoder of this canonical configuration."""
    known = {"class": config["architectures"][0], "model_type": config["model_type"]}
    return {**known, GENERAL: True} if of_config(config).general else known


def longest(config: Mapping[str, Any]) -> int:
    """Return how many tokens an encoder of this canonical configuration takes: those that it has positions for."""
    if general.DEFAULTS in config:
        return general_config.longest(config)
    has_table = standard(config)["position_rows"] > 0
    return int(config["max_position_embeddings"]) - of_config(config).first_position if has_table else UNLIMITED


def usual_length(config: Mapping[str, Any]) -> int:
    """Return how many tokens an encoder of this canonical configuration was made for."""
    most = longest(config)
    return min(most, int(config.get("max_position_embeddings", most)))


def classes(config: Mapping[str, Any]) -> int:
    """Return how many classes a head of this canonical configuration has: two if no labels are named."""
    return len(config["id2label"]) if "id2label" in config else 2


def canonical_config(family: Family, config: Mapping[str, Any], place: str) -> Dict[str, Any]:
    """Return the fields of `config.to_dict()` that decide the function and the labels, as config.json of a checkpoint.

    Raises ModelError for a value that a rebuild does not honour.
    """
    for name in _UNSUPPORTED:
        if config.get(name):
            raise ModelError(
                "a configuration that a bundle cannot represent",
                place="{} {}".format(place, name),
                wanted="not set, as in a plain encoder",
                found=config[name],
            )
    result: Dict[str, Any] = {"architectures": [family.architecture], "model_type": family.model_type}
    _check_alike(family, config, place)
    for name, default in family.fields.items():
        value = config.get(name, config.get(family.same.get(name, ""), family.omitted.get(name, default)))
        if name == _KINDS:
            value = _in_one_order(value)
        if callable(value) or not isinstance(value, (int, float, str, bool, type(None))):
            raise ModelError(
                "a configuration field that is not plain data", place="{} {}".format(place, name), found=value
            )
        result[name] = value
    labels = {str(k): str(v) for k, v in (config.get("id2label") or {}).items()}
    if labels and labels != {"0": "LABEL_0", "1": "LABEL_1"}:
        result["id2label"] = labels
        result["label2id"] = {label: int(key) for key, label in labels.items()}
    try:
        check_config(result, place)
    except FormatError as error:
        raise ModelError(error.message, place=error.place, wanted=error.wanted, found=error.found) from None
    return result


def _in_one_order(kinds: Any) -> Any:
    """Return the kinds of relative attention, a list, or text with | between them, or None, as text in one order."""
    if isinstance(kinds, str):
        kinds = kinds.lower().split("|")
    return "|".join(sorted(str(kind).strip() for kind in kinds)) if isinstance(kinds, (list, tuple)) else kinds or ""


def _check_alike(family: Family, config: Mapping[str, Any], place: str) -> None:
    """Raise ModelError for a size that a canonical configuration does not have, if it is not the usual one."""
    values = {**family.fields, **config}
    hidden, heads = (values[family.field_name(name)] for name in ("hidden_size", "num_attention_heads"))
    wanted = {name: values[family.field_name(other)] for name, other in family.alike.items()}
    for name, usual in {**wanted, "attention_head_size": hidden // heads}.items():
        if config.get(name) not in (None, usual):
            raise ModelError(
                "a configuration that a bundle cannot represent",
                place="{} {}".format(place, name),
                wanted=usual,
                found=config[name],
            )


def check_config(config: Any, place: str) -> Family:
    """Return the family of a config.json. Raises FormatError, LimitError or UnsafeError for a value out of bounds."""
    if not isinstance(config, dict):
        raise FormatError("a configuration is not a JSON object", place=place)
    code = sorted(set(config) & _CODE)
    if code:
        raise UnsafeError("a configuration that names code to run", place="{}#/{}".format(place, code[0]))
    if general.DEFAULTS in config:
        return general_config.check(config, place)
    model_type, names = config.get("model_type"), config.get("architectures")
    if not isinstance(model_type, str) or model_type not in BY_MODEL_TYPE:
        raise FormatError(
            "an encoder of an unknown family",
            place=place + "#/model_type",
            wanted=", ".join(BY_MODEL_TYPE),
            found=model_type,
        )
    known = [name for name, family in CLASSES.items() if family.model_type == model_type]
    if names not in [[name] for name in known]:
        raise FormatError(
            "an architecture of another family",
            place=place + "#/architectures",
            wanted=" or ".join(known),
            found=names,
        )
    family = of_config(config)
    extra = set(config) - set(family.fields) - {"architectures", "model_type", "id2label", "label2id"}
    if extra or not set(family.fields) <= set(config):
        raise FormatError(
            "a configuration with unknown or missing fields",
            place=place,
            found=", ".join(sorted(extra or set(family.fields) - set(config))),
        )
    for name, default in family.fields.items():
        _check_field(family, family.bert_name(name), config[name], default, "{}#/{}".format(place, name))
    sizes = standard(config)
    if sizes["hidden_size"] % sizes["num_attention_heads"]:
        heads = family.field_name("num_attention_heads")
        raise FormatError(
            "the hidden size is not a multiple of the number of heads", place="{}#/{}".format(place, heads)
        )
    blocks = family.weights.block_count
    if sizes["num_hidden_layers"] % sizes[blocks]:  # TensorFlow rounds which layers share a block
        raise FormatError(
            "the number of layers is not a multiple of the number of blocks",
            place="{}#/{}".format(place, blocks),
            wanted="a divisor of {}".format(sizes["num_hidden_layers"]),
            found=sizes[blocks],
        )
    _check_relative(sizes, place)
    if family.first_position:
        _one_of(config["pad_token_id"], (family.first_position - 1,), place + "#/pad_token_id")
    _check_labels(config, place)
    if family.always == HEADS["ForQuestionAnswering"] and classes(config) != 2:
        raise FormatError(
            "a question answering head without two labels, start and end",
            place=place + "#/id2label",
            wanted=2,
            found=classes(config),
        )
    return family


def _check_relative(sizes: Mapping[str, Any], place: str) -> None:
    """Raise FormatError for fields that fit one by one, but not each other, in an encoder with relative positions."""
    buckets, last = sizes.get("position_buckets", -1), 2 * relative.limit(sizes) - 4
    if buckets > 0 and not (buckets % 2 == 0 and 4 <= buckets <= last):
        raise FormatError(
            "buckets of distances that cannot be told apart",
            place=place + "#/position_buckets",
            wanted="-1, or an even number from 4 to {}".format(last),
            found=buckets,
        )
    if sizes["relative_norm"] and not sizes["relative_rows"]:  # only some releases make a norm without a table
        _one_of(sizes["norm_rel_ebd"], ("none",), place + "#/norm_rel_ebd")
    if sizes.get("conv_kernel_size", 1) and sizes.get("conv_kernel_size", 1) % 2 == 0:
        raise FormatError(
            "a convolution that changes the length of a text",
            place=place + "#/conv_kernel_size",
            wanted="an odd number",
            found=sizes["conv_kernel_size"],
        )
    if sizes["projected"] and sizes.get("position_biased_input"):  # tables of two sizes in TensorFlow's class
        _one_of(sizes["position_biased_input"], (False,), place + "#/position_biased_input")


def _check_field(family: Family, name: str, value: Any, default: Any, place: str) -> None:
    if name in _ACTIVATION_FIELDS:
        _one_of(value, _ACTIVATIONS, place)
    elif name in family.honoured:
        _one_of(value, family.honoured[name], place)
    elif name == "pad_token_id":
        if value is not None and (type(value) is not int or not 0 <= value < _MAX_SIZE):
            raise FormatError("not a token id", place=place, found=value)
    elif type(default) is bool:
        _one_of(value, (True, False), place)
    elif type(default) is int:
        least, most = family.bounds.get(name, (1, _MAX_LAYERS if name == "num_hidden_layers" else _MAX_SIZE))
        if type(value) is not int or (value < 1 and least > 0):
            raise FormatError("not a positive whole number", place=place, found=value)
        if value < least:
            wanted = "at least {}".format(least)
            raise FormatError("a value the encoder does not honour", place=place, wanted=wanted, found=value)
        if value > most:
            raise LimitError("larger than any encoder", place=place, wanted="at most {}".format(most), found=value)
    elif value is None and default is None:
        pass
    elif type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= 1:
        raise FormatError("not a number from 0 to 1", place=place, found=value)
    elif name == "layer_norm_eps" and value == 0:
        raise FormatError("not a positive number", place=place, found=value)


def _one_of(value: Any, wanted: Tuple[Any, ...], place: str) -> None:
    if (type(value), value) not in [(type(known), known) for known in wanted]:
        text = ", ".join(map(str, wanted))
        raise FormatError("a value the encoder does not honour", place=place, wanted=text, found=value)


def _check_labels(config: Mapping[str, Any], place: str) -> None:
    id2label, label2id = config.get("id2label", {}), config.get("label2id", {})
    if not isinstance(id2label, dict) or not isinstance(label2id, dict):
        raise FormatError("labels are not JSON objects", place=place + "#/id2label")
    wanted = {str(i) for i in range(len(id2label))}
    texts = all(isinstance(label, str) for label in id2label.values())
    if set(id2label) != wanted or not texts or label2id != {v: int(k) for k, v in id2label.items()}:
        raise FormatError(
            "id2label and label2id do not agree", place=place + "#/id2label", wanted="ids 0 to n-1, each once"
        )
