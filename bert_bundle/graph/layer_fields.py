"""One field of a layer: its canonical form, and the kind of value that it may hold.

Does not know: which fields a layer has.
"""

import math
from typing import Any, Callable, Dict, FrozenSet, Mapping

from bert_bundle.errors import FormatError, ModelError

ACTIVATIONS: FrozenSet[str] = frozenset(
    "elu exponential gelu linear relu selu sigmoid silu softmax softplus softsign swish tanh".split()
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
_INITIALIZER_DEFAULTS: Mapping[str, object] = {
    "seed": None,
    "gain": 1.0,
    "mean": 0.0,
    "stddev": 0.05,
    "minval": -0.05,
    "maxval": 0.05,
    "value": 0.0,
}
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
_LIMIT = 1 << 31  # of sizes and axes


def canonical(name: str, value: object, place: str) -> object:
    """Return the value of field `name` as Keras 3 writes it. Raises ModelError if a bundle cannot represent it."""
    if value is None:
        return None
    if name == "activation" or name.endswith("_activation"):
        return _activation(value, place)
    for ending, table in (
        ("_initializer", INITIALIZERS),
        ("_regularizer", REGULARIZERS),
        ("_constraint", CONSTRAINTS),
    ):
        if name.endswith(ending):
            return _canonical_object(value, table, place)
    return plain(value, place)


def check(class_name: str, name: str, value: object, default: object, place: str) -> None:
    """Raise FormatError unless `canonical` could have returned `value` for this field of this class."""
    kind = _KINDS.get(class_name + "." + name) or _KINDS.get(name)
    if kind is not None and not kind(value) and (value is not None or default is not None):
        raise FormatError("a layer's field is malformed", place=place, found=value)
    try:
        wanted = canonical(name, as_keras(value), place)
    except ModelError as error:
        raise FormatError(error.message, place=place, found=error.found) from None
    if wanted != value:
        raise FormatError("a layer's field is not in canonical form", place=place, wanted=wanted, found=value)


def as_keras(value: object) -> object:
    """Return a stored value as every Keras reads it: objects have `class_name`, `silu` is `swish` as in Keras 2."""
    if isinstance(value, dict) and set(value) == {"class", "config"}:
        return {"class_name": value["class"], "config": value["config"]}
    return "swish" if isinstance(value, str) and value == "silu" else value


def _activation(value: object, place: str) -> str:
    if isinstance(value, str) and value in ACTIVATIONS:
        return {"swish": "silu"}.get(value, value)
    if value == "hard_sigmoid":
        raise ModelError(
            "an activation that Keras 2 and Keras 3 define differently",
            place=place,
            wanted="an activation that Keras 2 and Keras 3 define alike",
            found=value,
            fix="Keras 2 has clip(0.2 * x + 0.5, 0, 1), Keras 3 clip(x / 6 + 0.5, 0, 1): write yours with tensor ops",
        )
    raise ModelError(
        "an activation that a bundle cannot represent",
        place=place,
        wanted=", ".join(sorted(ACTIVATIONS)),
        found=value,
        fix="use a Keras activation, or apply the function with tensor ops",
    )


def _is_size(value: object) -> bool:
    return type(value) is int and 0 < value < _LIMIT


def _is_sizes(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_size, value))


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def _is_numbers(value: object) -> bool:
    return all(map(_is_numbers, value)) if isinstance(value, list) else _is_number(value)


