"""The true labels that a caller gives with the examples, as numbers that can be compared with what an output says."""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from bert_bundle.errors import SignatureError
from bert_bundle.format.golden import Golden
from bert_bundle.format.tasks import CLASSES, MULTILABEL, REGRESSION, SPANS, TOKENS, Task
from bert_bundle.grading.labels import NOTHING
from bert_bundle.saving.label_names import LabelNames

IGNORED = (None, -100, NOTHING)  # of a token: -100 is what transformers gives to tokens that no loss counts


def read(
    given: object, tasks: Mapping[str, Task], names: LabelNames, golden: Golden
) -> Tuple[Optional[np.ndarray], Dict[str, np.ndarray]]:
    """Return the true labels as `Golden.answers` and `Golden.output_answers`, from names or positions.

    given  a column, or output name -> column; what a row is follows from the output's task: a name or position; for
           "multilabel" the names of an example, or 0 or 1 for each class; for "tokens" one for each token, None or -100
           for those without

    Raises SignatureError for anything that is not a label of the output.
    """
    if given is None:
        return None, {}
    if not isinstance(given, Mapping):
        only = next(iter(tasks)) if len(tasks) == 1 else ""  # of several outputs it is not known whose they are
        task = tasks.get(only)
        return _column(given, task, names.of(only), golden, only, "examples[label]"), {}
    found = {}
    for output, column in given.items():
        if output not in tasks:
            raise SignatureError(
                "labels of an output that the model does not have",
                place="examples[label]",
                wanted=", ".join(tasks),
                found=output,
            )
        place = "examples[label][{}]".format(output)
        found[output] = _column(column, tasks[output], names.of(output), golden, output, place)
    if len(golden.predictions) == 1:
        return next(iter(found.values())), {}
    return None, found


def _column(
    given: Any, task: Optional[Task], names: Sequence[str], golden: Golden, output: str, place: str
) -> np.ndarray:
    rows: List[object] = list(given)
    if task is not None and task.name == REGRESSION:
        raise SignatureError(
            "true labels of an output that does not have labels",
            place=place,
            wanted="an output with labels",
            found="{}: {}".format(output, task.name),
            fix='leave them out, or name the task: save(task="binary")',
        )
    if task is None or task.name not in (MULTILABEL, TOKENS):
        has_columns = task is not None and task.name in (CLASSES, SPANS)
        count = golden.predictions[output].shape[-1] if has_columns else max(len(names), 2)
        return np.asarray([_position(row, names, count, "{}[{}]".format(place, at)) for at, row in enumerate(rows)])
    shape = golden.predictions[output].shape
    read_row = _several if task.name == MULTILABEL else _tokens
    found = [read_row(row, names, shape, "{}[{}]".format(place, at)) for at, row in enumerate(rows)]
    return np.asarray(found, np.int64)


def _several(row: object, names: Sequence[str], shape: Tuple[int, ...], place: str) -> object:
    """Return 0 or 1 for each class, from the names of an example's labels or from such numbers."""
    entries = _entries(row, place)
    if any(isinstance(entry, str) for entry in entries) or (not entries and len(shape) == 2):
        chosen = {_position(entry, names, len(names), place) for entry in entries}
        return [int(column in chosen) for column in range(shape[-1])]
    array = np.asarray(entries)
    if array.shape != shape[1:] or not np.isin(array, (0, 1)).all():
        raise _fault(place, "the names of its labels, or {} times 0 or 1".format(shape[-1]), row)
    return array.astype(np.int64)


def _tokens(row: object, names: Sequence[str], shape: Tuple[int, ...], place: str) -> object:
    """Return the position of each token's label; `NOTHING` where the row has none."""
    entries = _entries(row, place)
    if len(entries) != shape[1]:
        raise _fault(place, "{} labels, one for each token, padding included".format(shape[1]), len(entries))
    none = [entry is None or (not isinstance(entry, str) and entry in IGNORED) for entry in entries]
    return [NOTHING if no else _position(e, names, shape[-1], place) for no, e in zip(none, entries)]


def _entries(row: object, place: str) -> List[object]:
    if isinstance(row, (str, bytes)) or not hasattr(row, "__iter__"):
        raise _fault(place, "a list for each example", row)
    return list(row)


def _position(answer: Any, names: Sequence[str], count: int, place: str) -> int:
    """Return the position of a label, given by name or position among `count`."""
    if isinstance(answer, str):
        position = names.index(answer) if answer in names else None
    else:
        try:
            position = int(answer)
        except (TypeError, ValueError):
            position = None
    if position is None or not 0 <= position < count:
        raise _fault(place, ", ".join(names) or "0 to {}".format(count - 1), answer)
    return position


def _fault(place: str, wanted: str, found: object) -> SignatureError:
    return SignatureError(
        "an example's label is not one of the model's labels", place=place, wanted=wanted, found=found
    )
