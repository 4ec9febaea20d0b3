"""The tokens of the texts that were classified, for tasks whose labels belong to tokens."""

from typing import Any, List, Optional, Sequence

import numpy as np

from bert_bundle import tokenizer as tokenizers
from bert_bundle.graph.signature import Slot
from bert_bundle.loading.classification import TextTokens
from bert_bundle.loading.encoding import Texts, encode
from bert_bundle.loading.recipes import Recipes

_NOT_IN_TEXTS = ("unk_token_id", "mask_token_id")  # special tokens that stand for a part of a text


def text_tokens(
    tokenizer: Any, recipes: Recipes, groups: Sequence[str], texts: Texts, pairs: Optional[Sequence[str]]
) -> TextTokens:
    """Return the tokens of the first group of `texts`."""
    slots: List[Slot] = []
    for role in ("input_ids", "attention_mask"):
        slots += [Slot("{} {}".format(group, role), role, group, (None,), "int64") for group in groups]
    arrays = list(encode(tokenizer, recipes, slots, texts, pairs).arrays.values())
    ids, mask = arrays[0], arrays[len(groups)]
    special = set(tokenizer.all_special_ids) - {getattr(tokenizer, name, None) for name in _NOT_IN_TEXTS}
    column: List[Any] = list(texts[groups[0]] if isinstance(texts, dict) else texts)
    last = [t if isinstance(t, str) else t[-1] for t in (column if pairs is None else pairs)]
    return TextTokens(
        tokens=[tokenizer.convert_ids_to_tokens([int(i) for i in row]) for row in ids],
        is_text=(mask != 0) & ~np.isin(ids, list(special)),
        offsets=tokenizers.offsets(tokenizer, recipes.by_text[groups[0]], column, pairs),
        last=last,
    )
