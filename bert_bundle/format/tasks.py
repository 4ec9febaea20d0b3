"""What the numbers of an output mean: the tasks, and the fields `task`, `scores` and `labels` of an output.

An output without these fields means what it meant before they existed: its label is the largest number of its last
axis, or, for one column between 0 and 1, whether it is above 0.5. Does not know: how a task is read from a graph.
"""

from types import MappingProxyType
from typing import Any, Dict, Iterator, Mapping, NamedTuple, Optional, Tuple

from bert_bundle.errors import FormatError
from bert_bundle.format import layout

CLASSES, MULTILABEL, BINARY = "classes", "multilabel", "binary"
TOKENS, SPANS, REGRESSION = "tokens", "spans", "regression"
PROBABILITIES, LOGITS, VALUES = "probabilities", "logits", "values"

MEANING: Mapping[str, str] = MappingProxyType(
    {
        CLASSES: "the largest number is the label",
        MULTILABEL: "each column above its threshold is a label",
        BINARY: "one column: above its threshold or not",
        TOKENS: "the largest number of each token is its label; padding has none",
        SPANS: "the largest number is the position of a token, where a span starts or ends",
        REGRESSION: "numbers without a label",
    }
)
TASKS = tuple(MEANING)
# Numbers after the batch axis that an output of the task has: (least axes, most axes, least columns, most columns).
_SHAPES: Mapping[str, Tuple[int, int, float, float]] = {
    CLASSES: (1, 9, 2, float("inf")),
    MULTILABEL: (1, 9, 1, float("inf")),
    BINARY: (0, 9, 1, 1),
    TOKENS: (2, 2, 2, float("inf")),
    SPANS: (1, 1, 1, float("inf")),
    REGRESSION: (0, 9, 0, float("inf")),
}


class Task(NamedTuple):
    """What an output means.

    name    one of `TASKS`
    scores  "probabilities" or "logits"; "values" for a regression
    """

    name: str
    scores: str

    @property
    def threshold(self) -> float:
        """Return the score above which a column is a label."""
        return 0.5 if self.scores == PROBABILITIES else 0.0

    def fits(self, shape: Tuple[Optional[int], ...]) -> bool:
        """Return whether an output of this shape, without the batch axis, can have the task; None is any size."""
        least_axes, most_axes, least, most = _SHAPES[self.name]
        columns = shape[-1] if shape else 1
        return least_axes <= len(shape) <= most_axes and (columns is None or least <= columns <= most)


def checked(outputs: object) -> Dict[str, Task]:
    """Return output name -> task, of the outputs in a manifest's signature that have one.

    Raises FormatError for an unknown task, and for a field that is not what it should be.
    """
    found = {}
    for place, record in _records(outputs):
        if "task" in record or "scores" in record:
            name, scores = record.get("task"), record.get("scores")
            if not isinstance(name, str) or name not in TASKS:
                raise _fault(place + "/task", ", ".join(TASKS), name)
            wanted = (VALUES,) if name == REGRESSION else (PROBABILITIES, LOGITS)
            if not isinstance(scores, str) or scores not in wanted:
                raise _fault(place + "/scores", " or ".join(wanted), scores)
            found[record["name"]] = _fitting(Task(name, scores), record.get("shape"), place + "/task")
    return found


def checked_labels(outputs: object) -> Dict[str, Tuple[str, ...]]:
    """Return output name -> names of its classes, of the outputs that have their own. Raises FormatError."""
    found = {}
    for place, record in _records(outputs):
        if "labels" in record:
            names = record["labels"]
            is_right = isinstance(names, list) and bool(names) and all(isinstance(name, str) for name in names)
            if not is_right or len(set(names)) != len(names):
                raise _fault(place + "/labels", "a list of distinct strings", names)
            found[record["name"]] = tuple(names)
    return found


def _fitting(task: Task, shape: Any, place: str) -> Task:
    is_shape = isinstance(shape, list) and all(size is None or type(size) is int for size in shape)
    if not is_shape or not task.fits(tuple(shape)):
        raise _fault(place, "a task of an output of that shape", "{}: {}".format(task.name, shape))
    return task


def _records(outputs: Any) -> "Iterator[Tuple[str, Mapping[str, Any]]]":
    """Yield (place, record) of the outputs that have a name."""
    for index, record in enumerate(outputs if isinstance(outputs, list) else ()):
        if isinstance(record, dict) and isinstance(record.get("name"), str):
            yield "signature/outputs/{}".format(index), record


def _fault(place: str, wanted: str, found: object) -> FormatError:
    return FormatError(
        "the manifest is malformed", place="{}#/{}".format(layout.MANIFEST, place), wanted=wanted, found=found
    )
