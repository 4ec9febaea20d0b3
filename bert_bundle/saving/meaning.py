"""A golden with what its outputs mean: tasks, true labels, and how many of these the model gets right."""

from dataclasses import replace
from typing import Any, Dict, FrozenSet, Mapping

from bert_bundle.capturing.capture import Captured
from bert_bundle.format.golden import Golden
from bert_bundle.grading import labels
from bert_bundle.saving import answers, tasks
from bert_bundle.saving.label_names import LabelNames
from bert_bundle.saving.tasks import Asked


def with_meaning(
    golden: Golden,
    model: Any,
    captured: Captured,
    asked: Asked,
    names: LabelNames,
    true_labels: object,
    lengths: FrozenSet[int],
) -> Golden:
    """Return the golden with the tasks that a bundle must name, and with the true labels of its examples.

    asked        the caller's tasks, as `save(task=...)` takes them
    true_labels  the column "label" of the examples, or None
    lengths      how many tokens the texts have

    Raises SignatureError for names, tasks or true labels that do not fit the outputs.
    """
    names.check(golden.predictions)
    found = tasks.tasks_of(model, captured, golden, asked, lengths)
    common, own = answers.read(true_labels, found, names, golden)
    return replace(
        golden,
        answers=common,
        output_answers=own,
        tasks=tasks.written(found, captured, golden, lengths),
    )


def output_facts(golden: Golden, names: LabelNames) -> Mapping[str, Mapping[str, object]]:
    """Return output name -> the fields of `bert_bundle/format/tasks.py` that its record in the signature has."""
    facts: Dict[str, Dict[str, object]] = {name: {} for name in golden.predictions}
    for name, task in golden.tasks.items():
        facts[name].update(task=task.name, scores=task.scores)
    for name, own in names.own.items():
        facts[name].update(labels=list(own))
    return facts


def proof_facts(golden: Golden, held: Any) -> Dict[str, Any]:
    """Return what a save found out about the caller's own figures: fields of the manifest's `proof`, none if not given.

    held  the names of the columns that the predictions were held against
    """
    accuracy = labels.accuracy(golden, golden.predictions)
    facts: Dict[str, object] = {} if accuracy is None else {"accuracy": accuracy}
    return {**facts, "held_against": list(held)} if held else facts
