"""A transformer encoder as Keras 3 layers, on any backend: parts named as in transformers' TensorFlow classes.

What is computed is the encoder of Vaswani et al. 2017 (section 3.1), normalized after each sub-layer, with the
embeddings of Devlin et al. 2018 (figure 2). What differs between families is in a `Plan`. Does not know: families.
"""

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

import keras
import numpy as np
from keras import ops

from bert_bundle.encoders.families.family import EMBEDDINGS_NORM

ERF_GELU, TANH_GELU = "gelu", "gelu_new"


@dataclass(frozen=True)
class Plan:
    """Sizes, rates and paths of one encoder.

    tables        embedding table -> its rows
    modules       role within a block -> (path, sizes of the weight as in `families.family.Module`)
    own_projection  the name of the embeddings' dense layer to the hidden size, empty if they have none
    padding       the token id that RoBERTa's positions step over, None if positions count from 0
    masked_score  what is added to the score of a masked token
    relative      which scores of relative positions are added: c2p (content to position), p2c
    """

    tables: Mapping[str, int]
    modules: Mapping[str, Tuple[str, Tuple[int, ...]]]
    own_projection: str
    embedding: int
    hidden: int
    layers: int
    heads: int
    activation: str
    epsilon: float
    dropout: float
    attention_dropout: float
    deviation: float
    padding: Optional[int]
    masked_score: float
    relative: Tuple[str, ...]


def activate(name: str, x: Any) -> Any:
    """Apply an activation by the name that a configuration gives it. "gelu" is the exact one, by erf."""
    if name == ERF_GELU:
        return ops.gelu(x, approximate=False)
    if name == TANH_GELU:
        return ops.gelu(x, approximate=True)
    function: Any = {"relu": ops.relu, "silu": ops.silu, "swish": ops.silu, "tanh": ops.tanh}[name]
    return function(x)


class Part(keras.layers.Layer):  # type: ignore[misc]
    """A named holder of parts, which makes weights and trainable flags those of transformers' classes by path."""

    def __init__(self, name: str, dtype: Any) -> None:
        super().__init__(name=name, dtype=dtype)
        self.parts: Dict[str, Any] = {}
        self.tables: Dict[str, Any] = {}  # name -> variable

    def put(self, path: str, part: Any) -> Any:
        """Put `part` at `path`, make the holders on the way, and return it."""
        name, _, rest = path.partition("/")
        if not rest:
            self.parts[name] = part
            return part
        if name not in self.parts:
            self.parts[name] = Part(name, self.dtype_policy)
        return self.parts[name].put(rest, part)

    def at(self, path: str) -> Any:
        """Return the part at `path`."""
        name, _, rest = path.partition("/")
        return self.parts[name].at(rest) if rest else self.parts[name]


