"""What the owner of a model does with its bundle after a load. Each check returns what went wrong, or nothing."""

import contextlib
import io
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence

import numpy as np

from support.shapes.recorded import Recorded

SINGLE = 2e-5  # of the scale of the predictions
HALF = 5e-3  # float16 has 11 bits


def faults(bundle: Any, owned: Recorded, checks: Sequence[str]) -> Iterator[str]:
    """Yield what the named checks find."""
    for name in checks:
        try:
            found = CHECKS[name](bundle, owned)
        except Exception as error:
            found = first_line(error)
        if found:
            yield "{}: {}".format(name, found)


def first_line(error: BaseException) -> str:
    """Return the class of an error and the first line of its message."""
    lines = str(error).strip().splitlines() or [""]
    return "{}: {}".format(type(error).__name__, lines[0][:200])


def difference(wanted: Any, found: Any, tolerance: float) -> str:
    """Return how predictions differ by more than a share of their scale, or an empty string."""
    first, second = _arrays(wanted), _arrays(found)
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        first, second = ([np.asarray(each[key], "float64") for key in sorted(each)] for each in (wanted, found))
    if [array.shape for array in first] != [array.shape for array in second]:
        return "shapes {} instead of {}".format([a.shape for a in second], [a.shape for a in first])
    shares = [np.max(np.abs(a - b)) / max(1e-9, np.max(np.abs(a))) for a, b in zip(first, second)]
    worst = float(np.max(shares))  # NaN if one is
    return "" if worst <= tolerance else "off by {:.1e} of the scale".format(worst)


def by_texts(bundle: Any, owned: Recorded) -> str:
    """Hold `predict` on the owner's texts against the live model's predictions on the owner's arrays."""
    found = bundle.predict(owned.texts, owned.pairs, features=owned.features or None)
    return difference(owned.predictions, found, _tolerance(bundle))


def by_call(bundle: Any, owned: Recorded) -> str:
    """Call the loaded model on the owner's arrays, in the form in which the live model took them."""
    return difference(owned.predictions, bundle.model(owned.arrays, training=False), _tolerance(bundle))


def by_arrays(bundle: Any, owned: Recorded) -> str:
    """Let Keras predict the owner's arrays."""
    return difference(owned.predictions, bundle.model.predict(owned.arrays, verbose=0), _tolerance(bundle))


def name(bundle: Any, owned: Recorded) -> str:
    """Compare the names of the models."""
    return "" if bundle.model.name == owned.name else bundle.model.name


def trainable(bundle: Any, owned: Recorded) -> str:
    """Compare the flags of the layers that both models have; a traced layer is there as what it consists of."""
    found = {layer.name: bool(layer.trainable) for layer in bundle.model.layers}
    return ", ".join(name for name, flag in owned.trainable.items() if found.get(name, flag) != flag)


def summary(bundle: Any, owned: Recorded) -> str:
    """Print the summary."""
    with contextlib.redirect_stdout(io.StringIO()):
        bundle.model.summary()
    return ""


def get_layer(bundle: Any, owned: Recorded) -> str:
    """Get each layer by its name."""
    return ", ".join(layer.name for layer in bundle.model.layers if bundle.model.get_layer(layer.name) is not layer)


def fit(bundle: Any, owned: Recorded) -> str:
    """Take one step towards zero on the owner's arrays."""
    bundle.model.compile("sgd", "mse")
    answers: Any = owned.predictions
    if isinstance(answers, Mapping):
        answers = {key: np.zeros_like(array) for key, array in answers.items()}
    else:
        many = isinstance(answers, (list, tuple))
        answers = [np.zeros_like(array) for array in answers] if many else np.zeros_like(answers)
    history = bundle.model.fit(owned.arrays, answers, epochs=1, batch_size=len(_arrays(answers)[0]), verbose=0)
    loss = history.history["loss"][0]
    return "" if np.isfinite(loss) else "a loss of {}".format(loss)


CHECKS: Dict[str, Callable[[Any, Recorded], str]] = {
    "predict(texts)": by_texts,
    "model(arrays)": by_call,
    "model.predict(arrays)": by_arrays,
    "name": name,
    "trainable": trainable,
    "summary": summary,
    "get_layer": get_layer,
    "fit": fit,
}
QUICK = ("predict(texts)", "model(arrays)", "name", "trainable", "get_layer")


def _arrays(predictions: Any) -> List[Any]:
    if isinstance(predictions, Mapping):
        predictions = list(predictions.values())
    many = predictions if isinstance(predictions, (list, tuple)) else [predictions]
    return [np.asarray(array, "float64") for array in many]


def _tolerance(bundle: Any) -> float:
    policies = {str(getattr(layer, "compute_dtype", "float32")) for layer in bundle.model.layers}
    return HALF if "float16" in policies else SINGLE
