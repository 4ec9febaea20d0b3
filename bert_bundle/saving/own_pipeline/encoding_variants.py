"""Other ways to make a model's arrays from texts: what pipelines are written like, to explain another prediction."""

from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from bert_bundle.graph.signature import Slot

Arrays = Dict[str, np.ndarray]
Encode = Callable[[Sequence[Slot], Mapping[str, List[Any]], Optional[int]], Arrays]  # slots, texts, length or None

_MASK, _TYPES = "attention_mask", "token_type_ids"
_LENGTHS = (16, 32, 64, 128, 256, 512)  # tokens, that people pad to


class Variant(NamedTuple):
    """One other way: in words, the token arrays that it gives, and what to write so that `save` does the same."""

    words: str
    arrays: Arrays
    fix: str


def variants(
    encode: Encode, slots: Sequence[Slot], texts: Mapping[str, List[object]], length: int, longest: int
) -> Iterator[Variant]:
    """Yield other encodings of `texts`, those that change the arrays and fit the model, the likeliest first.

    length   the tokens that the bundle's recipe gives
    longest  the most tokens that an encoder of the model takes
    """
    tokens = [slot for slot in slots if slot.group]
    ours = encode(tokens, texts, None)
    for variant in _of_same_length(encode, tokens, texts, ours):
        if any(not np.array_equal(variant.arrays[name], array) for name, array in ours.items()):
            yield variant
    if all(slot.shape[-1] is None for slot in tokens):
        filled = max(int(np.asarray(mask != 0).sum(-1).max()) for mask in _masks(encode, tokens, texts))
        for other in dict.fromkeys([filled, *_LENGTHS]):
            if other <= longest and other != length:
                words = "padding to the longest text" if other == filled else "{} tokens a text".format(other)
                fix = 'padding="longest"' if other == filled else "max_length={}".format(other)
                yield Variant(words, encode(tokens, texts, other), "save({})".format(fix))


def _of_same_length(
    encode: Encode, tokens: List[Slot], texts: Mapping[str, List[object]], ours: Arrays
) -> Iterator[Variant]:
    roles = {slot.name: slot.role for slot in tokens}
    other_roles = {_MASK: _TYPES, _TYPES: _MASK}
    swapped = [slot._replace(role=other_roles.get(slot.role, slot.role)) for slot in tokens]
    names = [slot.name for slot in tokens if slot.role in other_roles]
    fix = "save(inputs={{{}}})".format(", ".join("{!r}: {!r}".format(name, other_roles[roles[name]]) for name in names))
    yield Variant("attention mask and token types swapped", encode(swapped, texts, None), fix)
    for role, value, words in (
        (_MASK, 1, "an attention mask of ones, padding included"),
        (_TYPES, 0, "token types that are all 0"),
    ):
        changed = {n: np.full_like(a, value) if roles[n] == role else a for n, a in ours.items()}
        yield Variant(words, changed, "encode as the bundle does when you train and predict")
    lowered = {group: [_lower(text) for text in column] for group, column in texts.items()}
    yield Variant("texts in lower case", encode(tokens, lowered, None), "pass a tokenizer with do_lower_case=True")
    yield Variant("padding on the left", _left(encode, tokens, texts, ours), 'set tokenizer.padding_side = "left"')


def _masks(encode: Encode, tokens: List[Slot], texts: Mapping[str, List[object]]) -> List[np.ndarray]:
    """Return the attention mask of each group of texts, whether the model reads it or not."""
    first = {slot.group: slot for slot in tokens}
    return list(encode([slot._replace(role=_MASK) for slot in first.values()], texts, None).values())


def _left(encode: Encode, tokens: List[Slot], texts: Mapping[str, List[object]], ours: Arrays) -> Arrays:
    groups = list({slot.group: None for slot in tokens})
    masks = dict(zip(groups, _masks(encode, tokens, texts)))
    moved = {}
    for slot in tokens:
        array, mask = ours[slot.name], masks[slot.group]
        padding = mask.shape[-1] - np.asarray(mask != 0).sum(-1)
        if array.ndim != 2 or mask.shape != array.shape:
            return ours
        moved[slot.name] = np.stack([np.roll(row, by) for row, by in zip(array, padding)])
    return moved


def _lower(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else [_lower(part) for part in text]
