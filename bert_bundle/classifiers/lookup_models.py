"""Example classifiers with a lookup of Keras beside the text: part of the catalogue.

In each, one layer makes numbers of an input of strings or categories, and they are joined with the first token's state.
"""

from typing import Any, Callable, Mapping, NamedTuple

import numpy as np

from bert_bundle.classifiers.catalogue_entry import NEED_CLASSES, NEED_TENSORFLOW, Entry, since
from bert_bundle.classifiers.model_builder import ModelBuilder
from bert_bundle.keras_models import layer_construction
from bert_bundle.keras_models.runtime import NATIVE

_TEXTS = ("my invoice is wrong", "", "The app crashes!", "please add dark mode, why not?", "password refund 123")
_CITIES = ("paris", "rome")
_CODES = (12, 36, 7)


class _Input(NamedTuple):
    """The values of an input beside the text, a row for each text, and the dtype of its tensors."""

    dtype: str
    values: Any

    def array(self) -> np.ndarray:
        return np.array(self.values, str if self.dtype == "string" else self.dtype)


_CITY = _Input("string", [["paris"], ["rome"], ["oslo"], [""], ["rome"]])
_TAGS = _Input("string", [["paris", "rome"], ["rome", "rome"], ["", "oslo"], ["rome", "a"], ["[UNK]", "paris"]])
_TITLE = _Input("string", [["dark mode"], ["The bill!"], ["!"], ["my app, my bill is  dark"], ["mode\tÉté"]])
_CODE = _Input("int64", [[12, 7], [7, 7], [-5, 0], [36, 12], [1000, 1]])
_PLACES = _Input("int32", [[0, 3], [1, 1], [2, 0], [3, 3], [0, 1]])
_NUMBERS = _Input("float32", [[0.75, -3.0], [1.5, 0.125], [0.0, 99.0], [0.25, 0.7], [-0.1, 2.5]])


def _layer(builder: ModelBuilder, name: str, **arguments: Any) -> Any:
    return layer_construction.keras_class(builder.keras, name)(name="lookup", **arguments)


def _words(builder: ModelBuilder) -> Any:
    layer = _layer(builder, "TextVectorization", max_tokens=12, output_sequence_length=4)
    layer.adapt(_TITLE.array())
    return layer


def _beside_text(
    given: _Input, make: Callable[[ModelBuilder], Any], *, embedded: bool
) -> Callable[[ModelBuilder], Any]:
    """Return the builder of a model in which the layer that `make` returns reads an input."""

    def build_model(builder: ModelBuilder) -> Any:
        feeds, layers = builder.tokens(), builder.layers
        beside = builder.keras.Input(given.array().shape[1:], dtype=given.dtype, name="beside")
        found = make(builder)(beside)
        if embedded:
            found = layers.Flatten(name="flat")(layers.Embedding(16, 3, name="table")(found))
        hidden = builder.call(builder.encoder(), feeds)["last_hidden_state"]
        joined = layers.Concatenate(name="joined")([hidden[:, 0, :], found])
        return builder.model([*feeds.values(), beside], builder.head(joined))

    return build_model


def _entry(given: _Input, name: str, first: Any = None, embedded: bool = True, **arguments: Any) -> Entry:
    """Return the entry of a layer of Keras; `first`: the TensorFlow since which it has these arguments."""
    make = _words if name == "TextVectorization" else lambda builder: _layer(builder, name, **arguments)
    by_table = name not in ("CategoryEncoding", "Discretization")  # those two compute with any backend
    kept_as_strings = given.dtype == "string" or name == "Hashing"  # a table of integers is read with any backend
    writers = NEED_TENSORFLOW if by_table else {**NEED_CLASSES, NATIVE: ()}
    return Entry(
        _beside_text(given, make, embedded=embedded),
        writers=since("tensorflow", first, writers) if first else writers,
        readers=NEED_TENSORFLOW if kept_as_strings else None,
        examples={"text": list(_TEXTS), "beside": given.array()},
    )


ENTRIES: Mapping[str, Entry] = {
    "string_lookup": _entry(_CITY, "StringLookup", vocabulary=list(_CITIES)),
    "string_lookup_in_buckets": _entry(_TAGS, "StringLookup", vocabulary=list(_CITIES), num_oov_indices=3),
    "string_lookup_counted": _entry(
        _TAGS, "StringLookup", (2, 6), embedded=False, vocabulary=list(_CITIES), output_mode="multi_hot", mask_token=""
    ),
    "integer_lookup": _entry(_CODE, "IntegerLookup", vocabulary=list(_CODES)),
    "category_encoding": _entry(_PLACES, "CategoryEncoding", (2, 6), embedded=False, num_tokens=4),
    "hashing": _entry(_CITY, "Hashing", num_bins=6),
    "salted_hashing_of_integers": _entry(_CODE, "Hashing", num_bins=6, salt=[133, 137]),
    "discretization": _entry(_NUMBERS, "Discretization", (2, 6), bin_boundaries=[0.0, 0.125, 0.75, 2.5]),
    "text_vectorization": _entry(_TITLE, "TextVectorization"),
}
