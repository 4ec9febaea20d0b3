"""The closed vocabulary of layers: every layer class a graph may name, and the fields of each; builds nothing.

Names, fields and defaults are those of Keras 3 (keras.io/api/layers), which Keras 2 shares for these classes. A field
that has its default is left out of a graph, so that releases which add or drop fields write the same bytes.
"""

import math
from typing import Any, Callable, Dict, FrozenSet, Mapping

from ..errors import FormatError, ModelError

REQUIRED = object()  # a field without a default

GLOROT = {"class": "GlorotUniform", "config": {}}
ORTHOGONAL = {"class": "Orthogonal", "config": {}}
UNIFORM = {"class": "RandomUniform", "config": {}}
ONES = {"class": "Ones", "config": {}}
ZEROS = {"class": "Zeros", "config": {}}

_KERNEL = {
    "kernel_initializer": GLOROT,
    "bias_initializer": ZEROS,
    "kernel_regularizer": None,
    "bias_regularizer": None,
    "kernel_constraint": None,
    "bias_constraint": None,
}
_ACTIVE = {"activation": "linear", "use_bias": True, "activity_regularizer": None, **_KERNEL}
_NORM = {
    "epsilon": 0.001,
    "center": True,
    "scale": True,
    "beta_initializer": ZEROS,
    "gamma_initializer": ONES,
    "beta_regularizer": None,
    "gamma_regularizer": None,
    "beta_constraint": None,
    "gamma_constraint": None,
}
_POOL_1D = {"keepdims": False, "data_format": "channels_last"}

LAYERS: Mapping[str, Mapping[str, Any]] = {
    "Activation": {"activation": REQUIRED},
    "ActivityRegularization": {"l1": 0.0, "l2": 0.0},
    "Add": {},
    "Average": {},
    "BatchNormalization": {
        **_NORM,
        "axis": -1,
        "momentum": 0.99,
        "moving_mean_initializer": ZEROS,
        "moving_variance_initializer": ONES,
    },
    "Concatenate": {"axis": -1},
    "Dense": {"units": REQUIRED, **_ACTIVE},
    "Dot": {"axes": REQUIRED, "normalize": False},
    "Dropout": {"rate": REQUIRED, "noise_shape": None, "seed": None},
    "ELU": {"alpha": 1.0},
    "Embedding": {
        "input_dim": REQUIRED,
        "output_dim": REQUIRED,
        "embeddings_initializer": UNIFORM,
        "embeddings_regularizer": None,
        "embeddings_constraint": None,
        "activity_regularizer": None,
        "mask_zero": False,
    },
    "Flatten": {"data_format": "channels_last"},
    "GaussianDropout": {"rate": REQUIRED, "seed": None},
    "GaussianNoise": {"stddev": REQUIRED, "seed": None},
    "GlobalAveragePooling1D": _POOL_1D,
    "GlobalMaxPooling1D": _POOL_1D,
    "LayerNormalization": {**_NORM, "axis": -1},
    "Maximum": {},
    "Minimum": {},
    "Multiply": {},
    "Permute": {"dims": REQUIRED},
    "RepeatVector": {"n": REQUIRED},
    "Reshape": {"target_shape": REQUIRED},
    "Softmax": {"axis": -1},
    "SpatialDropout1D": {"rate": REQUIRED, "seed": None},
    "Subtract": {},
    "UnitNormalization": {"axis": -1},
}

ACTIVATIONS: FrozenSet[str] = frozenset(
    "elu exponential gelu hard_sigmoid linear relu selu sigmoid silu softmax softplus softsign swish tanh".split()
)
INITIALIZERS: Mapping[str, FrozenSet[str]] = {
    "Constant": frozenset(["value"]),
    "GlorotNormal": frozenset(["seed"]),
    "GlorotUniform": frozenset(["seed"]),
    "HeNormal": frozenset(["seed"]),
    "HeUniform": frozenset(["seed"]),
    "LecunNormal": frozenset(["seed"]),
    "LecunUniform": frozenset(["seed"]),
    "Ones": frozenset(),
    "Orthogonal": frozenset(["gain", "seed"]),
    "RandomNormal": frozenset(["mean", "stddev", "seed"]),
    "RandomUniform": frozenset(["minval", "maxval", "seed"]),
    "TruncatedNormal": frozenset(["mean", "stddev", "seed"]),
    "VarianceScaling": frozenset(["scale", "mode", "distribution", "seed"]),
    "Zeros": frozenset(),
}
_INITIALIZER_DEFAULTS: Mapping[str, Any] = {
    "seed": None, "gain": 1.0, "mean": 0.0, "stddev": 0.05, "minval": -0.05, "maxval": 0.05, "value": 0.0,
}  # fmt: skip
REGULARIZERS: Mapping[str, FrozenSet[str]] = {
    "L1": frozenset(["l1"]),
    "L2": frozenset(["l2"]),
    "L1L2": frozenset(["l1", "l2"]),
}
CONSTRAINTS: Mapping[str, FrozenSet[str]] = {
    "MaxNorm": frozenset(["max_value", "axis"]),
    "MinMaxNorm": frozenset(["min_value", "max_value", "rate", "axis"]),
    "NonNeg": frozenset(),
    "UnitNorm": frozenset(["axis"]),
}


def _natural(value: Any) -> bool:
    return type(value) is int and 0 < value < 1 << 31


def _number(value: Any) -> bool:
    return type(value) in (int, float)


