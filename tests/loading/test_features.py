"""Features: rows by the names of inputs; anything else is refused with the call that is right for these inputs."""

from typing import Any

import numpy as np
import pytest

from bert_bundle.errors import SignatureError
from bert_bundle.graph.signature import Slot
from bert_bundle.loading.features import checked_features

TEXT = Slot("input_ids", "input_ids", "text", (16,), "int32")
NUMBERS = Slot("numerical_features", "feature", "", (10,), "float32")
CITY = Slot("city", "feature", "", (None,), "string")
AGE = Slot("age", "feature", "", (), "int64")
ROWS = np.zeros((3, 10))


class Frame:
    """What a table of another library shows of itself: a shape, keys and an array, and not a mapping."""

    shape = (3, 10)

    def keys(self) -> list[str]:
        return ["numerical_features"]

    def __array__(self) -> np.ndarray:
        return ROWS


@pytest.mark.parametrize(
    ("features", "found"),
    [
        (ROWS, "ndarray of shape (3, 10)"),
        (np.zeros(0), "ndarray of shape (0,)"),
        (np.float32(1), "float32 of shape ()"),
        (ROWS.tolist(), "list"),
        ([], "list"),
        ((), "tuple"),
        ([{"numerical_features": [0.0] * 10}], "list"),
        ({"numerical_features"}, "set"),
        ("numerical_features", "str"),
        (0, "int"),
        (False, "bool"),
        (Frame(), "Frame of shape (3, 10)"),
    ],
)
def test_what_is_not_a_mapping_is_refused_with_the_right_call(features: Any, found: str) -> None:
    with pytest.raises(SignatureError, match="features is not a mapping") as caught:
        checked_features([TEXT, NUMBERS], features, 3)
    error = caught.value
    assert (error.place, error.wanted, error.found) == ("features", "rows for each input by its name", found)
    assert error.fix == (
        "predict(texts, features={'numerical_features': rows}), where numerical_features is float32 (3, 10)"
    )


def test_the_right_call_names_every_feature_or_says_that_there_is_none() -> None:
    with pytest.raises(SignatureError) as caught:
        checked_features([CITY, TEXT, AGE], ROWS, 2)  # type: ignore[arg-type]
    assert caught.value.fix == (
        "predict(texts, features={'city': rows, 'age': rows}), where city is string (2, any); age is int64 (2,)"
    )
    with pytest.raises(SignatureError) as caught:
        checked_features([TEXT], ROWS, 2)  # type: ignore[arg-type]
    assert caught.value.fix == "predict(texts): this model has no features"


@pytest.mark.parametrize("name", ["numerical", "input_ids", 1])
def test_an_unknown_feature_is_refused_with_the_right_call(name: Any) -> None:
    with pytest.raises(SignatureError, match="a feature that the model does not have") as caught:
        checked_features([TEXT, NUMBERS], {name: ROWS, "numerical_features": ROWS}, 3)
    assert (caught.value.place, caught.value.wanted) == (str(name), "numerical_features")
    assert caught.value.fix.startswith("predict(texts, features={'numerical_features': rows})")


def test_a_feature_needs_as_many_rows_as_there_are_texts() -> None:
    with pytest.raises(SignatureError, match="a feature does not have one row per text") as caught:
        checked_features([TEXT, NUMBERS], {"numerical_features": ROWS}, 2)
    assert (caught.value.place, caught.value.wanted, caught.value.found) == ("numerical_features", "2", "3")
    with pytest.raises(SignatureError, match="an input without values @ numerical_features"):
        checked_features([TEXT, NUMBERS], None, 3)


def test_rows_come_back_with_the_dtype_of_their_input() -> None:
    found = checked_features([TEXT, NUMBERS, AGE], {"age": [1, 2, 3], "numerical_features": ROWS.tolist()}, 3)
    assert {name: (array.dtype.name, array.shape) for name, array in found.items()} == {
        "numerical_features": ("float32", (3, 10)),
        "age": ("int64", (3,)),
    }
    assert checked_features([TEXT], None, 3) == checked_features([TEXT], {}, 3) == {}
