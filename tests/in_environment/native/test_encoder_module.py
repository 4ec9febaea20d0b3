"""The encoder module of Keras 3 has the functions of `EncoderModule`, with the same parameters.

The other module, and both dialects, are checked by tests/keras_models/test_dialect.py, which needs no Keras.
"""

import inspect

import pytest

from bert_bundle.encoders import encoder_module, native

PROMISED = {
    name: [*inspect.signature(method).parameters][1:]
    for name, method in vars(encoder_module.EncoderModule).items()
    if inspect.isfunction(method) and not name.startswith("_")
}


def test_the_protocol_has_functions():
    assert {"build", "assign", "tensors", "call"} <= set(PROMISED)


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_the_native_module_has_the_function_with_these_parameters(name):
    assert [*inspect.signature(getattr(native, name)).parameters] == PROMISED[name]
