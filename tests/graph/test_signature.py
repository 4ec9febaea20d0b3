"""The roles of inputs: read from what they feed, given where the graph does not tell, grouped by text."""

from typing import Any

import pytest
from support.input_graphs import graph

from bert_bundle.encoders.families.family import TOKENS
from bert_bundle.graph import signature
from bert_bundle.graph.graph import Ref
from bert_bundle.graph.signature import Given, Slot

L = (16,)
S = (3, 16)
IDS, MASK, TYPES = TOKENS


def roles(slots: list[Slot]) -> dict[str, tuple[str, str]]:
    return {slot.name: (slot.role, slot.group) for slot in slots}


def test_the_place_of_an_input_decides_and_not_its_name() -> None:
    swapped = graph(
        {"input_ids": L, "token_type_ids": L, "attention_mask": L},
        {IDS: "input_ids", MASK: "token_type_ids", TYPES: "attention_mask"},
    )
    found = roles(signature.slots(swapped))
    assert found["token_type_ids"] == (MASK, "text")
    assert found["attention_mask"] == (TYPES, "text")


def test_a_given_role_is_kept_and_marked_only_where_the_graph_has_another() -> None:
    given: Given = {"b": (TYPES, ""), "a": (IDS, "")}
    slots = signature.slots(graph({"a": L, "b": L}, {IDS: "a", MASK: "b"}), given)
    assert roles(slots) == {"a": (IDS, "text"), "b": (TYPES, "text")}
    assert [slot.given for slot in slots] == [False, True]
    assert [signature.input_to_json(slot).get("given") for slot in slots] == [None, True]


def test_a_text_is_named_after_the_input_whose_given_role_is_its_token_ids() -> None:
    feeds = [{IDS: side + "_m", MASK: side + "_i"} for side in ("left", "right")]
    shapes = {side + kind: L for side in ("left", "right") for kind in ("_i", "_m")}
    given: Given = {"left_i": (IDS, ""), "left_m": (MASK, "")}
    found = roles(signature.slots(graph(shapes, *feeds), given))
    assert found["left_m"] == (MASK, "left_i")
    assert found["right_i"] == (MASK, "right_m")


def test_ids_through_an_op_that_computes_are_a_feature_until_their_role_is_given() -> None:
    hidden = graph({"ids": L, "mask": L}, {IDS: "clipped", MASK: "mask"}, ops=[("clipped", "maximum", {"x1": "=ids"})])
    assert roles(signature.slots(hidden)) == {"ids": ("feature", ""), "mask": ("feature", "")}
    given: Given = {"mask": (MASK, ""), "ids": (IDS, "")}
    assert roles(signature.slots(hidden, given)) == {"ids": (IDS, "text"), "mask": (MASK, "text")}
    again: Given = {"mask": (MASK, "text"), "ids": (IDS, "text")}  # as a manifest has them
    assert roles(signature.slots(hidden, again)) == {"ids": (IDS, "text"), "mask": (MASK, "text")}


def test_of_several_texts_a_given_role_names_the_one_that_it_belongs_to() -> None:
    two = graph({"a": L, "b": L, "m": L}, {IDS: "a"}, {IDS: "b"})
    assert roles(signature.slots(two, {"m": (MASK, "b")}))["m"] == (MASK, "b")
    assert roles(signature.slots(two, {"m": (MASK, "")}))["m"] == ("feature", "")


def test_a_token_input_may_be_given_as_a_feature() -> None:
    found = roles(signature.slots(graph({"a": L, "p": L}, {IDS: "a", TYPES: "p"}), {"p": ("feature", "")}))
    assert found == {"a": (IDS, "text"), "p": ("feature", "")}


THROUGH: dict[str, tuple[str, dict[str, Any]]] = {
    "a slice whose bound is a tensor": ("getitem", {"x": "=ids", "key": [slice(None), slice(None, Ref(1))]}),
    "a reshape whose sizes are tensors": ("reshape", {"x": "=ids", "newshape": [-1, Ref(1)]}),
    "a new axis": ("expand_dims", {"x": "=ids", "axis": 1}),
    "a cast": ("cast", {"x": "=ids", "dtype": "int64"}),
}


@pytest.mark.parametrize("way", THROUGH)
@pytest.mark.parametrize("shape", [L, S])
def test_a_role_is_read_through(way: str, shape: tuple[int, ...]) -> None:
    op, arguments = THROUGH[way]
    found = signature.slots(graph({"ids": shape, "n": L}, {IDS: "through"}, ops=[("through", op, arguments)]))
    assert roles(found)["ids"] == (IDS, "text")
    assert found[0].is_document == (shape == S)


@pytest.mark.parametrize(("axes", "read"), [([1, 0, 2], True), ([0, 2, 1], False)])
def test_a_transpose_of_texts_keeps_a_role_and_one_of_tokens_does_not(axes: list[int], read: bool) -> None:
    """Keras 3 puts the texts of a TimeDistributed first; the second document has its tokens in another axis."""
    ops: list[tuple[str, str, dict[str, Any]]] = [
        ("turned", "transpose", {"x": "=ids", "axes": axes}),
        ("first", "getitem", {"x": "=turned", "key": 0}),
    ]
    found = signature.slots(graph({"ids": S}, {IDS: "first"}, ops=ops))
    assert roles(found)["ids"] == ((IDS, "text") if read else ("feature", ""))


def test_the_rows_of_one_input_that_feed_two_roles_are_no_document() -> None:
    rows: list[tuple[str, str, dict[str, Any]]] = [
        (name, "getitem", {"x": "=both", "key": [slice(None), row]}) for row, name in enumerate(("ids", "mask"))
    ]
    both = graph({"both": (2, 16)}, {IDS: "ids", MASK: "mask"}, ops=rows)
    found = roles(signature.slots(both))
    assert found == {"both": ("feature", "")}
    given: Given = {"both": (IDS, "")}
    assert roles(signature.slots(both, given)) == found


def test_a_mask_with_other_axes_than_its_token_ids_is_a_feature() -> None:
    flat = [("flat", "reshape", {"x": "=mask", "newshape": [-1, 16]})]
    found = roles(signature.slots(graph({"ids": L, "mask": (1, 16)}, {IDS: "ids", MASK: "flat"}, ops=flat)))
    assert found == {"ids": (IDS, "text"), "mask": ("feature", "")}


def test_the_encoders_that_read_an_input_are_named() -> None:
    towers = graph({"a": L, "b": L}, {IDS: "a"}, {IDS: "b"}, encoders=["small", "large"])
    assert signature.encoders_by_input(towers) == {"a": {"small"}, "b": {"large"}}
