"""Grades: every grade that exists, and the grade of a replay with the figures behind it. NumPy only, runs no model.

TensorFlow does not promise equal bits across releases. Rounding noise vanishes in float64, a change of the function
does not (measured over TF 2.4 to 2.21: releases agree to 7.3e-8 in float64, a tanh GELU in place of erf is off by
2e-4). So the float64 replays decide whether the function is the same, and 5e-7 of the scale is a safe threshold.
"""

from dataclasses import dataclass
from itertools import zip_longest
from types import MappingProxyType
from typing import Any, Dict, Final, Literal, Mapping, Optional, Tuple

import numpy as np

from bert_bundle.format.golden import Fingerprint, Golden
from bert_bundle.grading import labels
from bert_bundle.grading.differences import FLOAT64_TOLERANCE, NOISE_TOLERANCE, array_of, difference

SameGrade = Literal["bitwise", "identical"]
ChangedGrade = Literal["drift", "flip", "retokenized", "reconfigured"]
FailedGrade = Literal["refused", "crashed", "timeout"]  # the reader did not replay the bundle
Grade = Literal[SameGrade, ChangedGrade]  # of a replay

BITWISE: Final = "bitwise"
IDENTICAL: Final = "identical"
DRIFT: Final = "drift"
FLIP: Final = "flip"
RETOKENIZED: Final = "retokenized"
RECONFIGURED: Final = "reconfigured"
SAME: Tuple[SameGrade, ...] = (BITWISE, IDENTICAL)
GRADES: Tuple[Grade, ...] = (*SAME, DRIFT, FLIP, RETOKENIZED, RECONFIGURED)

# From best to worst.
MEANING: Mapping[Grade, str] = MappingProxyType(
    {
        "bitwise": "equal to the last bit",
        "identical": "same labels, same function, float32 within the noise floor",
        "drift": "the function computed has changed",
        "flip": "a label differs",
        "retokenized": "token ids differ",
        "reconfigured": "architecture or label fields of the configuration differ",
    }
)


@dataclass(frozen=True)
class Figures:
    """The grade of a replay and its figures; differences are the largest, relative to the scale of their output."""

    grade: Grade
    reason: str
    float64_difference: Optional[float] = None
    native_difference: Optional[float] = None
    labels_changed: int = 0
    first_layer: Optional[str] = None
    accuracy: Optional[float] = None


def judge(
    golden: Golden,
    observation: Mapping[str, Any],
    *,
    float64_tolerance: float = FLOAT64_TOLERANCE,
    noise_tolerance: float = NOISE_TOLERANCE,
) -> Figures:
    """Return the grade of one replay (docs/grades.md) with its figures; the worst finding decides.

    `observation` is the answer of a worker's `replay` task: token_ids, predictions, float64_predictions, layers,
    architecture, labels, inputs.
    `float64_tolerance` bounds float64 replays, in units of the output's scale; replays in the model's own precision
    may differ by `noise_tolerance` times the golden's noise floor.
    """
    native_difference, float64_difference, changed = 0.0, 0.0, labels.Changes(0, 0, 0)
    equal_bits, noisy, masks = True, "", labels.masks(golden)
    for name in sorted(golden.predictions):
        seen_native = array_of(observation["predictions"], name, golden.predictions[name].dtype)
        seen_float64 = array_of(observation["float64_predictions"], name, np.dtype(np.float64))
        moved = difference(seen_native, golden.predictions[name], golden.float64_predictions[name])
        native_difference = max(native_difference, moved)
        floor = noise_tolerance * golden.noise[name]
        if moved > floor:
            noisy = "{}: {:.1e} of the scale in single precision, noise is {:.1e}".format(name, moved, floor)
        recorded = golden.float64_predictions[name]
        float64_difference = max(float64_difference, difference(seen_float64, recorded, recorded))
        equal_bits = (
            equal_bits
            and _equal_bits(seen_native, golden.predictions[name])
            and _equal_bits(seen_float64, golden.float64_predictions[name])
        )
        of_output = labels.changes(recorded, seen_native, floor, golden.tasks.get(name), masks.get(name))
        changed = labels.Changes(*(a + b for a, b in zip(changed, of_output)))
    first = _first_layer(golden.layers, observation["layers"], float64_tolerance)
    grade: Grade = IDENTICAL
    reason = "same labels, same function: {:.1e} of the scale in float64".format(float64_difference)
    contract, tokens = _contract(golden, observation), _tokens(golden, observation)
    if contract:
        grade, reason = RECONFIGURED, contract
    elif tokens:
        grade, reason = RETOKENIZED, tokens
    elif changed.flips:
        grade, reason = FLIP, "{} of {} labels changed".format(changed.flips, changed.labels)
    elif float64_difference > float64_tolerance:
        where = ", first in {}".format(first) if first else ""
        grade, reason = (
            DRIFT,
            "the function changed: {:.1e} of the scale in float64{}".format(float64_difference, where),
        )
    elif first:
        grade, reason = DRIFT, "the function changed in {}, which these predictions hide".format(first)
    elif noisy:
        grade, reason = DRIFT, noisy
    elif equal_bits:
        grade, reason = BITWISE, "equal to the last bit"
    elif changed.ties:
        reason += ", {} ties fell the other way".format(changed.ties)
    return Figures(
        grade=grade,
        reason=reason,
        float64_difference=float64_difference,
        native_difference=native_difference,
        labels_changed=changed.flips,
        first_layer=first if grade not in SAME else None,
        accuracy=_accuracy(golden, observation),
    )


def _first_layer(wanted: Tuple[Fingerprint, ...], found: Any, bound: float) -> Optional[str]:
    seen: Dict[str, Any] = dict(found)
    for name, values in wanted:
        other = np.asarray(seen.get(name, [np.nan]), np.float64)
        if difference(other, np.asarray(values), np.asarray(values)) > bound:
            return name
    return None


def _accuracy(golden: Golden, observation: Mapping[str, Any]) -> Optional[float]:
    seen = observation["predictions"]
    return labels.accuracy(golden, {n: array_of(seen, n, array.dtype) for n, array in golden.predictions.items()})


def _contract(golden: Golden, observation: Mapping[str, Any]) -> str:
    """Return what differs from the saved model: labels and inputs by name, everything else by its file; "" if equal."""
    if list(golden.labels) != observation["labels"]:
        return "labels are not what was saved: {} for {}".format(observation["labels"], list(golden.labels))
    saved = [[*facts, list(shape)] for *facts, shape in golden.inputs]
    for found, wanted in zip_longest(observation["inputs"], saved):
        if found != wanted:
            name = (wanted or found)[0]
            return "{} is not what was saved: {} for {}".format(name, found or "no input", wanted or "no input")
    seen = observation["architecture"]
    different = sorted(p for p in set(seen) | set(golden.architecture) if seen.get(p) != golden.architecture.get(p))
    return "{} is not what was saved".format(different[0]) if different else ""


def _tokens(golden: Golden, observation: Mapping[str, Any]) -> str:
    for name in sorted(set(golden.token_ids) | set(observation["token_ids"])):
        wanted, seen = (np.asarray(ids.get(name, [])) for ids in (golden.token_ids, observation["token_ids"]))
        if seen.shape != wanted.shape:
            return "{}: token ids of shape {} became {}".format(name, wanted.shape, seen.shape)
        rows = np.flatnonzero((seen != wanted).any(axis=tuple(range(1, wanted.ndim))))
        if rows.size:
            return "{}: token ids of {} examples differ, example {} first".format(name, rows.size, rows[0])
    return ""


def _equal_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == np.ascontiguousarray(b).tobytes()
