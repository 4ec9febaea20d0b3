"""Layers that compute integers from strings and numbers, the same in every Keras: what `StringLookup` and its kind are.

Keras changed names, defaults and special tokens of its own layers of this kind from release to release. A bundle holds
the table that such a layer had, and these classes compute with it. They have no weights.

Does not know: graphs, the layers of Keras that they stand for.
"""

import functools
from types import ModuleType
from typing import Any, Dict, List, Mapping, Optional

import numpy as np

from bert_bundle.errors import RuntimeUnavailableError

PUNCTUATION = r"[!\"#$%&()\*\+,-\./:;<=>?@\[\\\]^_`{|}~\']"  # what TextVectorization takes out


def is_table_layer(layer: Any) -> bool:
    """Return whether the layer is of a class of this module."""
    return type(layer).__module__ == __name__


def check_backend(keras: ModuleType, class_name: str, config: Mapping[str, Any], place: str) -> None:
    """Raise RuntimeUnavailableError for a layer that computes on strings, where Keras has no TensorFlow below it."""
    backend = keras.config.backend() if hasattr(keras, "ops") else "tensorflow"
    strings = class_name in ("Hashing", "Words") or any(isinstance(key, str) for key, _ in config.get("table", ()))
    if strings and backend != "tensorflow":
        raise RuntimeUnavailableError(
            "a layer that computes on strings",
            place=place,
            wanted="Keras on TensorFlow",
            found="Keras on " + str(backend),
            fix="load the bundle where Keras runs on TensorFlow, or save a model that takes the layer's integers",
        )


@functools.lru_cache(maxsize=None)
def classes(keras: ModuleType) -> Mapping[str, Any]:
    """Return class name -> class, for the Keras that is bound."""
    base: Any = keras.layers.Layer

    class Table(base):  # type: ignore[misc]
        """Base of the layers: the fields of a canonical configuration as `fields`."""

        def __init__(self, *, name: Optional[str] = None, dtype: Any = None, **fields: Any) -> None:
            super().__init__(name=name, dtype=dtype, trainable=fields.pop("trainable", True))
            self.settings = tuple(fields.items())  # in a tuple, which Keras does not wrap to track it

        @property
        def fields(self) -> Dict[str, Any]:
            return dict(self.settings)

        def get_config(self) -> Any:
            return {**super().get_config(), **self.fields}

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

    class Lookup(Table):
        """The number that a table has for each string or integer; others have `default`, or share `buckets` from it."""

        def __init__(self, **fields: Any) -> None:
            super().__init__(**fields)
            table = self.fields["table"]
            is_text = any(isinstance(key, str) for key, _ in table)
            self.find = _string_table(table, -2) if is_text else _integer_table(keras, table, -2)

        def call(self, inputs: Any) -> Any:
            default, buckets = self.fields.get("default", 0), self.fields.get("buckets", 1)
            return _with_default(keras, inputs, self.find(inputs), default, buckets)

    class Discretization(Table):
        """How many of the boundaries each number has reached; with `right`, has passed."""

        def call(self, inputs: Any) -> Any:
            ops = _Ops(keras)
            boundaries = np.asarray(self.fields["bin_boundaries"], np.float32)  # Keras compares with these
            values = inputs if "float" in ops.dtype(inputs) else ops.cast(inputs, "float32")
            values = ops.cast(values, "float32") if "16" in ops.dtype(values) else values
            values = ops.expand_dims(values, -1)
            bounds = ops.constant(boundaries, ops.dtype(values))
            if self.fields.get("right"):
                passed = ops.greater(values, bounds)
            else:
                passed = ops.logical_not(ops.less(values, bounds))  # NaN has reached all of them
            return ops.sum(ops.cast(passed, ops.integer))

    class Hashing(Table):
        """One of `num_bins` numbers for each string or integer: FarmHash64, or SipHash64 with a `salt`."""

        def call(self, inputs: Any) -> Any:
            import tensorflow

            mask, bins = self.fields.get("mask_value"), self.fields["num_bins"]
            first = 1 if mask is not None and bins > 1 else 0
            text = tensorflow.as_string(inputs) if inputs.dtype.is_integer else inputs
            if self.fields.get("salt") is not None:
                found = tensorflow.strings.to_hash_bucket_strong(text, bins - first, key=self.fields["salt"])
            else:
                found = tensorflow.strings.to_hash_bucket_fast(text, bins - first)
            if not first:
                return found
            return tensorflow.where(tensorflow.equal(inputs, mask), tensorflow.zeros_like(found), found + 1)

    class Words(Table):
        """The number that a table has for each word of a text: (n, words), cut or filled up to `length`."""

        def __init__(self, **fields: Any) -> None:
            super().__init__(**fields)
            self.find = _string_table(self.fields["table"], -2)

        def call(self, inputs: Any) -> Any:
            import tensorflow

            words = _words(inputs, self.fields)
            default, buckets = self.fields.get("default", 0), self.fields.get("buckets", 1)
            numbers = tensorflow.ragged.map_flat_values(
                lambda flat: _with_default(keras, flat, self.find(flat), default, buckets), words
            )
            shape = (None, self.fields.get("length"))
            filled = numbers.to_tensor(default_value=self.fields.get("filling", 0), shape=shape)
            return tensorflow.ensure_shape(filled, shape)

        def compute_output_shape(self, input_shape: Any) -> Any:
            return (input_shape[0], self.fields.get("length"))

        def compute_output_spec(self, inputs: Any) -> Any:
            return keras.KerasTensor(self.compute_output_shape(inputs.shape), "int64")

    return {cls.__name__: cls for cls in (Lookup, Discretization, Hashing, Words)}


