"""Turn texts into the token arrays that a model's inputs declare. Does not know: where the texts come from."""

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Union

import numpy as np

from bert_bundle import tokenizer as tokenizers
from bert_bundle.errors import SignatureError
from bert_bundle.format.open_bundle import OpenedBundle
from bert_bundle.graph.signature import TEXT, Slot, document
from bert_bundle.loading.documents import in_a_row
from bert_bundle.loading.recipes import Recipes
from bert_bundle.tokenizer import Recipe

Texts = Union[Sequence[object], Mapping[str, Sequence[object]]]


class Encoded(NamedTuple):
    """Texts as arrays.

    arrays   input name -> token array (rows, tokens), or (rows, texts, tokens) for documents
    lengths  text -> int array (rows,): tokens of each row's text, or of the longest text of its document
    """

    arrays: Dict[str, np.ndarray]
    lengths: Dict[str, np.ndarray]


def encode(
    tokenizer: Any, recipes: Recipes, slots: Sequence[Slot], texts: Texts, pairs: Optional[Sequence[Any]] = None
) -> Encoded:
    """Return the token array of every slot that is made from a text, padded as one batch. Raises SignatureError."""
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
    encoded = {
        group: _columns(tokenizer, recipes.by_text[group], document(slots, group), list(by_group[group]), pairs)
        for group in groups
    }
    masks = {group: columns["attention_mask"] for group, columns in encoded.items()}
    return Encoded(
        {s.name: encoded[s.group][s.role].astype(s.dtype) for s in slots if s.group},
        {group: mask.sum(-1).reshape(len(mask), -1).max(-1, initial=0) for group, mask in masks.items()},
    )


def live_tokenizer(bundle: OpenedBundle, files: Mapping[str, bytes], runtime: str) -> Any:
    """Return the tokenizer of the bundle's `files` in `runtime`, fast or slow as it was saved."""
    fast = bool(bundle.manifest.tokenizer.get("fast", True))
    return tokenizers.from_files(files, fast=fast, origin=bundle.root, runtime=runtime)


def _columns(
    tokenizer: Any, recipe: Recipe, whole: Optional[Slot], texts: List[Any], pairs: Optional[Sequence[Any]]
) -> Dict[str, np.ndarray]:
    """Return role -> int array of one group of texts, or of documents if `whole` is an input that has them."""
    if whole is None:
        return tokenizers.encode(tokenizer, recipe, texts, pairs)
    row = in_a_row(texts, whole.shape[0], "texts of " + whole.name)
    seconds = None if pairs is None else in_a_row(pairs, row.each, "text_pair").texts
    columns = tokenizers.encode(tokenizer, recipe, row.texts, seconds)
    return {role: array.reshape(-1, row.each, array.shape[-1]) for role, array in columns.items()}
