"""Names and scores by task: what is known by arithmetic alone."""

from typing import Any

import numpy as np
import pytest

from bert_bundle import errors
from bert_bundle.format.tasks import Task
from bert_bundle.loading.classification import SPAN, TextTokens, checked_threshold, classified, entries

NAMES = ("bug", "billing", "praise")
TEXT = TextTokens(
    tokens=[["[CLS]", "who", "[SEP]", "my", "cat", "[SEP]", "[PAD]"]],
    is_text=np.array([[0, 1, 0, 1, 1, 0, 0]], bool),
    offsets=np.array([[[0, 0], [0, 3], [0, 0], [0, 2], [3, 6], [0, 0], [0, 0]]]),
    last=["my cat"],
)


def one(values: list[Any], task: str, scores: str = "probabilities", names: Any = NAMES, threshold: float = 0.5) -> Any:
    (entry,) = classified(np.array([values]), Task(task, scores), names, threshold, TEXT)
    return entry


def test_classes_are_the_largest_with_its_probability() -> None:
    assert one([0.2, 0.7, 0.1], "classes") == {"label": "billing", "score": 0.7}
    assert one([0.0, np.log(3), 0.0], "classes", "logits") == {"label": "billing", "score": pytest.approx(0.6)}
    assert one([0.2, 0.7, 0.1], "classes", names=())["label"] == "LABEL_1"
    assert one([1e5, -1e5], "classes", "logits")["score"] == 1.0


def test_several_labels_are_those_above_the_threshold_the_largest_first() -> None:
    assert [e["label"] for e in one([0.6, 0.9, 0.1], "multilabel")] == ["billing", "bug"]
    assert [e["label"] for e in one([0.6, 0.9, 0.1], "multilabel", threshold=0.7)] == ["billing"]
    assert one([0.1, 0.2, 0.3], "multilabel") == []
    assert one([0.1, -2.0, -9.0], "multilabel", "logits") == [{"label": "bug", "score": pytest.approx(0.525, abs=1e-3)}]


def test_one_number_is_one_of_two_labels() -> None:
    assert one([0.8], "binary", names=("no", "yes")) == {"label": "yes", "score": 0.8}
    assert one([0.2], "binary", names=("no", "yes")) == {"label": "no", "score": 0.8}
    assert one([0.2], "binary", names=("spam",)) == {"label": "not spam", "score": 0.8}
    assert one([0.8], "binary", names=("spam",))["label"] == "spam"
    assert one([-1.0], "binary", "logits", names=())["label"] == "LABEL_0"
    assert one([0.8], "binary", names=(), threshold=0.9)["label"] == "LABEL_0"


def test_tokens_have_labels_without_padding_and_special_tokens() -> None:
    values = [[0.9, 0.1]] * 3 + [[0.2, 0.8]] * 4
    assert one(values, "tokens", names=("O", "PER")) == [
        {"label": "O", "score": 0.9, "token": "who", "position": 1},
        {"label": "PER", "score": 0.8, "token": "my", "position": 3},
        {"label": "PER", "score": 0.8, "token": "cat", "position": 4},
    ]


def test_a_regression_is_its_number_or_numbers() -> None:
    assert one([3.5], "regression", "values") == 3.5
    assert one([3.5, 2.0], "regression", "values") == [3.5, 2.0]


def test_an_output_with_more_axes_has_a_list_for_each_text() -> None:
    assert [e["label"] for e in one([[0.9, 0.1], [0.1, 0.9]], "classes")] == ["bug", "billing"]
    assert [[e["label"] for e in row] for row in one([[0.9, 0.8], [0.1, 0.2]], "multilabel")] == [
        ["bug", "billing"],
        [],
    ]


def spanned(start: list[float], end: list[float], text: TextTokens = TEXT, **order: str) -> Any:
    names = {"start": "start", "end": "end", **order}
    outputs = {names["start"]: np.array([start]), names["end"]: np.array([end])}
    tasks = dict.fromkeys(outputs, Task("spans", "probabilities"))
    found = entries(outputs, tasks, dict.fromkeys(outputs, ()), 0.5, text)
    assert list(found) == [SPAN]
    return found[SPAN][0]


def test_a_span_is_the_likeliest_that_does_not_end_before_it_starts_in_the_last_text() -> None:
    start, end = [0.0, 0.9, 0.0, 0.3, 0.4, 0.0, 0.0], [0.0, 0.0, 0.0, 0.5, 0.4, 0.0, 0.9]
    assert spanned(start, end) == {
        "answer": "cat", "score": pytest.approx(0.16), "first_token": 4, "last_token": 4, "start": 3, "end": 6,
    }  # fmt: skip
    without = spanned(start, end, TEXT._replace(offsets=None))
    assert without == {"answer": "cat", "score": pytest.approx(0.16), "first_token": 4, "last_token": 4}
    empty = spanned(start, end, TEXT._replace(is_text=np.zeros((1, 7), bool)))
    assert (empty["answer"], empty["score"]) == ("", 0.0)


def test_the_outputs_of_a_span_are_told_apart_by_name_where_they_are_named() -> None:
    start, end = [0.0, 0.0, 0.0, 0.9, 0.1, 0.0, 0.0], [0.0, 0.0, 0.0, 0.1, 0.9, 0.0, 0.0]
    outputs = {"span_end": np.array([end]), "span_start": np.array([start])}
    tasks = dict.fromkeys(outputs, Task("spans", "probabilities"))
    found = entries(outputs, tasks, dict.fromkeys(outputs, ()), 0.5, TEXT)
    assert found[SPAN][0]["answer"] == "my cat"


@pytest.mark.parametrize("wrong", [-0.1, 1.5, "half", True, float("nan"), [0.5]])
def test_a_threshold_that_is_not_a_probability_is_refused(wrong: Any) -> None:
    with pytest.raises(errors.SignatureError, match="not a probability"):
        checked_threshold(wrong)
    assert checked_threshold(None) == 0.5
