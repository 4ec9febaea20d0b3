"""How far a rescued model's predictions are from the original's: its own serving function, or noted figures.

A SavedModel holds the function that it was served by, which NumPy computes; so it needs no other proof of what the
original predicted. For a file without one the owner's figures take its place.
"""

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional

import numpy as np

from bert_bundle.encoders.configuration import standard
from bert_bundle.errors import ProofError, SignatureError
from bert_bundle.graph.graph import Graph
from bert_bundle.graph.signature import slots
from bert_bundle.keras_files.stored_model import StoredModel
from bert_bundle.keras_models.prediction import predict
from bert_bundle.keras_models.runtime import Runtime
from bert_bundle.loading.parts import Parts
from bert_bundle.numpy_interpreter import serving

TOLERANCE = 1e-6  # of the output's scale, or of 1 if that is less: one function in float32, computed by two libraries
PREDICTIONS = "predictions"  # of a reference, whose other arrays are the inputs

_ASSUMED = {"attention_mask": 1, "token_type_ids": 0}  # role -> the value of an input that is left out
_ROWS, _LENGTH = 4, 16  # of the arrays that are compared


@dataclass(frozen=True)
class Witness:
    """What a rescued model was compared with, and the largest differences: in float32, and in float64 if computed."""

    name: str
    float32: float
    float64: Optional[float] = None

    def to_json(self) -> Dict[str, Any]:
        """Return the figures as plain data."""
        return {"name": self.name, "float32": self.float32, "float64": self.float64}

    def check(self, place: str) -> None:
        """Raise ProofError if the rescued model does not predict what the original predicts."""
        figures = [self.float32] if self.float64 is None else [self.float32, self.float64]
        if not all(figure <= TOLERANCE for figure in figures):  # a NaN is not
            raise ProofError(
                "the rescued model does not predict what the original predicts",
                place=place,
                wanted="within {:g} of {}".format(TOLERANCE, self.name),
                found="{:g} in float32, {} in float64".format(self.float32, self.float64),
            )


def of_serving(stored: StoredModel, parts: Parts, model: Any, runtime: Runtime) -> Witness:
    """Compare the model with the serving function of its SavedModel on arrays that are made here, in two precisions."""
    assert stored.serving is not None
    served = stored.serving.signature().inputs
    made = _arrays(parts.graph, parts.configs, _length(stored))
    # What the function is not served with, such as token types in TensorFlow 2.4, it takes for zeros.
    arrays = {name: array if name in served else np.zeros_like(array) for name, array in made.items()}
    figures = []
    for float64 in (False, True):
        wanted = serving.outputs(stored.serving, stored.arrays, _named(stored, arrays), float64=float64)
        live = parts.build(runtime, float64=True).model if float64 else model
        figures.append(_difference(_predictions(live, parts.graph, arrays, runtime, float64), wanted))
    return Witness("the file's own serving function", *figures)


def of_reference(reference: Mapping[str, np.ndarray], parts: Parts, model: Any, runtime: Runtime) -> Witness:
    """Compare the model with the figures of its owner: arrays by the names of inputs, and `predictions`.

    A mask or token types that the owner did not feed are what transformers assumes: ones, and zeros.
    """
    arrays = {slot.name: reference[slot.name] for slot in slots(parts.graph) if slot.name in reference}
    ids = next(
        (arrays[slot.name] for slot in slots(parts.graph) if slot.role == "input_ids" and slot.name in arrays), None
    )
    for slot in slots(parts.graph):
        if ids is not None and slot.name not in arrays and slot.role in _ASSUMED:
            arrays[slot.name] = np.full_like(ids, _ASSUMED[slot.role])
    missing = sorted({*(name for name, _ in parts.graph.inputs), PREDICTIONS} - {*arrays, *reference})
    if missing:
        raise SignatureError("a reference without an array", place="reference", wanted=", ".join(missing))
    found = _predictions(model, parts.graph, arrays, runtime, False)
    return Witness("the reference", _difference(found, {"": np.asarray(reference[PREDICTIONS])}))


def _length(stored: StoredModel) -> int:
    """Return the tokens of texts that the serving function takes: of TensorFlow 2.4 as many as it was saved with."""
    assert stored.serving is not None
    served = stored.serving.signature().inputs.get("input_ids")
    length = served.shape[-1] if served is not None and served.shape else -1
    return length if length > 0 else _LENGTH


def _arrays(graph: Graph, configs: Mapping[str, Mapping[str, Any]], length: int) -> Dict[str, np.ndarray]:
    """Return arrays for the inputs by their roles in the graph: ids, types, prefixes of ones as masks, features.

    `length`: that of an input which takes texts of any.
    """
    random = np.random.RandomState(0)
    ids, types = (
        min(standard(config)[size] for config in configs.values()) for size in ("vocab_size", "type_vocab_size")
    )
    found = {}
    for slot in slots(graph):
        shape = (_ROWS, *(length if size is None else size for size in slot.shape))
        if slot.role == "attention_mask":
            values: Any = np.arange(shape[-1]) < random.randint(1, shape[-1] + 1, (*shape[:-1], 1))
        elif slot.role in ("input_ids", "token_type_ids"):
            values = random.randint(0, max(types if slot.role == "token_type_ids" else ids, 1), shape)
        else:
            values = random.normal(size=shape)
        found[slot.name] = values.astype(slot.dtype)
    return found


def _named(stored: StoredModel, arrays: Mapping[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """Return the arrays by the names of the serving signature.

    A class of transformers is served with token types although it may be built without: those are zeros.
    """
    assert stored.serving is not None
    served = stored.serving.signature().inputs
    missing = {"token_type_ids": np.zeros_like(arrays["input_ids"])} if "input_ids" in arrays else {}
    return {name: array for name, array in {**missing, **arrays}.items() if name in served}


def _predictions(
    model: Any, graph: Graph, arrays: Mapping[str, np.ndarray], runtime: Runtime, float64: bool
) -> Dict[str, np.ndarray]:
    return predict(runtime, model, graph, slots(graph), arrays, batch=_ROWS, float64=float64)


def _difference(found: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray]) -> float:
    """Return the largest difference, of the scale of its output. Outputs are matched by name, or place."""
    pairs = (
        [(found[n], wanted[n]) for n in found]
        if set(found) == set(wanted)
        else list(zip(found.values(), wanted.values()))
    )
    if len(found) != len(wanted) or any(a.shape != b.shape for a, b in pairs):
        raise ProofError(
            "the rescued model has other outputs than the original",
            wanted={name: array.shape for name, array in wanted.items()},
            found={name: array.shape for name, array in found.items()},
        )
    differences = [np.abs(np.subtract(a, b, dtype=np.float64)).max() / max(np.abs(b).max(), 1.0) for a, b in pairs]
    return float(np.max(differences))  # NaN if one is, unlike max()
