"""The length in tokens of each text of a model that is being saved: asked for, fixed by its inputs, or the longest."""

from typing import Any, Dict, Iterable, Mapping, Optional, Sequence, Set, Union

import numpy as np

from bert_bundle.encoders import configuration
from bert_bundle.errors import SignatureError
from bert_bundle.graph import signature
from bert_bundle.graph.graph import Graph
from bert_bundle.graph.signature import Slot

Asked = Union[int, Mapping[str, int], None]  # one length, or one for each text


def single(asked: Asked) -> Optional[int]:
    """Return the one length that is asked for; None without one, or if texts have different ones."""
    lengths = set(asked.values()) if isinstance(asked, Mapping) else {asked}
    return next(iter(lengths)) if len(lengths) == 1 else None


def said(asked: Asked, texts: Iterable[str]) -> Set[str]:
    """Return the texts whose length is asked for."""
    return set() if asked is None else {text for text in texts if not isinstance(asked, Mapping) or text in asked}


def lengths(
    asked: Asked, slots: Sequence[Slot], tokenizer: Any, graph: Graph, configs: Mapping[str, Mapping[str, Any]]
) -> Dict[str, int]:
    """Return text -> length: the one asked for, else that of the text's inputs, else the longest possible.

    Raises SignatureError for a length that does not fit the inputs or the encoders of a text.
    """
    texts = sorted({slot.group for slot in slots if slot.group})
    if isinstance(asked, Mapping) and set(asked) - set(texts):
        raise SignatureError(
            "max_length for a text that the model does not have",
            place="max_length",
            wanted=", ".join(texts),
            found=", ".join(map(str, asked)),
        )
    by_text = dict(asked) if isinstance(asked, Mapping) else dict.fromkeys(texts, asked)
    folders = signature.encoders_by_input(graph)
    result = {}
    for text in texts:
        inputs = [slot for slot in slots if slot.group == text]
        reading = {folder for slot in inputs for folder in folders.get(slot.name, ())} or set(configs)
        read_by = [configs[folder] for folder in sorted(reading)]
        result[text] = _length(by_text.get(text), inputs, tokenizer, read_by, texts)
    return result


def _length(
    asked: Optional[int],
    inputs: Sequence[Slot],
    tokenizer: Any,
    read_by: Sequence[Mapping[str, Any]],
    texts: Sequence[str],
) -> int:
    """Return the length of a text that encoders of the configurations `read_by` read."""
    longest = min(map(configuration.longest, read_by))
    fixed = [slot for slot in inputs if slot.length is not None]
    length: Any = asked
    usual = min(tokenizer.model_max_length, *map(configuration.usual_length, read_by))
    if asked is None and not fixed and usual >= configuration.UNLIMITED:
        raise SignatureError(
            "neither the encoder nor the tokenizer has a longest text",
            place="max_length",
            fix="give the length that your pipeline cuts texts to, such as max_length=128",
        )
    if asked is None:
        length = fixed[0].length if fixed else usual
    is_length = isinstance(length, (int, np.integer)) and length is not True and 1 <= length <= longest
    if not is_length or any(slot.length != length for slot in fixed):
        of_input = "{0.length}, the length of {0.name}".format(fixed[0]) if fixed else ""
        raise SignatureError(
            "max_length does not fit the model",
            place="max_length",
            wanted=of_input or "1 to {}".format(longest),
            found=length,
            fix="leave it out, or give one for each text: max_length={{{!r}: ..., ...}}".format(texts[0])
            if len(texts) > 1
            else "",
        )
    return int(length)
