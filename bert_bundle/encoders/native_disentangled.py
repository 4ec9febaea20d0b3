"""Parts of DeBERTa (He et al. 2020, 3.1) as Keras 3 layers: contents and relative positions have vectors apart.

A score is the sum of content to content, content to position and position to content, each by the same projections or
by its own. Does not know: families.
"""

from typing import Any, Iterator, Mapping, NamedTuple, Tuple

import keras
import numpy as np
from keras import ops

from bert_bundle.encoders import native_layers
from bert_bundle.encoders.families.relative import CONTENT_TO_POSITION, POSITION_TO_CONTENT, limit, span
from bert_bundle.encoders.native_layers import Normalization, Part, Plan, PostNormBlock, numbered

_NEVER = {"float16": -6e4}  # the score of what is not seen; what is lower than any score is as good
_FAR_BELOW = -1e30


class Relative(NamedTuple):
    """What every block needs beside its input.

    vectors   of relative positions, (1, 2 span, hidden), None for an encoder without them
    numbers   of the vectors, (length, length), for a token and one that it looks at
    visible   (n, 1, length, length) as bool, None if every token sees every other
    """

    vectors: Any
    numbers: Any
    visible: Any


class RelativePositions(Part):
    """The table of vectors of relative positions, normalized, if the encoder has them; what tokens see in any case."""

    def __init__(self, path: str, values: Mapping[str, Any], plan: Plan, dtype: Any) -> None:
        name, _, self.table = path.rpartition("/")
        super().__init__(name, dtype)
        rows, start = values["relative_rows"], keras.initializers.TruncatedNormal(stddev=plan.deviation)
        self.norm = None
        if rows:
            self.tables[self.table] = self.add_weight(name=self.table, shape=(rows, plan.hidden), initializer=start)
            self.numbers = _numbers(values)
        if values["relative_norm"]:
            self.norm = self.put("LayerNorm", Normalization(plan.hidden, plan.epsilon, self.dtype_policy))
        self.built = True

    def call(self, x: Any, bias: Any = None) -> Relative:
        """Return what blocks need for x, (n, length, hidden); `bias` is 0 for tokens that are seen."""
        visible = None
        if bias is not None:
            seen = ops.equal(bias, 0.0)
            visible = ops.logical_and(seen, ops.transpose(seen, (0, 1, 3, 2)))
        if self.table not in self.tables:
            return Relative(None, None, visible)
        vectors = ops.cast(self.tables[self.table], self.compute_dtype)
        vectors = vectors if self.norm is None else self.norm(vectors)
        return Relative(vectors[None], numbered(x, self.numbers), visible)


class DisentangledBlock(PostNormBlock):
    """A block whose scores have a part for relative positions, if the encoder has their vectors."""

    def _attend(self, x: Any, bias: Relative, head_mask: Any, training: Any) -> Tuple[Any, Any]:
        visible = bias.visible
        query, key, value = (self._heads(role, x) for role in ("query", "key", "value"))
        # Published code divides by the number of parts that the configuration names, whether they are added or not.
        scale = (self.plan.hidden // self.plan.heads * (1 + len(self.plan.relative))) ** 0.5
        scores = ops.matmul(query, _turned(key) / scale)
        if bias.vectors is not None:
            for part in self._of_positions(query, key, bias, training):
                scores = scores + part / scale
        if visible is not None:
            scores = ops.where(visible, scores, _NEVER.get(self.compute_dtype, _FAR_BELOW))
        probabilities = ops.softmax(scores, axis=-1)
        if visible is not None:
            probabilities = probabilities * ops.cast(visible, probabilities.dtype)
        probabilities = self.attention_dropout(probabilities, training=training)
        return self._joined(probabilities, value), probabilities

    def _of_positions(self, query: Any, key: Any, bias: Relative, training: Any) -> Iterator[Any]:
        """Yield the parts of the scores that relative positions have, (n, heads, length, length)."""
        vectors, numbers = self.dropout(bias.vectors, training=training), bias.numbers
        if CONTENT_TO_POSITION in self.plan.relative:
            yield _chosen(ops.matmul(query, _turned(self._positions("key", vectors))), numbers)
        if POSITION_TO_CONTENT in self.plan.relative:
            # The other token's key meets this one's position, seen from there.
            found = ops.matmul(key, _turned(self._positions("query", vectors)))
            yield _turned(_chosen(found, ops.transpose(numbers)))

    def _positions(self, role: str, vectors: Any) -> Any:
        own = "position_" + role
        return self._heads(own if own in self.plan.modules else role, vectors)


class Convolution(Part):
    """What a token and its neighbours in the embeddings add to the output of the first block; the sum is normalized."""

    def __init__(self, name: str, values: Mapping[str, Any], plan: Plan, dtype: Any) -> None:
        super().__init__(name, dtype)
        self.activation = values["conv_act"]
        start = keras.initializers.TruncatedNormal(stddev=plan.deviation)
        layer = keras.layers.Conv1D(
            plan.hidden,
            values["conv_kernel_size"],
            padding="same",
            kernel_initializer=start,
            name=name,
            dtype=self.dtype_policy,
        )
        layer.build((None, None, plan.hidden))
        self.convolution = self.put(name, layer)
        self.norm = self.put("LayerNorm", Normalization(plan.hidden, plan.epsilon, self.dtype_policy))
        self.dropout = keras.layers.Dropout(plan.dropout, dtype=self.dtype_policy)
        self.built = True

    def call(self, embedded: Any, x: Any, visible: Any = None, training: Any = None) -> Any:
        """Return (n, length, hidden) of the embeddings and the block's output x, 0 where `visible`, (n, length), is."""
        found = self.convolution(embedded)
        seen = 1.0 if visible is None else ops.cast(visible, self.compute_dtype)[:, :, None]
        found = native_layers.activate(self.activation, self.dropout(found * seen, training=training))
        return self.norm(x + found) * seen


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
    most, number = limit(values), span(values)
    far = 2 * most
    away = np.arange(-far, far + 1)  # the other token's place less this one's
    own = -away
    if values["position_buckets"] > 0:
        mid = number // 2
        distance = np.where(np.abs(own) < mid, mid - 1, np.abs(own))
        width = np.log(np.float32((most - 1) / mid))
        grown = np.log(distance / mid).astype("float32") / width * np.float32(mid - 1)
        wide = (np.ceil(grown) + np.float32(mid)) * np.sign(own)
        own = np.where(distance <= mid, own, wide).astype("int64")
    return np.asarray(np.clip(own + number, 0, 2 * number - 1), "int32")
