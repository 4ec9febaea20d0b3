"""The task of each output of a model, as far as its graph shows it."""

from typing import AbstractSet, Dict, Mapping, Optional, Tuple

from bert_bundle.format.tasks import (
    BINARY,
    CLASSES,
    LOGITS,
    MULTILABEL,
    PROBABILITIES,
    REGRESSION,
    SPANS,
    TOKENS,
    VALUES,
    Task,
)
from bert_bundle.graph.graph import Graph
from bert_bundle.graph.output_ends import LINEAR, OTHER, SIGMOID, SOFTMAX, End, output_ends

Shape = Tuple[Optional[int], ...]  # of an output, without the batch axis


def graph_tasks(graph: Graph, shapes: Mapping[str, Shape], lengths: AbstractSet[int]) -> Dict[str, Task]:
    """Return output name -> task: what the last activation, a class with a head and the output's shape show.

    `lengths`: how many tokens the texts have; an axis of that size may be one of tokens.
    The threshold of several columns is seen only after a sigmoid: logits without one are read as classes, a single
    number as a regression.
    """
    ends = output_ends(graph)
    spans = {name for name, end in ends.items() if _is_span(end, shapes[name], lengths)}
    found = {}
    for name, end in ends.items():
        if end.head == "ForQuestionAnswering" or len(spans) == len(ends) == 2:
            task = SPANS
        else:
            task = _task(end, shapes[name], lengths)
        fits = Task(task, LOGITS).fits(shapes[name])
        task = task if fits else CLASSES if Task(CLASSES, LOGITS).fits(shapes[name]) else REGRESSION
        found[name] = Task(task, scores_of(task, end))
    return found


def scores_of(task: str, end: End) -> str:
    """Return what the numbers of an output with this task and end are."""
    if task == REGRESSION:
        return VALUES
    return PROBABILITIES if end.activation in (SOFTMAX, SIGMOID) else LOGITS


def _task(end: End, shape: Shape, lengths: AbstractSet[int]) -> str:
    columns = shape[-1] if shape else 1
    if end.activation == SIGMOID:
        return BINARY if columns == 1 else MULTILABEL
    if columns == 1:
        return REGRESSION
    if end.activation == OTHER and end.encoder:
        return CLASSES  # hidden states, which mean what they meant before tasks existed
    return TOKENS if len(shape) == 2 and shape[0] in lengths else CLASSES


def _is_span(end: End, shape: Shape, lengths: AbstractSet[int]) -> bool:
    """Return whether an output has one number for each token, which a layer made as a column."""
    is_token_axis = len(shape) == 1 and shape[0] in lengths
    return is_token_axis and end.moved and end.activation in (LINEAR, SOFTMAX)
