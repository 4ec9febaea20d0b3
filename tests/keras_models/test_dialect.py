"""The dialects and the encoder modules have exactly the functions of their Protocols, with the same parameters."""

import inspect
from types import ModuleType
from typing import Any

import pytest

from bert_bundle.encoders import transformers
from bert_bundle.encoders.encoder_module import EncoderModule
from bert_bundle.keras_models import keras2, keras3
from bert_bundle.keras_models.dialect import Dialect


def functions(module: ModuleType) -> dict[str, list[str]]:
    """Return the public functions that a module defines, with the names of their parameters."""
    found = {name: value for name, value in vars(module).items() if inspect.isfunction(value) and name[0] != "_"}
    return {name: parameters(f) for name, f in found.items() if f.__module__ == module.__name__}


def promised(protocol: Any) -> dict[str, list[str]]:
    methods = {name: value for name, value in vars(protocol).items() if inspect.isfunction(value) and name[0] != "_"}
    assert all(method.__doc__ for method in methods.values())
    return {name: parameters(method)[1:] for name, method in methods.items()}


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize(
    ("module", "protocol", "more"),
    [(keras2, Dialect, {"autograph"}), (keras3, Dialect, set()), (transformers, EncoderModule, set())],
)
def test_a_module_has_the_functions_of_its_protocol(module: ModuleType, protocol: Any, more: set[str]) -> None:
    found = functions(module)
    assert set(found) - set(promised(protocol)) == more
    assert {name: found.get(name) for name in promised(protocol)} == promised(protocol)
