"""Hypothesis strategies for classifier specifications: plain data that `specification.build` builds anywhere.

Each strategy shrinks to its simplest value, which is listed first. A drawn specification has every field that is drawn,
so that a shrunk one is small whatever the defaults in `CLASSIC` are. `event` counts the features of what was drawn.
A strategy is made once: Hypothesis checks each new one at its first draw, which takes longer than to draw.
Builds no model. The only module of the package that imports Hypothesis: import it where classifiers are drawn.
"""

from functools import lru_cache
from random import Random
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from hypothesis import HealthCheck, Phase, Verbosity, event, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from bert_bundle.classifiers.drawn_features import MARKED, SPELLED, WORDS, YOUNG, features
from bert_bundle.classifiers.encoder_calls import MAIN_LAYER, MODEL, PRETRAINED, SUBCLASSED
from bert_bundle.encoders import families
from bert_bundle.encoders.families.family import BYTE_LEVEL, TOKENS, UNIGRAM
from bert_bundle.tokenizer.description import CLASSES as MODELS_OF

Spec = Dict[str, Any]
Draw = Callable[[Any], Any]

_LABELS = st.sampled_from([*[""] * 10, "tokens", "spans"])
_HALF = ("first_token", "average", "longest", "two_tokens")  # poolings without constants, which would have a dtype
_OPS = ("tanh", "absolute", "square", "sigmoid", "relu", "softplus", "negative", "erf", "gelu", "softmax", "silu")
_REGULARIZERS: Tuple[Any, ...] = (None, "l2", "l1")
_CONSTRAINTS: Tuple[Any, ...] = (None, "non_neg", "max_norm", "unit_norm")


def draw(examples: int, seed: int) -> List[Spec]:
    """Return `examples` specifications: the classic one, then drawn ones that the seed decides."""
    drawn: List[Spec] = []

    def keep(spec: Spec) -> bool:
        drawn.append(spec)
        return False

    smallest_failing(keep, examples - 1, seed)
    return [{"seed": seed}, *({"name": "drawn-{}".format(i), **spec} for i, spec in enumerate(drawn, 1))]


def smallest_failing(fails: Callable[[Spec], bool], examples: int, seed: int) -> Optional[Spec]:
    """Return the smallest specification found for which `fails` is true; None if it is false for all `examples`.

    `fails` is called with the specifications that `draw` returns for that seed, in the same order, until it is true;
    then with smaller and smaller ones.
    """
    if examples < 1:
        return None
    given = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    try:
        return find(specifications(), fails, settings=given, random=Random(seed))  # noqa: S311
    except NoSuchExample:
        return None


def specifications(**fixed: Any) -> "st.SearchStrategy[Spec]":
    """Return specifications in which the fields of `fixed` have the given values.

    Shrinks to a BERT with one layer, one head and hidden size 4, pooled by its first token, and two classes.
    """
    return _specifications().map(lambda spec: {**spec, **fixed})


@lru_cache(maxsize=None)
@st.composite
def _specifications(draw: Draw) -> Spec:
    spec = _fitting({**draw(sizes()), **draw(encoders()), **draw(inputs()), "label": draw(_LABELS)})
    family = families.CLASSES[spec["class"]]
    if family.model_type == "distilbert" and spec["activation"] != "relu":
        spec["activation"] = "gelu"  # the only two that its class in transformers 4.5 has
    spec["pooling"] = draw(poolings(family, spec))
    spec.update(draw(precisions(spec)))
    spec.update(draw(heads(half=spec["policy"] != "float32")))
    spec.update(draw(frozen(spec["layers"])))
    spec.update(draw(tokenizers(family.model_type)))
    spec["texts"] = draw(texts(family.model_type, spec))
    spec["seed"] = draw(st.integers(0, 999))
    for feature in features(spec):
        event(feature)
    return spec


