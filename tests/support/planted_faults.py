"""The faults that the checks must catch: where each is planted, the grade it must get, the place that must be named.

Owns the table and the specifications of its bundles; runs nothing. A bundle with a fault gets a new manifest, so that
no digest shows the fault. A fault in a reader is one of `support.reader_faults`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from bert_bundle.classifiers import specification
from bert_bundle.encoders.families.family import TOKENS
from bert_bundle.format import layout
from bert_bundle.tokenizer import LONGEST
from support.forged_bundles import (
    TOKENIZER,
    Forge,
    drop,
    each,
    edit,
    lower_casing_lost,
    put,
    relayout,
    resign,
    retensor,
    vocabulary_swapped,
)

CONFIG = "encoders/bert_encoder/config.json"
ENCODER = "encoders/bert_encoder/model.safetensors"
GRAPH = "graph.json"
HEAD = "weights.safetensors"
GOLDEN = "golden/tensors.safetensors"
TEXTS = "golden/inputs.json"

# The classifiers that faults are planted in, by name. "pooled" has a frozen part, a normalization, a regularizer and
# second texts.
SPECIFICATIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType({
    "classic": specification.CLASSIC,
    "pooled": {
        "pooling": "pooler",
        "roles": ["input_ids", "attention_mask", "token_type_ids"],
        "frozen": ["layer.0"],
        "head": [
            {"layer": "BatchNormalization", "config": {"momentum": 0.5}},
            {"layer": "Dense", "config": {"units": 8, "activation": "tanh", "kernel_regularizer": "l2"}},
        ],
        "texts": [
            ["my invoice is wrong", "The app crashes!"],
            ["", "dark mode"],
            ["please add", "why not?"],
            ["invoice " + "word " * 30, "password"],
            ["Señor Müller", "logged out"],
        ],
    },
    "mean": {"pooling": "mean"},
    "half": {"pooling": "average", "policy": "mixed_float16"},
    "nested": {"head": [{"nested": [7, 6]}, {"sequential": [5, 4]}]},
    "tags": {"classes": 5, "last": "sigmoid"},
    "swapped": {"roles": ["input_ids", "attention_mask", "token_type_ids"], "swapped": "place", "call": "list"},
    "open": {"caller": "main_layer", "open": True, "padding": "max_length", "texts": ["my invoice", "", "why?"]},
})  # fmt: skip

# Places in the graphs of these classifiers.
EMBEDDINGS, FIRST, SECOND = (f"3 bert_encoder hidden_states.{number}" for number in range(3))
TOKEN, FEATURES, DROPOUT, LAST = "4 getitem", "5 with_features", "6 dropout", "7 probabilities"
POOLED, POOLER = "4 bert_encoder hidden_states.0", "4 bert_encoder pooler_output"
BATCH, DENSE = "7 dense_0", "8 dense_1"
NESTED, SEQUENTIAL = "7.2 dense_0/dense_1", "8.1 dense_1/dense_0"
IDS, MASK = f"input_ids, {EMBEDDINGS}", f"attention_mask, {EMBEDDINGS}"
SINGLE = "probabilities"  # differs only in float32, for which layers have no fingerprints
NONE = ""  # no layer differs: the golden was changed


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is changed and where; the grades and the place that a verdict must have (several grades if chance decides).

    `forge` changes the bundle of that name; without, a reader has the fault.
    """

    what: str
    where: str
    grades: tuple[str, ...]
    place: str
    bundle: str = "classic"
    forge: Forge | None = None


def _in(path: str, what: str, grade: str, place: str, change: Any, bundle: str = "classic") -> Fault:
    """Return a fault in one file of a bundle: a change of its JSON or of its arrays."""

    def forge(folder: Path) -> None:
        retensor(folder, path, change) if path.endswith(".safetensors") else edit(folder, path, change)
        if path == TOKENIZER:
            relayout(folder)

    return Fault(what=what, where=path, grades=(grade,), place=place, bundle=bundle, forge=forge)


def _shape(path: str, what: str, layer: str, change: Any, bundle: str = "classic") -> Fault:
    """Return a fault in a file whose digest the golden holds; `layer` is the first whose output changes, if any."""
    return _in(path, what, "reconfigured", f"{path}, {layer}" if layer else path, change, bundle)


def _layers_swapped(arrays: dict[str, Any]) -> None:
    for name in [name for name in arrays if name.startswith("encoder.layer.0.")]:
        other = name.replace("layer.0.", "layer.1.")
        arrays[name], arrays[other] = arrays[other], arrays[name]


def _biases_swapped(arrays: dict[str, Any]) -> None:
    query, key = (f"encoder.layer.0.attention.self.{name}.bias" for name in ("query", "key"))
    arrays[query], arrays[key] = arrays[key], arrays[query]


def _every(function: Any) -> Any:
    return lambda arrays: arrays.update({name: function(array) for name, array in arrays.items()})


def _rows_reversed(arrays: dict[str, Any]) -> None:
    arrays.update({name: arrays[name][::-1] for name in ("single/probabilities", "double/probabilities")})


