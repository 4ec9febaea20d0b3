"""What is drawn: every feature, the same for one seed, plain data, and small when it is shrunk. Nothing is built."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings

from bert_bundle.classifiers import heads
from bert_bundle.classifiers.drawn_features import features
from bert_bundle.classifiers.encoder_calls import CALLERS
from bert_bundle.classifiers.strategies import draw, smallest_failing, specifications
from bert_bundle.encoders import families

MANY = 1000
Spec = Mapping[str, Any]

DEMANDED = {
    *(f"family {family.model_type}" for family in families.FAMILIES if family.first_release == (4, 0)),
    *(f"head {head}" for head in ("none", *families.HEADS)),
    *(f"pooling {name}" for name in heads.POOLINGS),
    *(f"item {name}" for name in ("units", "op", *heads.BLOCKS)),
    *(f"item {name}" for name in ("Dense", "LayerNormalization", "BatchNormalization", "Dropout", "GaussianNoise")),
    *(f"item {name}" for name in ("GaussianDropout", "Activation")),
    *(f"call {form}" for form in ("keywords", "dict", "list", "position", "tuple")),
    *(f"towers {number}" for number in ("one", "siamese", "two")),
    *(f"inputs {names}" for names in ("plain", "odd", "none")),
    *(f"form {form}" for form in ("list", "dict")),
    *(f"layers {number}" for number in range(1, 5)),
    *(f"types {number}" for number in range(1, 4)),
    *(f"activation {name}" for name in ("gelu", "relu", "gelu_new", "silu", "tanh")),
    *(f"policy {name}" for name in ("float32", "mixed_float16")),
    *(f"extra {name}" for name in ("vector", "category", "image")),
    *(f"output {name}" for name in ("tags", "score", "kind")),
    *(f"last {activation}" for activation in ("default", "sigmoid", "linear")),
    *(f"{name} {value}" for name in ("open", "fast", "mask_cast") for value in (True, False)),
    *(f"text with {kind}" for kind in ("emoji", "CJK", "marks", "young")),
    *(f"caller {caller}" for caller in CALLERS),
    *(f"padding {padding}" for padding in ("unsaid", "longest", "max_length")),
    *(f"swapped {fed}" for fed in ("unsaid", "place", "name")),
    *(f"label {kind}" for kind in ("softmax", "logits", "several sigmoids", "one sigmoid", "regression")),
    *(f"label {kind}" for kind in ("tokens", "spans")),
    *("empty text", "frozen", "added token", "cased"),
    *("roles input_ids", "roles input_ids,attention_mask", "roles input_ids,attention_mask,token_type_ids"),
}


@cache
def many() -> tuple[dict[str, Any], ...]:
    return tuple(draw(MANY + 1, seed=0)[1:])


def missing(specs: Sequence[Spec]) -> set[str]:
    """Return the features that no specification has."""
    return DEMANDED - {feature for spec in specs for feature in features(spec)}


def test_every_feature_is_drawn() -> None:
    assert missing(many()) == set()


def test_a_feature_that_is_no_longer_drawn_is_noticed() -> None:
    """Planted: strategies that never draw a GRU, an added token, an emoji, a main layer."""
    poorer = [
        {
            **spec,
            "pooling": "lstm" if spec["pooling"] == "gru" else spec["pooling"],
            "caller": spec["caller"].replace("main_layer", "model"),
            "tokenizer": {name: value for name, value in spec["tokenizer"].items() if name != "added"},
            "texts": [text.replace("🙏", "") for text in spec["texts"]],
        }
        for spec in many()
    ]
    assert missing(poorer) == {"pooling gru", "added token", "text with emoji", "caller main_layer"}


def test_one_seed_draws_one_list_and_another_seed_another() -> None:
    assert draw(8, seed=3) == draw(8, seed=3)
    assert draw(8, seed=3)[2:] != draw(8, seed=4)[2:]


def test_the_first_is_the_classic_and_the_others_are_numbered() -> None:
    first, *others = draw(4, seed=5)
    assert first == {"seed": 5}
    assert [spec["name"] for spec in others] == ["drawn-1", "drawn-2", "drawn-3"]
    assert draw(1, seed=5) == [{"seed": 5}]


def test_a_specification_is_plain_data() -> None:
    assert json.loads(json.dumps(many())) == list(many())


def test_sizes_that_a_fault_could_swap_are_never_equal() -> None:
    for spec in many():
        assert spec["hidden"] != spec["intermediate"]
        assert spec["hidden"] % spec["heads"] == 0
        assert spec["hidden"] != spec["embedding"]


def test_every_text_list_has_one_that_is_cut_and_one_that_is_not_empty() -> None:
    for spec in many():
        assert spec["texts"][0].strip()
        assert len(spec["texts"][-1].split()) > spec["max_length"]


SMALLEST = {
    "class": "BertModel",
    "layers": 1,
    "heads": 1,
    "hidden": 4,
    "head": [],
    "extra": [],
    "pooling": "first_token",
    "caller": "model",
    "swapped": "",
    "label": "",
}


def test_the_smallest_of_all_is_a_bert_of_one_layer() -> None:
    found = smallest_failing(lambda spec: True, 10, seed=0)
    assert found is not None
    assert {name: found[name] for name in SMALLEST} == SMALLEST
    assert found["texts"][0] == "my"


@pytest.mark.parametrize(
    ("fails", "kept"),
    [
        (lambda spec: "token_type_ids" in spec["roles"], "roles"),
        (lambda spec: spec["activation"] == "silu" and spec["layers"] >= 2, "layers"),
        (lambda spec: any("nested" in item for item in spec["head"] if isinstance(item, dict)), "head"),
        (lambda spec: any("🙏" in text for text in spec["texts"]), "texts"),
    ],
)
def test_what_fails_is_shrunk_to_what_it_fails_for(fails: Any, kept: str) -> None:
    found = smallest_failing(fails, 400, seed=1)
    assert found is not None
    assert fails(found)
    plain = {name: value for name, value in SMALLEST.items() if name != kept}
    assert {name: found[name] for name in plain} == plain
    assert found["layers"] == (2 if kept == "layers" else 1)


def test_what_fails_nowhere_is_nothing() -> None:
    assert smallest_failing(lambda spec: False, 20, seed=0) is None
    assert smallest_failing(lambda spec: True, 0, seed=0) is None


def test_the_search_sees_what_was_drawn_in_the_same_order_until_one_fails() -> None:
    drawn = [{name: value for name, value in spec.items() if name != "name"} for spec in draw(9, seed=7)[1:]]
    seen: list[Spec] = []

    def fails(spec: Spec) -> bool:
        seen.append(spec)
        return spec == drawn[5]

    assert smallest_failing(fails, 8, seed=7) == drawn[5]
    assert seen[:6] == drawn[:6]


@settings(max_examples=5, derandomize=True, database=None)
@given(specifications(inputs="plain", seed=1))
def test_fields_can_be_fixed(spec: Spec) -> None:
    assert (spec["inputs"], spec["seed"]) == ("plain", 1)
