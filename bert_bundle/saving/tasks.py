"""The task of each output of a model that is being saved: what the caller says, else what the model shows."""

from typing import Any, Dict, Mapping, Optional, Union

import numpy as np

from bert_bundle.capturing.capture import Captured
from bert_bundle.errors import SignatureError
from bert_bundle.format.golden import Golden
from bert_bundle.format.tasks import (
    BINARY,
    CLASSES,
    LOGITS,
    MEANING,
    MULTILABEL,
    PROBABILITIES,
    REGRESSION,
    TASKS,
    VALUES,
    Task,
)
from bert_bundle.grading.labels import meaning
from bert_bundle.graph.output_ends import LINEAR, OTHER, SIGMOID, SOFTMAX, End, output_ends
from bert_bundle.graph.output_tasks import graph_tasks, scores_of
from bert_bundle.loading import known_tasks

Asked = Union[None, str, Mapping[str, str]]  # one task for every output, or output name -> task

# What a compiled loss is fitted to: its name without underscores -> whether each column has its own probability.
_BINARY_LOSSES = frozenset(["binarycrossentropy", "bce", "binaryfocalcrossentropy", "sigmoidfocalcrossentropy"])
_CLASS_LOSSES = frozenset(
    ["categoricalcrossentropy", "sparsecategoricalcrossentropy", "categoricalfocalcrossentropy", "kldivergence"]
)
_NUMBER_LOSSES = frozenset(
    "meansquarederror mse meanabsoluteerror mae meanabsolutepercentageerror mape meansquaredlogarithmicerror msle "
    "huber huberloss logcosh poisson cosinesimilarity rootmeansquarederror".split()
)
_LOSSES = _CLASS_LOSSES | _BINARY_LOSSES | _NUMBER_LOSSES
_PROBLEM_TYPES = {
    "single_label_classification": CLASSES,
    "multi_label_classification": MULTILABEL,
    "regression": REGRESSION,
}
_ROUNDING = 1e-2  # of a sum of probabilities, in half precision


def tasks_of(
    model: Any, captured: Captured, golden: Golden, asked: Asked, lengths: "frozenset[int]"
) -> Dict[str, Task]:
    """Return output name -> task of every output of the live `model`.

    The first that tells decides: `asked`, `problem_type` in the configuration of a class with a head, the compiled
    loss, the bundle that the model was loaded from, the graph, the recorded predictions.

    Raises SignatureError for a task that is unknown or does not fit.
    """
    named = checked(asked, golden.predictions)
    ends = output_ends(captured.graph)
    read = graph_tasks(captured.graph, _shapes(golden), lengths)
    found = {}
    for name, array in golden.predictions.items():
        end, recorded = ends[name], golden.float64_predictions[name]
        task = named.get(name) or _shown(model, captured, name, end, read[name].name, recorded)
        found[name] = Task(task, _scores(task, end, recorded))
        _check_fits(found[name], name, array)
    return found


def written(
    tasks: Mapping[str, Task], captured: Captured, golden: Golden, lengths: "frozenset[int]"
) -> Dict[str, Task]:
    """Return the tasks that a bundle must name: those that a reader without the field would not see.

    Such a reader grades by the recorded predictions alone, and reads anything else from the graph.
    """
    read = graph_tasks(captured.graph, _shapes(golden), lengths)
    return {
        name: task
        for name, task in tasks.items()
        if task != read[name] or task.name != meaning(None, golden.float64_predictions[name]).name
    }


