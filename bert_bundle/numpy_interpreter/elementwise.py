"""The ops that compute element by element, and those that reduce axes."""

from typing import Any, Callable, Dict

import numpy as np

from bert_bundle.numpy_interpreter.erf import erf
from bert_bundle.numpy_interpreter.interpreter import Rule


def _unary(function: Callable[[Any], Any]) -> Rule:
    return lambda interpreter, node, x: [function(x[0])]


def _binary(function: Callable[[Any, Any], Any]) -> Rule:
    return lambda interpreter, node, x: [function(x[0], x[1])]


def _sigmoid(x: Any) -> Any:
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x)))).astype(x.dtype)


def _softmax(x: Any) -> Any:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _log_softmax(x: Any) -> Any:
    moved = x - x.max(-1, keepdims=True)
    return moved - np.log(np.exp(moved).sum(-1, keepdims=True))


def _elu(x: Any) -> Any:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # arXiv 1706.02515, equation 14


def _selu(x: Any) -> Any:
    return (_SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0)))).astype(x.dtype)


def _divide(x: Any, y: Any) -> Any:
    """Divide as TensorFlow does: integers towards zero."""
    if x.dtype.kind in "iu":
        return np.trunc(x / y).astype(x.dtype)
    return x / y


def _divide_no_nan(x: Any, y: Any) -> Any:
    return np.where(y == 0, np.zeros((), x.dtype), x / np.where(y == 0, np.ones((), y.dtype), y))


def _cast(interpreter: Any, node: Any, x: Any) -> Any:
    return [x[0].astype(interpreter.dtype(node.attribute("DstT")))]


def _where(interpreter: Any, node: Any, x: Any) -> Any:
    """Choose by a condition; of the older op `Select` a condition of one axis chooses rows."""
    condition = x[0]
    if node.kind == "Select" and condition.ndim == 1 and x[1].ndim > 1:
        condition = condition.reshape(condition.shape + (1,) * (x[1].ndim - 1))
    return [np.where(condition, x[1], x[2])]


def _reduced(function: Callable[..., Any]) -> Rule:
    def rule(interpreter: Any, node: Any, x: Any) -> Any:
        axes = tuple(int(axis) for axis in np.ravel(x[1]))
        return [np.asarray(function(x[0], axis=axes, keepdims=node.attribute("keep_dims"))).astype(x[0].dtype)]

    return rule


def _mean(x: Any, axis: Any, keepdims: bool) -> Any:
    return x.sum(axis=axis, keepdims=keepdims) / np.asarray(np.prod([x.shape[a] for a in axis]), x.dtype)


def _arg(function: Callable[..., Any]) -> Rule:
    return lambda i, node, x: [function(x[0], axis=int(x[1])).astype(node.attribute("output_type"))]


def _cumsum(interpreter: Any, node: Any, x: Any) -> Any:
    axis = int(x[1])
    values = np.flip(x[0], axis) if node.attribute("reverse") else x[0]
    sums = np.cumsum(values, axis=axis, dtype=x[0].dtype)
    if node.attribute("exclusive"):
        sums = sums - values
    return [np.flip(sums, axis) if node.attribute("reverse") else sums]


RULES: Dict[str, Rule] = {
    "Abs": _unary(np.abs),
    "Acos": _unary(np.arccos),
    "Asin": _unary(np.arcsin),
    "Atan": _unary(np.arctan),
    "Ceil": _unary(np.ceil),
    "Cos": _unary(np.cos),
    "Cosh": _unary(np.cosh),
    "Elu": _unary(_elu),
    "Erf": _unary(erf),
    "Erfc": _unary(lambda x: (1 - erf(x.astype(np.float64))).astype(x.dtype)),
    "Exp": _unary(np.exp),
    "Expm1": _unary(np.expm1),
    "Floor": _unary(np.floor),
    "Inv": _unary(np.reciprocal),
    "IsFinite": _unary(np.isfinite),
    "IsInf": _unary(np.isinf),
    "IsNan": _unary(np.isnan),
    "LeakyRelu": lambda i, node, x: [np.where(x[0] > 0, x[0], x[0] * np.asarray(node.attribute("alpha"), x[0].dtype))],
    "Log": _unary(np.log),
    "Log1p": _unary(np.log1p),
    "LogSoftmax": _unary(_log_softmax),
    "LogicalNot": _unary(np.logical_not),
    "Neg": _unary(np.negative),
    "OnesLike": _unary(np.ones_like),
    "Reciprocal": _unary(np.reciprocal),
    "Relu": _unary(lambda x: np.maximum(x, np.zeros((), x.dtype))),
    "Relu6": _unary(lambda x: np.clip(x, np.zeros((), x.dtype), np.asarray(6, x.dtype))),
    "Rint": _unary(np.rint),
    "Round": _unary(np.rint),
    "Rsqrt": _unary(lambda x: 1 / np.sqrt(x)),
    "Selu": _unary(_selu),
    "Sigmoid": _unary(_sigmoid),
    "Sign": _unary(np.sign),
    "Sin": _unary(np.sin),
    "Sinh": _unary(np.sinh),
    "Softmax": _unary(_softmax),
    "Softplus": _unary(lambda x: np.logaddexp(x, np.zeros((), x.dtype))),
    "Softsign": _unary(lambda x: x / (1 + np.abs(x))),
    "Sqrt": _unary(np.sqrt),
    "Square": _unary(np.square),
    "Tan": _unary(np.tan),
    "Tanh": _unary(np.tanh),
    "ZerosLike": _unary(np.zeros_like),
    "Add": _binary(np.add),
    "AddV2": _binary(np.add),
    "Atan2": _binary(np.arctan2),
    "BiasAdd": _binary(np.add),
    "Div": _binary(_divide),
    "DivNoNan": _binary(_divide_no_nan),
    "Equal": _binary(np.equal),
    "FloorDiv": _binary(np.floor_divide),
    "FloorMod": _binary(np.mod),
    "Greater": _binary(np.greater),
    "GreaterEqual": _binary(np.greater_equal),
    "Less": _binary(np.less),
    "LessEqual": _binary(np.less_equal),
    "LogicalAnd": _binary(np.logical_and),
    "LogicalOr": _binary(np.logical_or),
    "Maximum": _binary(np.maximum),
    "Minimum": _binary(np.minimum),
    "Mod": _binary(np.fmod),
    "Mul": _binary(np.multiply),
    "MulNoNan": _binary(lambda x, y: np.where(y == 0, np.zeros((), x.dtype), x * y)),
    "NotEqual": _binary(np.not_equal),
    "Pow": _binary(np.power),
    "RealDiv": _binary(np.divide),
    "SquaredDifference": _binary(lambda x, y: np.square(x - y)),
    "Sub": _binary(np.subtract),
    "TruncateDiv": _binary(_divide),
    "TruncateMod": _binary(np.fmod),
    "Cast": _cast,
    "ClipByValue": lambda i, node, x: [np.clip(x[0], x[1], x[2])],
    "L2Loss": _unary(lambda x: (np.square(x).sum() / 2).astype(x.dtype)),
    "AddN": lambda i, node, x: [sum(x[1:], x[0])],
    "Select": _where,
    "SelectV2": _where,
    "All": _reduced(np.all),
    "Any": _reduced(np.any),
    "Max": _reduced(np.max),
    "Mean": _reduced(_mean),
    "Min": _reduced(np.min),
    "Prod": _reduced(np.prod),
    "Sum": _reduced(np.sum),
    "ArgMax": _arg(np.argmax),
    "ArgMin": _arg(np.argmin),
    "Cumsum": _cumsum,
}
