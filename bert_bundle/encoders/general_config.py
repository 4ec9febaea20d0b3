"""The config.json of an encoder class that belongs to no family: any field of plain data, none that names code.

Which fields there are is known only to the class. `left_at_default` lists those that had the value that the release of
transformers which wrote them gives by default: a release without such a field computes what it computed then.
"""

import math
import re
from typing import Any, Dict, List, Mapping

from bert_bundle.encoders.families import Family, general
from bert_bundle.errors import FormatError, LimitError

NOT_FIELDS = frozenset(("architectures", "model_type", general.DEFAULTS))

_FIELD = re.compile(r"[a-z][A-Za-z0-9_]{0,79}\Z")
_LAYERS = re.compile(r".*layers?\Z")  # num_hidden_layers, n_layer, num_decoder_layers
_FORBIDDEN = frozenset(  # they name places or code, choose outputs, or belong to another release
    "auto_map custom_pipelines trust_remote_code name_or_path transformers_version quantization_config torch_dtype "
    "dtype return_dict output_hidden_states output_attentions attn_implementation".split()
)
_MAX_NUMBER = 1 << 20  # far above every size of a published encoder
_MAX_LAYERS = 1 << 10
_MAX_VALUES = 10_000


def check(config: Mapping[str, Any], place: str) -> Family:
    """Return the family of such a config.json. Raises FormatError or LimitError for anything that no save wrote."""
    names, model_type, defaults = config.get("architectures"), config.get("model_type"), config[general.DEFAULTS]
    if not isinstance(names, list) or len(names) != 1 or not isinstance(names[0], str) or not general.is_name(names[0]):
        raise FormatError("not the name of an encoder class", place=place + "#/architectures", found=names)
    if not isinstance(model_type, str) or not re.match(r"[a-z0-9_\-]{1,60}\Z", model_type):
        raise FormatError("not a model type", place=place + "#/model_type", found=model_type)
    if not isinstance(defaults, list) or not all(isinstance(name, str) for name in defaults):
        raise FormatError("not a list of fields", place="{}#/{}".format(place, general.DEFAULTS), found=defaults)
    if defaults != sorted(set(defaults)) or not set(defaults) <= set(config) - NOT_FIELDS:
        raise FormatError(
            "not fields of this configuration, sorted, each once",
            place="{}#/{}".format(place, general.DEFAULTS),
            found=", ".join(defaults),
        )
    for name in sorted(set(config) - NOT_FIELDS):
        check_field(name, config[name], "{}#/{}".format(place, name))
    return general.of_name(names[0])


def is_field(name: str) -> bool:
    """Return whether a configuration may have a field of that name."""
    return bool(_FIELD.match(name)) and name not in _FORBIDDEN | NOT_FIELDS


def check_field(name: str, value: Any, place: str) -> None:
    """Raise FormatError or LimitError unless a field has a name that is allowed and a value of plain, bounded data."""
    if not is_field(name):
        raise FormatError("a field that a configuration may not have", place=place, found=name)
    most = _MAX_LAYERS if _LAYERS.match(name) else _MAX_NUMBER
    values = _flat(value, place)
    if len(values) > _MAX_VALUES:
        raise LimitError("a field with too many values", place=place, wanted="at most {}".format(_MAX_VALUES))
    for each in values:
        if type(each) is int and not -_MAX_NUMBER <= each <= most:
            raise LimitError("larger than any encoder", place=place, wanted="at most {}".format(most), found=each)


def longest(config: Mapping[str, Any]) -> int:
    """Return how many tokens an encoder has positions for, by the field that says so; `UNLIMITED` without one."""
    for name in ("max_position_embeddings", "n_positions"):
        if type(config.get(name)) is int and config[name] > 0:
            return int(config[name])
    return UNLIMITED


UNLIMITED = _MAX_NUMBER


def _flat(value: Any, place: str) -> List[Any]:
    """Return every value in nested lists and objects. Raises FormatError for one that is not plain data."""
    if isinstance(value, dict):
        if not all(isinstance(key, str) and key not in _FORBIDDEN for key in value):
            raise FormatError("a field whose keys are not plain text", place=place)
        return [each for item in value.values() for each in _flat(item, place)]
    if isinstance(value, (list, tuple)):
        return [each for item in value for each in _flat(item, place)]
    is_number = type(value) in (int, float) and math.isfinite(value)
    if not is_number and not isinstance(value, (bool, str, type(None))):
        raise FormatError("a field that is not plain data", place=place, found=type(value).__name__)
    return [value]


def plain(value: Any) -> Any:
    """Return a value as JSON reads it back: lists in place of tuples."""
    if isinstance(value, dict):
        result: Dict[Any, Any] = {key: plain(item) for key, item in value.items()}
        return result
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value
