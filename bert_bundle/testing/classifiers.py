"""Classifiers built from a plain specification: the same one in every environment, weights to the bit.

A specification is JSON: sizes, pooling, extra features, classes, a seed. `specifications` draws them; the first is the
classic: the encoder's first token with ten numerical features, softmax over two classes. With `steps` a classifier is
trained for as many steps of its optimizer: then its weights are those of one environment, not of every one.
"""

from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

import numpy as np

from ..model import keras as keras_runtime
from ..model.encoders import families, names
from ..tokenizer import Recipe, encode, from_vocabulary
from .vocabularies import wordpiece

CLASSIC: Dict[str, Any] = {
    "name": "first-token-features",
    "class": "BertModel",
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
    "attention_dropout": 0.1,
    "frozen": False,
    "max_length": 16,
    "seed": 0,
    "steps": 0,
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
    """A built classifier with all that `save` takes; without examples it makes probes of its own."""

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


def tokenizer(fast: bool = True, runtime: str = keras_runtime.TRANSFORMERS) -> Any:
    """A small cased-to-lower BERT tokenizer, the same in every release."""
    return from_vocabulary(vocabulary(), max_length=64, fast=fast, runtime=runtime)


def vocabulary() -> List[str]:
    """The tokens by id; single letters make every plain text spellable."""
    return wordpiece()


def build(specification: Dict[str, Any], *, fast: bool = True, runtime: str = keras_runtime.AUTO) -> Made:
    """The classifier of a specification in this environment's Keras."""
    bound = keras_runtime.bind(runtime)
    with bound.dialect.working(False):  # AutoGraph finds nothing to convert, and takes half of the time
        return _build(dict(CLASSIC, **specification), fast, bound)


def _build(spec: Dict[str, Any], fast: bool, bound: Any) -> Made:
    keras, call = bound.keras, bound.encoders.call
    encoder = _encoder(spec, bound)
    if families.CLASSES[spec["class"]].head:
        return _by_itself(encoder, spec, tokenizer(fast, bound.name), bound)
    ids = keras.Input((spec["max_length"],), dtype="int32", name="input_ids")
    mask = keras.Input((spec["max_length"],), dtype="int32", name="attention_mask")
    inputs = [ids, mask]
    outputs = call(encoder, {"input_ids": ids, "attention_mask": mask}, frozenset())
    x = _pool(spec["pooling"], outputs, mask, bound)
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
        parts = names.WEIGHTS[families.CLASSES[spec["class"]].model_type]
        frozen = ("{}.embeddings".format(parts.inside), "{}.{}.0".format(parts.inside, parts.layers))
        bound.encoders.set_flags(encoder, True, dict.fromkeys(frozen, False), "")
    examples: Dict[str, Any] = {"text": list(_TEXTS)}
    if spec["features"]:
        shape = (len(_TEXTS), spec["features"])
        examples["numerical_features"] = np.random.RandomState(spec["seed"] + 1).standard_normal(shape)
    labels = tuple("class {}".format(i) for i in range(max(spec["classes"], 2)))
    made = Made(model, encoder, tokenizer(fast, bound.name), labels, examples, spec["max_length"])
    if spec["steps"]:
        _train(made, spec["steps"], bound.keras)
    return made


def _by_itself(encoder: Any, spec: Dict[str, Any], tokenizer: Any, bound: Any) -> Made:
    """A class of transformers with a head, saved as it is."""
    bound.encoders.call(encoder, {"input_ids": bound.dialect.tensor(np.zeros((1, 2), "int32"))}, frozenset())
    randomize(encoder, encoder, spec["seed"])
    return Made(encoder, encoder, tokenizer, (), {"text": list(_TEXTS)}, spec["max_length"])


def randomize(model: Any, encoder: Any, seed: int) -> None:
    """Sets every weight from the seed, biases too: zero biases hide faults. The same bits in every environment.

    `encoder`: the model's encoder, or a list of them.
    """
    encoders = encoder if isinstance(encoder, list) else [encoder]
    random, bound = np.random.RandomState(seed), keras_runtime.bind_for(model)

    def drawn(name: str, shape: Tuple[int, ...]) -> np.ndarray:
        values = random.standard_normal(shape) * 0.3
        if name.endswith(("LayerNorm.weight", "layer_norm.weight", "gamma", "moving_variance")):
            values = 1.0 + values / 3  # scales and variances stay positive
        return np.asarray(values, "float32")

    for each in encoders:
        inside = bound.encoders.tensors(each)
        bound.encoders.assign(each, {n: drawn(n, inside[n].shape) for n in sorted(inside)}, bound.keras, each.name)
    own = {id(variable) for each in encoders for variable in each.weights}
    others = sorted((bound.dialect.variable_name(v), i) for i, v in enumerate(model.weights) if id(v) not in own)
    pairs = [(model.weights[i], drawn(name, tuple(model.weights[i].shape))) for name, i in others]
    bound.dialect.set_values(bound.keras, pairs)


def _train(made: Made, steps: int, keras: Any) -> None:
    """`steps` steps of gradient descent on all examples at once, in their order; what is drawn is dropout's alone."""
    encoded = encode(made.tokenizer, Recipe(made.max_length), made.examples["text"], None)
    given = {**encoded, **made.examples}
    rows = [np.asarray(given[tensor.name]) for tensor in made.model.inputs]
    answers = np.arange(len(_TEXTS)) % len(made.labels)
    loss = "{}_crossentropy".format("binary" if made.model.output_shape[-1] == 1 else "sparse_categorical")
    made.model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss)
    made.model.fit(rows, answers, batch_size=len(answers), epochs=steps, shuffle=False, verbose=0)


def _encoder(spec: Dict[str, Any], bound: Any) -> Any:
    family = families.CLASSES[spec["class"]]
    sizes = {
        "vocab_size": len(vocabulary()) + 3,
        "hidden_size": spec["hidden"],
        "num_hidden_layers": spec["layers"],
        "num_attention_heads": spec["heads"],
        "intermediate_size": spec["intermediate"],
        "type_vocab_size": spec["types"],
        "hidden_act": spec["activation"],
        "hidden_dropout_prob": spec["dropout"],
        "attention_probs_dropout_prob": spec["attention_dropout"],
        "max_position_embeddings": 64,
    }
    fields = {family.own.get(name, name): value for name, value in sizes.items()}
    config = {"architectures": [family.architecture], "model_type": family.model_type, **family.fields}
    config.update((name, value) for name, value in fields.items() if name in config)
    return bound.encoders.build(family, config, "bert_encoder")


def _pool(kind: str, outputs: Any, mask: Any, bound: Any) -> Any:
    hidden = outputs["last_hidden_state"]
    if kind == "first_token":
        return hidden[:, 0, :]
    if kind == "pooler":
        return outputs["pooler_output"]

    def op(name: str, **arguments: Any) -> Any:
        return bound.dialect.apply(name, arguments, "float32")

    weight = op("cast", x=op("expand_dims", x=mask, axis=-1), dtype="float32")
    if kind == "mean":
        count = op("maximum", x1=op("sum", x=weight, axis=1), x2=1e-9)
        return op("sum", x=hidden * weight, axis=1) / count
    return op("max", x=hidden - (1.0 - weight) * 1e4, axis=1)