def _is_fraction(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_axes(value: object) -> bool:
    items = value if isinstance(value, list) else [value]
    return all(item is None or (type(item) is int and abs(item) < _LIMIT) for item in items)


def _is_widths(value: object) -> bool:
    """Return whether `value` is integers from 0, nested like the padding or cropping of one or two axes."""
    return all(map(_is_widths, value)) if isinstance(value, list) else type(value) is int and 0 <= value < _LIMIT


def _is_string(value: object) -> bool:
    return isinstance(value, str) and len(value) < 200


def _is_table(value: object) -> bool:
    """Return whether `value` is [key, number] pairs, the keys distinct and all strings or all integers."""
    if not isinstance(value, list) or not value or not all(isinstance(p, list) and len(p) == 2 for p in value):
        return False
    keys = [key for key, _ in value]
    is_text, is_whole = all(type(key) is str for key in keys), all(_is_int64(key) for key in keys)
    return (is_text or is_whole) and len({*keys}) == len(keys) and all(_is_number_of_key(n) for _, n in value)


def _is_int64(value: object) -> bool:
    return type(value) is int and -(1 << 63) <= value < 1 << 63


def _is_number_of_key(value: object) -> bool:
    """Return whether `value` is what a table has for a key; -1 is what counts leave out."""
    return type(value) is int and -1 <= value < _LIMIT


def _is_salt(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(v) is int and 0 <= v < 1 << 64 for v in value)


# The kind of value that each field takes, by its name or by "Class.field".
_KINDS: Mapping[str, Callable[[object], bool]] = {
    **dict.fromkeys(("units", "input_dim", "output_dim", "n", "filters", "groups", "depth_multiplier"), _is_size),
    **dict.fromkeys(("num_heads", "key_dim", "value_dim"), _is_size),
    **dict.fromkeys(("kernel_size", "strides", "dilation_rate", "pool_size", "shape"), _is_sizes),
    **dict.fromkeys(("stddev", "epsilon", "alpha", "l1", "l2", "negative_slope", "threshold"), _is_number),
    **dict.fromkeys(("max_value", "mask_value"), _is_number),
    **dict.fromkeys(("offset", "mean", "variance", "Rescaling.scale"), _is_numbers),
    **dict.fromkeys(("rate", "momentum", "dropout", "recurrent_dropout"), _is_fraction),
    **dict.fromkeys(("use_bias", "center", "scale", "normalize", "mask_zero", "keepdims", "use_scale"), _is_flag),
    **dict.fromkeys(("return_sequences", "return_state", "go_backwards", "unroll", "zero_output_for_mask"), _is_flag),
    **dict.fromkeys(("unit_forget_bias", "reset_after", "invert"), _is_flag),
    **dict.fromkeys(("axis", "axes", "dims", "target_shape", "noise_shape", "seed"), _is_axes),
    **dict.fromkeys(("shared_axes", "attention_axes", "output_shape"), _is_axes),
    **dict.fromkeys(("cropping", "size", "ZeroPadding1D.padding", "ZeroPadding2D.padding"), _is_widths),
    **dict.fromkeys(("equation", "bias_axes"), _is_string),
    **dict.fromkeys(("buckets", "num_bins", "length"), _is_size),
    "Hashing.mask_value": lambda value: _is_int64(value) or _is_string(value),
    "bin_boundaries": lambda value: isinstance(value, list) and bool(value) and all(map(_is_number, value)),
    "default": _is_number_of_key,
    "filling": lambda value: type(value) is int and value in (0, -1),
    "ngrams": _is_sizes,
    "right": _is_flag,
    "salt": _is_salt,
    "split": ("whitespace", "character").__contains__,
    "standardize": ("lower", "strip_punctuation", "lower_and_strip_punctuation").__contains__,
    "table": _is_table,
    "data_format": ("channels_last", "channels_first").__contains__,
    "interpolation": ("area", "bicubic", "bilinear", "gaussian", "lanczos3", "lanczos5", "nearest").__contains__,
    "merge_mode": ("sum", "mul", "concat", "ave", None).__contains__,
    "padding": ("valid", "same", "causal").__contains__,
    "score_mode": ("dot", "concat").__contains__,
}


def canonical_object(value: Mapping[str, object], place: str) -> Dict[str, object]:
    """Return a serialized initializer, regularizer or constraint of Keras. Raises ModelError for any other object."""
    tables = (INITIALIZERS, REGULARIZERS, CONSTRAINTS)
    name = value.get("class_name")
    table = next((known for known in tables if isinstance(name, str) and name in known), None)
    return _canonical_object(value, table or {k: v for known in tables for k, v in known.items()}, place)


def _canonical_object(value: object, table: Mapping[str, FrozenSet[str]], place: str) -> Dict[str, object]:
    class_name = value.get("class_name") if isinstance(value, dict) else None
    config = value.get("config") if isinstance(value, dict) else None
    class_name = "Orthogonal" if class_name == "OrthogonalInitializer" else class_name  # its name in Keras 3.4
    if not isinstance(class_name, str) or class_name not in table or not isinstance(config, dict):
        raise ModelError(
            "an initializer, regularizer or constraint that a bundle cannot represent",
            place=place,
            wanted=", ".join(sorted(table)),
            found=class_name or type(value).__name__,
            fix="use one that Keras provides",
        )
    kept = {k: plain(v, place) for k, v in config.items() if k in table[class_name]}
    if table is INITIALIZERS:
        kept = {k: v for k, v in kept.items() if v != _INITIALIZER_DEFAULTS.get(k, ...)}
    return {"class": class_name, "config": kept}


def plain(value: Any, place: str) -> Any:
    """Return `value` as JSON data: Python scalars and lists, float32 values as their shortest decimal."""
    import numpy as np

    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        if not math.isfinite(value):
            raise ModelError("a number that is NaN or infinity", place=place, found=value, fix="use a finite number")
        with np.errstate(over="ignore"):
            narrow = np.float32(value)
        return float(str(narrow)) if float(narrow) == float(value) else float(value)
    if isinstance(value, (list, tuple)):
        return [plain(item, place) for item in value]
    if hasattr(value, "tolist"):
        listed = value.tolist()  # a bfloat16 scalar returns itself
        return plain(float(listed) if type(listed) is type(value) else listed, place)
    raise ModelError(
        "a value that is not plain data", place=place, wanted="numbers, strings, lists", found=type(value).__name__
    )
