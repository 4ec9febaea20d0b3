"""Differences of predictions, relative to the scale of an output, and the noise floor. NumPy only."""

from dataclasses import replace
from typing import Any, Dict, Iterable, Mapping, Tuple

import numpy as np

from bert_bundle.format.golden import Golden

FLOAT64_TOLERANCE = 5e-7  # of the output's scale
NOISE_TOLERANCE = 1.0  # times the noise floor of a bundle
NOISE_MARGIN = 8.0  # releases differ by up to 24 sULP where one release differs from float64 by 3 (docs/facts.md)
_UNITS = 32  # in the last place of an output's scale: the smallest noise floor
_LAST_PLACE = {"float16": 2.0**-10, "bfloat16": 2.0**-7}  # of 1, in IEEE 754 and bfloat16
LEAST_NOISE = _UNITS * 2.0**-23  # in float32


def least_noise(policies: Iterable[str]) -> float:
    """Return 32 units in the last place of the narrowest dtype that layers with these dtype policies compute in.

    The float16 results of one release predict little about another's: a classifier in half precision is graded by its
    float64 replay.
    """
    return max((_UNITS * _LAST_PLACE.get(policy.replace("mixed_", ""), 2.0**-23) for policy in policies), default=0.0)


def noise_floor(measured: Iterable[float], least: float = LEAST_NOISE) -> float:
    """Return how far replays of an output in its own precision may differ, relative to its scale.

    Eight times the largest difference `measured`, and at least `least`. Differences that are not finite are ignored:
    they were measured where there is no scale.
    """
    return max([least, *(NOISE_MARGIN * moved for moved in measured if np.isfinite(moved))])


def with_measured_noise(golden: Golden, measured: Mapping[str, Mapping[str, float]]) -> Golden:
    """Return the golden with these measurements added, and its noise floors raised where they ask for it."""
    floors = {
        name: noise_floor([moved[name] for moved in measured.values()], least) for name, least in golden.noise.items()
    }
    return replace(golden, noise=floors, measured={**golden.measured, **measured})


def native_differences(golden: Golden, seen: Mapping[str, object]) -> Dict[str, float]:
    """Return output name -> difference of predictions in the model's own precision (nested lists) from the golden."""
    return {
        name: difference(array_of(seen, name, recorded.dtype), recorded, golden.float64_predictions[name])
        for name, recorded in golden.predictions.items()
    }


def scale(output: np.ndarray) -> float:
    """Return the largest finite magnitude of an output (an element near zero is not a usable reference)."""
    finite = np.abs(output[np.isfinite(output)])
    return float(finite.max()) if finite.size and finite.max() > 0 else 1.0


def difference(a: np.ndarray, b: np.ndarray, of: np.ndarray) -> float:
    """Return the largest |a - b| relative to the scale of `of`; infinite when shapes, NaNs or infinities differ."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or not np.array_equal(np.isnan(a), np.isnan(b)):
        return float("inf")
    usable = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~usable & ~np.isnan(a)], b[~usable & ~np.isnan(b)]):
        return float("inf")
    return float(np.abs(a[usable] - b[usable]).max() / scale(np.asarray(of, np.float64))) if usable.any() else 0.0


def fingerprint(array: np.ndarray) -> Tuple[float, ...]:
    """Return mean, mean magnitude and five sampled values of a layer's output: small whatever the model's size."""
    flat = np.asarray(array, np.float64).ravel()
    picks = np.linspace(0, flat.size - 1, 5).astype(np.int64)
    return (float(flat.mean()), float(np.abs(flat).mean()), *(float(flat[i]) for i in picks))


def array_of(values: Mapping[str, Any], name: str, dtype: "np.dtype[Any]") -> np.ndarray:
    """Return the array of that name, from nested lists; an empty one where it is missing."""
    return np.asarray(values.get(name, []), dtype)
