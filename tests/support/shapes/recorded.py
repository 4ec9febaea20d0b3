"""What the owner of a model has beside its bundle: arrays, texts and predictions, kept in a file between processes."""

import json
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional, Sequence

import numpy as np

SEPARATOR = "/"


@dataclass(frozen=True)
class Recorded:
    """The arrays that were fed, what the live model predicted from them, and the same texts for a bundle."""

    arrays: Any
    predictions: Any
    texts: Any
    pairs: Optional[Sequence[str]]
    features: Mapping[str, Any]
    name: str
    trainable: Mapping[str, bool]  # by the name of a layer


Predict = Callable[[Any, Any], Any]  # (model, arrays) -> predictions


def predicted(model: Any, arrays: Any) -> Any:
    """Return what Keras predicts."""
    return model.predict(arrays, verbose=0)


def called(model: Any, arrays: Any) -> Any:
    """Return what a call computes: the same, without the time that Keras takes to trace it."""
    return model(arrays, training=False)


def record(case: Any, predict: Predict = predicted) -> Recorded:
    """Let the live model predict the owner's arrays; return everything that a reader needs."""
    predictions = predict(case.model, case.arrays)
    trainable = {layer.name: bool(layer.trainable) for layer in case.model.layers}
    return Recorded(case.arrays, predictions, case.texts, case.pairs, case.features, case.model.name, trainable)


def write(path: str, recorded: Recorded) -> None:
    """Write it as one npz file, without pickle."""
    tensors: Dict[str, Any] = {}
    forms = {}
    for part in ("arrays", "predictions", "features"):
        forms[part], flat = _flat(getattr(recorded, part))
        tensors.update({part + SEPARATOR + key: _plain(value) for key, value in flat.items()})
    rest = {name: getattr(recorded, name) for name in ("texts", "pairs", "name", "trainable")}
    np.savez(path, rest=json.dumps({**rest, "forms": forms}), **tensors)


def read(path: str) -> Recorded:
    """Read it again."""
    with np.load(path, allow_pickle=False) as file:
        rest = json.loads(str(file["rest"]))
        found: Dict[str, Any] = {}
        for part, form in rest.pop("forms").items():
            begin = part + SEPARATOR
            flat = {key[len(begin) :]: _live(file[key]) for key in file.files if key.startswith(begin)}
            found[part] = flat if form == "dict" else list(flat.values()) if form == "list" else flat["0"]
    return Recorded(**found, **rest)


def _flat(value: Any) -> Any:
    if isinstance(value, Mapping):
        return "dict", dict(value)
    if isinstance(value, (list, tuple)):
        return "list", {str(number): item for number, item in enumerate(value)}
    return "array", {"0": value}


def _plain(value: Any) -> Any:
    array = np.asarray(value)
    return array.astype("U") if array.dtype == object else array


def _live(array: Any) -> Any:
    return array.astype(object) if array.dtype.kind == "U" else array
