"""Labels by task, and which of them differ: each kind of change is planted."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support.bundle_files import read_golden

from bert_bundle.format.golden import Golden
from bert_bundle.format.tasks import LOGITS, PROBABILITIES, TASKS, Task
from bert_bundle.grading import grades, labels
from bert_bundle.grading.labels import NOTHING, Changes, changes

MULTILABEL, TOKENS, BINARY = (Task(name, PROBABILITIES) for name in ("multilabel", "tokens", "binary"))
REGRESSION, CLASSES = Task("regression", "values"), Task("classes", PROBABILITIES)
NOISE = 1e-6
SURE = np.array([[0.9, 0.8, 0.1], [0.2, 0.7, 0.3]])


def flipped(values: np.ndarray, *at: int) -> np.ndarray:
    found = values.copy()
    found[at] = 1 - found[at]
    return found


def test_a_secondary_label_is_a_flip_of_a_multilabel_output_and_not_of_classes() -> None:
    """Planted: the second label of an example changes, its largest column does not."""
    seen = flipped(SURE, 0, 1)
    assert changes(SURE, seen, NOISE, MULTILABEL) == Changes(flips=1, ties=0, labels=6)
    assert changes(SURE, seen, NOISE) == changes(SURE, seen, NOISE, CLASSES) == Changes(0, 0, 2)


def test_logits_have_their_threshold_at_zero() -> None:
    logits = np.array([[2.0, 0.3, -1.0]])
    task = Task("multilabel", LOGITS)
    assert labels.labels(logits, task).tolist() == [[1, 1, 0]]  # type: ignore[union-attr]
    assert labels.labels(logits, MULTILABEL).tolist() == [[1, 0, 0]]  # type: ignore[union-attr]
    assert changes(logits, logits * [1, -1, 1], NOISE, task).flips == 1


def test_a_column_at_its_threshold_is_a_tie() -> None:
    near = np.array([[0.5 + 4e-7, 0.9]])
    assert changes(near, near - [[8e-7, 0]], NOISE, MULTILABEL) == Changes(0, 1, 2)
    assert changes(near, near - [[8e-7, 0]], 1e-8, MULTILABEL) == Changes(1, 0, 2)


def test_a_token_in_the_padding_is_not_a_flip() -> None:
    """Planted: the label of one token of a text changes, and of one that is padding."""
    values = np.array([[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [[0.3, 0.7], [0.9, 0.1], [0.9, 0.1]]])
    mask = np.array([[1, 1, 0], [1, 0, 0]])
    assert labels.labels(values, TOKENS, mask).tolist() == [[0, 1, NOTHING], [1, NOTHING, NOTHING]]  # type: ignore[union-attr]
    assert changes(values, flipped(values, 0, 2), NOISE, TOKENS, mask) == Changes(0, 0, 3)
    assert changes(values, flipped(values, 0, 1), NOISE, TOKENS, mask) == Changes(1, 0, 3)
    assert changes(values, flipped(values, 0, 2), NOISE, TOKENS) == Changes(1, 0, 6)


def test_a_regression_has_no_labels_even_between_0_and_1() -> None:
    scores = np.array([[0.4], [0.9]])
    assert labels.labels(scores, REGRESSION) is None
    assert changes(scores, 1 - scores, NOISE, REGRESSION) == Changes(0, 0, 0)
    assert changes(scores, 1 - scores, NOISE) == Changes(2, 0, 2)


def test_one_sigmoid_without_an_axis_of_its_own_is_binary() -> None:
    values = np.array([0.4, 0.9])
    assert labels.labels(values, BINARY).tolist() == [0, 1]  # type: ignore[union-attr]
    assert labels.labels(values) is None
    assert changes(values, 1 - values, NOISE, BINARY).flips == 2


@settings(max_examples=200, derandomize=True, deadline=None)
@given(
    hnp.arrays("<f8", hnp.array_shapes(min_dims=2, max_dims=3, max_side=4), elements=st.floats(0, 1, width=32)),
    st.sampled_from(TASKS),
    st.data(),
)
def test_what_did_not_change_has_no_flips_and_a_change_is_a_flip_a_tie_or_nothing(
    values: np.ndarray, name: str, data: Any
) -> None:
    task = Task(name, "values" if name == "regression" else data.draw(st.sampled_from([PROBABILITIES, LOGITS])))
    if not task.fits(values.shape[1:]):
        return
    assert changes(values, values, NOISE, task)[:2] == (0, 0)
    other = data.draw(hnp.arrays("<f8", values.shape, elements=st.floats(0, 1, width=32)))
    before, after = labels.labels(values, task), labels.labels(other, task)
    found = changes(values, other, NOISE, task)
    if before is None or after is None:
        assert found == Changes(0, 0, 0)
    else:
        assert found.flips + found.ties == int((before != after).sum())
        assert found.labels == before.size


def test_accuracy_counts_sets_of_labels_and_tokens_that_have_an_answer() -> None:
    found = np.array([[1, 1, 0], [0, 1, 0]])
    assert labels.share_right(found, np.array([[1, 1, 0], [1, 1, 0]]), MULTILABEL) == 0.5
    tokens, answers = np.array([[0, 1, NOTHING]]), np.array([[0, 0, NOTHING]])
    assert labels.share_right(tokens, answers, TOKENS) == 0.5
    assert labels.share_right(tokens, np.full((1, 3), NOTHING), TOKENS) is None
    assert labels.share_right(found, np.array([0, 1]), MULTILABEL) is None


@pytest.fixture
def golden(classic_bundle: Path) -> Golden:
    return read_golden(str(classic_bundle))


def observed(golden: Golden, values: np.ndarray) -> dict[str, Any]:
    """Return a replay that is the golden's own but for its predictions."""
    return {
        "predictions": {"p": values.tolist()},
        "float64_predictions": {"p": values.tolist()},
        "token_ids": {},
        "layers": [],
        "architecture": dict(golden.architecture),
        "labels": list(golden.labels),
        "inputs": [[*facts, list(shape)] for *facts, shape in golden.inputs],
    }


def recorded(golden: Golden, values: np.ndarray, **fields: Any) -> Golden:
    outputs = {"predictions": {"p": values}, "float64_predictions": {"p": values}, "noise": {"p": NOISE}}
    return replace(golden, **{**outputs, "token_ids": {}, "layers": (), **fields})


def test_the_grade_of_a_replay_goes_by_the_recorded_task(golden: Golden) -> None:
    """Planted: a secondary label, judged with the field and without it, as an older bundle means it."""
    seen = observed(golden, flipped(SURE, 0, 1))
    old, new = recorded(golden, SURE), recorded(golden, SURE, tasks={"p": MULTILABEL})
    assert grades.judge(old, seen).grade == "drift"
    figures = grades.judge(new, seen)
    assert (figures.grade, figures.labels_changed, figures.reason) == ("flip", 1, "1 of 6 labels changed")


def test_the_grade_of_a_replay_leaves_padding_out_by_the_mask_of_the_examples(golden: Golden) -> None:
    values = np.array([[[0.9, 0.1], [0.2, 0.8]]])
    mask = {"attention_mask": np.array([[1, 0]])}
    one = recorded(golden, values, tasks={"p": TOKENS}, token_ids=mask)
    for at, grade in (((0, 1), "drift"), ((0, 0), "flip")):
        seen = {**observed(golden, flipped(values, *at)), "token_ids": {"attention_mask": [[1, 0]]}}
        assert grades.judge(one, seen).grade == grade
