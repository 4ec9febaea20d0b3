"""Predictions in batches of texts of similar length, each padded to its own longest text.

Only for models whose predictions padding does not move: then a prediction does not depend on its batch.
"""

from typing import Callable, Dict, Mapping, Sequence

import numpy as np

from bert_bundle.graph.signature import Slot
from bert_bundle.loading.encoding import Encoded
from bert_bundle.loading.recipes import Recipes
from bert_bundle.tokenizer import LONGEST

Arrays = Mapping[str, np.ndarray]

_STEP = 8  # tokens: lengths are rounded up, so that a backend that compiles for each shape meets few of them


def predict_by_length(
    predict: Callable[[Arrays], Dict[str, np.ndarray]],
    encoded: Encoded,
    features: Arrays,
    slots: Sequence[Slot],
    recipes: Recipes,
    *,
    left: bool,
    batch: int,
) -> Dict[str, np.ndarray]:
    """Return output name -> array (rows, ...), in the order of the rows.

    predict  returns the predictions for input name -> array (rows, ...)
    left     whether texts are padded on the left
    batch    rows of one batch
    """
    arrays = {**encoded.arrays, **features}
    texts = {slot.name: slot.group for slot in slots if slot.group and recipes.by_text[slot.group].padding == LONGEST}
    count = len(next(iter(arrays.values())))
    if recipes.together or not texts or count <= batch:  # padded to the longest of the call already
        return predict(arrays)
    by_length = np.argsort(sum(encoded.lengths[text] for text in sorted(set(texts.values()))), kind="stable")
    parts = []
    for start in range(0, count, batch):
        rows = by_length[start : start + batch]
        chosen = {name: array[rows] for name, array in arrays.items()}
        for name, text in texts.items():
            width = -(-int(encoded.lengths[text][rows].max()) // _STEP) * _STEP
            chosen[name] = chosen[name][..., -width:] if left else chosen[name][..., :width]
        parts.append(predict(chosen))
    back = np.argsort(by_length, kind="stable")
    return {name: np.concatenate([part[name] for part in parts])[back] for name in parts[0]}
