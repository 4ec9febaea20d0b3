"""The encoder families a bundle holds: their classes, the configuration that defines them, their call; builds nothing.

Field names and defaults are those of `transformers`' BertConfig (4.57); a field that decides nothing about the
function or the labels is not kept, so that every release writes the same bytes.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Tuple

from ...errors import FormatError, LimitError, ModelError, UnsafeError

_ACTIVATIONS = ("gelu", "gelu_new", "relu", "silu", "swish", "tanh")
_CODE = frozenset(("auto_map", "custom_pipelines", "trust_remote_code"))
_UNSUPPORTED = ("is_decoder", "add_cross_attention", "pruned_heads")  # each makes another function of the same weights
_MOST = 1 << 20  # no size of any published encoder is near it
_MOST_LAYERS = 1 << 10


@dataclass(frozen=True)
class Family:
    """One family.

    model_type   as in config.json            architecture  the PyTorch class that opens the folder
    tensorflow   the class of transformers 4  arguments     of its call, in order
    outputs      of its call without return_dict, in order
    fields       configuration fields, each with its default
    """

    model_type: str
    architecture: str
    tensorflow: str
    arguments: Tuple[str, ...]
    outputs: Tuple[str, ...]
    fields: Mapping[str, Any]


BERT = Family(
    model_type="bert",
    architecture="BertModel",
    tensorflow="TFBertModel",
    arguments=("input_ids", "attention_mask", "token_type_ids", "position_ids", "head_mask", "inputs_embeds"),
    outputs=("last_hidden_state", "pooler_output", "hidden_states", "attentions"),
    fields={
        "vocab_size": 30522,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
        "classifier_dropout": None,
    },
)

FAMILIES: Tuple[Family, ...] = (BERT,)
CLASSES: Mapping[str, Family] = {family.architecture: family for family in FAMILIES}
BY_TENSORFLOW: Mapping[str, Family] = {family.tensorflow: family for family in FAMILIES}
BY_MODEL_TYPE: Mapping[str, Family] = {family.model_type: family for family in FAMILIES}


def folder_name(layer_name: str, taken: Mapping[str, Any]) -> str:
    """The folder of an encoder: its layer's name in letters, digits, `_` and `-`, numbered when taken."""
    plain = re.sub(r"[^A-Za-z0-9_\-]", "_", layer_name).strip("-_") or "encoder"
    name, number = plain, 1
    while name.casefold() in {t.casefold() for t in taken}:
        number += 1
        name = "{}_{}".format(plain, number)
    return name


def canonical_config(family: Family, config: Mapping[str, Any], place: str) -> Dict[str, Any]:
    """What `config.to_dict()` says of the function and the labels, as config.json of a checkpoint.

    Raises ModelError for a value that the family's rebuild does not honour.
    """
    for name in _UNSUPPORTED:
        if config.get(name):
            raise ModelError(
                "a configuration that a bundle cannot represent",
                place="{} {}".format(place, name),
                wanted="nothing, as in an encoder",
                found=config[name],
            )
    result: Dict[str, Any] = {"architectures": [family.architecture], "model_type": family.model_type}
    for name, default in family.fields.items():
        value = config.get(name, default)
        if callable(value) or not isinstance(value, (int, float, str, bool, type(None))):
            raise ModelError(
                "a configuration field that is no plain data", place="{} {}".format(place, name), found=value
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


def check_config(config: Any, place: str) -> Family:
    """The family of a config.json, every number of it in bounds. Raises FormatError, LimitError or UnsafeError."""
    if not isinstance(config, dict):
        raise FormatError("a configuration is no object", place=place)
    code = sorted(set(config) & _CODE)
    if code:
        raise UnsafeError("a configuration that names code to run", place="{}#/{}".format(place, code[0]))
    model_type = config.get("model_type")
    family = BY_MODEL_TYPE.get(model_type) if isinstance(model_type, str) else None
    if family is None:
        raise FormatError(
            "an encoder of no known family",
            place=place + "#/model_type",
            wanted=", ".join(BY_MODEL_TYPE),
            found=model_type,
        )
    extra = set(config) - set(family.fields) - {"architectures", "model_type", "id2label", "label2id"}
    if extra or not set(family.fields) <= set(config):
        raise FormatError(
            "a configuration with unknown or missing fields",
            place=place,
            found=", ".join(sorted(extra or set(family.fields) - set(config))),
        )
    if config.get("architectures") != [family.architecture]:
        raise FormatError("an architecture of another family", place=place + "#/architectures")
    for name, default in family.fields.items():
        _check_field(name, config[name], default, "{}#/{}".format(place, name))
    if config["hidden_size"] % config["num_attention_heads"]:
        raise FormatError("heads do not divide the hidden size", place=place + "#/num_attention_heads")
    _check_labels(config, place)
    return family


def _check_field(name: str, value: Any, default: Any, place: str) -> None:
    if name == "hidden_act":
        _one_of(value, _ACTIVATIONS, place)
    elif name == "position_embedding_type":
        _one_of(value, ("absolute",), place)
    elif name == "pad_token_id":
        if value is not None and (type(value) is not int or not 0 <= value < _MOST):
            raise FormatError("not a token id", place=place, found=value)
    elif type(default) is int:
        if type(value) is not int or value < 1:
            raise FormatError("not a positive whole number", place=place, found=value)
        most = _MOST_LAYERS if name == "num_hidden_layers" else _MOST
        if value > most:
            raise LimitError("larger than any encoder", place=place, wanted="at most {}".format(most), found=value)
    elif name == "classifier_dropout" and value is None:
        pass
    elif type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= 1:
        raise FormatError("not a number from 0 to 1", place=place, found=value)
    elif name == "layer_norm_eps" and value == 0:
        raise FormatError("not a positive number", place=place, found=value)


def _one_of(value: Any, wanted: Tuple[str, ...], place: str) -> None:
    if value not in wanted:
        raise FormatError("a value the encoder does not honour", place=place, wanted=", ".join(wanted), found=value)


def _check_labels(config: Mapping[str, Any], place: str) -> None:
    id2label, label2id = config.get("id2label", {}), config.get("label2id", {})
    if not isinstance(id2label, dict) or not isinstance(label2id, dict):
        raise FormatError("labels are no objects", place=place + "#/id2label")
    wanted = {str(i) for i in range(len(id2label))}
    texts = all(isinstance(label, str) for label in id2label.values())
    if set(id2label) != wanted or not texts or label2id != {v: int(k) for k, v in id2label.items()}:
        raise FormatError(
            "id2label and label2id do not say the same", place=place + "#/id2label", wanted="ids 0 to n-1, each once"
        )
