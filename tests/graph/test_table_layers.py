"""The configurations of layers that hold a table: what a bundle may say, and what is refused before a load."""

from typing import Any

import pytest

from bert_bundle.errors import FormatError
from bert_bundle.graph.layer_configs import check_config

TABLE = [["", 0], ["paris", 2], ["rome", 3]]
WORDS = {"table": TABLE, "default": 1, "standardize": "lower", "split": "whitespace", "ngrams": [1, 2], "length": 4}


@pytest.mark.parametrize(
    ("class_name", "config"),
    [
        ("Lookup", {"table": TABLE, "default": 1}),
        ("Lookup", {"table": [[-7, 0], [1 << 40, 1]], "default": -1}),
        ("Lookup", {"table": TABLE, "buckets": 3}),
        ("Words", WORDS),
        ("Words", {"table": TABLE, "filling": -1}),
        ("Discretization", {"bin_boundaries": [0.0, 0.1], "right": True}),
        ("Hashing", {"num_bins": 6, "salt": [133, (1 << 64) - 1], "mask_value": ""}),
    ],
)
def test_what_a_save_writes_is_accepted(class_name: str, config: dict[str, Any]) -> None:
    check_config(class_name, config, "x")


WRONG: list[tuple[str, str, list[Any]]] = [
    (
        "Lookup",
        "table",
        [None, [], {}, "ab", [["a"]], [["a", 1, 2]], [["a", "b"]], [["a", -2]], [["a", 1.0]], [["a", True]],
         [["a", 1], ["a", 2]], [["a", 1], [2, 2]], [[1.5, 1]], [[True, 1]], [[None, 1]], [[["a"], 1]], [[1 << 63, 1]]],
    ),
    ("Lookup", "default", [None, -2, 1.0, True, "1"]),
    ("Lookup", "buckets", [0, -1, 1.5, True]),
    ("Words", "filling", [1, -2, True, -1.0, None]),
    ("Words", "split", ["words", 1, []]),
    ("Words", "standardize", ["upper", 1]),
    ("Words", "ngrams", [2, [0], ["a"]]),
    ("Words", "length", [0, "4", [4]]),
    ("Discretization", "bin_boundaries", [None, [], 0.5, ["a"], [[0.5]], [True]]),
    ("Hashing", "salt", [7, [7], [7, -1], [7, 1 << 64], [True, 1]]),
    ("Hashing", "mask_value", [1.5, True, ["a"], 1 << 63]),
    ("Hashing", "num_bins", [0, None, 1.5]),
]  # fmt: skip
REQUIRED: dict[str, dict[str, Any]] = {
    "Lookup": {"table": TABLE},
    "Words": {"table": TABLE},
    "Discretization": {"bin_boundaries": [0.5]},
    "Hashing": {"num_bins": 3},
}


@pytest.mark.parametrize(
    ("class_name", "name", "value"), [(layer, name, value) for layer, name, values in WRONG for value in values]
)
def test_what_no_save_writes_is_refused_at_its_field(class_name: str, name: str, value: Any) -> None:
    with pytest.raises(FormatError, match="a layer's field is") as caught:
        check_config(class_name, {**REQUIRED[class_name], name: value}, "x")
    assert caught.value.place == f"x/{name}"
