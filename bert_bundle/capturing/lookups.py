"""Layers of Keras that make numbers of strings and categories, written as table layers and tensor ops.

Their names, arguments and special tokens differ between releases. What a lookup does is therefore asked of the live
layer, token by token, and what it does afterwards (one-hot, counts) is written as ops.

Does not know: graphs.
"""

from types import ModuleType
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional

import numpy as np

from bert_bundle.errors import ModelError
from bert_bundle.graph.layer_fields import plain
from bert_bundle.graph.layers import LAYERS, LOOKUPS
from bert_bundle.keras_models import layer_construction
from bert_bundle.keras_models.nodes import tensors
from bert_bundle.keras_models.runtime import Runtime

_OUTSIDE = "apply the layer outside of the model, and feed the model what it returns"
_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}  # names of TensorFlow 2.4
_DROPPED = 1 << 31  # some releases give a masked token so large a number that counts leave it out
_UNSUPPORTED = ("sparse", "ragged", "invert")  # flags that make what a bundle has no tensor for


def is_lookup(layer: Any, keras: ModuleType) -> bool:
    """Return whether this module writes the layer in another way; not for a user-defined class."""
    name = type(layer).__name__
    return name in LOOKUPS and type(layer) is layer_construction.keras_class(keras, name)


class Lookups:
    """The lookups of one graph, each with the table layer that stands for it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._layers: Dict[int, Any] = {}  # id of a live layer -> its table layer

    def write(self, layer: Any, args: Any, kwargs: Mapping[str, Any], place: str) -> Any:
        """Return the symbolic tensor that the layer computes. Raises ModelError for what a bundle cannot represent."""
        given = list(tensors([args, kwargs]))
        if len(given) != 1:
            raise ModelError("a lookup of several tensors", place=place, wanted="one tensor", fix=_OUTSIDE)
        for flag in _UNSUPPORTED:
            if getattr(layer, flag, getattr(layer, "_" + flag, False)):
                _refuse(place, flag, True)
        return _Writer(self._runtime, self._layers, layer, place).write(given[0])


class _Writer:
    """One call of a lookup being written."""

    def __init__(self, runtime: Runtime, layers: Dict[int, Any], layer: Any, place: str) -> None:
        self.runtime, self.layers, self.layer, self.place = runtime, layers, layer, place
        self.config: Mapping[str, Any] = layer.get_config()

    def write(self, x: Any) -> Any:
        return WRITERS[type(self.layer).__name__](self, x)

    def category_encoding(self, x: Any) -> Any:
        depth = int(self.config.get("num_tokens") or self.layer._max_tokens)
        if len(x.shape) == 1 and "max_tokens" in self.config:  # 2.4 reads a column of numbers as rows of one
            x = self._op("expand_dims", x=x, axis=-1)
        return self._encoded(self._whole(x, "int32"), depth, getattr(self.layer, "tf_idf_weights", None))

    def discretization(self, x: Any) -> Any:
        old = getattr(self.layer, "bins", None)  # 2.4, whose bins have their right end
        given = np.asarray(self.layer.bin_boundaries if old is None else old, np.float32).ravel()
        boundaries = [float(bound) for bound in given if np.isfinite(bound)]  # 2.4 adds infinity
        fields = {"bin_boundaries": boundaries, "right": old is not None}
        return self._encoded(self._table("Discretization", fields)(x), len(boundaries) + 1)

    def hashing(self, x: Any) -> Any:
        salt = list(self.layer.salt) if self.layer.strong_hash else None
        fields = {"num_bins": self.layer.num_bins, "salt": salt, "mask_value": self.config.get("mask_value")}
        return self._encoded(self._table("Hashing", fields)(x), self.layer.num_bins)

    def lookup(self, x: Any) -> Any:
        fields = self._lookup_fields(self.layer)
        is_text = isinstance(fields["table"][0][0], str)
        found = self._table("Lookup", fields)(x if is_text else self._whole(x, "int64"))
        return self._encoded_lookup(found, self.layer)

    def text_vectorization(self, x: Any) -> Any:
        lookup = getattr(self.layer, "_lookup_layer", None) or self.layer._index_lookup_layer
        is_whole = self.mode == "int"
        if not is_whole and not hasattr(lookup, "_lookup_dense"):
            _refuse(self.place, "output_mode", self.mode, "int")
        for name in ("standardize", "split"):
            if callable(self.config[name]):
                _refuse(self.place, name, "a function", "a name that TextVectorization knows")
        split, ngrams = self.config["split"], self.config["ngrams"]
        if split is None and len(x.shape) != 2:
            _refuse(self.place, "split", None, "an input of shape (texts,)")
        length = self.config["output_sequence_length"]
        if split is None and ngrams is None:  # every text is a word: their number is known
            length = length or x.shape[-1]
        fields = {
            "standardize": self.config["standardize"],
            "split": split,
            "ngrams": list(range(1, ngrams + 1)) if isinstance(ngrams, int) else ngrams,
            "length": length if is_whole else None,
            "filling": 0 if is_whole else -1,  # which no category of an encoding is
            **self._lookup_fields(lookup),
        }
        return self._encoded_lookup(self._table("Words", fields)(x), lookup)

    @property
    def mode(self) -> str:
        found = str(self.config.get("output_mode", "int"))
        return _MODES.get(found, found)

    def _encoded_lookup(self, x: Any, lookup: Any) -> Any:
        if self.mode == "int":
            return x
        padded = self.config.get("pad_to_max_tokens")
        depth = self.config["max_tokens"] if padded else lookup.vocabulary_size()
        return self._encoded(x, int(depth), getattr(lookup, "idf_weights_const", None))

    def _encoded(self, x: Any, depth: int, weights: Any = None) -> Any:
        """Return integers as they are, as one-hot rows, or as rows of whether, how often or how much each is there."""
        if self.mode == "int":
            return self._op("cast", x=x, dtype="int32") if str(self.layer.compute_dtype) == "int32" else x
        if len(x.shape) < 2:
            raise ModelError(
                "a lookup that reads the rows of a batch in a way that depends on their number",
                place=self.place,
                wanted="an input of shape (values,)",
                found="shape ()",
                fix="use Input((1,))",
            )
        if self.mode == "one_hot":
            return self._one_hot(self._op("squeeze", x=x, axis=-1) if x.shape[-1] == 1 else x, depth)
        counts = self._op("sum", x=self._one_hot(x, depth), axis=-2)
        if self.mode == "multi_hot":
            return self._op("minimum", x1=counts, x2=1.0)
        if self.mode == "count":
            return counts
        given = plain(np.ravel(np.asarray(weights))[:depth].astype(np.float32), self.place)
        return self._op("multiply", x1=counts, x2=given)

    def _one_hot(self, x: Any, depth: int) -> Any:
        dtype = str(self.layer.compute_dtype)
        return self._op("one_hot", x=x, num_classes=depth, dtype=dtype if "float" in dtype else "float32")

    def _whole(self, x: Any, dtype: str) -> Any:
        """Return numbers without their fractions, as Keras reads floating ones."""
        return self._op("cast", x=x, dtype=dtype) if self.runtime.dialect.is_floating(x) else x

    def _lookup_fields(self, lookup: Any) -> Dict[str, Any]:
        """Return the table of a live lookup, and what it does with everything else."""
        buckets = int(lookup.num_oov_indices)
        keys = _keys(lookup)
        is_text = any(isinstance(key, str) for key in keys)
        by_remainder = hasattr(lookup, "_oov_start_index") and getattr(lookup, "oov_method", "floormod") == "floormod"
        if buckets > 1 and not is_text and not by_remainder:
            _refuse(self.place, "num_oov_indices", buckets, 1)
        if getattr(lookup, "encoding", None) not in (None, "utf-8", "UTF-8"):
            _refuse(self.place, "encoding", lookup.encoding, "utf-8")
        if {*keys} <= {lookup.mask_token, lookup.oov_token}:
            raise ModelError(
                "a lookup without a vocabulary",
                place=self.place,
                fix="call adapt, or pass the vocabulary, before the model is saved",
            )
        known = sorted(zip(_numbers(lookup, keys), keys))
        fields = {"table": [[key, number] for number, key in known], "buckets": max(1, buckets)}
        return {**fields, "default": self._default(lookup, keys, buckets)}

    @staticmethod
    def _default(lookup: Any, keys: List[Any], buckets: int) -> int:
        """Return the number of what is not in the table, or the first of several."""
        if not buckets:  # newer releases raise an error instead
            return -1
        if buckets > 1:
            start = getattr(lookup, "_oov_start_index", None)
            return int(start() if start else lookup.mask_token is not None)
        (number,) = _numbers(lookup, [next(key for key in _unknown(keys[0]) if key not in keys)])
        return number

    def _table(self, class_name: str, fields: Mapping[str, Any]) -> Any:
        """Return the table layer of the live layer, made at its first call."""
        if id(self.layer) not in self.layers:
            defaults = LAYERS[class_name]
            config = {name: value for name, value in fields.items() if value != defaults[name]}
            keras = self.runtime.keras
            self.layers[id(self.layer)] = layer_construction.make(
                keras, class_name, self.layer.name, config, "float32", float64=False
            )
        return self.layers[id(self.layer)]

    def _op(self, name: str, **arguments: Any) -> Any:
        return self.runtime.dialect.apply(name, arguments, "float32")


def _keys(lookup: Any) -> List[Any]:
    """Return the tokens of a live lookup, special ones too: strings, or integers."""
    listed = [*lookup.get_vocabulary(), *([] if lookup.mask_token is None else [lookup.mask_token])]
    return list(dict.fromkeys(_key(key) for key in listed))


def _key(key: Any) -> Any:
    if isinstance(key, (str, bytes)):
        return str(key.decode("utf-8") if isinstance(key, bytes) else key)
    return int(key)


def _numbers(lookup: Any, keys: List[Any]) -> List[int]:
    """Return what a live lookup has for each key; -1 for what counts leave out."""
    import tensorflow

    dtype = "string" if isinstance(keys[0], str) else getattr(lookup, "_key_dtype", "int64")
    found = getattr(lookup, "_lookup_dense", lookup)(tensorflow.constant(keys, dtype))
    return [number if number < _DROPPED else -1 for number in np.asarray(found).tolist()]


def _unknown(like: Any) -> Iterator[Any]:
    """Yield keys like this one, any of which may be in no table."""
    for number in range(1 << 30):
        yield "not in the table {}".format(number) if isinstance(like, str) else number


def _refuse(place: str, argument: str, found: Any, wanted: Optional[Any] = False) -> None:
    """Raise ModelError for an argument of a layer."""
    raise ModelError(
        "a layer's field that a bundle cannot represent",
        place="{} {}".format(place, argument),
        wanted=wanted,
        found=found,
        fix=_OUTSIDE,
    )


WRITERS: Mapping[str, Callable[[_Writer, Any], Any]] = {
    "CategoryEncoding": _Writer.category_encoding,
    "Discretization": _Writer.discretization,
    "Hashing": _Writer.hashing,
    "IntegerLookup": _Writer.lookup,
    "StringLookup": _Writer.lookup,
    "TextVectorization": _Writer.text_vectorization,
}
