"""Classifiers built from a specification: the same one in every environment and both runtimes, to the bit.

A specification is plain JSON. Fields that it omits are those of `CLASSIC`: the encoder's first token, ten numerical
features, softmax over two classes. `strategies` draws other specifications. With `steps` a classifier is trained for
that many optimizer steps; its weights then depend on the environment.
"""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np

from bert_bundle.classifiers import vocabularies
from bert_bundle.classifiers.assembly import Assembled, assemble, said_roles
from bert_bundle.classifiers.model_builder import ModelBuilder
from bert_bundle.encoders import families
from bert_bundle.encoders.families.family import Weights
from bert_bundle.keras_models import runtime as keras_runtime
from bert_bundle.tokenizer import Recipe, encode, from_vocabulary

# Every field with its default: the encoder, how it is called, the inputs, what follows the encoder, the data.
CLASSIC: Dict[str, Any] = {
    "name": "first-token-features",
    "class": "BertModel",
    "hidden": 32,
    "layers": 2,
    "heads": 4,
    "intermediate": 48,
    "types": 2,
    "groups": 1,  # blocks that ALBERT's layers share, a divisor of `layers`
    "embedding": 12,  # embedding size, ELECTRA only
    "spare": 3,  # rows of the word embeddings beyond the vocabulary
    "activation": "gelu",
    "epsilon": 1e-12,
    "dropout": 0.1,
    "attention_dropout": 0.1,
    "by_itself": True,  # a class with a head is the whole model
    "towers": "one",  # "siamese": the encoder is called on two texts; "two": two encoders on one
    "roles": ["input_ids", "attention_mask"],
    "caller": "model",  # who calls the encoder: "model", "main_layer", "subclassed", "pretrained" (a class around it)
    "call": "keywords",  # or position, list, dict, tuple
    "mask_cast": False,
    "swapped": "",  # inputs for mask and token types named after each other, and fed by "name" or in their "place"
    "inputs": "plain",  # names of the inputs: "plain" (as the roles), "odd", "none"
    "form": "list",  # inputs and outputs of the model: list or dict
    "open": False,  # whether the inputs have no fixed number of tokens
    "max_length": 16,
    "padding": "",  # what `save` is told: "longest", "max_length" or nothing
    "label": "",  # of what: of the state, of "tokens" (each), of "spans" (their start and end)
    "pooling": "first_token",
    "features": 10,
    "extra": [],  # more inputs: name, shape, dtype
    "head": [],
    "classes": 2,
    "last": "",  # activation of the first output: by default softmax, or sigmoid for one class
    "others": [],  # more outputs: [name, units, activation]
    "policy": "float32",
    "frozen": [],  # parts of the encoder that are not trainable: "embeddings", "layer.0"
    "fast": True,
    "tokenizer": {},  # settings by their names in tokenizer_config.json, and "added" tokens
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
    """A classifier with the arguments of `save`. If `examples` is empty, `save` makes its own.

    options  further arguments: what the model does not tell
    """

    model: Any
    encoder: Any
    tokenizer: Any
    labels: Tuple[str, ...]
    examples: Dict[str, Any]
    max_length: int
    options: Mapping[str, Any] = field(default_factory=dict)


def tokenizer(fast: bool = True, runtime: str = keras_runtime.TRANSFORMERS) -> Any:
    """Return a small lower-casing BERT tokenizer, the same in every release."""
    return from_vocabulary(vocabulary(), max_length=64, fast=fast, runtime=runtime)


def vocabulary() -> List[str]:
    """Return its tokens in the order of their ids. Single letters are included, so that any ASCII word can be split."""
    return vocabularies.wordpiece()


def build(specification: Mapping[str, Any], runtime: str = keras_runtime.AUTO) -> BuiltClassifier:
    """Build the classifier of a specification in this environment."""
    spec = {**CLASSIC, **specification}
    builder, family = ModelBuilder(runtime), families.CLASSES[spec["class"]]
    described = vocabularies.describe(family.model_type, **spec["tokenizer"])
    live = vocabularies.load(described, fast=spec["fast"], runtime=builder.runtime.name)
    with builder.runtime.dialect.precision(builder.keras, spec["policy"]):
        assembled = assemble(builder, spec, len(described.ids))
    randomize(assembled.model, builder.encoders, spec["seed"])
    if spec["frozen"]:
        builder.freeze(builder.encoders[0], *(_part(family.weights, name, spec) for name in spec["frozen"]))
    unnamed = family.head or spec["label"] == "spans"
    labels = () if unnamed else tuple("class {}".format(i) for i in range(max(spec["classes"], 2)))
    result = BuiltClassifier(
        assembled.model,
        builder.encoders[0],
        live,
        labels,
        _examples(spec, assembled),
        spec["max_length"],
        {name: value for name, value in {"padding": spec["padding"], "inputs": said_roles(spec)}.items() if value},
    )
    if spec["steps"]:
        _train(result, spec["steps"], builder.keras)
    return result


def randomize(model: Any, encoder: Any, seed: int) -> None:
    """Set every weight from the seed, to the same bits in every environment; biases too, because zeros hide faults.

    `encoder` is the model's encoder, or a list of them.
    """
    encoders = encoder if isinstance(encoder, list) else [encoder]
    random, bound = np.random.RandomState(seed), keras_runtime.bind_for(model)

    def drawn(name: str, shape: Tuple[int, ...]) -> np.ndarray:
        values = random.standard_normal(shape) * 0.3
        if name.endswith(("LayerNorm.weight", "layer_norm.weight", "gamma", "moving_variance")):
            values = 1.0 + values / 3  # scales and variances stay positive
        return np.asarray(values, "float32")

    for each in encoders:
        tensors = bound.encoders.tensors(each)
        bound.encoders.assign(each, {n: drawn(n, tensors[n].shape) for n in sorted(tensors)}, bound.keras, each.name)
    assigned = {id(variable) for each in encoders for variable in each.weights}
    variables = [v for v in model.weights if hasattr(v, "name")]  # the table of a lookup is among them in Keras 2
    others = sorted((bound.dialect.variable_name(v), i) for i, v in enumerate(variables) if id(v) not in assigned)
    pairs = [(variables[i], drawn(name, tuple(variables[i].shape))) for name, i in others]
    bound.dialect.set_values(bound.keras, pairs)


def _train(classifier: BuiltClassifier, steps: int, keras: Any) -> None:
    """Take `steps` steps of gradient descent on all examples, in order; only dropout is random."""
    texts = classifier.examples["text"]
    given = {**encode(classifier.tokenizer, Recipe(classifier.max_length), texts, None), **classifier.examples}
    rows = [np.asarray(given[tensor.name]) for tensor in classifier.model.inputs]
    answers = np.arange(len(texts)) % len(classifier.labels)
    loss = "{}_crossentropy".format("binary" if classifier.model.output_shape[-1] == 1 else "sparse_categorical")
    classifier.model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss)
    classifier.model.fit(rows, answers, batch_size=len(answers), epochs=steps, shuffle=False, verbose=0)


def _part(weights: Weights, name: str, spec: Mapping[str, Any]) -> str:
    """Return the path of a part of an encoder that a specification freezes; of layers that share it, the block."""
    if name.startswith("layer."):
        number, _, rest = name[len("layer.") :].partition(".")
        blocks = spec["groups"] if weights.block_count == "num_hidden_groups" else spec["layers"]
        block = int(number) * blocks // spec["layers"]
        name = ".".join(filter(None, [weights.blocks.format(block), rest]))
    return "{}.{}".format(weights.prefix, name)


def _examples(spec: Mapping[str, Any], assembled: Assembled) -> Dict[str, Any]:
    """Return the texts, rotated for a second text input, and feature values that differ from row to row."""
    texts = list(spec["texts"])
    examples: Dict[str, Any] = {name: texts[i:] + texts[:i] for i, name in enumerate(assembled.texts)}
    random = np.random.RandomState(spec["seed"] + 1)
    for record in assembled.extra_inputs:
        shape = (len(texts), *record["shape"])
        integers = record["dtype"] == "int32"
        examples[record["name"]] = random.randint(0, 5, shape) if integers else random.standard_normal(shape)
    return examples
