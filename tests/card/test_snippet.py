"""The call of a card: valid Python with the shapes and the values of the first recorded example."""

import ast
from typing import Any

import numpy as np
import pytest
from support.made_up_bundles import TEXT, golden, manifest

from bert_bundle.card.snippet import snippet


def written(location: str = "router", custom: tuple[str, ...] = (), **features: np.ndarray) -> str:
    entries = [
        TEXT,
        *({"name": n, "dtype": str(a.dtype), "shape": a.shape[1:], "role": "feature"} for n, a in features.items()),
    ]
    made = manifest(signature={"inputs": entries, "outputs": []}, custom_objects=custom)
    code = "\n".join(snippet(location, made, golden(features)))
    ast.parse(code)
    return code


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        (np.array([[0.1, 2.0], [3.0, 4.0]], np.float32), "[[0.1, 2.0]]"),
        (np.array([[1e-7, -3e30]], np.float64), "[[1e-07, -3e+30]]"),
        (np.array([[np.nan, np.inf]], np.float32), '[[float("nan"), float("inf")]]'),
        (np.array([[[1, 2], [3, 4]]], np.int64), "[[[1, 2], [3, 4]]]"),
        (np.array([7, 8], np.int32), "[7]"),
        (np.array([[True, False]]), "[[True, False]]"),
        (np.array([["it's", "caf\u00e9\n"]]), "[[\"it's\", 'caf\\xe9\\n']]"),
        (np.zeros((2, 0), np.float32), "[[]]"),
    ],
)
def test_a_small_feature_is_written_with_the_values_of_the_first_example(rows: Any, shown: str) -> None:
    assert f"features={{'prices': {shown}}}" in written(prices=rows)
    if rows.dtype.kind != "U":
        assert "float(" in shown or np.array_equal(np.array(ast.literal_eval(shown), rows.dtype), rows[:1])


def test_a_large_feature_is_read_from_the_recorded_examples() -> None:
    code = written(image=np.zeros((3, 8, 8)), size=np.zeros((3, 1)))
    assert "from safetensors.numpy import load_file\n" in code
    assert "recorded = load_file(bundle.path + '/golden/tensors.safetensors')" in code
    assert "features={'image': recorded['features/image'][:1], 'size': [[0.0]]}" in code


def test_classes_of_the_user_are_to_be_imported() -> None:
    code = written(custom=("Weighted", "pack>Other", "pack>no name"))
    assert "# Import your own classes here: Weighted, Other, YourClass" in code
    assert "custom_objects={'Weighted': Weighted, 'pack>Other': Other, 'pack>no name': YourClass})" in code


@pytest.mark.parametrize("location", ["it's", 'a"b', "caf\u00e9", "a\n```\nb", "hf://me/router@v1", "a\\b"])
def test_a_location_is_one_literal_on_one_line(location: str) -> None:
    code = written(location)
    (call,) = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call) and len(node.args) == 1][-1:]
    literals = [node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)]
    assert location in literals
    assert len(code.splitlines()) == 4
    assert call.args
