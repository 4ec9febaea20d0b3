"""Swapped inputs, tried on small functions: which pairs are interchangeable, and which examples hide a difference."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from bert_bundle.errors import SignatureError
from bert_bundle.graph.signature import Slot
from bert_bundle.saving.interchangeable_inputs import interchangeable_pairs

Arrays = Mapping[str, np.ndarray]


def feature(name: str, dtype: str = "float32", *shape: int) -> Slot:
    return Slot(name, "feature", "", shape or (1,), dtype)


def token(role: str, group: str = "") -> Slot:
    return Slot(group + role, role, group or "text", (3,), "int32")


def column(*values: float, dtype: str = "float32") -> np.ndarray:
    return np.array(values, dtype)[:, None]


def tried(function: Callable[[Arrays], Any], slots: list[Slot], arrays: Arrays, types: int = 2) -> Any:
    rows: list[int] = []

    def predict(given: Arrays) -> Arrays:
        rows.append(len(next(iter(given.values()))))
        return {"y": np.asarray(function({n: np.asarray(a, np.float64) for n, a in given.items()}))}

    outputs = predict(arrays)
    return interchangeable_pairs(slots, arrays, outputs, predict, types), rows[1:]


A, B, C = (feature(name) for name in "abc")
VALUES = {"a": column(1, 2), "b": column(3, 4), "c": column(5, 7)}


def test_inputs_that_the_function_distinguishes_are_not_a_pair() -> None:
    assert tried(lambda x: x["a"] + 2 * x["b"] + 3 * x["c"], [A, B, C], VALUES) == ((), [3])  # one pass, a row a pair


def test_inputs_whose_order_the_function_does_not_depend_on_are_pairs() -> None:
    assert tried(lambda x: x["a"] * x["b"] + x["c"], [A, B, C], VALUES)[0] == (("a", "b"),)
    assert tried(lambda x: x["c"], [A, B, C], VALUES)[0] == (("a", "b"),)


def test_what_changes_in_the_last_places_only_is_rounding() -> None:
    assert tried(lambda x: x["a"] + (1 + 1e-9) * x["b"], [A, B], VALUES)[0] == (("a", "b"),)
    assert tried(lambda x: x["a"] + (1 + 1e-5) * x["b"], [A, B], VALUES)[0] == ()


def test_a_pair_that_one_example_does_not_tell_apart_is_tried_on_more() -> None:
    """The example in which they differ most comes first: here the function is flat there."""

    def function(x: Arrays) -> Any:
        return np.where(np.abs(x["a"] - x["b"]) > 50, 0, x["a"] - x["b"])

    assert tried(function, [A, B], {"a": column(1, 2), "b": column(3, 90)}) == ((), [1, 2])


def test_inputs_of_another_shape_or_dtype_cannot_be_taken_for_each_other() -> None:
    slots = [A, feature("b", "int32"), feature("c", "float32", 2)]
    arrays = {"a": column(1, 2), "b": column(1, 2, dtype="int32"), "c": np.ones((2, 2), "float32")}
    assert tried(lambda x: 0 * x["a"], slots, arrays) == ((), [])


def test_a_pair_that_the_function_does_not_take_swapped_is_told_apart_and_the_others_are_tried() -> None:
    def function(x: Arrays) -> Any:
        if x["c"].min() < 5:
            raise ValueError("an index beyond its table")
        return x["a"] * x["b"]

    assert tried(function, [A, B, C], VALUES)[0] == (("a", "b"),)


def test_equal_values_of_inputs_that_are_told_apart_are_refused() -> None:
    """Planted: without the refusal a reader that swaps the two would be graded `bitwise`."""
    arrays = {"a": column(1, 2), "b": column(1, 2)}
    with pytest.raises(SignatureError, match="two inputs have the same values in every example") as caught:
        tried(lambda x: x["a"] + 2 * x["b"], [A, B], arrays)
    assert (caught.value.place, caught.value.wanted) == ("examples of a and b", "an example in which they differ")


def test_equal_values_are_fine_if_the_function_does_not_distinguish_the_inputs() -> None:
    arrays = {"a": column(1, 2), "b": column(1, 2)}
    assert tried(lambda x: x["a"] * x["b"], [A, B], arrays)[0] == (("a", "b"),)


def test_integers_are_tried_with_those_of_other_examples_and_refused_without_any() -> None:
    slots = [feature("a", "int32"), feature("b", "int32")]
    two = {name: column(0, 1, dtype="int32") for name in "ab"}
    assert tried(lambda x: x["a"] * x["b"], slots, two)[0] == (("a", "b"),)
    with pytest.raises(SignatureError, match="two inputs have the same values"):
        tried(lambda x: x["a"] + 2 * x["b"], slots, two)
    with pytest.raises(SignatureError, match="two inputs have the same values"):
        tried(lambda x: x["a"] * x["b"], slots, {name: column(1, dtype="int32") for name in "ab"})


IDS = np.array([[2, 9, 3], [2, 3, 0]], "int32")
MASK, TYPES = np.array([[1, 1, 1], [1, 1, 0]], "int32"), np.zeros((2, 3), "int32")


def test_token_ids_in_place_of_types_are_not_tried_and_the_mask_is() -> None:
    slots = [token("input_ids"), token("attention_mask"), token("token_type_ids")]
    arrays = {"input_ids": IDS, "attention_mask": MASK, "token_type_ids": TYPES}
    seen: list[int] = []

    def function(x: Arrays) -> Any:
        seen.append(int(x["token_type_ids"].max()))
        return (x["input_ids"] * x["attention_mask"] + x["token_type_ids"]).sum(axis=1)

    assert tried(function, slots, arrays) == ((("input_ids", "attention_mask"),), [2, 2])  # a product is symmetric
    assert max(seen) == 1


def test_two_texts_are_told_apart_by_their_ids_and_equal_masks_are_not_looked_at() -> None:
    slots = [token(role, group) for group in ("left", "right") for role in ("input_ids", "attention_mask")]
    arrays = {
        "leftinput_ids": IDS,
        "leftattention_mask": MASK,
        "rightinput_ids": IDS[::-1],
        "rightattention_mask": MASK,
    }

    def function(x: Arrays) -> Any:
        return (x["leftinput_ids"] * x["leftattention_mask"] - x["rightinput_ids"]).sum(axis=1)

    assert tried(function, slots, arrays)[0] == (("leftinput_ids", "leftattention_mask"),)
    with pytest.raises(SignatureError, match="two inputs have the same values") as caught:
        tried(function, slots, {**arrays, "rightinput_ids": IDS})
    assert caught.value.place == "examples of left and right"
