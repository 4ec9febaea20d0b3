"""What the texts of a model are padded to, where its inputs leave their length open: asked for, or tried.

Each of some examples is run alone at its own length, and padded to max_length. If its predictions stay the same, texts
are padded to the longest of a batch. If they move, only the user knows which of the two the model was trained with.
"""

from dataclasses import replace
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np

from bert_bundle.errors import SignatureError
from bert_bundle.grading.differences import FLOAT64_TOLERANCE, difference
from bert_bundle.graph.signature import Slot
from bert_bundle.loading.encoding import Encoded, encode
from bert_bundle.loading.recipes import Recipes, of_lengths
from bert_bundle.saving.examples import Examples
from bert_bundle.saving.golden_recording import CapturedModel
from bert_bundle.tokenizer import LONGEST, MAX_LENGTH

Arrays = Mapping[str, np.ndarray]

_ROWS = 4  # examples that are run alone, from the shortest to the longest that is padded


class _Effect(NamedTuple):
    """What padding does to the predictions.

    moved     the first prediction that it moves, in words; empty if it moves none
    per_token whether the shape of an output follows the number of tokens
    """

    moved: str
    per_token: bool


def recipes(
    captured: CapturedModel,
    tokenizer: Any,
    lengths: Mapping[str, int],
    examples: Examples,
    asked: Optional[str],
    said: Set[str],
) -> Recipes:
    """Return how the texts are cut and padded.

    lengths  text -> max_length
    asked    "max_length" or "longest", or None
    said     texts whose max_length the user gave

    Raises SignatureError if padding moves a prediction and neither padding nor max_length was given.
    """
    slots = captured.slots
    fixed = {slot.group for slot in slots if slot.group and slot.length is not None}
    left_open = sorted(set(lengths) - fixed)
    if asked not in (None, MAX_LENGTH, LONGEST) or (asked == LONGEST and not left_open):
        raise SignatureError(
            "padding does not fit the model",
            place="padding",
            wanted="max_length or longest" if left_open else "max_length, because the inputs fix the length",
            found=asked,
            fix="" if left_open else "leave it out, or make the inputs of shape (None,)",
        )
    longest, full = (of_lengths(lengths, slots, padding) for padding in (LONGEST, MAX_LENGTH))
    if not left_open or asked == MAX_LENGTH:
        return full
    effect = _effect(captured, tokenizer, full, examples, left_open)
    if not effect.moved and not effect.per_token:
        return longest
    if asked == LONGEST:
        return replace(longest, together=True)
    if effect.moved and set(left_open) - said:
        shown = lengths[left_open[0]] if len(lengths) == 1 else {text: lengths[text] for text in left_open}
        raise SignatureError(
            "padding moves the predictions, and nothing says to what texts are padded",
            place="padding",
            wanted="how your pipeline pads",
            found=effect.moved,
            fix='padding="longest" if all texts of a call are padded to the longest of them, as '
            "tokenizer(texts, padding=True) does; max_length={} (your number) if all are padded to one "
            "length".format(shown),
        )
    return full


def _effect(
    captured: CapturedModel, tokenizer: Any, full: Recipes, examples: Examples, left_open: Sequence[str]
) -> _Effect:
    """Return what padding to max_length does to the predictions in float64."""
    left = getattr(tokenizer, "padding_side", "right") == "left"
    texts, features = examples.texts, examples.features
    encoded = encode(tokenizer, full, captured.slots, texts)
    rows = _padded_rows(encoded, full, left_open)
    if not rows:  # every example is as long as max_length
        texts = {group: [_like("", column[0])] for group, column in texts.items()}
        features = {name: array[:1] for name, array in features.items()}
        encoded, rows = encode(tokenizer, full, captured.slots, texts), [0]
    arrays = {name: array[rows] for name, array in {**encoded.arrays, **features}.items()}
    try:
        padded = captured.float64.predict(arrays)
    except Exception:  # the same run of the live model raises it again, with its reason
        return _Effect("", False)
    per_token = False
    for index, row in enumerate(rows):
        own = {text: int(encoded.lengths[text][row]) for text in left_open}
        spans = [(full.by_text[text].max_length, size) for text, size in own.items()]
        alone = {name: array[index : index + 1] for name, array in arrays.items()}
        found = _run(captured, {**alone, **_cut(alone, captured.slots, own, left)})
        for name, array in padded.items():
            if found is None:
                return _Effect("the model does not run on {} without padding".format(_shown(texts, row)), False)
            wanted = _unpadded(array[index : index + 1], found[name].shape, spans, left)
            per_token = per_token or found[name].shape != array[index : index + 1].shape
            moved = difference(found[name], wanted, array)
            if moved > FLOAT64_TOLERANCE:
                sizes = ", ".join("{} to {}".format(size, length) for length, size in spans)
                return _Effect(
                    "{} moves by {:.1e} of its scale when {} is padded from {} tokens".format(
                        name, moved, _shown(texts, row), sizes
                    ),
                    per_token,
                )
    return _Effect("", per_token)


def _padded_rows(encoded: Encoded, full: Recipes, left_open: Sequence[str]) -> List[int]:
    """Return up to four rows with padding in a text whose length is open, from the one with most to that with least."""
    missing = np.sum([full.by_text[text].max_length - encoded.lengths[text] for text in left_open], axis=0)
    rows = [int(row) for row in np.argsort(-missing, kind="stable") if missing[row] > 0]
    return [rows[int(pick)] for pick in np.linspace(0, len(rows) - 1, min(_ROWS, len(rows)))]


def _run(captured: CapturedModel, arrays: Arrays) -> Optional[Dict[str, np.ndarray]]:
    try:
        return captured.float64.predict(arrays)
    except Exception:  # a layer that needs more tokens than a short text has: TensorFlow raises anything
        return None


def _cut(arrays: Arrays, slots: Sequence[Slot], own: Mapping[str, int], left: bool) -> Dict[str, np.ndarray]:
    """Return the token arrays of the texts in `own`, cut to as many tokens."""
    texts = {slot.name: own[slot.group] for slot in slots if slot.group in own}
    return {name: arrays[name][..., -size:] if left else arrays[name][..., :size] for name, size in texts.items()}


def _unpadded(array: np.ndarray, shape: Tuple[int, ...], spans: Sequence[Tuple[int, int]], left: bool) -> np.ndarray:
    """Return the array with every axis of a padded length cut to the tokens, where `shape` has the tokens alone."""
    for axis, (padded, own) in enumerate(zip(array.shape, shape)):
        if padded != own and (padded, own) in spans:
            picks = np.arange(padded - own, padded) if left else np.arange(own)
            array = np.take(array, picks, axis=axis)
    return array


def _like(text: str, example: object) -> object:
    """Return the text in the form of an example: a document where that is one."""
    return [text] * len(example) if isinstance(example, list) else text


def _shown(texts: Mapping[str, Sequence[object]], row: int) -> str:
    """Return the texts of one example, each cut to 40 characters."""
    shown = [repr(column[row]) for column in texts.values()]
    return " and ".join(text if len(text) <= 40 else text[:40] + "..." for text in shown)
