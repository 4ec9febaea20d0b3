"""Calls of encoders in a stored configuration: arguments by name, and outputs by name from their positions."""

from typing import Any, Dict, Mapping

from bert_bundle.encoders.families import PER_LAYER, Family
from bert_bundle.errors import FormatError, ModelError

_FLAGS = frozenset(["training", "return_dict", "output_hidden_states", "output_attentions", "use_cache"])


def arguments(family: Family, first: Any, keywords: Mapping[str, Any], place: str) -> Dict[str, Any]:
    """Return the arguments of an encoder's call by name; `first` is a tensor, a list of them or a dict of them."""
    given: Dict[str, Any] = {}
    if isinstance(first, Mapping):
        given.update(first)
    else:
        tensors = first if isinstance(first, list) else [first]
        if len(tensors) > len(family.arguments):
            raise ModelError("an encoder that is called on too many tensors", place=place, found=len(tensors))
        given.update(zip(family.arguments, tensors))
    given.update({k: v for k, v in keywords.items() if given.get(k) is None})
    found = {k: v for k, v in given.items() if v is not None and k not in _FLAGS}
    unknown = sorted(set(found) - set(family.arguments))
    if unknown:
        raise ModelError("an argument of the encoder that a bundle cannot represent", place=place, found=unknown[0])
    return found


def output_name(
    family: Family, config: Mapping[str, Any], keywords: Mapping[str, Any], position: int, place: str
) -> str:
    """Return the name of an output by its position among all: Keras flattens them by name, in alphabetical order."""
    layers = family.values(config)["num_hidden_layers"]
    names = {name: [name] for name in family.always}
    for name, count in zip(PER_LAYER, (layers + 1, layers)):
        if keywords.get("output_" + name):
            names[name] = ["{}.{}".format(name, number) for number in range(count)]
    flat = [output for name in sorted(names) for output in names[name]]
    if position >= len(flat):
        raise FormatError("an output that the encoder does not have", place=place, wanted=len(flat), found=position)
    return flat[position]