@lru_cache(maxsize=None)
def sizes() -> "st.SearchStrategy[Spec]":
    """Return sizes of an encoder, different where a fault could swap two of them; shrinks to the smallest."""
    return st.builds(
        lambda heads, size, layers, more, types, activation, epsilon, dropout, other, share: {
            "heads": heads,
            "hidden": heads * size,
            "layers": layers,
            "groups": 1 if share else layers,
            "intermediate": heads * size + more,
            "types": types,
            "activation": activation,
            "epsilon": epsilon,
            "dropout": dropout,
            "attention_dropout": dropout,
            "embedding": heads * size + other,
        },
        heads=st.integers(1, 4),
        size=st.sampled_from([4, 6, 8, 10]),
        layers=st.integers(1, 4),
        more=st.sampled_from([1, 7, 16]),
        types=st.integers(1, 3),
        activation=st.sampled_from(["gelu", "relu", "gelu_new", "silu", "tanh"]),
        epsilon=st.sampled_from([1e-12, 1e-6, 1e-3]),
        dropout=st.sampled_from([0.0, 0.1, 0.5]),
        other=st.sampled_from([-1, 3]),
        share=st.booleans().map(lambda b: not b),
    )


@lru_cache(maxsize=None)
@st.composite
def encoders(draw: Draw) -> Spec:
    """Draw the class, how it is called and its inputs; shrinks to a BertModel called with ids and mask as keywords.

    Everything is drawn even if it is not used, so that later draws keep their position while a classifier shrinks.
    """
    # What is drawn is read in every release of the matrix, the oldest of which has transformers 4.5.
    name = draw(st.sampled_from([f.architecture for f in families.FAMILIES if f.first_release <= (4, 5)]))
    head = draw(st.sampled_from([*[""] * 7, *families.HEADS]))
    family = families.CLASSES[name].with_head(head) if head else families.CLASSES[name]
    both, ids = ["input_ids", "attention_mask"], ["input_ids"]
    spec: Spec = {
        "class": family.architecture,
        "spare": draw(st.sampled_from([0, 3, 64])),
        "by_itself": draw(st.booleans()),
        "roles": draw(st.sampled_from([both, ids, [*both, "token_type_ids"]])),
        "caller": draw(st.sampled_from([MODEL, MODEL, MODEL, MODEL, MAIN_LAYER, MAIN_LAYER, SUBCLASSED, PRETRAINED])),
        "call": draw(st.sampled_from(["keywords", "dict", "list", "position", "tuple"])),
        "swapped": draw(st.sampled_from(["", "", "", "", "place", "name"])),
        "towers": draw(st.sampled_from(["one", "one", "one", "one", "siamese", "two"])),
        "mask_cast": draw(st.booleans()),
    }
    if head:
        spec.update(towers="one", caller=MODEL, swapped="")
    if head == "ForQuestionAnswering" and spec["call"] in ("list", "tuple"):
        # With return_dict=False transformers 4.5 returns a dict in graph mode and a tuple in eager mode. Keras sorts
        # the dict, which swaps start and end: such a model depends on how it is run, and `save` refuses it.
        spec["call"] = "position"
    spec["roles"] = [role for role in spec["roles"] if role in family.arguments]
    return spec


@lru_cache(maxsize=None)
@st.composite
def inputs(draw: Draw) -> Spec:
    """Draw names, form, length and inputs beside the text; shrinks to five tokens and no other input."""
    spec: Spec = {
        "max_length": draw(st.sampled_from([5, 8, 16, 33])),
        "open": draw(st.booleans()),
        "padding": draw(st.sampled_from(["", "longest", "max_length"])),
        "inputs": draw(st.sampled_from(["plain", "odd", "none"])),
        "form": draw(st.sampled_from(["list", "dict"])),
        "features": draw(st.sampled_from([0, 1, 10])),
    }
    kinds = [
        {"name": "vector", "shape": [3], "dtype": "float32"},
        {"name": "category", "shape": [2], "dtype": "int32"},
        {"name": "image", "shape": [4, 5, 2], "dtype": "float32"},
    ]
    spec["extra"] = draw(st.lists(st.sampled_from(kinds), max_size=2, unique_by=lambda kind: kind["name"]))
    if spec["inputs"] == "none":  # Keras then numbers them, by how many inputs the process has made
        spec["form"] = "list"
    return spec


