"""Turn texts into the token arrays that a model's inputs declare. Does not know: where the texts come from."""

from typing import Any, Dict, Mapping, Optional, Sequence, Union

import numpy as np

from bert_bundle import tokenizer as tokenizers
from bert_bundle.errors import FormatError, SignatureError
from bert_bundle.format import layout
from bert_bundle.format.manifest import Manifest
from bert_bundle.format.open_bundle import OpenedBundle
from bert_bundle.graph.signature import TEXT, Slot
from bert_bundle.tokenizer import Recipe

Texts = Union[Sequence[Any], Mapping[str, Sequence[Any]]]


def recipe_of(manifest: Manifest, slots: Sequence[Slot]) -> Recipe:
    """Return how the bundle's texts become token ids.

    Raises FormatError when the manifest's recipe is malformed, or its length is not that of every token input.
    """
    length = manifest.tokenizer.get("max_length")
    padding, truncation = manifest.tokenizer.get("padding"), manifest.tokenizer.get("truncation")
    if type(length) is not int or not 1 <= length <= 1 << 20 or padding != "max_length" or truncation is not True:
        raise FormatError(
            "the tokenizer's recipe is malformed",
            place=layout.MANIFEST + "#/tokenizer",
            wanted="max_length, padding max_length, truncation true",
            found=dict(manifest.tokenizer),
        )
    for slot in slots:
        if slot.group and slot.shape[0] not in (None, length):
            raise FormatError(
                "the tokenizer's recipe does not match the model's inputs",
                place=layout.MANIFEST + "#/tokenizer/max_length",
                wanted="{}, the length of {}".format(slot.shape[0], slot.name),
                found=length,
            )
    return Recipe(length)


def encode(
    tokenizer: Any, recipe: Recipe, slots: Sequence[Slot], texts: Texts, pairs: Optional[Sequence[str]] = None
) -> Dict[str, np.ndarray]:
    """Return input name -> token array for every slot that is made from a text. Raises SignatureError."""
    groups = sorted({s.group for s in slots if s.group})
    by_group = texts if isinstance(texts, Mapping) else dict.fromkeys(groups[:1], texts)
    if sorted(by_group) != groups or isinstance(texts, str):
        raise SignatureError(
            "the texts do not match the model's inputs",
            place="texts",
            wanted="a list of texts" if groups == [TEXT] else "texts for each of " + ", ".join(groups),
            found="one text" if isinstance(texts, str) else ", ".join(by_group),
            fix="predict([text])" if isinstance(texts, str) else "",
        )
    encoded = {group: tokenizers.encode(tokenizer, recipe, list(by_group[group]), pairs) for group in groups}
    return {s.name: encoded[s.group][s.role].astype(s.dtype) for s in slots if s.group}


def live_tokenizer(bundle: OpenedBundle, files: Mapping[str, bytes], runtime: str) -> Any:
    """Return the tokenizer of the bundle's `files` in `runtime`, fast or slow as it was saved."""
    fast = bool(bundle.manifest.tokenizer.get("fast", True))
    return tokenizers.from_files(files, fast=fast, origin=bundle.root, runtime=runtime)