def _share(value: Any) -> bool:
    return _number(value) and 0 <= value <= 1


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _axes(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return all(item is None or (type(item) is int and abs(item) < 1 << 31) for item in items)


_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("units", "input_dim", "output_dim", "n"), _natural),
    **dict.fromkeys(("stddev", "epsilon", "alpha", "l1", "l2"), _number),
    **dict.fromkeys(("rate", "momentum"), _share),
    **dict.fromkeys(("use_bias", "center", "scale", "normalize", "mask_zero", "keepdims"), _flag),
    **dict.fromkeys(("axis", "axes", "dims", "target_shape", "noise_shape", "seed"), _axes),
    "data_format": ("channels_last", "channels_first").__contains__,
}


def canonical_config(class_name: str, config: Mapping[str, Any], place: str) -> Dict[str, Any]:
    """The fields of a layer's `get_config()` that the vocabulary knows and that differ from their defaults.

    Raises ModelError when the class is not in the vocabulary or a field cannot be represented.
    """
    fields = LAYERS.get(class_name)
    if fields is None:
        raise ModelError(
            "a layer that a bundle cannot represent",
            place=place,
            wanted="one of " + ", ".join(sorted(LAYERS)),
            found=class_name,
            fix="write it with those layers or with tensor ops",
        )
    result = {}
    for name, default in fields.items():
        if name not in config and default is not REQUIRED:  # a field that this release does not have
            continue
        value = _canonical_field(name, config.get(name, REQUIRED), "{} {}".format(place, name))
        if default is REQUIRED or value != default:
            result[name] = value
    return result


def check_config(class_name: str, config: Any, place: str) -> None:
    """Raises FormatError unless `config` is one that `canonical_config` could have written."""
    fields = LAYERS.get(class_name)
    if fields is None:
        raise FormatError("a layer outside the vocabulary", place=place, found=class_name)
    if not isinstance(config, dict) or set(config) - set(fields):
        raise FormatError("a layer's configuration has unknown fields", place=place, wanted=", ".join(sorted(fields)))
    missing = [name for name, default in fields.items() if default is REQUIRED and name not in config]
    if missing:
        raise FormatError("a layer's configuration lacks a field", place=place, wanted=missing[0])
    for name, value in config.items():
        where = "{}/{}".format(place, name)
        if name in _CHECKS and not _CHECKS[name](value) and (value is not None or fields[name] is not None):
            raise FormatError("a layer's field is malformed", place=where, found=value)
        try:
            again = _canonical_field(name, _as_keras(value), where)
        except ModelError as error:
            raise FormatError(error.message, place=where, found=error.found) from None
        if again != value or value == fields[name]:  # a default is left out
            raise FormatError("a layer's field is not in canonical form", place=where, wanted=again, found=value)


def keras_config(config: Mapping[str, Any]) -> Dict[str, Any]:
    """`config` with initializers, regularizers and constraints in the form that Keras 2 reads."""
    return {name: _as_keras(value) for name, value in config.items()}


def _as_keras(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"class", "config"}:
        return {"class_name": value["class"], "config": value["config"]}
    return value


def _canonical_field(name: str, value: Any, place: str) -> Any:
    if value is None:
        return None
    if name == "activation" or name.endswith("_activation"):
        if isinstance(value, str) and value in ACTIVATIONS:
            return {"swish": "silu"}.get(value, value)
        raise ModelError(
            "an activation that a bundle cannot represent",
            place=place,
            wanted=", ".join(sorted(ACTIVATIONS)),
            found=value,
            fix="name a Keras activation, or apply the function as a tensor op",
        )
    for ending, table in (
        ("_initializer", INITIALIZERS),
        ("_regularizer", REGULARIZERS),
        ("_constraint", CONSTRAINTS),
    ):
        if name.endswith(ending):
            return _canonical_object(value, table, place)
    return plain(value, place)


def _canonical_object(value: Any, table: Mapping[str, FrozenSet[str]], place: str) -> Dict[str, Any]:
    class_name = value.get("class_name") if isinstance(value, dict) else None
    config = value.get("config") if isinstance(value, dict) else None
    if not isinstance(class_name, str) or class_name not in table or not isinstance(config, dict):
        raise ModelError(
            "an initializer, regularizer or constraint that a bundle cannot represent",
            place=place,
            wanted=", ".join(sorted(table)),
            found=class_name or type(value).__name__,
            fix="use one of Keras' own",
        )
    kept = {k: plain(v, place) for k, v in config.items() if k in table[class_name]}
    if table is INITIALIZERS:
        kept = {k: v for k, v in kept.items() if v != _INITIALIZER_DEFAULTS.get(k, REQUIRED)}
    return {"class": class_name, "config": kept}


def plain(value: Any, place: str) -> Any:
    """`value` as JSON data: NumPy scalars become Python's, tuples lists, float32 values their shortest decimal."""
    import numpy as np

    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        if not math.isfinite(value):
            raise ModelError("a number that JSON does not have", place=place, found=value, fix="use a finite number")
        with np.errstate(over="ignore"):
            narrow = np.float32(value)
        return float(str(narrow)) if float(narrow) == float(value) else float(value)
    if isinstance(value, (list, tuple)):
        return [plain(item, place) for item in value]
    if hasattr(value, "tolist"):
        listed = value.tolist()  # a bfloat16 scalar answers with itself
        return plain(float(listed) if type(listed) is type(value) else listed, place)
    raise ModelError(
        "a value that is no plain data", place=place, wanted="numbers, text, lists", found=type(value).__name__
    )
