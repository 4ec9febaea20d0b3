"""What the caller's own pipeline fed to the model, and what it predicted, checked against the model's shapes."""

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy as np

from bert_bundle.errors import SignatureError
from bert_bundle.graph.signature import Slot
from bert_bundle.keras_models.prediction import check_rows

PREDICTIONS, INPUTS = "predictions", "inputs"  # columns of the examples


@dataclass(frozen=True)
class OwnPipeline:
    """The two columns as given; None for one that was not."""

    inputs: object = None
    predictions: object = None


NOT_GIVEN = OwnPipeline()


def checked_inputs(given: Any, slots: Sequence[Slot], features: Mapping[str, np.ndarray], count: int) -> Dict[str, Any]:
    """Return input name -> array (count, ...) with the input's dtype, of every input of the model.

    given     input name -> array, a list of arrays in the model's order, or the array of a model with one input
    features  input name -> array, for the inputs that `given` leaves out

    Raises SignatureError for another name, number of rows, or shape.
    """
    named = _by_name(given, [slot.name for slot in slots], "an array", "input", INPUTS)
    arrays = check_rows(slots, {**features, **named})
    for name, array in arrays.items():
        _check_rows(array, count, "examples[inputs][{}]".format(name))
        if array.dtype.kind != "U" and not np.isfinite(array).all():
            raise SignatureError("NaN or infinity", place="examples[inputs][{}]".format(name), wanted="finite numbers")
    return arrays


def checked_predictions(given: object, outputs: Mapping[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """Return output name -> float64 array of the shape of that output of `outputs`.

    given  the array of a model with one output, a list of arrays in the model's order, or output name -> array; not all
           outputs need be in it

    Raises SignatureError for another name, number of rows, or shape, and for NaN or infinity.
    """
    named = _by_name(given, list(outputs), "an array (n, ...)", "output", PREDICTIONS)
    found = {}
    for name, values in named.items():
        place, wanted = "examples[predictions][{}]".format(name), outputs[name]
        try:
            array = np.asarray(values, np.float64)
        except (TypeError, ValueError):
            raise SignatureError("values are not a rectangular numeric array", place=place) from None
        if array.ndim:
            _check_rows(array, len(wanted), place)
        if array.shape != wanted.shape and (*array.shape, 1) != wanted.shape:
            raise SignatureError(
                "predictions of another shape than the model's",
                place=place,
                wanted=wanted.shape,
                found=array.shape,
                fix="pass what model.predict returned for these texts: probabilities or logits, not labels",
            )
        if not np.isfinite(array).all():
            row = int(np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))[0])
            raise SignatureError("NaN or infinity", place="{}[{}]".format(place, row), wanted="finite numbers")
        found[name] = array.reshape(wanted.shape)
    return found


def _by_name(given: Any, names: List[str], wanted: str, kind: str, column: str) -> Dict[str, Any]:
    """Return name -> array, from a mapping, a list in the order of `names`, or the only array."""
    place = "examples[{}]".format(column)
    if isinstance(given, Mapping) or hasattr(given, "items"):
        unknown = [name for name in given if name not in names]
        if unknown or not len(given):
            raise SignatureError(
                "an {} that the model does not have".format(kind),
                place=place,
                wanted=", ".join(names),
                found=", ".join(map(str, unknown)) or "nothing",
                fix="name the arrays as the model's {}s are named".format(kind),
            )
        return dict(given.items())
    if len(names) == 1 and not _is_list_of_one(given):
        return {names[0]: given}
    if not isinstance(given, (list, tuple)) or len(given) != len(names):
        raise SignatureError(
            "the arrays do not match the model's {}s".format(kind),
            place=place,
            wanted="{} for each of {}".format(wanted, ", ".join(names)),
            found="{} arrays".format(len(given)) if isinstance(given, (list, tuple)) else type(given).__name__,
        )
    return dict(zip(names, given))


def _is_list_of_one(given: object) -> bool:
    """Return whether `given` is a list with one array in it, as Keras takes and gives for a single input or output."""
    return isinstance(given, (list, tuple)) and len(given) == 1 and getattr(given[0], "ndim", 0) > 1


def _check_rows(array: np.ndarray, count: int, place: str) -> None:
    if len(array) != count:
        raise SignatureError(
            "another number of rows than texts",
            place=place,
            wanted="{} rows, one for each text".format(count),
            found="{} rows".format(len(array)),
        )


def given_of(columns: Dict[str, object], taken: Sequence[str]) -> OwnPipeline:
    """Take the two columns out of the examples, unless the model has an input or a text of that name."""
    found: Dict[str, Optional[object]] = {
        name: columns.pop(name, None) for name in (INPUTS, PREDICTIONS) if name not in taken
    }
    return OwnPipeline(found.get(INPUTS), found.get(PREDICTIONS))
