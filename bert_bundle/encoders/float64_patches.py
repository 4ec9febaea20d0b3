"""Classes of transformers that compute in float32 whatever their precision, made to compute in float64.

A float64 replay is to show a changed function and nothing else. DistilBERT's attention casts its queries to float32 in
every release of transformers 4, which leaves 1e-7 of rounding that differs between releases of TensorFlow; RoBERTa's
main layer of 4.5 subtracts the mask from a float32 constant, which TensorFlow refuses for a float64 mask; the other
families' attention casts the root of a head's size, a Python float, which TensorFlow makes a float32 before the cast.

What stays is TensorFlow's own: its GELU rounds the root of two to float32 (from 2.19 on that of a half), and a replay
is to show that this changed.
"""

import functools
import sys
from typing import Any, Callable

import numpy as np

_MENDED = ("TFMultiHeadSelfAttention", "TFRobertaMainLayer")
_ROOT = "sqrt_att_head_size"  # of the head's size, in every attention but DistilBERT's


class _Tensorflow:
    """The module `tensorflow`, but that float32 is float64, and that a constant takes the dtype it is subtracted in."""

    def __init__(self, real: Any) -> None:
        self.real, self.float32 = real, real.float64

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def subtract(self, x: Any, y: Any) -> Any:
        """`x - y` in the dtype of `y`."""
        return self.real.subtract(self.real.cast(x, y.dtype), y)


def mend(encoder: Any) -> None:
    """Makes the layers of a float64 encoder that round to float32 compute in float64.

    A module's `tf` is another only while such a layer is called.
    """
    for layer in encoder.submodules:
        if type(layer).__name__ in _MENDED:
            layer.call = _in_double(layer.call, sys.modules[type(layer).__module__])
        if hasattr(layer, _ROOT):
            setattr(layer, _ROOT, np.float64(getattr(layer, _ROOT)))  # whose dtype is kept when it becomes a tensor


def mend_half(encoder: Any) -> None:
    """Makes RoBERTa's main layer of transformers 4.5 take a mask in half precision, which it refuses like a double."""
    for layer in encoder.submodules:
        if type(layer).__name__ == "TFRobertaMainLayer":
            layer.call = _in_double(layer.call, sys.modules[type(layer).__module__], _Half)


class _Half(_Tensorflow):
    """The same, but that float32 is what it is."""

    def __init__(self, real: Any) -> None:
        super().__init__(real)
        self.float32 = real.float32


def _in_double(call: Callable[..., Any], module: Any, seen: Callable[[Any], Any] = _Tensorflow) -> Callable[..., Any]:
    @functools.wraps(call)
    def double(*args: Any, **kwargs: Any) -> Any:
        real = module.tf
        module.tf = seen(real)
        try:
            return call(*args, **kwargs)
        finally:
            module.tf = real

    return double
