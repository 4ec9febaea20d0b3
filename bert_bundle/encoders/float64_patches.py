"""Patches for layers of transformers that compute in float32 in every precision, so that they compute in float64.

A float64 replay must show a changed function and nothing else. A family lists its `float32_layers`: DistilBERT's
attention casts its queries to float32 in every release of transformers 4, which leaves 1e-7 of rounding that differs
between releases of TensorFlow, and DeBERTa's names float32 for its softmax or its scale. It lists its `float32_masks`:
RoBERTa's main layer of 4.5 subtracts the mask from a float32 constant, which TensorFlow refuses for a float64 mask. In
the attention of the other families, TensorFlow converts the root of a head's size, a Python float, to float32 before
it is cast.

An encoder class of no family is called with a stand-in for `tensorflow` in all its modules, in which floats are float64
by default.

What is not patched is TensorFlow: its GELU rounds the root of two to float32 (from 2.19 on that of a half), and a
replay must show that this changed.
"""

import contextlib
import functools
import sys
from typing import Any, Callable, Iterator, List

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


class _Float64ByDefault(_Float64ForFloat32):
    """The same, in which a tensor that is made of floats is float64 unless a dtype is given."""

    _MAKERS = ("zeros", "ones", "eye", "one_hot")

    def __getattr__(self, name: str) -> Any:
        made = getattr(self.real, name)
        if name not in self._MAKERS:
            return made
        return functools.partial(self._made, made)

    def _made(self, make: Any, *args: Any, dtype: Any = None, **kwargs: Any) -> Any:
        given = args[1:2] if make in (self.real.zeros, self.real.ones) else ()
        return make(*args, **kwargs) if given else make(*args, dtype=dtype or self.real.float64, **kwargs)

    def range(self, *args: Any, dtype: Any = None, **kwargs: Any) -> Any:
        """Return a range, in float64 if one of its numbers is a float."""
        floats = any(isinstance(value, float) for value in (*args, *kwargs.values()))
        return self.real.range(*args, dtype=self.real.float64 if floats and dtype is None else dtype, **kwargs)

    def constant(self, value: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return a constant, of floats in float64."""
        if dtype is None and np.asarray(value).dtype.kind == "f":
            dtype = self.real.float64
        return self.real.constant(value, dtype, *args, **kwargs)

    def cast(self, x: Any, dtype: Any, **kwargs: Any) -> Any:
        """Return a tensor of that dtype; a float, as in a GELU, is not rounded to float32 on the way."""
        return self.real.cast(self._constant(x), dtype, **kwargs)

    def where(self, condition: Any, *either: Any, **kwargs: Any) -> Any:
        """Return one or the other, of which one may be a float, which TensorFlow would make float32."""
        return self.real.where(condition, *(self._constant(value) for value in either), **kwargs)

    def fill(self, dims: Any, value: Any) -> Any:
        """Return a tensor of one value, of a float in float64."""
        return self.real.fill(dims, self._constant(value))

    def _constant(self, value: Any) -> Any:
        return self.constant(value) if isinstance(value, float) else value


def mend_modules(encoder: Any) -> None:
    """Make a float64 encoder compute in float64 wherever the modules of its layers' classes use float32 by name.

    `tf` of those modules is replaced only while the encoder is built or called.
    """
    classes = {type(layer) for layer in encoder.submodules} | {type(encoder)}
    names = {cls.__module__ for cls in classes if cls.__module__.startswith("transformers.")}
    names |= {"transformers.modeling_tf_utils", "transformers.activations_tf", "transformers.tf_utils"}
    modules = [sys.modules[name] for name in sorted(names) if hasattr(sys.modules.get(name), "tf")]
    _widen_roots(encoder)
    for name in ("build", "call"):
        setattr(encoder, name, _while_replaced(getattr(encoder, name), modules))


def _while_replaced(honest: Callable[..., Any], modules: List[Any]) -> Callable[..., Any]:
    """Return a function that runs while `tf` is the stand-in in the modules."""

    @functools.wraps(honest)
    def patched(*args: Any, **kwargs: Any) -> Any:
        with _replaced(modules):
            return honest(*args, **kwargs)

    return patched


@contextlib.contextmanager
def _replaced(modules: List[Any]) -> Iterator[None]:
    real = modules[0].tf
    try:
        for module in modules:
            module.tf = _Float64ByDefault(real)
        yield
    finally:
        for module in modules:
            module.tf = real


def mend(encoder: Any, family: Family) -> None:
    """Make the layers of a float64 encoder that round to float32 compute in float64.

    The `tf` of a module is replaced only while such a layer is called.
    """
    _widen_roots(encoder)
    for layer in encoder.submodules:
        if type(layer).__name__ in (*family.float32_layers, *family.float32_masks):
            layer.call = _with_stand_in(layer, _Float64ForFloat32)


def _widen_roots(encoder: Any) -> None:
    for layer in encoder.submodules:
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