class _Ops:
    """The few ops that numbers need, with the Keras that is bound: keras.ops, or TensorFlow below Keras 2."""

    def __init__(self, keras: ModuleType) -> None:
        self.ops: Any = getattr(keras, "ops", None)
        backend = keras.config.backend() if self.ops else "tensorflow"
        self.integer = "int64" if backend == "tensorflow" else "int32"  # JAX has no int64 by default
        if not self.ops:
            import tensorflow

            self.ops = tensorflow
        self.sum_last = getattr(self.ops, "reduce_sum", None) or self.ops.sum

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ops, name)

    def sum(self, x: Any) -> Any:
        """Return the sum over the last axis."""
        return self.sum_last(x, axis=-1)

    def constant(self, array: np.ndarray, dtype: str) -> Any:
        """Return an array as a tensor."""
        return self.ops.convert_to_tensor(array.astype(dtype), dtype=dtype)

    @staticmethod
    def dtype(x: Any) -> str:
        """Return the name of a tensor's dtype."""
        return str(getattr(x.dtype, "name", x.dtype))


def _string_table(table: List[Any], missing: int) -> Any:
    """Return a function from strings to their numbers in the table, `missing` for others."""
    import tensorflow

    with tensorflow.init_scope():
        keys = tensorflow.constant([key for key, _ in table], "string")
        values = tensorflow.constant([value for _, value in table], "int64")
        initializer = tensorflow.lookup.KeyValueTensorInitializer(keys, values)
        return tensorflow.lookup.StaticHashTable(initializer, missing).lookup


def _integer_table(keras: ModuleType, table: List[Any], missing: int) -> Any:
    """Return a function from integers to their numbers in the table, `missing` for others."""

    def find(inputs: Any) -> Any:
        ops = _Ops(keras)
        name = ops.dtype(inputs)
        limits = np.iinfo(name)
        known = [(key, value) for key, value in table if limits.min <= key <= limits.max]
        keys = np.asarray([key for key, _ in known], np.int64)
        above = np.asarray([value - missing for _, value in known], np.int64)
        equal = ops.equal(ops.expand_dims(inputs, -1), ops.constant(keys, name))
        return ops.sum(ops.cast(equal, ops.integer) * ops.constant(above, ops.integer)) + missing

    return find


def _with_default(keras: ModuleType, inputs: Any, found: Any, default: int, buckets: int) -> Any:
    """Return `found` with what the table did not have (-2) in its place among the buckets."""
    ops = _Ops(keras)
    if buckets == 1:
        others = ops.zeros_like(found) + default
    elif ops.dtype(inputs) == "string":
        import tensorflow

        others = tensorflow.strings.to_hash_bucket_fast(inputs, buckets) + default
    else:
        others = ops.cast(inputs % buckets, ops.integer) + default
    return ops.where(ops.equal(found, -2), others, found)


def _words(text: Any, fields: Mapping[str, Any]) -> Any:
    """Return the words of texts (n,) or (n, 1) as a ragged tensor (n, words); without a split (n, words) are words."""
    import tensorflow

    standardize = fields.get("standardize") or ""
    if "lower" in standardize:
        text = tensorflow.strings.lower(text)
    if "strip_punctuation" in standardize:
        text = tensorflow.strings.regex_replace(text, PUNCTUATION, "")
    split = fields.get("split")
    if split is not None and len(text.shape) > 1:
        text = tensorflow.squeeze(text, -1)
    if split == "whitespace":
        words = tensorflow.strings.split(text)
    elif split == "character":
        words = tensorflow.strings.unicode_split(text, "UTF-8")
    else:
        words = tensorflow.RaggedTensor.from_tensor(text)
    if fields.get("ngrams") is not None:
        words = tensorflow.strings.ngrams(words, ngram_width=fields["ngrams"], separator=" ")
    return words
