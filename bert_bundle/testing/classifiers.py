"""Classifiers built from a plain specification: the same one in every environment, weights to the bit.

A specification is JSON: sizes, pooling, extra features, classes, a seed. `specifications` draws them; the first is the
classic: the encoder's first token with ten numerical features, softmax over two classes.
"""

from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

import numpy as np

from ..model import keras as keras_runtime
from ..model.encoders import names
from ..tokenizer import from_vocabulary
from .vocabularies import wordpiece

CLASSIC: Dict[str, Any] = {
    "name": "first-token-features",
    "hidden": 32,
    "layers": 2,
    "heads": 4,
    "intermediate": 48,
    "types": 2,
    "activation": "gelu",
    "pooling": "first_token",
    "features": 10,
    "head": [],
    "classes": 2,
    "dropout": 0.1,
    "frozen": False,
    "max_length": 16,
    "seed": 0,
}

_TEXTS = (
    "my invoice is wrong",
    "",
    "The app crashes!",
    "please add dark mode, why not?",
    "Señor Müller logged out",
    "東京の invoice 🙏",
    "invoice " + "word " * 40 + "password",
    "password refund 123",
)


@dataclass(frozen=True)
class Made:
    """A built classifier with all that `save` takes."""

    model: Any
    encoder: Any
    tokenizer: Any
    labels: Tuple[str, ...]
    examples: Dict[str, Any]
    max_length: int


def specifications(examples: int, seed: int) -> List[Dict[str, Any]]:
    """`examples` specifications, the classic first; the same ones for the same seed."""
    random = np.random.RandomState(seed)

    def pick(*choices: Any) -> Any:
        return choices[random.randint(len(choices))]

    result = [dict(CLASSIC, seed=seed)]
    for index in range(1, examples):
        heads = pick(1, 2, 4)
        result.append(
            {
                "name": "generated-{}".format(index),
                "hidden": heads * pick(6, 8, 10),
                "layers": pick(1, 2, 3),
                "heads": heads,
                "intermediate": pick(23, 40, 64),
                "types": pick(1, 2, 3),
                "activation": pick("gelu", "relu", "gelu_new"),
                "pooling": pick("first_token", "pooler", "mean", "max"),
                "features": pick(0, 1, 10),
                "head": pick([], [7], [16, 5]),
                "classes": pick(1, 2, 5),
                "dropout": pick(0.0, 0.1, 0.5),
                "frozen": pick(False, True),
                "max_length": pick(8, 16, 33),
                "seed": int(random.randint(1 << 16)),
            }
        )
    return result


def tokenizer(fast: bool = True) -> Any:
    """A small cased-to-lower BERT tokenizer, the same in every release."""
    return from_vocabulary(vocabulary(), max_length=64, fast=fast)


def vocabulary() -> List[str]:
    """The tokens by id; single letters make every plain text spellable."""
    return wordpiece()


def build(specification: Dict[str, Any], *, fast: bool = True, runtime: str = keras_runtime.AUTO) -> Made:
    """The classifier of a specification in this environment's Keras."""
    spec = dict(CLASSIC, **specification)
    keras = keras_runtime.bind(keras_runtime.TRANSFORMERS).keras
    encoder = _encoder(spec)
    ids = keras.Input((spec["max_length"],), dtype="int32", name="input_ids")
    mask = keras.Input((spec["max_length"],), dtype="int32", name="attention_mask")
    inputs = [ids, mask]
    outputs = encoder(ids, attention_mask=mask)
    x = _pool(spec["pooling"], outputs, mask)
    if spec["features"]:
        features = keras.Input((spec["features"],), name="numerical_features")
        inputs.append(features)
        x = keras.layers.Concatenate(name="with_features")([x, features])
    x = keras.layers.Dropout(spec["dropout"], name="dropout")(x)
    for index, units in enumerate(spec["head"]):
        x = keras.layers.Dense(units, activation="relu", name="dense_{}".format(index))(x)
    last = "sigmoid" if spec["classes"] == 1 else "softmax"
    probabilities = keras.layers.Dense(spec["classes"], activation=last, name="probabilities")(x)
    model = keras.Model(inputs, probabilities, name="classifier")
    randomize(model, encoder, spec["seed"])
    if spec["frozen"]:
        encoder.bert.embeddings.trainable = False
        encoder.bert.encoder.layer[0].trainable = False
    examples: Dict[str, Any] = {"text": list(_TEXTS)}
    if spec["features"]:
        shape = (len(_TEXTS), spec["features"])
        examples["numerical_features"] = np.random.RandomState(spec["seed"] + 1).standard_normal(shape)
    labels = tuple("class {}".format(i) for i in range(max(spec["classes"], 2)))
    return Made(model, encoder, tokenizer(fast), labels, examples, spec["max_length"])


def randomize(model: Any, encoder: Any, seed: int) -> None:
    """Sets every weight from the seed, biases too: zero biases hide faults. The same bits in every release of NumPy."""
    random = np.random.RandomState(seed)
    inside = {id(v) for v in encoder.weights}
    variables = sorted(encoder.weights, key=lambda v: names.to_pytorch(v.name)[0])
    variables += [v for v in model.weights if id(v) not in inside]
    for variable in variables:
        values = random.standard_normal(tuple(variable.shape)) * 0.3
        own = variable.name.split("/")[-1]
        if own.startswith(("gamma", "moving_variance")):
            values = 1.0 + values / 3  # scales and variances stay positive
        variable.assign(values.astype("float32"))


def _encoder(spec: Dict[str, Any]) -> Any:
    import transformers

    config = transformers.BertConfig(
        vocab_size=len(vocabulary()) + 3,
        hidden_size=spec["hidden"],
        num_hidden_layers=spec["layers"],
        num_attention_heads=spec["heads"],
        intermediate_size=spec["intermediate"],
        type_vocab_size=spec["types"],
        hidden_act=spec["activation"],
        hidden_dropout_prob=spec["dropout"],
        max_position_embeddings=64,
    )
    return transformers.TFBertModel(config, name="bert_encoder")


def _pool(kind: str, outputs: Any, mask: Any) -> Any:
    import tensorflow as tf

    hidden = outputs.last_hidden_state
    if kind == "first_token":
        return hidden[:, 0, :]
    if kind == "pooler":
        return outputs.pooler_output
    weight = tf.cast(tf.expand_dims(mask, -1), tf.float32)
    if kind == "mean":
        return tf.reduce_sum(hidden * weight, axis=1) / tf.maximum(tf.reduce_sum(weight, axis=1), 1e-9)
    return tf.reduce_max(hidden - (1.0 - weight) * 1e4, axis=1)
