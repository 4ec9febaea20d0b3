"""A reference encoder in NumPy float64, written from the papers. Shares no code with the package.

It takes a checked configuration and tensors by their PyTorch names, tells the families by the configuration and does
inference only. Runs inside every environment too, so in Python 3.8. Vaswani: "Attention is all you need" (2017);
Devlin: BERT (2018); Sanh: DistilBERT (2019); Liu: RoBERTa (2019); Clark: ELECTRA (2020); Lan: ALBERT (2019); Song:
MPNet (2020); He: DeBERTa (2020). What no paper states (where a head starts, what a mask adds) follows the classes of
PyTorch and TensorFlow in transformers, with a comment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from support import reference_deberta, reference_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Activations = Mapping[str, Callable[[np.ndarray], np.ndarray]]

# The largest difference of a float64 encoder from this one, over the scale of an output: 2e-15 was measured, 1e-14 for
# Keras 3.
EXACT = 1e-12
# The same for TensorFlow, whose GELU has constants rounded to float32 in every release (docs/facts.md), a relative
# error of up to 3e-8. They were measured to change an output by up to 2.8e-8.
ROUNDED = 5e-8

MASK, DISTILBERT_MASK = -1e4, -1e30  # Devlin's code (`modeling.py`, attention_layer); transformers' TFDistilBertModel
DISTILBERT_EPSILON = 1e-12  # Sanh's code; not a field of the configuration

_DEBERTA = "deberta-v2"
_PROJECTIONS = ("embeddings_project", "encoder.embedding_hidden_mapping_in")
_FROM_PADDING = ("roberta", "xlm-roberta", "camembert", "mpnet")  # families that count positions from the padding on
_WORDS = "embeddings.word_embeddings.weight"


@dataclass(frozen=True)
class Encoded:
    """What an encoder computes for n texts, in float64.

    embeddings      (n, length, embedding size)
    hidden_states   the input of the first layer and the output of each, (n, length, hidden size)
    attentions      of each layer (n, heads, length, length); a row sums to 1
    outputs         what the class in the configuration returns, by name: last_hidden_state and, if it has a pooler,
                    pooler_output (n, hidden size); with a head logits (n, classes), or (n, length, classes) for
                    tokens, or start_logits and end_logits (n, length)
    """

    embeddings: np.ndarray
    hidden_states: tuple[np.ndarray, ...]
    attentions: tuple[np.ndarray, ...]
    outputs: Mapping[str, np.ndarray]


def erf(x: np.ndarray) -> np.ndarray:
    """Return the error function of each element, from the C library: within one unit in the last place."""
    return np.asarray(np.frompyfunc(math.erf, 1, 1)(x), np.float64)


def gelu(x: np.ndarray) -> np.ndarray:
    """Return x times the cumulative normal distribution at x (Hendrycks and Gimpel 2016, section 2)."""
    return x * 0.5 * (1.0 + erf(x / math.sqrt(2.0)))


def tanh_gelu(x: np.ndarray) -> np.ndarray:
    """Return their approximation of it (same section), which configurations call `gelu_new`."""
    return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))


def silu(x: np.ndarray) -> np.ndarray:
    """Return x times the logistic function of x (same section), also called `swish`; tanh never overflows."""
    return x * 0.5 * (1.0 + np.tanh(0.5 * x))


def relu(x: np.ndarray) -> np.ndarray:
    """Return max(x, 0) (Vaswani, 3.3)."""
    return np.asarray(np.maximum(x, 0.0))


ACTIVATIONS: Activations = {
    "gelu": gelu,
    "gelu_new": tanh_gelu,
    "relu": relu,
    "silu": silu,
    "swish": silu,
    "tanh": np.tanh,
}


def as_in_tensorflow(release: tuple[int, ...]) -> Activations:
    """Return ACTIVATIONS with the constants that this release of TensorFlow rounds to float32 (`nn_ops.gelu`).

    These are the divisor sqrt(2), from 2.19 on the factor sqrt(1/2) instead, and the factor of the cube.
    """
    root, half, cubic = (float(np.float32(value)) for value in (math.sqrt(2.0), math.sqrt(0.5), 0.044715))

    def rounded(x: np.ndarray) -> np.ndarray:
        return x * 0.5 * (1.0 + erf(x * half if release >= (2, 19) else x / root))

    def rounded_tanh(x: np.ndarray) -> np.ndarray:
        return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + cubic * x**3)))

    return {**ACTIVATIONS, "gelu": rounded, "gelu_new": rounded_tanh}


def encode(
    config: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    input_ids: np.ndarray,
    attention_mask: np.ndarray | None = None,
    token_type_ids: np.ndarray | None = None,
    activations: Activations = ACTIVATIONS,
) -> Encoded:
    """Compute the encoder of `config` and `tensors`, as in `loading.parts.Parts`, for token ids (n, length).

    Without a mask every token is visible; without types all are 0. `activations` by their names in configurations;
    pass another table to round their constants as a library does. Raises KeyError for a missing tensor.
    """
    weights = _Weights(config, tensors, activations)
    embeddings = x = weights.embed(np.asarray(input_ids, np.int64), token_type_ids)
    for name in _PROJECTIONS:  # Clark, 3.3; Lan, 3.1: embeddings smaller than the hidden size
        if name + ".weight" in weights.encoder:
            x = weights.dense(name, x)
    mask = np.ones(x.shape[:2]) if attention_mask is None else np.asarray(attention_mask, np.float64)
    if weights.kind == _DEBERTA:  # his code: a masked token is zero, sees nothing and is not seen
        x = x * mask[:, :, None]
        embeddings = x
        bias = mask[:, None, None, :] * mask[:, None, :, None]
    else:
        bias = (1.0 - mask)[:, None, None, :] * weights.mask + weights.distances(x.shape[1])
    states, attentions = [x], []
    for index in range(weights.layers):
        x, attention = weights.layer(index, x, bias)
        if index == 0 and weights.convolution in weights.encoder:
            x = weights.convolved(embeddings, x, mask)
        states.append(x)
        attentions.append(attention)
    return Encoded(embeddings, tuple(states), tuple(attentions), weights.outputs(x))


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return the softmax over the last axis; the maximum is subtracted first, to avoid an overflow."""
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def normalize(x: np.ndarray, gain: np.ndarray, bias: np.ndarray, epsilon: float) -> np.ndarray:
    """Apply layer normalisation over the last axis (Ba et al. 2016, equations 3 and 4); epsilon as in Devlin's code."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + epsilon) * gain + bias)


class _Weights:
    """The tensors of one encoder in float64, and its configuration."""

    def __init__(self, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray], activations: Activations) -> None:
        self.config, self.activations = config, activations
        self.kind, self.head = config["model_type"], config["architectures"][0].rpartition("For")[2]
        # "bert." in a class with a head
        prefix = next(name for name in tensors if name.endswith(_WORDS))[: -len(_WORDS)]
        self.all = {name: np.asarray(tensor, np.float64) for name, tensor in tensors.items()}
        self.encoder = {name[len(prefix) :]: t for name, t in self.all.items() if name.startswith(prefix)}
        distilbert = self.kind == "distilbert"
        self.convolution = "encoder.conv.conv.weight"
        self.names = reference_names.NAMES.get(self.kind, reference_names.BERT)
        self.layers = config["n_layers" if distilbert else "num_hidden_layers"]
        self.attention_heads = config["n_heads" if distilbert else "num_attention_heads"]
        self.activation = activations[config["activation" if distilbert else "hidden_act"]]
        self.epsilon = DISTILBERT_EPSILON if distilbert else config["layer_norm_eps"]
        self.mask = DISTILBERT_MASK if distilbert else MASK

    def dense(self, name: str, x: np.ndarray) -> np.ndarray:
        """Return x W^T + b: PyTorch stores a weight as (outputs, inputs)."""
        tensors = self.encoder if name + ".weight" in self.encoder else self.all
        return np.asarray(x @ tensors[name + ".weight"].T + tensors[name + ".bias"])

    def norm(self, name: str, x: np.ndarray) -> np.ndarray:
        """Apply the layer normalisation with that name."""
        return normalize(x, self.encoder[name + ".weight"], self.encoder[name + ".bias"], self.epsilon)

    def embed(self, ids: np.ndarray, types: np.ndarray | None) -> np.ndarray:
        """Add token, position and segment embeddings (Devlin, figure 2) and normalise; Sanh has no segments."""
        x = self.encoder[_WORDS][ids]
        places = self.encoder.get("embeddings.position_embeddings.weight")
        if places is not None:
            x = x + places[self.positions(ids)]
        segments = self.encoder.get("embeddings.token_type_embeddings.weight")
        if segments is not None:
            x = x + segments[np.zeros_like(ids) if types is None else np.asarray(types, np.int64)]
        projection = self.encoder.get("embeddings.embed_proj.weight")  # He's code
        if projection is not None:
            x = x @ projection.T
        return self.norm("embeddings.LayerNorm", x)

    def positions(self, ids: np.ndarray) -> np.ndarray:
        """Return 0, 1, 2, ... for every text.

        RoBERTa and the like count the tokens that are not padding, from the padding id + 1, and padding has that id as
        its position, as in the code that they were trained with (fairseq, `utils.make_positions`).
        """
        if self.kind not in _FROM_PADDING:
            return np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
        padding = self.config["pad_token_id"]
        real = (ids != padding).astype(np.int64)
        return np.asarray(real.cumsum(axis=1) * real + padding)

    def distances(self, length: int) -> np.ndarray | float:
        """Return what the distance of two tokens adds to their score, (1, heads, length, length), 0 in most families.

        Song, 3.1, uses the buckets of Raffel (T5, 2020, section 2.1): half of them for what is to the right; of a half
        the first half for one distance each, the others for distances that grow logarithmically up to 128.
        """
        table = self.encoder.get("encoder.relative_attention_bias.weight")
        if table is None:
            return 0.0
        half = len(table) // 2
        exact = half // 2

        def bucket(distance: int) -> int:
            far = abs(distance)
            if far >= exact:
                grown = exact + int(math.log(far / exact) / math.log(128 / exact) * (half - exact))
                far = min(grown, half - 1)
            return far + (half if distance > 0 else 0)

        rows = [[bucket(other - one) for other in range(length)] for one in range(length)]
        return np.asarray(table[np.array(rows)].transpose(2, 0, 1)[None])

    def layer(self, index: int, x: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the output of layer `index` and its attention: LayerNorm(x + Sublayer(x)), twice (Vaswani, 3.1).

        The second sub-layer is two dense layers with the activation between them (3.3); Devlin uses GELU (A.2).
        """
        # Lan, 3.1: consecutive layers share the weights of a group.
        block = index * self.config.get("num_hidden_groups", self.layers) // self.layers
        at = {role: self.names["layer"].format(block) + name for role, name in self.names.items()}
        context, attention = self.attend(at, x, bias)
        x = self.norm(at["norm"], x + self.dense(at["out"], context))
        inner = self.activation(self.dense(at["up"], x))
        return self.norm(at["last"], x + self.dense(at["down"], inner)), attention

    def attend(self, at: Mapping[str, str], x: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return softmax(Q K^T / sqrt(d)) V of the heads of size d, concatenated (Vaswani, 3.2), and the attention.

        `bias` is added to the scores, (n, heads, length, length).
        """
        count, length, hidden = x.shape
        size = hidden // self.attention_heads
        query, key, value = (
            self.dense(at[role], x).reshape(count, length, self.attention_heads, size).transpose(0, 2, 1, 3)
            for role in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / math.sqrt(size)
        its = self.kind == _DEBERTA
        attention = self.disentangled(at, query, key, scores, bias) if its else softmax(scores + bias)
        return (attention @ value).transpose(0, 2, 1, 3).reshape(x.shape), attention

    def disentangled(
        self, at: Mapping[str, str], query: np.ndarray, key: np.ndarray, scores: np.ndarray, seen: np.ndarray
    ) -> np.ndarray:
        """Return the attention of He, 3.1; `seen`, (n, 1, length, length), is 1 where a token sees another.

        A token that sees none has no attention.
        """
        kinds = reference_deberta.kinds(self.config)
        if self.config["relative_attention"]:
            vectors = self.encoder["encoder.rel_embeddings.weight"]
            if self.config["norm_rel_ebd"] == "layer_norm":
                vectors = self.norm("encoder.LayerNorm", vectors)
            shared = self.config["share_att_key"]
            keys, queries = (
                self.dense(at[role if shared else "position " + role], vectors).reshape(
                    len(vectors), self.attention_heads, -1
                )
                if kind in kinds
                else None
                for role, kind in (("key", "c2p"), ("query", "p2c"))
            )
            scores = scores + reference_deberta.positions(self.config, query, key, keys, queries)
        found = softmax(np.where(seen > 0, scores / math.sqrt(1 + len(kinds)), -1e30))
        return np.asarray(found * seen)

    def convolved(self, embeddings: np.ndarray, x: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return the first layer's output with a convolution of the embeddings (He's code), masked tokens 0."""
        bias = self.encoder["encoder.conv.conv.bias"]
        found = reference_deberta.convolve(embeddings, self.encoder[self.convolution]) + bias
        found = self.activations[self.config["conv_act"]](found * mask[:, :, None])
        return np.asarray(self.norm("encoder.conv.LayerNorm", x + found) * mask[:, :, None])

    def outputs(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Return the outputs, see `Encoded`; heads as in transformers' PyTorch classes, without dropout."""
        first = x[:, 0]  # the first token of each text
        if self.head == "QuestionAnswering":  # Devlin, 4.2: a start and an end vector
            logits = self.dense("qa_outputs", x)
            return {"start_logits": logits[..., 0], "end_logits": logits[..., 1]}
        if self.head == "TokenClassification":  # Devlin, figure 4
            return {"logits": self.dense("classifier", x)}
        if self.head == "SequenceClassification":
            if self.kind in ("bert", "albert"):  # Devlin, 4.1, with the pooler of his code
                return {"logits": self.dense("classifier", self.pool(first))}
            if self.kind == _DEBERTA:  # his code: a pooler of its own
                pooled = self.activations[self.config["pooler_hidden_act"]](self.dense("pooler.dense", first))
                return {"logits": self.dense("classifier", pooled)}
            if self.kind == "distilbert":
                return {"logits": self.dense("classifier", relu(self.dense("pre_classifier", first)))}
            between = self.activations["gelu" if self.kind == "electra" else "tanh"]
            return {"logits": self.dense("classifier.out_proj", between(self.dense("classifier.dense", first)))}
        found = {"last_hidden_state": x}
        if any(name.startswith("pooler.") for name in self.encoder):
            found["pooler_output"] = self.pool(first)
        return found

    def pool(self, first: np.ndarray) -> np.ndarray:
        """Return tanh of a dense layer on the first token (Devlin's code, `modeling.py`, BertModel)."""
        return np.asarray(np.tanh(self.dense("pooler" if self.kind == "albert" else "pooler.dense", first)))
