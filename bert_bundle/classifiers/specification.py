"""Classifiers built from a plain specification: the same one in every environment and either runtime, to the bit.

A specification is JSON: what it does not say is as in `CLASSIC`, the encoder's first token with ten numerical features,
softmax over two classes. `strategies` draws others. With `steps` a classifier is trained for as many steps of its
optimizer: then its weights are those of one environment, not of every one.
"""

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np

from bert_bundle.classifiers import vocabularies
from bert_bundle.classifiers.assembly import Assembled, assemble
from bert_bundle.classifiers.kit import RuntimeBuilder
from bert_bundle.encoders import families
from bert_bundle.encoders.families.family import Weights
from bert_bundle.keras_models import runtime as keras_runtime
from bert_bundle.tokenizer import Recipe, encode, from_vocabulary

# The encoder's sizes, how it is called, what follows, what it is fed; each field with what it says by default.
CLASSIC: Dict[str, Any] = {
    "name": "first-token-features",
    "class": "BertModel",
    "hidden": 32,
    "layers": 2,
    "heads": 4,
    "intermediate": 48,
    "types": 2,
    "embedding": 12,  # of ELECTRA
    "spare": 3,  # rows of the table of words that no token has
    "activation": "gelu",
    "epsilon": 1e-12,
    "dropout": 0.1,
    "attention_dropout": 0.1,
    "by_itself": True,  # a class with a head is the model
    "towers": "one",  # "siamese": the encoder is called on two texts; "two": two encoders on one
    "roles": ["input_ids", "attention_mask"],
    "call": "keywords",  # or position, list, dict, tuple
    "mask_cast": False,
    "inputs": "plain",  # names of the inputs: of their roles, "odd" ones, "none"
    "form": "list",  # or dict: how inputs and outputs are given
    "open": False,  # the inputs leave the number of tokens open
    "max_length": 16,
    "pooling": "first_token",
    "features": 10,
    "extra": [],  # more inputs: name, shape, dtype
    "head": [],
    "classes": 2,
    "others": [],  # more outputs: [name, units, activation]
    "policy": "float32",
    "frozen": [],  # parts of the encoder: "embeddings", "layer.0"
    "fast": True,
    "tokenizer": {},  # settings by their names in tokenizer_config.json, and `added` tokens
    "texts": [
        "my invoice is wrong",
        "",
        "The app crashes!",
        "please add dark mode, why not?",
        "Señor Müller logged out",
        "東京の invoice 🙏",
        "invoice " + "word " * 40 + "password",
        "password refund 123",
    ],
    "seed": 0,
    "steps": 0,
}


@dataclass(frozen=True)
class BuiltClassifier:
    """A built classifier with all that `save` takes; without examples it makes probes of its own."""

    model: Any
    encoder: Any
    tokenizer: Any
    labels: Tuple[str, ...]
    examples: Dict[str, Any]
    max_length: int


def tokenizer(fast: bool = True, runtime: str = keras_runtime.TRANSFORMERS) -> Any:
    """A small cased-to-lower BERT tokenizer, the same in every release."""
    return from_vocabulary(vocabulary(), max_length=64, fast=fast, runtime=runtime)


def vocabulary() -> List[str]:
    """The tokens by id; single letters make every plain text spellable."""
    return vocabularies.wordpiece()


def build(specification: Mapping[str, Any], runtime: str = keras_runtime.AUTO) -> BuiltClassifier:
    """The classifier of a specification in this environment's Keras."""
    spec = {**CLASSIC, **specification}
    kit, family = RuntimeBuilder(runtime), families.CLASSES[spec["class"]]
    described = vocabularies.describe(family.model_type, **spec["tokenizer"])
    live = vocabularies.live(described, fast=spec["fast"], runtime=kit.runtime.name)
    with kit.runtime.dialect.precision(kit.keras, spec["policy"]):
        made = assemble(kit, spec, len(described.ids))
    randomize(made.model, kit.encoders, spec["seed"])
    if spec["frozen"]:
        kit.freeze(kit.encoders[0], *(_part(family.weights, name) for name in spec["frozen"]))
    labels = () if family.head else tuple("class {}".format(i) for i in range(max(spec["classes"], 2)))
    result = BuiltClassifier(made.model, kit.encoders[0], live, labels, _examples(spec, made), spec["max_length"])
    if spec["steps"]:
        _train(result, spec["steps"], kit.keras)
    return result


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


def _train(made: BuiltClassifier, steps: int, keras: Any) -> None:
    """`steps` steps of gradient descent on all examples at once, in their order; what is drawn is dropout's alone."""
    texts = made.examples["text"]
    given = {**encode(made.tokenizer, Recipe(made.max_length), texts, None), **made.examples}
    rows = [np.asarray(given[tensor.name]) for tensor in made.model.inputs]
    answers = np.arange(len(texts)) % len(made.labels)
    loss = "{}_crossentropy".format("binary" if made.model.output_shape[-1] == 1 else "sparse_categorical")
    made.model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss)
    made.model.fit(rows, answers, batch_size=len(answers), epochs=steps, shuffle=False, verbose=0)


def _part(weights: Weights, name: str) -> str:
    """Return the path of a part of an encoder that a specification freezes."""
    if name.startswith("layer."):
        number, _, rest = name[len("layer.") :].partition(".")
        name = ".".join(filter(None, [weights.blocks.format(number), rest]))
    return "{}.{}".format(weights.prefix, name)


def _examples(spec: Mapping[str, Any], made: Assembled) -> Dict[str, Any]:
    """The specification's texts, in another order for a second text, and values that differ from row to row."""
    texts = list(spec["texts"])
    examples: Dict[str, Any] = {name: texts[i:] + texts[:i] for i, name in enumerate(made.texts)}
    random = np.random.RandomState(spec["seed"] + 1)
    for record in made.beside:
        shape = (len(texts), *record["shape"])
        whole = record["dtype"] == "int32"
        examples[record["name"]] = random.randint(0, 5, shape) if whole else random.standard_normal(shape)
    return examples