class Normalization(keras.layers.Layer):  # type: ignore[misc]
    """Layer normalization (Ba et al. 2016) over the last axis, by mean and variance.

    Replaces Keras' layer, which on JAX computes in float32 in every precision (measured: float64 off by 4e-7).
    Half precisions are normalized in float32, as Keras 2 does.
    """

    def __init__(self, size: int, epsilon: float, dtype: Any) -> None:
        super().__init__(name="LayerNorm", dtype=dtype)
        self.epsilon = epsilon
        self.gamma = self.add_weight(name="gamma", shape=(size,), initializer="ones")
        self.beta = self.add_weight(name="beta", shape=(size,), initializer="zeros")
        self.built = True

    def call(self, x: Any) -> Any:
        """Return x, (..., size), normalized."""
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        x = ops.cast(x, dtype)
        centred = x - ops.mean(x, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
        scaled = centred / ops.sqrt(variance + self.epsilon)  # a cast of a Python float would round it to float32
        result = scaled * ops.cast(self.gamma, dtype) + ops.cast(self.beta, dtype)
        return ops.cast(result, self.compute_dtype)


def dense(inputs: int, outputs: int, name: str, plan: Plan, dtype: Any, *, bias: bool = True) -> Any:
    """Return a built Dense layer."""
    start = keras.initializers.TruncatedNormal(stddev=plan.deviation)
    layer = keras.layers.Dense(outputs, kernel_initializer=start, name=name, dtype=dtype, use_bias=bias)
    layer.build((None, None, inputs))
    return layer


class Embeddings(Part):
    """Word, position and token type tables, added, projected where the plan says so, and normalized."""

    def __init__(self, plan: Plan, dtype: Any) -> None:
        super().__init__("embeddings", dtype)
        self.plan = plan
        start = keras.initializers.TruncatedNormal(stddev=plan.deviation)
        self.tables = {
            name: self.add_weight(name=name, shape=(rows, plan.embedding), initializer=start)
            for name, rows in plan.tables.items()
        }
        self.projection, size = None, plan.embedding
        if plan.own_projection:
            size, name = plan.hidden, plan.own_projection
            self.projection = self.put(name, dense(plan.embedding, size, name, plan, self.dtype_policy, bias=False))
        self.norm = self.put(EMBEDDINGS_NORM, Normalization(size, plan.epsilon, self.dtype_policy))
        self.dropout = keras.layers.Dropout(plan.dropout, dtype=self.dtype_policy)
        self.built = True

    def call(
        self,
        input_ids: Any = None,
        types: Any = None,
        positions: Any = None,
        embedded: Any = None,
        visible: Any = None,  # Keras fills an argument called mask itself
        training: Any = None,
    ) -> Any:
        """Return (n, length, embedding) of (n, length) ids, or of `embedded`, which has that shape already.

        With a projection of their own, they are (n, length, hidden). Those of tokens that are 0 in `visible`,
        (n, length), are 0, if it is given.
        """
        x = embedded if embedded is not None else self._row("word_embeddings", input_ids)
        if "position_embeddings" in self.tables:
            positions = self._positions(input_ids, x) if positions is None else positions
            x = x + self._row("position_embeddings", positions)
        if "token_type_embeddings" in self.tables:
            types = ops.zeros_like(x[:, :, 0], dtype="int32") if types is None else types
            x = x + self._row("token_type_embeddings", types)
        x = self.norm(x if self.projection is None else self.projection(x))
        if visible is not None:
            x = x * ops.cast(visible, self.compute_dtype)[:, :, None]
        return self.dropout(x, training=training)

    def _row(self, table: str, ids: Any) -> Any:
        return ops.take(ops.cast(self.tables[table], self.compute_dtype), ops.cast(ids, "int32"), axis=0)

    def _positions(self, input_ids: Any, x: Any) -> Any:
        """Return 0, 1, 2, ...; with `padding`, as RoBERTa does, from `padding` + 1, and `padding` for padding."""
        padding = self.plan.padding
        if padding is not None and input_ids is not None:
            real = ops.cast(ops.not_equal(input_ids, padding), "int32")
            return ops.cumsum(real, axis=1) * real + padding
        counted = ops.cumsum(ops.ones_like(x[:, :, 0], dtype="int32"), axis=1) - 1
        return counted if padding is None else counted + padding + 1


def numbered(x: Any, numbers: np.ndarray) -> Any:
    """Return the number of the distance of every other token from each of x, (n, length, hidden): (length, length).

    `numbers` are those of the distances -d to d; what is farther away than d has that of d.
    """
    far = len(numbers) // 2
    places = ops.cumsum(ops.ones_like(x[0, :, 0], dtype="int32"), axis=0)
    return ops.take(numbers, ops.clip(places[None, :] - places[:, None], -far, far) + far, axis=0)


class Distances(Part):
    """A bias of each head for the distance of two tokens, by buckets that widen with it (Raffel et al. 2020, 2.1).

    Distances to the left and to the right have half of the buckets each; of a half, one half is for one distance each,
    and from `_FAR` on all share the last.
    """

    _FAR = 128

    def __init__(self, path: str, values: Mapping[str, Any], plan: Plan, dtype: Any) -> None:
        name, _, self.table = path.rpartition("/")
        super().__init__(name, dtype)
        buckets = values["relative_attention_num_buckets"]
        start = keras.initializers.TruncatedNormal(stddev=plan.deviation)
        self.tables[self.table] = self.add_weight(name=self.table, shape=(buckets, plan.heads), initializer=start)
        self.buckets = self._buckets(buckets)
        self.built = True

    def call(self, x: Any, bias: Any = None) -> Any:
        """Return (1 or n, heads, length, length), what is added to the scores of x, (n, length, hidden)."""
        table = ops.cast(self.tables[self.table], self.compute_dtype)
        own = ops.take(table, numbered(x, self.buckets), axis=0)
        own = ops.transpose(own, (2, 0, 1))[None]
        return own if bias is None else own + bias

    def _buckets(self, buckets: int) -> np.ndarray:
        """Return the bucket of each distance from -`_FAR` to `_FAR`."""
        half, near = buckets // 2, buckets // 2 // 2
        distances = np.arange(-self._FAR, self._FAR + 1)
        away = np.maximum(np.abs(distances), 1)
        wide = near + (np.log(away / near) / np.log(self._FAR / near) * (half - near)).astype("int32")
        found = np.where(np.abs(distances) < near, np.abs(distances), np.minimum(wide, half - 1))
        return np.asarray(found + half * (distances > 0), "int32")


class PostNormBlock(Part):
    """One layer of the encoder: attention and two dense layers, each added to its input and then normalized."""

    def __init__(self, name: str, plan: Plan, dtype: Any) -> None:
        super().__init__(name, dtype)
        self.plan = plan
        for path, sizes in plan.modules.values():
            if len(sizes) == 1:
                self.put(path, Normalization(sizes[0], plan.epsilon, self.dtype_policy))
            else:
                outputs, inputs = sizes
                self.put(path, dense(inputs, outputs, path.split("/")[-1], plan, self.dtype_policy))
        self.dropout = keras.layers.Dropout(plan.dropout, dtype=self.dtype_policy)
        self.attention_dropout = keras.layers.Dropout(plan.attention_dropout, dtype=self.dtype_policy)
        self.built = True

    def call(self, x: Any, bias: Any = None, head_mask: Any = None, training: Any = None) -> Tuple[Any, Any]:
        """Return (x as (n, length, hidden), probabilities as (n, heads, length, length)), as which bias broadcasts."""
        context, probabilities = self._attend(x, bias, head_mask, training)
        x = self._part("norm")(x + self.dropout(self._part("out")(context), training=training))
        widened = activate(self.plan.activation, self._part("up")(x))
        x = self._part("last_norm")(x + self.dropout(self._part("down")(widened), training=training))
        return x, probabilities

    def _attend(self, x: Any, bias: Any, head_mask: Any, training: Any) -> Tuple[Any, Any]:
        query, key, value = (self._heads(role, x) for role in ("query", "key", "value"))
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / (self.plan.hidden // self.plan.heads) ** 0.5
        probabilities = ops.softmax(scores if bias is None else scores + bias, axis=-1)
        probabilities = self.attention_dropout(probabilities, training=training)
        if head_mask is not None:
            probabilities = probabilities * head_mask
        return self._joined(probabilities, value), probabilities

    def _heads(self, role: str, x: Any) -> Any:
        """Return what the dense layer of that role makes of x, (n, length, hidden), as (n, heads, length, size)."""
        rows, length = ops.shape(x)[:2]
        split = ops.reshape(self._part(role)(x), (rows, length, self.plan.heads, self.plan.hidden // self.plan.heads))
        return ops.transpose(split, (0, 2, 1, 3))

    def _joined(self, probabilities: Any, value: Any) -> Any:
        """Return the values weighed by the probabilities, the heads side by side, as (n, length, hidden)."""
        context = ops.transpose(ops.matmul(probabilities, value), (0, 2, 1, 3))
        rows, length = ops.shape(context)[:2]
        return ops.reshape(context, (rows, length, self.plan.hidden))

    def _part(self, role: str) -> Any:
        return self.at(self.plan.modules[role][0])