def _fitting(spec: Spec) -> Spec:
    """Return a specification without what cannot be built, or means nothing, together."""
    family = families.CLASSES[spec["class"]]
    if family.head:
        spec.update(label="", padding="")  # by itself its length is open in one runtime only
    if spec["label"]:
        spec.update(towers="one", caller=MODEL if spec["caller"] != MAIN_LAYER else MAIN_LAYER)
    if spec["caller"] in (SUBCLASSED, PRETRAINED):  # called on a dict of one length; Keras 3 does not keep the dtypes
        spec.update(towers="one", form="dict", open=False)
        spec["inputs"] = "plain" if spec["inputs"] == "none" else spec["inputs"]
        spec["extra"] = [kind for kind in spec["extra"] if kind["dtype"] == "float32"]
    if spec["towers"] == "two":
        spec["caller"] = MODEL  # both main layers would have one name
    if spec["towers"] != "one" or "token_type_ids" not in family.arguments:
        spec["swapped"] = ""
    if spec["swapped"]:  # what feeds the token types is 0 or 1
        spec.update(roles=list(TOKENS), inputs="plain", types=max(2, spec["types"]))
    spec["padding"] = spec["padding"] if spec["open"] else ""
    return spec


def poolings(family: families.Family, spec: Mapping[str, Any]) -> "st.SearchStrategy[str]":
    """Draw how hidden states become one state; shrinks to the first token."""
    names = ["first_token", "two_tokens", "average", "longest", "gru", "lstm", "both_ways", "convolution", "attention"]
    names += ["lambda", "last_four"]
    names += ["pooler"] if "pooler_output" in family.always else []
    names += ["mean", "max"] if "attention_mask" in spec["roles"] else []
    if spec["towers"] != "one" or spec["caller"] in (SUBCLASSED, PRETRAINED):  # a named layer would be made twice
        names = [name for name in names if name in ("first_token", "two_tokens", "pooler", "mean", "max")]
    names = ["first_token"] if family.head or spec["label"] else names
    # Drawn from the same range whatever the number of names, so that later draws do not move.
    return st.sampled_from(range(60)).map(lambda number: names[number % len(names)])


@st.composite
def precisions(draw: Draw, spec: Mapping[str, Any]) -> Spec:
    """Draw the dtype policy; shrinks to float32. Half precision only if neither pooling nor inputs name a dtype."""
    plain = spec["pooling"] in _HALF and not spec["mask_cast"] and not spec["extra"] and not spec["label"]
    plain = plain and spec["caller"] in (MODEL, MAIN_LAYER)
    return {"policy": "mixed_float16" if draw(st.integers(0, 3)) == 3 and plain else "float32"}


@lru_cache(maxsize=None)
@st.composite
def heads(draw: Draw, half: bool = False) -> Spec:
    """Draw layers, ops and blocks after the state, and the outputs; shrinks to no layers and two classes."""
    spec: Spec = {"head": draw(st.lists(_items(half), max_size=3))}
    spec["classes"] = draw(st.sampled_from([2, 1, 3, 5]))
    spec["last"] = draw(st.sampled_from(["", "", "sigmoid", "linear"]))  # several labels, one number or logits
    others = [["tags", 4, "sigmoid"], ["score", 1, "linear"], ["kind", 2, "softmax"]]
    spec["others"] = draw(st.lists(st.sampled_from(others), max_size=2, unique_by=lambda other: other[0]))
    return spec


@lru_cache(maxsize=None)
def _items(half: bool) -> "st.SearchStrategy[Any]":
    units = st.sampled_from([3, 7, 16])
    items = [units, _layers()]
    if not half:
        items += [st.builds(lambda op: {"op": op}, st.sampled_from(_OPS)), _blocks(units)]
    return st.one_of(items)


@lru_cache(maxsize=None)
def _layers() -> "st.SearchStrategy[Any]":
    dense = st.fixed_dictionaries(
        {
            "units": st.sampled_from([4, 9]),
            "activation": st.sampled_from(["linear", "relu", "tanh", "gelu", "elu", "swish"]),
            "use_bias": st.booleans(),
            "kernel_regularizer": st.sampled_from(_REGULARIZERS),
            "kernel_constraint": st.sampled_from(_CONSTRAINTS),
        }
    )
    kinds = {
        "Dense": dense,
        "LayerNormalization": st.builds(lambda e: {"epsilon": e}, st.sampled_from([1e-3, 1e-5])),
        "BatchNormalization": st.builds(lambda m: {"momentum": m}, st.sampled_from([0.99, 0.5])),
        "Dropout": st.builds(lambda r: {"rate": r}, st.sampled_from([0.0, 0.3])),
        "GaussianNoise": st.just({"stddev": 0.1}),
        "GaussianDropout": st.just({"rate": 0.1}),
        "Activation": st.builds(lambda a: {"activation": a}, st.sampled_from(["relu", "tanh", "softmax"])),
    }
    return st.one_of([config.map(_layer_item(name)) for name, config in kinds.items()])


