"""A classifier with lookups of Keras beside the text, in both runtimes: an output for each way of using one."""

from dataclasses import replace
from typing import Any, Callable, Dict, List, NamedTuple

import numpy as np

from bert_bundle.classifiers import specification
from bert_bundle.keras_models import layer_construction

TEXTS = ["my invoice is wrong", "", "why?", "add dark mode", "refund"]
VALUES: Dict[str, np.ndarray] = {
    "city": np.array([["paris"], ["rome"], ["oslo"], [""], ["rome"]], object),
    "tags": np.array([["a", "b"], ["b", "b"], ["", "z"], ["c", "a"], ["[UNK]", ""]], object),
    "title": np.array([["dark mode"], ["The bill!"], ["!"], ["my app, my bill is  dark"], ["mode\tÉté"]], object),
    "line": np.array(["dark the bill", "!", "my app, my", "Mode mode", "is"], object),
    "codes": np.array([[12, 7], [7, 7], [-5, 0], [36, 12], [1000, 1]], "int64"),
    "places": np.array([[0, 3], [1, 1], [2, 0], [3, 3], [0, 1]], "int32"),
    "wholes": np.array([[3.0, 1.0], [0.0, 3.9], [2.5, 2.5], [1.0, 0.0], [3.0, 3.0]], "float32"),
    "place": np.array([[3], [1], [0], [2], [1]], "int32"),
    "numbers": np.array([[0.7, -3.0], [1.5, 0.1], [0.0, 99.0], [0.1, 0.7], [-0.1, 2.5]], "float32"),
}


class Case(NamedTuple):
    """The name of what is fed, and the layers on it: `build(kit, symbolic input)` returns the symbolic result."""

    values: str
    build: Callable[[Any, Any], Any]


class Kit:
    """The layers of a Keras by name, those of its `experimental.preprocessing` too."""

    def __init__(self, keras: Any) -> None:
        self.layers = keras.layers

    def __getattr__(self, name: str) -> Any:
        return layer_construction.keras_class(self, name)

    def embedded(self, numbers: Any) -> Any:
        return self.Flatten()(self.Embedding(40, 3)(numbers))


def _encoded(values: str, name: str, **arguments: Any) -> Case:
    return Case(values, lambda kit, given: getattr(kit, name)(**arguments)(given))


def _embedded(values: str, name: str, **arguments: Any) -> Case:
    return Case(values, lambda kit, given: kit.embedded(getattr(kit, name)(**arguments)(given)))


def _words(values: str = "title", **arguments: Any) -> Case:
    def build(kit: Kit, given: Any) -> Any:
        layer = kit.TextVectorization(**arguments)
        layer.adapt(VALUES[values])
        numbers = layer(given)
        if arguments.get("output_mode", "int") != "int":
            return numbers
        if "output_sequence_length" in arguments:
            return kit.embedded(numbers)
        return kit.GlobalAveragePooling1D()(kit.Embedding(40, 3, mask_zero="split" not in arguments)(numbers))

    return Case(values, build)


def number_cases(keras: Any) -> Dict[str, Case]:
    """Return the cases of numbers that this Keras can build on any backend."""
    if layer_construction.release_of(keras) < (2, 6):
        return {
            "present": _encoded("places", "CategoryEncoding", max_tokens=4),
            "counted": _encoded("places", "CategoryEncoding", max_tokens=4, output_mode="count"),
            "bins": _embedded("numbers", "Discretization", bins=[0.0, 0.1, 0.7, 2.5]),
        }
    # On JAX, Keras compares with 0.7 in float64 where JAX has it, as in this suite, and in float32 elsewhere.
    bounds = [0.0, 0.1, 0.7, 2.5] if has_strings(keras) else [0.0, 0.125, 0.75, 2.5]
    return {
        "present": _encoded("places", "CategoryEncoding", num_tokens=4),
        "counted": _encoded("places", "CategoryEncoding", num_tokens=4, output_mode="count"),
        "one": _encoded("place", "CategoryEncoding", num_tokens=4, output_mode="one_hot"),
        "bins": _embedded("numbers", "Discretization", bin_boundaries=bounds),
        "of_floats": _encoded("wholes", "CategoryEncoding", num_tokens=4, output_mode="count"),
        "bins_of_codes": _embedded("codes", "Discretization", bin_boundaries=[-5, 12.5, 41]),
    }


