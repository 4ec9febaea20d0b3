"""What a label is, kept with a loaded model: a later save knows it where nothing in the model shows it."""

from typing import Any, Dict, Mapping, Tuple

from bert_bundle.format.tasks import Task

_ATTRIBUTE = "_bert_bundle_tasks"


def keep(model: Any, tasks: Mapping[str, Task]) -> None:
    """Note the tasks that the bundle of a live `model` names, by output."""
    # Keras' own __setattr__ would track a container as a part of the model.
    object.__setattr__(model, _ATTRIBUTE, tuple(tasks.items()))


def of_model(model: Any) -> Dict[str, Task]:
    """Return output name -> task, as its bundle names them; empty for a model that was not loaded from one."""
    found: Tuple[Tuple[str, Task], ...] = getattr(model, _ATTRIBUTE, ())
    return dict(found)