def _layer_item(name: str) -> Callable[[Any], Any]:
    return lambda config: {"layer": name, "config": config}


@lru_cache(maxsize=None)
def _blocks(units: "st.SearchStrategy[int]") -> "st.SearchStrategy[Any]":
    activation = st.sampled_from(["linear", "tanh"])
    arguments = {
        "residual": activation,
        "shared": activation,
        "lambda": st.sampled_from([0.5, 2.0]),
        "custom": units,
        "sequential": st.lists(units, min_size=1, max_size=2),
        "nested": st.lists(units, min_size=1, max_size=2),
    }
    return st.one_of([argument.map(_block_item(name)) for name, argument in arguments.items()])


def _block_item(name: str) -> Callable[[Any], Any]:
    return lambda argument: {name: argument}


@lru_cache(maxsize=None)
def frozen(layers: int) -> "st.SearchStrategy[Spec]":
    """Draw parts of the encoder that are not trainable; shrinks to none."""
    parts = ["embeddings", *("layer.{}".format(i) for i in range(layers))]
    return st.builds(lambda chosen: {"frozen": sorted(chosen)}, st.sets(st.sampled_from(parts)))


@lru_cache(maxsize=None)
@st.composite
def tokenizers(draw: Draw, model_type: str) -> Spec:
    """Draw a kind of tokenizer with its settings; shrinks to a fast one with the defaults of transformers.

    A slow RoBERTa tokenizer has no added tokens: before transformers 4.34 it removes the spaces around them.
    """
    kind = families.BY_MODEL_TYPE[model_type].tokenizer.vocabulary
    fast = draw(st.sampled_from([True, True, False])) or kind == UNIGRAM
    words = {
        "do_lower_case": draw(st.booleans().map(lambda b: not b)),
        "strip_accents": draw(st.sampled_from([None, True])),
    }
    sides = {"padding_side": draw(st.sampled_from(["right", "right", "left"]))}
    added = draw(st.lists(st.sampled_from(["newtoken", "<b>"]), max_size=1))
    added = added if fast or kind != BYTE_LEVEL else []
    fields = MODELS_OF[families.BY_MODEL_TYPE[model_type].tokenizer.name].FIELDS
    settings = {**{name: value for name, value in words.items() if name in fields}, **sides}
    return {"fast": fast, "tokenizer": {**settings, **({"added": added} if added else {})}}


def texts(model_type: str, spec: Mapping[str, Any]) -> "st.SearchStrategy[List[str]]":
    """Draw three to six texts; each shrinks to one word. The first is never empty, the last longer than any input."""
    kind = families.BY_MODEL_TYPE[model_type].tokenizer.vocabulary
    strip = spec["tokenizer"].get("do_lower_case") or spec["tokenizer"].get("strip_accents")
    words = [*WORDS, *SPELLED, *spec["tokenizer"].get("added", ())]
    if spec["fast"] or (strip and kind != BYTE_LEVEL):
        words += MARKED
    if spec["fast"] and kind != BYTE_LEVEL:
        words += YOUNG
    word = st.sampled_from(words)
    text = st.lists(word, max_size=6).map(" ".join)
    plain = st.sampled_from(WORDS)
    first = st.builds(lambda a, b: " ".join([a, *b]), plain, st.lists(word, max_size=2))
    long = plain.map(lambda w: " ".join([w, "word"] * 17 + ["end"]))
    # A slow RoBERTa tokenizer of transformers 4.5 drops texts that are only spaces, so there all are like the first.
    some = st.lists(text if spec["fast"] or kind != BYTE_LEVEL else first, min_size=1, max_size=4)
    return st.builds(lambda a, b, c: [a, *b, c], first, some, long)
