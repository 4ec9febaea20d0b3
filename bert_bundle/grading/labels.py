"""The labels of an output, by its task, and which of them differ between two predictions. NumPy only.

An output without a task means what it meant before tasks existed, see `bert_bundle/format/tasks.py`.
"""

from typing import Mapping, NamedTuple, Optional

import numpy as np

from bert_bundle.format.golden import Golden
from bert_bundle.format.tasks import BINARY, CLASSES, MULTILABEL, PROBABILITIES, REGRESSION, TOKENS, Task
from bert_bundle.grading.differences import scale

NOTHING = -1  # the label of a token that is padding
_BY_THRESHOLD = (MULTILABEL, BINARY)


class Changes(NamedTuple):
    """How many labels of an output differ: those that do, ties within the noise that do, and how many labels it has."""

    flips: int
    ties: int
    labels: int


def meaning(task: Optional[Task], values: np.ndarray) -> Task:
    """Return the task of an output: the recorded one, or what `values` (examples, ...) without one mean."""
    if task is not None:
        return task
    if values.ndim < 2:
        return Task(REGRESSION, "values")
    if values.shape[-1] > 1:
        return Task(CLASSES, PROBABILITIES)
    inside = values.size and values.min() >= 0 and values.max() <= 1
    return Task(BINARY, PROBABILITIES) if inside else Task(REGRESSION, "values")


def labels(values: np.ndarray, task: Optional[Task] = None, mask: Optional[np.ndarray] = None) -> Optional[np.ndarray]:
    """Return the labels of predictions (examples, ...) as an int array, or None for an output without labels.

    classes, spans  the position of the largest number of the last axis, (examples, ...)
    tokens          the same, (examples, tokens); `NOTHING` where `mask` (examples, tokens) is 0
    multilabel      1 for each column above the threshold, else 0; of the shape of `values`
    binary          1 above the threshold, else 0, (examples, ...)
    """
    values = np.asarray(values, np.float64)
    task = meaning(task, values)
    if task.name == REGRESSION:
        return None
    if task.name in _BY_THRESHOLD:
        above = (values > task.threshold).astype(np.int64)
        above = above[..., 0] if task.name == BINARY and above.ndim > 1 else above
        return _without_padding(above, mask) if task.name == MULTILABEL and above.ndim == 3 else above
    found: np.ndarray = np.where(np.isnan(values), -np.inf, values).argmax(-1)
    return _without_padding(found, mask) if task.name == TOKENS else found


def changes(
    wanted: np.ndarray, seen: np.ndarray, floor: float, task: Optional[Task] = None, mask: Optional[np.ndarray] = None
) -> Changes:
    """Return which labels of `seen` differ from those of `wanted`; `floor` is noise, relative to the output's scale.

    A changed label is a tie if its two classes lie within twice the noise of each other in `wanted`, or its score
    within the noise of the threshold.
    """
    wanted, seen = np.asarray(wanted, np.float64), np.asarray(seen, np.float64)
    if seen.shape != wanted.shape or not np.isfinite(wanted).all():
        return Changes(0, 0, 0)
    task = meaning(task, wanted)
    before, after = labels(wanted, task, mask), labels(seen, task, mask)
    if before is None or after is None:
        return Changes(0, 0, 0)
    different = before != after
    if task.name in _BY_THRESHOLD:
        reach = max(scale(wanted), scale(1 - wanted)) if task.scores == PROBABILITIES else scale(wanted)
        near = (np.abs(wanted - task.threshold) <= floor * reach).reshape(different.shape)
    else:
        rows = np.maximum(before, 0)[..., None], np.maximum(after, 0)[..., None]
        margin = np.take_along_axis(wanted, rows[0], -1) - np.take_along_axis(wanted, rows[1], -1)
        near = margin[..., 0] <= 2 * floor * scale(wanted)
    return Changes(int((different & ~near).sum()), int((different & near).sum()), int((before != NOTHING).sum()))


def masks(golden: Golden) -> Mapping[str, np.ndarray]:
    """Return output name -> attention mask of the recorded examples, for the outputs that have numbers for each token.

    Empty for a model that does not read a mask: to it, padding is like any token.
    """
    names = {name for name, role, _, _ in golden.inputs if role == "attention_mask"}
    found = {name: array for name, array in golden.token_ids.items() if name in names}
    result = {}
    for output, values in golden.predictions.items():
        fitting = [mask for name, mask in sorted(found.items()) if values.ndim == 3 and mask.shape == values.shape[:2]]
        if fitting:
            result[output] = fitting[0]
    return result


def right(found: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return whether each label of an output is right. Where `answers` is `NOTHING`, any label is."""
    correct: np.ndarray = (found == answers) | (answers == NOTHING)
    return correct


def share_right(found: np.ndarray, answers: Optional[np.ndarray], task: Task) -> Optional[float]:
    """Return the accuracy: the share of true labels that were found; None without true labels for these.

    Of several labels of an example all must be right; tokens are counted one by one.
    """
    if answers is None or found.shape != answers.shape or not (answers != NOTHING).any():
        return None
    correct = right(found, answers)
    if task.name == MULTILABEL:
        return float(correct.reshape(len(correct), -1).all(axis=1).mean())
    return float(correct[answers != NOTHING].mean())


def accuracy(golden: Golden, predictions: Mapping[str, np.ndarray]) -> Optional[float]:
    """Return the mean accuracy, over the outputs that have recorded true labels, of predictions of the examples."""
    shares, padding = [], masks(golden)
    for name, values in predictions.items():
        recorded = golden.float64_predictions[name]
        task = meaning(golden.tasks.get(name), recorded)
        found = labels(values, task, padding.get(name)) if values.shape == recorded.shape else None
        share = None if found is None else share_right(found, golden.answers_of(name), task)
        shares += [] if share is None else [share]
    return float(np.mean(shares)) if shares else None


def _without_padding(found: np.ndarray, mask: Optional[np.ndarray]) -> np.ndarray:
    """Return the labels with `NOTHING` at the tokens that are padding."""
    if mask is None:
        return found
    kept: np.ndarray = np.where(mask.reshape(mask.shape + (1,) * (found.ndim - 2)) != 0, found, NOTHING)
    return kept
