"""Outputs of encoders in a stored configuration: a position among all of them -> a name."""

from typing import Any, Mapping

from bert_bundle.encoders.families import PER_LAYER, Family
from bert_bundle.errors import FormatError


def name_of(family: Family, config: Mapping[str, Any], keywords: Mapping[str, Any], position: int, place: str) -> str:
    """Return the name of an output by its position. Keras flattens outputs by name, in alphabetical order.

    `keywords`: of the call, or of the configuration where the call does not have them. Raises FormatError for a
    position after the last.
    """
    layers = family.values(config)["num_hidden_layers"]
    names = {name: [name] for name in family.always}
    for name, count in zip(PER_LAYER, (layers + 1, layers)):
        if keywords.get("output_" + name):
            names[name] = ["{}.{}".format(name, number) for number in range(count)]
    flat = [output for name in sorted(names) for output in names[name]]
    if position >= len(flat):
        raise FormatError("an output that the encoder does not have", place=place, wanted=len(flat), found=position)
    return flat[position]
