"""The features of a call: arrays by the names of the inputs that are not made from a text. Does not know: texts."""

from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy as np

from bert_bundle.errors import SignatureError
from bert_bundle.graph.signature import FEATURE, Slot
from bert_bundle.keras_models import prediction

Features = Optional[Mapping[str, Any]]


def checked_features(slots: Sequence[Slot], features: Features, count: int) -> Dict[str, np.ndarray]:
    """Return input name -> array (count, ...) with the dtype of the input, for each input that is a feature.

    Only a mapping will do: what one array by itself means would depend on the bundle. Raises SignatureError for
    anything else, for a feature that is missing, unknown or of another shape, and for another number of rows.
    """
    wanted = [slot for slot in slots if slot.role == FEATURE]
    if features is not None and not isinstance(features, Mapping):
        raise SignatureError(
            "features is not a mapping",
            place="features",
            wanted="rows for each input by its name",
            found=_described(features),
            fix=_call(wanted, count),
        )
    given = features or {}
    names = {slot.name for slot in wanted}
    unknown = sorted(str(name) for name in given if name not in names)
    if unknown:
        raise SignatureError(
            "a feature that the model does not have",
            place=unknown[0],
            wanted=", ".join(sorted(names)) or "no features",
            fix=_call(wanted, count),
        )
    rows = prediction.check_rows(wanted, given)
    for name, array in rows.items():
        if len(array) != count:
            raise SignatureError("a feature does not have one row per text", place=name, wanted=count, found=len(array))
    return rows


def _call(wanted: List[Slot], count: int) -> str:
    """Return the call that is right for these inputs, with the shape and the dtype of each."""
    if not wanted:
        return "predict(texts): this model has no features"
    named = ", ".join("{!r}: rows".format(slot.name) for slot in wanted)
    shapes = "; ".join("{} is {} {}".format(slot.name, slot.dtype, _shape(slot, count)) for slot in wanted)
    return "predict(texts, features={{{}}}), where {}".format(named, shapes)


def _shape(slot: Slot, count: int) -> str:
    sizes = [str(count), *("any" if size is None else str(size) for size in slot.shape)]
    return "({}{})".format(", ".join(sizes), "," if len(sizes) == 1 else "")


def _described(features: object) -> str:
    """Return the type of a value, and its shape where it has one."""
    shape = getattr(features, "shape", None)
    return type(features).__name__ + (" of shape {}".format(tuple(shape)) if isinstance(shape, tuple) else "")
