"""True labels by name, position, set and token: as numbers, or refused with their place."""

from typing import Any

import numpy as np
import pytest

from bert_bundle import errors
from bert_bundle.format.golden import Golden
from bert_bundle.format.tasks import Task
from bert_bundle.saving import answers
from bert_bundle.saving.label_names import LabelNames

SHAPES = {"classes": (2, 3), "multilabel": (2, 3), "binary": (2, 1), "tokens": (2, 4, 3), "spans": (2, 7)}
NAMES = LabelNames.read(["a", "b", "c"])


def golden(**outputs: tuple[int, ...]) -> Golden:
    arrays = {name: np.zeros(shape) for name, shape in outputs.items()}
    nothing: dict[str, Any] = {
        name: {} for name in ("texts", "features", "token_ids", "noise", "measured", "architecture")
    }
    return Golden(
        predictions=arrays, float64_predictions=arrays, answers=None, layers=(), labels=(), inputs=(),
        interchangeable=(), **nothing,
    )  # fmt: skip


def read(given: Any, task: str, names: LabelNames = NAMES) -> Any:
    found, own = answers.read(given, {"p": Task(task, "logits")}, names, golden(p=SHAPES[task]))
    assert own == {}
    return found.tolist() if found is not None else None


@pytest.mark.parametrize(
    ("given", "task", "expected"),
    [
        (["b", 2], "classes", [1, 2]),
        ([0, "b"], "binary", [0, 1]),
        (np.array([0, 2]), "classes", [0, 2]),
        ([["a", "c"], []], "multilabel", [[1, 0, 1], [0, 0, 0]]),
        (np.array([[1, 0, 1], [0, 0, 1]]), "multilabel", [[1, 0, 1], [0, 0, 1]]),
        ([["a", "b", None, None], [-100, 2, 0, -100]], "tokens", [[0, 1, -1, -1], [-1, 2, 0, -1]]),
        ([6, 0], "spans", [6, 0]),
        ({"p": ["a", "b"]}, "classes", [0, 1]),
        (None, "classes", None),
    ],
)
def test_a_column_becomes_numbers_by_the_task(given: Any, task: str, expected: Any) -> None:
    assert read(given, task) == expected


@pytest.mark.parametrize(
    ("given", "task", "place"),
    [
        (["d", "a"], "classes", "examples[label][0]"),
        ([0, 3], "classes", "examples[label][1]"),
        ([0, -1], "classes", "examples[label][1]"),
        ([0, None], "classes", "examples[label][1]"),
        ([0, [1]], "classes", "examples[label][1]"),
        (["a", "b"], "multilabel", "examples[label][0]"),
        ([["a", "d"], []], "multilabel", "examples[label][0]"),
        ([[0, 2, 1], []], "multilabel", "examples[label][0]"),
        ([[0, 1], []], "multilabel", "examples[label][0]"),
        ([["a", "b", "c"], ["a"]], "tokens", "examples[label][0]"),
        ([[0, 1, 2, 3], [0, 0, 0, 0]], "tokens", "examples[label][0]"),
        ([7, 0], "spans", "examples[label][0]"),
        ({"p": [9, 0]}, "classes", "examples[label][p][0]"),
    ],
)
def test_anything_else_is_refused_with_its_place(given: Any, task: str, place: str) -> None:
    with pytest.raises(errors.SignatureError, match="not one of the model's labels") as caught:
        read(given, task)
    assert caught.value.place == place


def test_without_names_there_are_as_many_positions_as_columns() -> None:
    assert read([2, 0], "classes", LabelNames()) == [2, 0]
    with pytest.raises(errors.SignatureError, match="not one of the model's labels") as caught:
        read([3, 0], "classes", LabelNames())
    assert caught.value.wanted == "0 to 2"


def test_several_outputs_have_their_own_and_one_column_belongs_to_none_of_them() -> None:
    tasks = {"p": Task("classes", "logits"), "q": Task("binary", "probabilities")}
    both = golden(p=(2, 3), q=(2, 1))
    names = LabelNames.read({"p": ["a", "b", "c"]})
    common, own = answers.read({"p": ["c", "a"], "q": [1, 0]}, tasks, names, both)
    assert common is None
    assert {name: found.tolist() for name, found in own.items()} == {"p": [2, 0], "q": [1, 0]}
    common, own = answers.read([1, 0], tasks, LabelNames(), both)
    assert (common.tolist() if common is not None else None, own) == ([1, 0], {})
