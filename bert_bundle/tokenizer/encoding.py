"""Texts -> the tensors a model declares, by a tokenizer of any runtime. Does not know how the tokenizer was made."""

from dataclasses import dataclass
from typing import Any, Dict, Optional, Sequence

import numpy as np

from bert_bundle.errors import SignatureError

MAX_LENGTH, LONGEST = "max_length", "longest"


@dataclass(frozen=True)
class Recipe:
    """How texts become token ids: the length in tokens to which they are truncated.

    padding  "max_length": to that length; "longest": to the longest of the texts
    """

    max_length: int
    padding: str = MAX_LENGTH
    truncation: bool = True


def encode(
    tokenizer: Any, recipe: Recipe, texts: Sequence[Any], pairs: Optional[Sequence[str]]
) -> Dict[str, np.ndarray]:
    """Return {"input_ids", "attention_mask", "token_type_ids"}: int arrays (texts, tokens).

    A text may also be a tuple (text, pair). Raises SignatureError for anything that is not a text.
    """
    if pairs is None and texts and all(isinstance(t, (list, tuple)) and len(t) == 2 for t in texts):
        texts, pairs = [t[0] for t in texts], [t[1] for t in texts]
    for column in (texts, pairs or ()):
        for position, text in enumerate(column):
            if not isinstance(text, str):
                raise SignatureError("not a text", place="text {}".format(position), found=type(text).__name__)
    encoded = _tokenized(
        tokenizer,
        recipe,
        texts,
        pairs,
        return_token_type_ids=True,
        return_attention_mask=True,
        return_tensors="np",
    )
    return {name: np.asarray(encoded[name]) for name in ("input_ids", "attention_mask", "token_type_ids")}


def offsets(
    tokenizer: Any, recipe: Recipe, texts: Sequence[Any], pairs: Optional[Sequence[str]]
) -> Optional[np.ndarray]:
    """Return the characters of its text that each token stands for, int array (texts, tokens, 2), or None.

    Only the fast tokenizers of transformers know them.
    """
    if not getattr(tokenizer, "is_fast", False) or not type(tokenizer).__module__.startswith("transformers"):
        return None
    encoded = _tokenized(tokenizer, recipe, texts, pairs, return_offsets_mapping=True)
    return np.asarray(encoded["offset_mapping"])


def _tokenized(
    tokenizer: Any, recipe: Recipe, texts: Sequence[Any], pairs: Optional[Sequence[str]], **returned: Any
) -> Any:
    return tokenizer(
        list(texts),
        text_pair=None if pairs is None else list(pairs),
        padding=recipe.padding,
        truncation=recipe.truncation,
        max_length=recipe.max_length,
        **returned,
    )
