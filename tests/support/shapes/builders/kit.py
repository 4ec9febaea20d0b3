"""What the builders of shapes share: a case, texts, tiny encoders, the arrays that a user feeds, noisy weights.

Runs inside environments with TensorFlow and transformers 4. Does not know bert_bundle, but for its small vocabularies.
"""

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

import numpy as np
import tensorflow as tf
import transformers

from bert_bundle.classifiers import vocabularies

LENGTH = 12
TEXTS = (
    "my invoice is wrong, please help",
    "",
    "The app crashes! why?",
    "refund my password " * 9,
    "Señor Müller logged out 東京",
)
PAIRS = ("why not?", "add dark mode", "", "help " * 9, "the bill")
LABELS = ("billing", "bug", "other")
MASKED = ("input_ids", "attention_mask")
ALL = ("input_ids", "attention_mask", "token_type_ids")

ADAPTED = ("mean", "variance", "count")  # weights that `Normalization.adapt` has set

Texts = Any  # a sequence of texts, or such a sequence for each text input by its name
layers = tf.keras.layers


@dataclass(frozen=True)
class Case:
    """A model with what its owner has: tokenizer, arrays for `predict`, and the same as texts for a bundle."""

    model: Any
    tokenizer: Any
    arrays: Any
    texts: Texts = TEXTS
    pairs: Optional[Sequence[str]] = None
    features: Mapping[str, Any] = field(default_factory=dict)
    save: Mapping[str, Any] = field(default_factory=lambda: {"labels": LABELS})


def tokenizer(family: str = "bert") -> Any:
    """Return a small tokenizer of a model type, loaded from files."""
    return vocabularies.tokenizer_of(family)


def config(kind: str = "Bert", **changes: Any) -> Any:
    """Return a configuration of one tiny block, as `BertConfig` for "Bert"."""
    sizes: Dict[str, Any] = {"vocab_size": 460, "max_position_embeddings": 80}
    if kind == "DistilBert":
        sizes.update(dim=16, n_layers=1, n_heads=2, hidden_dim=24)
    else:
        sizes.update(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24)
    if "oberta" in kind or kind == "Camembert":
        sizes.update(pad_token_id=1, bos_token_id=0, eos_token_id=2)
    if kind in ("Albert", "Electra"):
        sizes.update(embedding_size=12)
    return getattr(transformers, kind + "Config")(**{**sizes, **changes})


def encoder(kind: str = "Bert", name: Optional[str] = None, **changes: Any) -> Any:
    """Return a tiny encoder, as TFBertModel for "Bert"."""
    made = config(kind, **changes)
    cls = getattr(transformers, "TF{}Model".format(kind))
    return cls(made, name=name) if name else cls(made)


def inputs(*names: str, length: Optional[int] = LENGTH) -> List[Any]:
    """Return an input of int32 tokens for each name."""
    return [tf.keras.Input((length,), dtype="int32", name=name) for name in names]


def arrays(
    tokenizer: Any,
    keys: Sequence[str] = MASKED,
    texts: Sequence[str] = TEXTS,
    pairs: Optional[Sequence[str]] = None,
    length: int = LENGTH,
) -> List[Any]:
    """Tokenize by hand, padded and cut to a length; return int32 (n, length) for each key."""
    given = [list(texts)] if pairs is None else [list(texts), list(pairs)]
    settings = {"max_length": length, "padding": "max_length", "truncation": True}
    encoded = tokenizer(*given, return_token_type_ids=True, return_tensors="np", **settings)
    return [np.asarray(encoded[key], "int32") for key in keys]


def named_arrays(tokenizer: Any, keys: Sequence[str] = ALL, **rest: Any) -> Dict[str, Any]:
    """Return the same by key."""
    return dict(zip(keys, arrays(tokenizer, keys, **rest)))


def noisy(model: Any, seed: int = 0) -> Any:
    """Add noise to every weight but adapted statistics, biases too, because zeros hide faults; return the model."""
    random = np.random.RandomState(seed)
    for weight in model.weights:
        if not isinstance(weight, tf.Variable):  # the table of a lookup layer
            continue
        if weight.name.split("/")[-1].split(":")[0] in ADAPTED or not weight.dtype.is_floating:
            continue
        value = weight.numpy()
        scale = 0.02 if "variance" in weight.name else 0.2
        noise = scale * random.standard_normal(value.shape)
        weight.assign(value + (np.abs(noise) if "variance" in weight.name else noise).astype(value.dtype))
    return model


def classes(features: Any, units: int = 3, activation: Optional[str] = "softmax") -> Any:
    """Return the predictions of a dense layer."""
    return layers.Dense(units, activation=activation)(features)


def on_encoder(
    head: Callable[[Any, Any], Any], kind: str = "Bert", save: Optional[Mapping[str, Any]] = None, **changes: Any
) -> Case:
    """Return the case of a functional model: ids and mask, an encoder, `head(the encoder's outputs, mask)`."""
    ids, mask = inputs(*MASKED)
    predictions = head(encoder(kind, **changes)(ids, attention_mask=mask), mask)
    tokens = tokenizer(vocabulary(kind))
    model = noisy(tf.keras.Model([ids, mask], predictions))
    return Case(model, tokens, arrays(tokens), save={"labels": LABELS} if save is None else save)


def vocabulary(kind: str) -> str:
    """Return the model type whose small vocabulary an encoder is given."""
    return getattr(transformers, kind + "Config").model_type


def subclassed(model: Any, given: Any, tokens: Any, **rest: Any) -> Case:
    """Return the case of a model that is built by calling it on the user's own arrays."""
    model(given)
    return Case(noisy(model), tokens, given, **rest)