def _secondary_label_flipped(array: np.ndarray) -> np.ndarray:
    """Return several sigmoids with the least of the first row on the other side of 0.5; the largest stays."""
    changed, least = array.copy(), array[0].argmin()
    changed[0, least] = 0.4 if array[0, least] > 0.5 else (0.5 + array[0].max()) / 2
    return changed


def _roles_swapped(bundle: Path) -> None:
    """Let each of two inputs be fed what the other one was, by its name."""
    signature = json.loads((bundle / layout.MANIFEST).read_bytes())["signature"]
    for entry in signature["inputs"]:
        if entry["role"] in TOKENS[1:]:
            entry.update(role=entry["name"], given=True)
    resign(bundle, signature=signature)


def _length_left_open(bundle: Path) -> None:
    """Pad the texts of a model of any length to the longest, where it was saved with one length."""
    recipe = json.loads((bundle / layout.MANIFEST).read_bytes())["tokenizer"]
    resign(bundle, tokenizer={**recipe, "padding": LONGEST, "padded_together": True})


_layer = "encoder.layer.{}".format
_first, _second = _layer(0), _layer(1)

IN_BUNDLES = (
    _in(ENCODER, "two layers swapped", "flip", FIRST, _layers_swapped),
    _in(ENCODER, "one bias zeroed", "drift", SECOND, each(f"{_second}.output.dense.bias", np.zeros_like)),
    _in(ENCODER, "one weight moved by 1e-3", "drift", FIRST,
        each(f"{_first}.attention.self.query.weight", lambda a: a + 1e-3)),
    _in(ENCODER, "a kernel transposed", "flip", SECOND, each(f"{_second}.attention.self.key.weight", np.transpose)),
    _in(ENCODER, "the biases of query and key swapped", "drift", FIRST, _biases_swapped),
    _in(ENCODER, "token types swapped", "flip", EMBEDDINGS, each("embeddings.token_type_embeddings.weight", np.flipud)),
    _in(ENCODER, "positions off by one", "drift", EMBEDDINGS,
        each("embeddings.position_embeddings.weight", lambda a: np.roll(a, 1, 0))),
    _in(ENCODER, "the pooler's kernel zeroed", "flip", POOLER, each("pooler.dense.weight", np.zeros_like), "pooled"),
    _in(ENCODER, "dtype narrowed", "drift", EMBEDDINGS, _every(lambda a: a.astype("<f2"))),
    _in(HEAD, "dtype narrowed", "drift", LAST, _every(lambda a: a.astype("<f2"))),
    _in(HEAD, "the last bias zeroed", "flip", LAST, each("probabilities/bias", np.zeros_like)),
    _in(HEAD, "the last kernel halved", "drift", LAST, each("probabilities/kernel", lambda a: a / 2)),
    _in(HEAD, "the classes swapped", "flip", LAST, _every(lambda a: np.flip(a, -1))),
    _in(HEAD, "a running mean lost", "flip", BATCH, each("dense_0/moving_mean", np.zeros_like), "pooled"),
    _in(HEAD, "a kernel in a nested model doubled", "drift", NESTED, each("dense_0/dense_1/kernel", lambda a: a * 2),
        "nested"),
    _in(HEAD, "a bias in a nested Sequential zeroed", "drift", SEQUENTIAL, each("dense_1/dense_0/bias", np.zeros_like),
        "nested"),
    _shape(CONFIG, "epsilon", EMBEDDINGS, put("layer_norm_eps", 1e-3)),
    _shape(CONFIG, "GELU by tanh", FIRST, put("hidden_act", "gelu_new")),
    _shape(CONFIG, "more heads", FIRST, put("num_attention_heads", 8)),
    _shape(GRAPH, "features first", FEATURES, put("nodes", 5, "args", [[{"node": 2}, {"node": 4}]])),
    _shape(GRAPH, "the second token", TOKEN, put("nodes", 4, "kwargs", "key", 1, 1)),
    _shape(GRAPH, "a sigmoid for softmax", LAST, put("layers", 3, "config", "activation", "sigmoid")),
    _shape(GRAPH, "a ReLU for tanh", DENSE, put("layers", 4, "config", "activation", "relu"), "pooled"),
    _shape(GRAPH, "the mask for token types", EMBEDDINGS,
        put("nodes", 3, "kwargs", "token_type_ids", {"node": 1})),
    _shape(GRAPH, "a mean over 12 tokens at least", "9 maximum", put("nodes", 9, "kwargs", "x2", 12.0), "mean"),
    _in(TOKENIZER, "padding on the left", "retokenized", MASK, put("padding_side", "left")),
    _in(TOKENIZER, "truncation on the left", "retokenized", IDS, put("truncation_side", "left")),
    _in(TOKENIZER, "accents kept", "retokenized", MASK, put("strip_accents", False)),
    _in(TOKENIZER, "Chinese characters unsplit", "retokenized", MASK, put("tokenize_chinese_chars", False)),
    Fault(what="lower-casing lost", where=TOKENIZER, grades=("retokenized",), place=MASK, forge=lower_casing_lost),
    Fault(what="vocabulary entries swapped", where="tokenizer/vocab.txt", grades=("retokenized",), place=IDS,
          forge=vocabulary_swapped),
    _in(TEXTS, "another text", "retokenized", MASK, put("texts", "text", 0, "an app crashes")),
    _in(GOLDEN, "features off by 1e-3", "drift", FEATURES, each("features/numerical_features", lambda a: a + 1e-3)),
    _in(GOLDEN, "token ids forgotten", "retokenized", "input_ids", drop("token_ids/input_ids")),
    _in(GOLDEN, "predictions off by 1e-3", "drift", NONE, each("double/probabilities", lambda a: a + 1e-3)),
    _in(GOLDEN, "predictions of the other sign", "flip", NONE, each("double/probabilities", np.negative)),
    _in(GOLDEN, "rows in another order", "flip", NONE, _rows_reversed),
    _in(GOLDEN, "a secondary label of several flipped", "flip", NONE,
        each("double/probabilities", _secondary_label_flipped), "tags"),
    Fault(what="the roles of two inputs swapped", where="bundle.json", grades=("reconfigured",),
          place=f"token_type_ids, {POOLED}", bundle="swapped", forge=_roles_swapped),
    Fault(what="a length left open", where="bundle.json", grades=("retokenized",),
          place="attention_mask, 3 bert hidden_states.0", bundle="open", forge=_length_left_open),
    _shape(GRAPH, "a dropout rate", NONE, put("layers", 2, "config", "rate", 0.5)),
    _shape(GRAPH, "a part thawed", NONE, drop("layers", 0, "flags"), "pooled"),
    _shape(GRAPH, "a regulariser lost", NONE, drop("layers", 4, "config", "kernel_regularizer"), "pooled"),
    Fault(what="the names of the classes swapped", where="bundle.json", grades=("reconfigured",), place="labels",
          forge=lambda bundle: resign(bundle, labels=("class 1", "class 0"))),
)  # fmt: skip


