"""Inputs whose role a save asks for: a name against its place, a list whose order is not known."""

from typing import Any

import pytest
from support.input_graphs import graph

from bert_bundle.encoders.families.family import TOKENS
from bert_bundle.errors import SignatureError
from bert_bundle.saving import input_roles

L = (16,)
IDS, MASK, TYPES = TOKENS


def pair(left: str = "left_", right: str = "right_") -> Any:
    """Return a graph of two texts, each called as a list in the order of a tokenizer."""
    sides = {side: {IDS: side + IDS, MASK: side + TYPES, TYPES: side + MASK} for side in (left, right)}
    return graph({name: L for feeds in sides.values() for name in feeds.values()}, *sides.values())


def roles(*arguments: Any) -> dict[str, str]:
    return {slot.name: slot.role for slot in input_roles.slots(*arguments)}


def test_every_text_of_a_model_is_asked_for_and_the_lines_are_whole() -> None:
    with pytest.raises(SignatureError, match="named after one role and its place in the graph is another") as caught:
        roles(pair(), None)
    by_name = {side + role: role for side in ("left_", "right_") for role in (TYPES, MASK)}
    by_place = {side + role: other for side in ("left_", "right_") for role, other in ((TYPES, MASK), (MASK, TYPES))}
    assert "inputs={} if".format(by_name) in caught.value.wanted
    assert "inputs={} if".format(by_place) in caught.value.fix
    assert roles(pair(), by_name) == {**by_name, "left_input_ids": IDS, "right_input_ids": IDS}
    assert roles(pair(), by_place) == {**by_place, "left_input_ids": IDS, "right_input_ids": IDS}


def test_what_the_user_leaves_out_follows_within_its_own_text_only() -> None:
    with pytest.raises(SignatureError, match="@ right_token_type_ids, right_attention_mask"):
        roles(pair(), {"left_attention_mask": MASK})
    said = {"left_attention_mask": MASK, "right_attention_mask": TYPES}
    assert roles(pair(), said)["left_token_type_ids"] == TYPES
    assert roles(pair(), said)["right_token_type_ids"] == MASK


@pytest.mark.parametrize("names", [("input_1", "input_2", "input_3"), (IDS, MASK, TYPES), ("a_ids", "größe", "typ")])
def test_names_that_say_nothing_or_what_the_graph_says_are_not_asked_for(names: tuple[str, str, str]) -> None:
    ids, mask, types = names
    model = graph(dict.fromkeys(names, L), {IDS: ids, MASK: mask, TYPES: types})
    assert list(roles(model, None).values()) == [IDS, MASK, TYPES]


def test_positions_in_the_place_of_token_types_are_asked_for() -> None:
    model = graph({IDS: L, "position_ids": L}, {IDS: IDS, TYPES: "position_ids"})
    with pytest.raises(SignatureError, match="@ position_ids") as caught:
        roles(model, None)
    assert "{'position_ids': 'feature'}" in caught.value.wanted
    assert roles(model, {"position_ids": "feature"})["position_ids"] == "feature"


def test_a_mask_that_only_the_head_uses_is_a_feature_until_its_role_is_given() -> None:
    model = graph({IDS: L, MASK: L}, {IDS: IDS})
    assert roles(model, None)[MASK] == "feature"
    assert roles(model, {MASK: MASK})[MASK] == MASK


def test_an_input_of_several_texts_names_its_own() -> None:
    model = graph({"a": L, "b": L, "m": L}, {IDS: "a"}, {IDS: "b"})
    with pytest.raises(SignatureError, match=r"an input whose text is not known @ inputs\[m\]") as caught:
        roles(model, {"m": MASK})
    assert caught.value.fix == "inputs={'m': ('attention_mask', 'a')}"
    assert roles(model, {"m": (MASK, "b")})["m"] == MASK


@pytest.mark.parametrize("value", ["mask", None, 3, ["attention_mask"], ("attention_mask", 3), ("x", "a", "b")])
def test_a_value_that_is_not_a_role_is_refused(value: Any) -> None:
    with pytest.raises(SignatureError, match=r"not a role of an input @ inputs\[m\]") as caught:
        roles(graph({"a": L, "m": L}, {IDS: "a", MASK: "m"}), {"m": value})
    assert caught.value.fix.endswith("inputs={'m': 'attention_mask'}")


def test_a_list_of_three_arrays_into_a_class_by_itself_is_asked_for() -> None:
    model = graph(dict.fromkeys(TOKENS, L), {role: role for role in TOKENS})
    assert list(roles(model, None, 2).values()) == list(TOKENS)
    with pytest.raises(SignatureError, match="a class that was fed a list of arrays") as caught:
        roles(model, None, 3)
    assert "inputs={'attention_mask': 'attention_mask', 'token_type_ids': 'token_type_ids'} if" in caught.value.wanted
    assert "inputs={'attention_mask': 'token_type_ids', 'token_type_ids': 'attention_mask'} if" in caught.value.fix
    assert roles(model, {MASK: TYPES}, 3) == {IDS: IDS, MASK: TYPES, TYPES: MASK}
    assert list(roles(model, {MASK: MASK}, 3).values()) == list(TOKENS)
