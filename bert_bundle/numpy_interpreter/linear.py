"""Products of matrices, convolutions, pooling and batch normalization."""

from typing import Any, Dict, Tuple

import numpy as np

from bert_bundle.numpy_interpreter.interpreter import Rule


def _matmul(a: str, b: str) -> Rule:
    def rule(interpreter: Any, node: Any, x: Any) -> Any:
        left = np.swapaxes(x[0], -1, -2) if node.attribute(a) else x[0]
        right = np.swapaxes(x[1], -1, -2) if node.attribute(b) else x[1]
        return [np.matmul(left, right)]

    return rule


def _einsum(interpreter: Any, node: Any, x: Any) -> Any:
    return [np.einsum(node.attribute("equation"), *x, optimize=True)]


def _padded(x: np.ndarray, window: Tuple[int, ...], steps: Tuple[int, ...], padding: str, value: float) -> np.ndarray:
    """Pad the axes between rows and channels as TensorFlow's `SAME` does: one more at the end where it is odd."""
    if padding == "VALID":
        return x
    if padding != "SAME":
        raise ValueError("padding " + padding)
    widths = [(0, 0)]
    for size, span, step in zip(x.shape[1:-1], window, steps):
        whole = max((-(-size // step) - 1) * step + span - size, 0)
        widths.append((whole // 2, whole - whole // 2))
    return np.pad(x, [*widths, (0, 0)], constant_values=value)


def _windows(x: np.ndarray, span: Tuple[int, ...], steps: Tuple[int, ...], rates: Tuple[int, ...]) -> np.ndarray:
    """Return (rows, positions..., channels, window...) of what each position of a sliding window sees."""
    sizes = [
        (size - (wide - 1) * rate - 1) // step + 1 for size, wide, rate, step in zip(x.shape[1:-1], span, rates, steps)
    ]
    if min(sizes) < 1:
        raise ValueError("a window that is wider than what it slides over")
    inside = x.strides[1:-1]
    strides = [
        x.strides[0],
        *(stride * step for stride, step in zip(inside, steps)),
        x.strides[-1],
        *(stride * rate for stride, rate in zip(inside, rates)),
    ]
    shape = (x.shape[0], *sizes, x.shape[-1], *span)
    return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)


def _spatial(values: Any) -> Tuple[int, ...]:
    return tuple(int(value) for value in values)[1:-1]


def _check_layout(node: Any) -> None:
    if node.attribute("data_format") not in ("NHWC", "NDHWC"):
        raise ValueError("data_format " + node.attribute("data_format"))


def _conv(interpreter: Any, node: Any, x: Any) -> Any:
    _check_layout(node)
    span, steps, rates = x[1].shape[:-2], _spatial(node.attribute("strides")), _spatial(node.attribute("dilations"))
    wide = tuple((size - 1) * rate + 1 for size, rate in zip(span, rates))
    seen = _windows(_padded(x[0], wide, steps, node.attribute("padding"), 0), span, steps, rates)
    kernel = np.moveaxis(x[1], -2, 0)  # channels first, as in the windows
    return [np.tensordot(seen, kernel, kernel.ndim - 1)]


def _depthwise_conv(interpreter: Any, node: Any, x: Any) -> Any:
    _check_layout(node)
    span, steps, rates = x[1].shape[:2], _spatial(node.attribute("strides")), _spatial(node.attribute("dilations"))
    wide = tuple((size - 1) * rate + 1 for size, rate in zip(span, rates))
    seen = _windows(_padded(x[0], wide, steps, node.attribute("padding"), 0), span, steps, rates)
    found = np.einsum("nhwcij,ijcm->nhwcm", seen, x[1])
    return [found.reshape((*found.shape[:3], -1))]


def _max_pool(interpreter: Any, node: Any, x: Any) -> Any:
    seen = _pooled(node, x[0], -np.inf)
    return [seen.max(tuple(range(x[0].ndim, seen.ndim)))]


def _average_pool(interpreter: Any, node: Any, x: Any) -> Any:
    """Average what lies inside: the padding does not count."""
    inside = _pooled(node, np.ones_like(x[0]), 0)
    axes = tuple(range(x[0].ndim, inside.ndim))
    return [_pooled(node, x[0], 0).sum(axes) / inside.sum(axes)]


def _pooled(node: Any, x: np.ndarray, value: float) -> np.ndarray:
    _check_layout(node)
    span, steps = _spatial(node.attribute("ksize")), _spatial(node.attribute("strides"))
    return _windows(_padded(x, span, steps, node.attribute("padding"), value), span, steps, (1,) * len(span))


def _batch_norm(interpreter: Any, node: Any, x: Any) -> Any:
    """Normalize each channel: by given statistics, or in training by its own, as Keras' LayerNormalization does."""
    values, scale, offset, mean, variance = x[:5]
    axis = values.ndim - 1 if node.attribute("data_format") in ("NHWC", "NDHWC") else 1
    if node.attribute("is_training"):
        others = tuple(other for other in range(values.ndim) if other != axis)
        mean, variance = values.mean(others), values.var(others)
    along = [size if position == axis else 1 for position, size in enumerate(values.shape)]
    factor = scale / np.sqrt(variance + np.asarray(node.attribute("epsilon"), variance.dtype))
    normalized = (values - mean.reshape(along)) * factor.reshape(along) + offset.reshape(along)
    return [normalized, mean, variance, mean, variance, mean]


RULES: Dict[str, Rule] = {
    "AvgPool": _average_pool,
    "BatchMatMul": _matmul("adj_x", "adj_y"),
    "BatchMatMulV2": _matmul("adj_x", "adj_y"),
    "BatchMatMulV3": _matmul("adj_x", "adj_y"),
    "Conv2D": _conv,
    "Conv3D": _conv,
    "DepthwiseConv2dNative": _depthwise_conv,
    "Einsum": _einsum,
    "FusedBatchNormV3": _batch_norm,
    "MatMul": _matmul("transpose_a", "transpose_b"),
    "MaxPool": _max_pool,
}