def _reader(where: str, grades: str, faults: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Return the faults in one part of a reader: what -> the place to be named, and the bundle if not "classic"."""
    pairs = {what: place if isinstance(place, tuple) else (place, "classic") for what, place in faults.items()}
    return tuple(
        Fault(what=what, where=where, grades=tuple(grades.split()), place=place, bundle=bundle)
        for what, (place, bundle) in pairs.items()
    )


IN_READERS = (
    *_reader("TensorFlow", "drift", {
        "an erf good to 2.5e-5": FIRST,
        "matrix products through bfloat16": SINGLE,
    }),
    *_reader("an encoder, built", "drift", {
        "tanh GELU": FIRST,
        "token types ignored": (POOLED, "pooled"),
        "positions off by one": EMBEDDINGS,
        "attention not scaled": SECOND,
        "epsilon of one layer": SECOND,
        "the pooler of the last token": (POOLER, "pooled"),
    }),
    *_reader("an encoder, built", "flip", {
        "the mask ignored": SECOND,
        "the mask's constant": FIRST,
        "a residual lost": FIRST,
        "layers in reverse": FIRST,
        "the last layer left out": SECOND,
        "the pooler's activation dropped": (POOLER, "pooled"),
    }),
    *_reader("an encoder, built", "reconfigured", {
        "an encoder's dropout rate lost": CONFIG,
        "label names permuted": CONFIG,
        "a frozen part thawed": (GRAPH, "pooled"),
    }),
    *_reader("weights, loaded", "drift", {
        "a bias not loaded": SECOND,
        "running variance lost": (BATCH, "pooled"),
        "weights in half precision": EMBEDDINGS,
        "half precision in the native replay": SINGLE,
        "half precision in the float64 replay": EMBEDDINGS,
    }),
    *_reader("weights, loaded", "flip", {
        "a kernel not transposed": SECOND,
        "gamma for beta": EMBEDDINGS,
    }),
    *_reader("layers, built", "drift flip", {
        "one dropout left on": DROPOUT,
        "statistics of the batch": (BATCH, "pooled"),
        "softmax over the examples": LAST,
    }),
    *_reader("layers, built", "reconfigured", {
        "a dropout rate lost": GRAPH,
        "a regulariser lost": (GRAPH, "pooled"),
        "a layer renamed": GRAPH,
        "a layer frozen": GRAPH,
        "half precision lost": (GRAPH, "half"),
        "another token taken": f"{GRAPH}, {TOKEN}",
    }),
    *_reader("the tokenizer", "retokenized", {
        "lower-casing lost": MASK,
        "cut on the left": IDS,
        "padded on the left": MASK,
        "no special tokens": MASK,
    }),
    *_reader("the replay", "drift flip", {"dropout left on": EMBEDDINGS}),
    *_reader("the replay", "flip", {"two inputs swapped": EMBEDDINGS}),
    *_reader("the replay", "drift", {"float32 in the float64 replay": (EMBEDDINGS, "half")}),
)  # fmt: skip

FAULTS = (*IN_BUNDLES, *IN_READERS)
