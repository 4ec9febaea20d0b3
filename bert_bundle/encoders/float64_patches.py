"""Patches for layers of transformers that compute in float32 in every precision, so that they compute in float64.

A float64 replay must show a changed function and nothing else. A family lists its `float32_layers`: DistilBERT's
attention casts its queries to float32 in every release of transformers 4, which leaves 1e-7 of rounding that differs
between releases of TensorFlow, and DeBERTa's names float32 for its softmax or its scale. It lists its `float32_masks`:
RoBERTa's main layer of 4.5 subtracts the mask from a float32 constant, which TensorFlow refuses for a float64 mask. In
the attention of the other families, TensorFlow converts the root of a head's size, a Python float, to float32 before
it is cast.

What is not patched is TensorFlow: its GELU rounds the root of two to float32 (from 2.19 on that of a half), and a
replay must show that this changed.
"""

import functools
import sys
from typing import Any, Callable

import numpy as np

from bert_bundle.encoders.families.family import Family

_ROOT = "sqrt_att_head_size"  # of the head's size, in every attention but DistilBERT's


class _SubtractInDtypeOfMask:
    """A stand-in for `tensorflow` in which a constant takes the dtype of what is subtracted from it."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def subtract(self, x: Any, y: Any) -> Any:
        """Return `x - y` in the dtype of `y`."""
        return self.real.subtract(self.real.cast(x, y.dtype), y)


class _Float64ForFloat32(_SubtractInDtypeOfMask):
    """The same, whose `float32` is `float64`."""

    def __init__(self, real: Any) -> None:
        super().__init__(real)
        self.float32 = real.float64

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        """Return `tf.where`; in a graph it takes a Python number for a float32 tensor, which does not fit `y`."""
        return self.real.where(condition, self.real.cast(x, y.dtype) if isinstance(x, float) else x, y)


def mend(encoder: Any, family: Family) -> None:
    """Make the layers of a float64 encoder that round to float32 compute in float64.

    The `tf` of a module is replaced only while such a layer is called.
    """
    for layer in encoder.submodules:
        if type(layer).__name__ in (*family.float32_layers, *family.float32_masks):
            layer.call = _with_stand_in(layer, _Float64ForFloat32)
        if hasattr(layer, _ROOT):
            setattr(layer, _ROOT, np.float64(getattr(layer, _ROOT)))  # a NumPy scalar keeps its dtype as a tensor


def mend_half(encoder: Any, family: Family) -> None:
    """Make the layers that refuse a mask in half precision, as they do one in float64, take it."""
    for layer in encoder.submodules:
        if type(layer).__name__ in family.float32_masks:
            layer.call = _with_stand_in(layer, _SubtractInDtypeOfMask)


def _with_stand_in(layer: Any, stand_in: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return the layer's `call` for which `tf` in the layer's module is the stand-in."""
    honest = layer.call
    module: Any = sys.modules[type(layer).__module__]

    @functools.wraps(honest)
    def patched(*args: Any, **kwargs: Any) -> Any:
        real = module.tf
        module.tf = stand_in(real)
        try:
            return honest(*args, **kwargs)
        finally:
            module.tf = real

    return patched
