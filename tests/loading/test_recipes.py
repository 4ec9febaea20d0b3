"""The manifest's recipe for texts: one length or one for each text, two kinds of padding, and forged ones refused."""

from typing import Any

import pytest
from support.input_graphs import manifest

from bert_bundle.errors import FormatError
from bert_bundle.graph.signature import Slot
from bert_bundle.loading.recipes import Recipes, of_lengths, of_manifest
from bert_bundle.tokenizer import LONGEST, MAX_LENGTH, Recipe


def token(text: str, length: int | None) -> Slot:
    return Slot(text, "input_ids", text, (length,), "int32")


FIXED, OPEN = token("a", 12), token("b", None)
PLAIN = {"max_length": 12, "padding": "max_length", "truncation": True}
WRITTEN: dict[str, tuple[list[Slot], Recipes, dict[str, Any]]] = {
    "one length": ([FIXED], Recipes({"a": Recipe(12)}), PLAIN),
    "one length of two texts": (
        [FIXED, OPEN],
        Recipes({"a": Recipe(12), "b": Recipe(12, LONGEST)}),
        {**PLAIN, "padding": "longest"},
    ),
    "a length each": (
        [FIXED, OPEN],
        Recipes({"a": Recipe(12), "b": Recipe(30)}),
        {**PLAIN, "max_length": {"a": 12, "b": 30}},
    ),
    "padded together": (
        [OPEN],
        Recipes({"b": Recipe(12, LONGEST)}, together=True),
        {**PLAIN, "padding": "longest", "padded_together": True},
    ),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_recipes_are_read_as_they_were_written(case: str) -> None:
    slots, recipes, fields = WRITTEN[case]
    assert recipes.to_json() == fields
    assert of_manifest(manifest(fast=True, **fields), slots) == recipes


def test_a_text_whose_length_is_fixed_is_padded_to_it_in_any_case() -> None:
    found = of_lengths({"a": 12, "b": 30}, [FIXED, OPEN], LONGEST).by_text
    assert {text: recipe.padding for text, recipe in found.items()} == {"a": MAX_LENGTH, "b": LONGEST}


FORGED: list[dict[str, Any]] = [
    {"max_length": length} for length in (0, -1, 1 << 21, True, "12", 12.0, None, [12], {}, {"a": 12})
] + [
    {"max_length": {"a": 12, "b": 12}},  # a save writes one length
    {"max_length": {"a": 12, "c": 30}},
    {"max_length": {"a": 12, "b": 30, "c": 30}},
    {"max_length": {"a": 12, "b": None}},
    {"max_length": {"a": 12, "b": True}},
    {"max_length": {"a": 12, "b": {"b": 30}}},
    {"padding": "shortest"},
    {"padding": None},
    {"padding": True},
    {"padding": ["longest"]},
    {"padding": "max_length", "padded_together": True},
    {"padding": "longest", "padded_together": False},
    {"padding": "longest", "padded_together": None},
    {"padding": "longest", "padded_together": 1},
    {"truncation": False},
    {"truncation": 1},
]


@pytest.mark.parametrize("changes", FORGED, ids=str)
def test_a_malformed_recipe_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match=r"the tokenizer's recipe is malformed @ bundle\.json#/tokenizer"):
        of_manifest(manifest(**{**PLAIN, **changes}), [FIXED, OPEN])


@pytest.mark.parametrize(
    ("fields", "slots", "place"),
    [
        ({**PLAIN, "max_length": 13}, [FIXED], "max_length"),
        ({**PLAIN, "max_length": {"a": 13, "b": 30}}, [FIXED, OPEN], "max_length"),
        ({**PLAIN, "padding": "longest"}, [FIXED], "padding"),
    ],
)
def test_a_recipe_of_another_model_is_refused(fields: dict[str, Any], slots: list[Slot], place: str) -> None:
    with pytest.raises(FormatError, match="the tokenizer's recipe does not match the model's inputs") as caught:
        of_manifest(manifest(**fields), slots)
    assert caught.value.place == "bundle.json#/tokenizer/" + place