def table_cases(keras: Any) -> Dict[str, Case]:
    """Return the cases whose layers need TensorFlow in every Keras."""
    abc, codes = ["a", "b", "c"], [12, 36, 7]
    found = {
        "city": _embedded("city", "StringLookup", vocabulary=["paris", "rome"]),
        "buckets": _embedded("tags", "StringLookup", vocabulary=abc, num_oov_indices=3),
        "no_mask": _embedded("tags", "StringLookup", vocabulary=abc, mask_token=None),
        "codes": _embedded("codes", "IntegerLookup", vocabulary=codes),
        "hash": _embedded("city", "Hashing", num_bins=6),
        "salted": _embedded("tags", "Hashing", num_bins=6, salt=[133, 137]),
        "hashed_codes": _embedded("codes", "Hashing", num_bins=6, salt=7),
    }
    if layer_construction.release_of(keras) < (2, 6):
        return found
    padded = {"max_tokens": 9, "pad_to_max_tokens": True}
    if layer_construction.release_of(keras) >= (2, 10):
        weights = {"idf_weights": [0.25, 0.5, 0.75], "output_mode": "tf_idf"}
        found["weighed"] = _encoded("tags", "StringLookup", vocabulary=abc, **weights)
    return {
        **found,
        "mask": _embedded("tags", "StringLookup", vocabulary=abc, mask_token=""),
        "tags": _encoded("tags", "StringLookup", vocabulary=abc, output_mode="multi_hot", mask_token=""),
        "counted": _encoded("codes", "IntegerLookup", vocabulary=codes, output_mode="count", **padded),
        "remainders": _embedded("codes", "IntegerLookup", vocabulary=codes, num_oov_indices=3),
        "masked_codes": _embedded("codes", "IntegerLookup", vocabulary=codes, mask_token=0),
        "of_floats": _embedded("wholes", "IntegerLookup", vocabulary=[3, 2]),
        "one_code": _encoded("place", "IntegerLookup", vocabulary=[2, 3], output_mode="one_hot"),
        "masked_hash": _embedded("city", "Hashing", num_bins=6, mask_value=""),
    }


def word_cases(keras: Any) -> Dict[str, Case]:
    """Return the cases of texts that the model itself splits into words."""
    found = {
        "four": _words(max_tokens=12, output_sequence_length=4),
        "all": _words(standardize=None),
        "pairs": _words(output_sequence_length=6, ngrams=2, standardize=None),
    }
    if layer_construction.release_of(keras) < (2, 6):
        return found
    text = "line" if hasattr(keras, "ops") else "title"  # for a column of texts Keras 3 declares a shape that it lacks
    return {
        **found,
        "present": _words(text, output_mode="multi_hot", max_tokens=20, pad_to_max_tokens=True),
        "weighed": _words(text, output_mode="tf_idf"),
        "whole": _words("tags", split=None, standardize=None),
        **(_newer_words(text) if layer_construction.release_of(keras) >= (2, 10) else {}),
    }


def _newer_words(text: str) -> Dict[str, Case]:
    return {
        "counted": _words(text, output_mode="count", standardize="lower"),
        "characters": _words(split="character", output_sequence_length=9),
        "stripped": _words("tags", split=None, standardize="strip_punctuation"),
    }


def has_strings(keras: Any) -> bool:
    """Return whether this Keras computes on strings: it has TensorFlow below it."""
    return not hasattr(keras, "ops") or bool(keras.config.backend() == "tensorflow")


