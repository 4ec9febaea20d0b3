"""Ops of the vocabulary that keras.ops lacks, in some release or in all, as operations of Keras 3; knows no graphs.

A class is named as its op is: that is how a capture knows it.
"""

from typing import Any

import keras

_LEAST = 1e-12  # TensorFlow's epsilon of l2_normalize, beside a sum of squares


class Matmul(keras.Operation):  # type: ignore[misc]
    """A product of operands whose last two axes are swapped first."""

    def __init__(self, transpose_a: bool, transpose_b: bool) -> None:
        super().__init__()
        self.transpose_a, self.transpose_b = transpose_a, transpose_b

    def call(self, x1: Any, x2: Any) -> Any:
        """(..., n, k) and (..., k, m), or swapped -> (..., n, m)."""
        x1 = keras.ops.swapaxes(x1, -1, -2) if self.transpose_a else x1
        return keras.ops.matmul(x1, keras.ops.swapaxes(x2, -1, -2) if self.transpose_b else x2)


class Normalize(keras.Operation):  # type: ignore[misc]
    """x over its Euclidean length along an axis, as TensorFlow has it: Keras 3.4 takes no epsilon."""

    def __init__(self, axis: Any) -> None:
        super().__init__()
        self.axis = axis

    def call(self, x: Any) -> Any:
        """The same shape."""
        squares = keras.ops.sum(keras.ops.square(x), axis=self.axis, keepdims=True)
        return x * keras.ops.rsqrt(keras.ops.maximum(squares, _LEAST))


class StopGradient(keras.Operation):  # type: ignore[misc]
    """x, through which no gradient goes: in Keras 3.4 no op of a graph."""

    def call(self, x: Any) -> Any:
        """The same tensor."""
        return keras.ops.stop_gradient(x)

    def compute_output_spec(self, x: Any) -> Any:
        """The same shape and dtype."""
        return keras.KerasTensor(x.shape, x.dtype)