def checked(asked: Asked, outputs: Mapping[str, object]) -> Dict[str, str]:
    """Return output name -> task that the caller asked for. Raises SignatureError for an unknown output or task."""
    named: Dict[str, Any] = dict(asked) if isinstance(asked, Mapping) else {}
    named.update(dict.fromkeys(outputs, asked) if asked is not None and not isinstance(asked, Mapping) else {})
    for name, task in named.items():
        if name not in outputs:
            raise SignatureError(
                "a task of an output that the model does not have", place="task", wanted=", ".join(outputs), found=name
            )
        if task not in TASKS:
            raise SignatureError(
                "an unknown task",
                place="task" if isinstance(asked, str) else "task[{}]".format(name),
                wanted=", ".join(TASKS),
                found=task,
                fix="{}: {}".format(MULTILABEL, MEANING[MULTILABEL]),
            )
    return named


def _shown(model: Any, captured: Captured, output: str, end: End, read: str, recorded: np.ndarray) -> str:
    """Return what the model shows of the task of an output, beyond what `read` says, which its graph does."""
    columns = recorded.shape[-1] if recorded.ndim > 1 else 1
    problem, loss = _problem_type(captured, end), _loss(model, captured, output)
    if problem is not None and Task(problem, VALUES).fits(recorded.shape[1:]):
        return problem
    if loss in _CLASS_LOSSES and columns > 1 and read in (MULTILABEL, CLASSES):
        return CLASSES
    if loss in _BINARY_LOSSES and end.activation != SOFTMAX and read in (CLASSES, REGRESSION):
        return BINARY if columns == 1 else MULTILABEL
    if loss in _NUMBER_LOSSES and end.activation not in (SOFTMAX, SIGMOID) and not end.moved:
        return REGRESSION
    kept = known_tasks.of_model(model).get(output)
    if kept is not None and loss not in _LOSSES and kept.fits(recorded.shape[1:]):
        return kept.name
    return meaning(None, recorded).name if end.activation == OTHER and columns == 1 else read


def _problem_type(captured: Captured, end: End) -> Optional[str]:
    """Return the task that the configuration of the encoder with the head names, if the output is that head's."""
    if end.head != "ForSequenceClassification":
        return None
    config = getattr(captured.encoders[end.encoder], "config", None)
    value = config.get("problem_type") if isinstance(config, Mapping) else getattr(config, "problem_type", None)
    return _PROBLEM_TYPES.get(value) if isinstance(value, str) else None


def _loss(model: Any, captured: Captured, output: str) -> str:
    """Return the name of the loss that an output was compiled with, without underscores; empty if not known."""
    loss: Any = getattr(model, "loss", None)
    names = [name for name, _ in captured.graph.outputs]
    if issubclass(loss.__class__, Mapping):  # not isinstance: Keras 2 wraps a dict, and typing looks at the type
        loss = loss.get(output)
    elif isinstance(loss, (list, tuple)):
        loss = loss[names.index(output)] if len(loss) == len(names) else None
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    return str(name).lower().replace("_", "")


def _scores(task: str, end: End, recorded: np.ndarray) -> str:
    """Return what the numbers are: by the last activation, or, where it is none that tells, by the predictions."""
    if task == REGRESSION or end.activation in (SOFTMAX, SIGMOID, LINEAR):
        return scores_of(task, end)
    inside = bool(recorded.size) and recorded.min() >= 0 and recorded.max() <= 1
    adds_up = task in (MULTILABEL, BINARY) or np.allclose(recorded.sum(-1), 1, atol=_ROUNDING)
    return PROBABILITIES if inside and adds_up else LOGITS


def _check_fits(task: Task, output: str, array: np.ndarray) -> None:
    if not task.fits(array.shape[1:]):
        fitting = [name for name in TASKS if Task(name, VALUES).fits(array.shape[1:])]
        raise SignatureError(
            "the output does not fit the task",
            place=output,
            wanted="{} ({})".format(task.name, MEANING[task.name]),
            found="shape ({})".format(", ".join(["n", *map(str, array.shape[1:])])),
            fix="save(task={{{!r}: ...}}) with one of {}".format(output, ", ".join(fitting)),
        )


def _shapes(golden: Golden) -> Dict[str, Any]:
    return {name: array.shape[1:] for name, array in golden.predictions.items()}
