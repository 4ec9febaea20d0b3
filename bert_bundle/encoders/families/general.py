"""Any other encoder class of transformers 4, by a rule for its name: computed only by that class, in that runtime.

The family of such a class has no fields, weights and heads as data: its configuration and its weights are kept by the
names that the class gives them. Does not know: Keras, transformers, the files of a bundle.
"""

import re
from typing import Any, Mapping, NamedTuple, Tuple

from bert_bundle.encoders.families.family import GENERAL, POOLER, TOKENS, Block, Family, Tokenizer, Weights
from bert_bundle.errors import FormatError

DEFAULTS = "left_at_default"  # the field of a configuration that only an encoder of this kind has, see `general_config`
OUTPUTS = ("last_hidden_state", "pooler_output", "hidden_states", "attentions")  # the only ones that are kept


class Ignored(NamedTuple):
    """A field of a configuration that a class ignores before a release of transformers: it computes with `value`."""

    field: str
    value: str
    until: Tuple[int, int]


IGNORED: Mapping[str, Ignored] = {"GPT2Model": Ignored("activation_function", "gelu", (4, 11))}  # class -> its field

_ARGUMENT = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,59}Model\Z")
_OTHERS = re.compile(r".*(LMHead|DoubleHeads|Pre[Tt]rained)Model\Z")  # not encoders by themselves


def is_name(architecture: str) -> bool:
    """Return whether that can be the name of an encoder class, without the `TF` that precedes it."""
    return bool(_NAME.match(architecture)) and not _OTHERS.match(architecture)


def of_name(architecture: str) -> Family:
    """Return the family of the class `TF` + `architecture`. Its model type is in its configuration alone."""
    return Family(
        model_type="",
        title=architecture[: -len("Model")],
        arguments=TOKENS,
        fields={},
        weights=Weights("", Block("", {}), pooler=POOLER),
        heads={},
        tokenizer=Tokenizer("", "", token_types=False),
        general=True,
    )


def is_argument(name: str) -> bool:
    """Return whether a graph may call such a class with an argument of that name."""
    return bool(_ARGUMENT.match(name)) and not name.startswith(("output_", "use_", "return_"))


def check_layer(class_name: str, config: Mapping[str, Any], place: str) -> None:
    """Raise FormatError unless this is the record of such an encoder in a graph: its class and its configuration."""
    if config.get(GENERAL) is not True or config.get(POOLER, False) is not False or set(config) - {GENERAL, POOLER}:
        raise FormatError(
            "an encoder's record is malformed",
            place=place,
            wanted="{}: true, and {}: false without a pooler".format(GENERAL, POOLER),
            found=config,
        )
    if not is_name(class_name):
        raise FormatError("not the name of an encoder class", place=place, found=class_name)
