"""Observed predictions held against the golden: the grade, and the figures behind it. NumPy alone, runs nothing.

TensorFlow promises no bits across releases. Rounding noise vanishes in float64 and a change of the function does not
(measured over TF 2.4 to 2.21: releases agree to 3.5e-8 in float64, a tanh GELU in place of erf is off by 2e-4), so the
float64 replays decide whether the function is the same, and 5e-7 of the output's scale is a safe line.
"""

from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Dict, Iterable, Mapping, Optional, Tuple

import numpy as np

from .format.golden import Fingerprint, Golden

DOUBLE = 5e-7  # of the output's scale
NOISE = 1.0  # times a bundle's own floor
NOISE_MARGIN = 8.0  # releases differ by up to 24 sULP where one release differs from float64 by 3 (docs/facts.md)
_UNITS = 32  # in the last place, of an output's scale: the least that is allowed for noise
_LAST_PLACE = {"float16": 2.0**-10, "bfloat16": 2.0**-7}  # of 1, as IEEE 754 and bfloat16 have it
NOISE_LEAST = _UNITS * 2.0**-23  # in float32

BITWISE, IDENTICAL, DRIFT, FLIP = "bitwise", "identical", "drift", "flip"
RETOKENIZED, RECONFIGURED = "retokenized", "reconfigured"
GRADES = (BITWISE, IDENTICAL, DRIFT, FLIP, RETOKENIZED, RECONFIGURED)
SAME = (BITWISE, IDENTICAL)


@dataclass(frozen=True)
class Figures:
    """What a replay showed. `double` and `single` are the largest differences over the output's scale."""

    grade: str
    reason: str
    double: Optional[float] = None
    single: Optional[float] = None
    labels_changed: int = 0
    first_layer: Optional[str] = None
    accuracy: Optional[float] = None


def least_noise(policies: Iterable[str]) -> float:
    """32 units in the last place of the narrowest dtype that layers of these policies compute in.

    What one release does to float16 says little of what another does: a classifier in half precision is judged by its
    float64 replay.
    """
    return max((_UNITS * _LAST_PLACE.get(policy.replace("mixed_", ""), 2.0**-23) for policy in policies), default=0.0)


def noise_floor(measured: Iterable[float], least: float = NOISE_LEAST) -> float:
    """How far replays of an output in its own precision may lie apart, over its scale: eight times what was measured.

    At least `least`; what is not finite was measured where there is no scale, and counts for nothing.
    """
    return max([least, *(NOISE_MARGIN * moved for moved in measured if np.isfinite(moved))])


def widened(golden: Golden, measured: Mapping[str, Mapping[str, float]]) -> Golden:
    """The golden with what was `measured` besides, and the noise floors that follow."""
    floors = {
        name: noise_floor([moved[name] for moved in measured.values()], least) for name, least in golden.noise.items()
    }
    return replace(golden, noise=floors, measured={**golden.measured, **measured})


def moved(golden: Golden, seen: Mapping[str, Any]) -> Dict[str, float]:
    """Output name -> how far predictions of the model's own precision (nested lists) are from the recorded ones."""
    return {
        name: difference(_array(seen, name, single.dtype), single, golden.double[name])
        for name, single in golden.single.items()
    }


def scale(double: np.ndarray) -> float:
    """The largest finite magnitude of an output: what differences are measured against (an element near 0 is none)."""
    finite = np.abs(double[np.isfinite(double)])
    return float(finite.max()) if finite.size and finite.max() > 0 else 1.0