def build(cases: Dict[str, Case], runtime: Any) -> specification.BuiltClassifier:
    """Return a classifier of the first token with an output for each case."""
    keras = runtime.keras
    made = specification.build({"features": 0, "classes": 3}, runtime=runtime.name)
    names = sorted({case.values for case in cases.values()})
    given = {name: keras.Input(VALUES[name].shape[1:], dtype=dtype_of(name), name=name) for name in names}
    outputs = {}
    for name, case in cases.items():
        found = case.build(Kit(keras), given[case.values])
        joined = keras.layers.Concatenate()([made.model.output, found])
        outputs[name] = keras.layers.Dense(3, activation="softmax", name="ends_" + name)(joined)
    inputs = list(made.model.inputs)
    model = keras.Model([*inputs, *given.values()], outputs, name="looking_up")
    return replace(made, model=model, labels=(), examples={"text": TEXTS, **features(cases)})


def nested(case: Case, runtime: Any) -> specification.BuiltClassifier:
    """Return a classifier with a nested model that looks the case up."""
    inside = runtime.keras.Input(VALUES[case.values].shape[1:], dtype=dtype_of(case.values), name="inside")
    tower = runtime.keras.Model(inside, case.build(Kit(runtime.keras), inside), name="tower")
    return build({"case": Case(case.values, lambda kit, given: tower(given))}, runtime)


def subclassed(values: str, runtime: Any, make: Callable[[Any], Any]) -> specification.BuiltClassifier:
    """Return a subclassed classifier of the first token and of one lookup, `make(kit)`, which returns integers."""
    keras = runtime.keras
    made = specification.build({"features": 0, "classes": 3}, runtime=runtime.name)

    class LookingUp(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(name="looking_up")
            self.encoder, self.table = made.encoder, make(Kit(keras))
            self.embedding, self.pool = keras.layers.Embedding(40, 3), keras.layers.GlobalAveragePooling1D()
            self.joined, self.ends = keras.layers.Concatenate(), keras.layers.Dense(3, "softmax", name="ends")

        def call(self, inputs: Any) -> Any:
            found = self.encoder(inputs["input_ids"], attention_mask=inputs["attention_mask"])
            states = found["last_hidden_state"] if isinstance(found, dict) else found[0]
            numbers = self.pool(self.embedding(self.table(inputs["given"])))
            return self.ends(self.joined([states[:, 0, :], numbers]))

    ids, given = np.array([[2, 5, 6, 3]], "int32"), VALUES[values][:1]
    arrays = {"input_ids": ids, "attention_mask": np.ones_like(ids), "given": _typed(given)}
    model = LookingUp()
    model({name: runtime.dialect.tensor(array) for name, array in arrays.items()})
    return replace(made, model=model, labels=(), examples={"text": TEXTS, "given": VALUES[values]})


def _typed(values: np.ndarray) -> np.ndarray:
    return values.astype(str) if values.dtype == object else values


def features(cases: Dict[str, Case]) -> Dict[str, np.ndarray]:
    """Return the values of the cases by the name of their input."""
    return {name: VALUES[name] for name in sorted({case.values for case in cases.values()})}


def called(runtime: Any, model: Any, bundle: Any, values: Dict[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """Return what a live model says to the texts, as its owner calls it."""
    arrays = {**bundle.encode(TEXTS), **{name: _typed(value) for name, value in values.items()}}
    names: List[str] = [entry["name"] for entry in bundle.manifest.signature["inputs"]]
    found = model([runtime.dialect.tensor(arrays[name]) for name in names], training=False)
    return {name: runtime.dialect.array(value) for name, value in found.items()}


def dtype_of(name: str) -> str:
    """Return the dtype of the input that takes these values."""
    return "string" if VALUES[name].dtype == object else str(VALUES[name].dtype)
