"""Attention of DeBERTa (He et al. 2020, 3.1) as Keras 3 layers: contents and relative positions have vectors apart.

A score is the sum of content to content, content to position and position to content, each by the same projections.
Does not know: families.
"""

from typing import Any, Mapping, NamedTuple, Tuple

import keras
import numpy as np
from keras import ops

from bert_bundle.encoders.families.family import relative_limit, relative_span
from bert_bundle.encoders.native_layers import Normalization, Part, Plan, PostNormBlock, numbered

_CONTENT_TO_POSITION, _POSITION_TO_CONTENT = "c2p", "p2c"
_NEVER = {"float16": -6e4}  # the score of what is not seen; what is lower than any score is as good
_FAR_BELOW = -1e30


class Relative(NamedTuple):
    """What every block needs beside its input.

    vectors   of relative positions, (1, 2 span, hidden)
    numbers   of the vectors, (length, length), for a token and one that it looks at
    visible   (n, 1, length, length) as bool, None if every token sees every other
    """

    vectors: Any
    numbers: Any
    visible: Any


class RelativePositions(Part):
    """The table of vectors of relative positions, normalized."""

    def __init__(self, path: str, values: Mapping[str, Any], plan: Plan, dtype: Any) -> None:
        name, _, self.table = path.rpartition("/")
        super().__init__(name, dtype)
        shape, start = (values["relative_rows"], plan.hidden), keras.initializers.TruncatedNormal(stddev=plan.deviation)
        self.tables[self.table] = self.add_weight(name=self.table, shape=shape, initializer=start)
        self.norm = self.put("LayerNorm", Normalization(plan.hidden, plan.epsilon, self.dtype_policy))
        self.numbers = _numbers(values)
        self.built = True

    def call(self, x: Any, bias: Any = None) -> Relative:
        """Return what blocks need for x, (n, length, hidden); `bias` is 0 for tokens that are seen."""
        vectors = self.norm(ops.cast(self.tables[self.table], self.compute_dtype))[None]
        visible = None
        if bias is not None:
            seen = ops.equal(bias, 0.0)
            visible = ops.logical_and(seen, ops.transpose(seen, (0, 1, 3, 2)))
        return Relative(vectors, numbered(x, self.numbers), visible)


class DisentangledBlock(PostNormBlock):
    """A block whose scores have a part for relative positions."""

    def _attend(self, x: Any, bias: Relative, head_mask: Any, training: Any) -> Tuple[Any, Any]:
        kinds, (vectors, numbers, visible) = self.plan.relative, bias
        vectors = self.dropout(vectors, training=training)
        query, key, value = (self._heads(role, x) for role in ("query", "key", "value"))
        scale = (self.plan.hidden // self.plan.heads * (1 + len(kinds))) ** 0.5
        scores = ops.matmul(query, _turned(key) / scale)
        if _CONTENT_TO_POSITION in kinds:
            scores = scores + _chosen(ops.matmul(query, _turned(self._heads("key", vectors))), numbers) / scale
        if _POSITION_TO_CONTENT in kinds:  # the other token's key meets the position of this one, seen from there
            found = _chosen(ops.matmul(key, _turned(self._heads("query", vectors))), ops.transpose(numbers))
            scores = scores + _turned(found) / scale
        if visible is not None:
            scores = ops.where(visible, scores, _NEVER.get(self.compute_dtype, _FAR_BELOW))
        probabilities = ops.softmax(scores, axis=-1)
        if visible is not None:
            probabilities = probabilities * ops.cast(visible, probabilities.dtype)
        probabilities = self.attention_dropout(probabilities, training=training)
        return self._joined(probabilities, value), probabilities


def _turned(x: Any) -> Any:
    return ops.transpose(x, (0, 1, 3, 2))


def _chosen(scores: Any, numbers: Any) -> Any:
    """Return (n, heads, length, length) of the scores of every number, (n, heads, length, 2 span)."""
    everywhere = numbers[None, None] + ops.zeros_like(scores[:, :, :, :1], dtype="int32")
    return ops.take_along_axis(scores, everywhere, axis=-1)


def _numbers(values: Mapping[str, Any]) -> np.ndarray:
    """Return the number of the vector of each distance that has its own, see `native_layers.numbered`.

    Buckets are computed in float32, in TensorFlow's order: at the edge of one a last place decides.
    """
    span, limit = relative_span(values), relative_limit(values)
    far = 2 * limit
    away = np.arange(-far, far + 1)  # the other token's place less this one's
    own = -away
    if values["position_buckets"] > 0:
        mid = span // 2
        distance = np.where(np.abs(own) < mid, mid - 1, np.abs(own))
        width = np.log(np.float32((limit - 1) / mid))
        grown = np.log(distance / mid).astype("float32") / width * np.float32(mid - 1)
        wide = (np.ceil(grown) + np.float32(mid)) * np.sign(own)
        own = np.where(distance <= mid, own, wide).astype("int64")
    return np.asarray(np.clip(own + span, 0, 2 * span - 1), "int32")