def difference(a: np.ndarray, b: np.ndarray, of: np.ndarray) -> float:
    """The largest |a - b| over the scale of `of`; infinite when shapes, NaNs or infinities do not coincide."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or not np.array_equal(np.isnan(a), np.isnan(b)):
        return float("inf")
    usable = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~usable & ~np.isnan(a)], b[~usable & ~np.isnan(b)]):
        return float("inf")
    return float(np.abs(a[usable] - b[usable]).max() / scale(np.asarray(of, np.float64))) if usable.any() else 0.0


def judge(golden: Golden, observation: Mapping[str, Any], *, double: float = DOUBLE, noise: float = NOISE) -> Figures:
    """The grade of one replay (docs/grades.md) with its figures; the worst finding decides.

    `observation` is what a worker's `replay` answers: token_ids, single, double, layers, architecture, labels, inputs.
    `double` bounds float64 replays, in units of the output's scale; `noise` times the golden's own floors float32 ones.
    """
    single_off, double_off, changed, ties = 0.0, 0.0, 0, 0
    bits, noisy = True, ""
    for name in sorted(golden.single):
        seen_single = _array(observation["single"], name, golden.single[name].dtype)
        seen_double = _array(observation["double"], name, np.dtype(np.float64))
        off = difference(seen_single, golden.single[name], golden.double[name])
        single_off = max(single_off, off)
        floor = noise * golden.noise[name]
        if off > floor:
            noisy = "{}: {:.1e} of the scale in single precision, noise is {:.1e}".format(name, off, floor)
        double_off = max(double_off, difference(seen_double, golden.double[name], golden.double[name]))
        bits = bits and _equal_bits(seen_single, golden.single[name]) and _equal_bits(seen_double, golden.double[name])
        flips, tied = _labels(golden.double[name], seen_single, floor)
        changed, ties = changed + flips, ties + tied
    first = _first_layer(golden.layers, observation["layers"], double)
    grade, reason = IDENTICAL, "same labels, same function: {:.1e} of the scale in float64".format(double_off)
    contract, tokens = _contract(golden, observation), _tokens(golden, observation)
    if contract:
        grade, reason = RECONFIGURED, contract
    elif tokens:
        grade, reason = RETOKENIZED, tokens
    elif changed:
        grade, reason = FLIP, "{} of {} labels changed".format(changed, golden.examples)
    elif double_off > double:
        where = ", first in {}".format(first) if first else ""
        grade, reason = DRIFT, "the function changed: {:.1e} of the scale in float64{}".format(double_off, where)
    elif first:
        grade, reason = DRIFT, "the function changed in {}, which these predictions hide".format(first)
    elif noisy:
        grade, reason = DRIFT, noisy
    elif bits:
        grade, reason = BITWISE, "equal to the last bit"
    elif ties:
        reason += ", {} ties fell the other way".format(ties)
    return Figures(
        grade=grade,
        reason=reason,
        double=double_off,
        single=single_off,
        labels_changed=changed,
        first_layer=first if grade not in SAME else None,
        accuracy=_accuracy(golden, observation),
    )


def fingerprint(array: np.ndarray) -> Tuple[float, ...]:
    """Mean, mean magnitude and five sampled values of a layer's output: small whatever the model's size."""
    flat = np.asarray(array, np.float64).ravel()
    picks = np.linspace(0, flat.size - 1, 5).astype(np.int64)
    return (float(flat.mean()), float(np.abs(flat).mean()), *(float(flat[i]) for i in picks))


def _first_layer(wanted: Tuple[Fingerprint, ...], found: Any, bound: float) -> Optional[str]:
    seen: Dict[str, Any] = dict(found)
    for name, values in wanted:
        other = np.asarray(seen.get(name, [np.nan]), np.float64)
        if difference(other, np.asarray(values), np.asarray(values)) > bound:
            return name
    return None


def _labels(wanted: np.ndarray, seen: np.ndarray, floor: float) -> Tuple[int, int]:
    """(labels changed, ties within the noise that fell the other way) of one output with classes."""
    wanted, seen = np.asarray(wanted, np.float64), np.asarray(seen, np.float64)
    if wanted.ndim < 2 or seen.shape != wanted.shape or not np.isfinite(wanted).all():
        return 0, 0
    if wanted.shape[-1] == 1:
        if wanted.min() < 0 or wanted.max() > 1:
            return 0, 0
        wanted, seen = np.concatenate([1 - wanted, wanted], -1), np.concatenate([1 - seen, seen], -1)
    before, after = wanted.argmax(-1), np.where(np.isfinite(seen), seen, -np.inf).argmax(-1)
    moved = before != after
    margin = np.take_along_axis(wanted, before[..., None], -1) - np.take_along_axis(wanted, after[..., None], -1)
    tied = moved & (margin[..., 0] <= 2 * floor * scale(wanted))
    return int((moved & ~tied).sum()), int(tied.sum())


def labels(values: np.ndarray) -> Optional[np.ndarray]:
    """The label of each row, as its position: the largest of the last axis, of one column whether it is above 0.5.

    None for an output of one axis, and for single columns beyond 0 and 1, which have no labels.
    """
    values = np.asarray(values, np.float64)
    if values.ndim < 2 or (values.shape[-1] == 1 and (values.min() < 0 or values.max() > 1)):
        return None
    found: np.ndarray = values.argmax(-1) if values.shape[-1] > 1 else (values[..., 0] > 0.5).astype(np.int64)
    return found


def _accuracy(golden: Golden, observation: Mapping[str, Any]) -> Optional[float]:
    if golden.answers is None or len(golden.single) != 1:
        return None
    name = next(iter(golden.single))
    seen = _array(observation["single"], name, golden.single[name].dtype)
    found = labels(seen) if seen.ndim == 2 else None
    return None if found is None else float((found == golden.answers).mean())


def _contract(golden: Golden, observation: Mapping[str, Any]) -> str:
    """What the reader has otherwise than it was saved: labels and inputs by name, the rest by its file."""
    if list(golden.labels) != observation["labels"]:
        return "labels are not what was saved: {} for {}".format(observation["labels"], list(golden.labels))
    saved = [[*facts, list(shape)] for *facts, shape in golden.inputs]
    for there, was in zip_longest(observation["inputs"], saved):
        if there != was:
            name = (was or there)[0]
            return "{} is not what was saved: {} for {}".format(name, there or "no input", was or "no input")
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


def _array(values: Mapping[str, Any], name: str, dtype: "np.dtype[Any]") -> np.ndarray:
    return np.asarray(values.get(name, []), dtype)


def _equal_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == np.ascontiguousarray(b).tobytes()
