"""Canonical configurations of layers: the same for every release, and nothing outside the vocabulary."""

from typing import Any

import numpy as np
import pytest
from support.layer_configs import as_released, required_fields

from bert_bundle.errors import FormatError, ModelError
from bert_bundle.graph.layer_configs import canonical_config, check_config
from bert_bundle.graph.layer_fields import _KINDS, as_keras, plain
from bert_bundle.graph.layers import FIRST_RELEASE, LAYERS, REQUIRED, WRAPPED

# `get_config()` of a Dense in Keras 2.6, and below in Keras 2.15.
DENSE = {
    "name": "head",
    "trainable": True,
    "dtype": "float32",
    "units": 2,
    "activation": "softmax",
    "use_bias": True,
    "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
    "bias_initializer": {"class_name": "Zeros", "config": {}},
    "kernel_regularizer": None,
    "bias_regularizer": None,
    "activity_regularizer": None,
    "kernel_constraint": None,
    "bias_constraint": None,
}
NEWER = {
    **DENSE,
    "kernel_initializer": {
        "module": "keras.initializers",
        "class_name": "GlorotUniform",
        "config": {"seed": None},
        "registered_name": None,
    },
    "bias_initializer": {"module": "keras.initializers", "class_name": "Zeros", "config": {}, "registered_name": None},
    "lora_rank": None,
}


@pytest.mark.parametrize("config", [DENSE, NEWER])
def test_every_release_writes_the_same_configuration(config: dict[str, Any]) -> None:
    assert canonical_config("Dense", config, "head") == {"units": 2, "activation": "softmax"}


@pytest.mark.parametrize("class_name", LAYERS)
def test_every_layer_keeps_fields_that_differ_from_their_defaults(class_name: str) -> None:
    config = canonical_config(class_name, as_released(required_fields(class_name)), class_name)
    assert config == required_fields(class_name)
    check_config(class_name, config, class_name)


@pytest.mark.parametrize("class_name", LAYERS)
def test_a_default_is_left_out_and_refused_in_a_file(class_name: str) -> None:
    for name, default in LAYERS[class_name].items():
        if default is REQUIRED:
            continue
        assert name not in canonical_config(class_name, as_released(required_fields(class_name)), "x")
        with pytest.raises(FormatError, match=r"is not in canonical form|a wrapped layer is malformed"):
            check_config(class_name, {**required_fields(class_name), name: default}, "x")


@pytest.mark.parametrize(
    ("field", "written", "stored"),
    [
        ("activation", "swish", "silu"),
        ("activation", "gelu", "gelu"),
        ("use_bias", False, False),
        ("units", np.int64(3), 3),
        (
            "kernel_initializer",
            {"class_name": "HeNormal", "config": {"seed": 4, "dtype": "float32"}},
            {"class": "HeNormal", "config": {"seed": 4}},
        ),
        (
            "kernel_initializer",
            {"class_name": "RandomNormal", "config": {"mean": 0.0, "stddev": 0.05, "seed": None}},
            {"class": "RandomNormal", "config": {}},
        ),
        (
            "kernel_regularizer",
            {"class_name": "L2", "config": {"l2": np.float32(0.01)}},
            {"class": "L2", "config": {"l2": 0.01}},
        ),
        (
            "kernel_regularizer",
            {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.1}},
            {"class": "L1L2", "config": {"l1": 0.0, "l2": 0.1}},
        ),
        (
            "kernel_constraint",
            {"class_name": "MaxNorm", "config": {"max_value": 2, "axis": 0}},
            {"class": "MaxNorm", "config": {"max_value": 2, "axis": 0}},
        ),
    ],
)
def test_a_field_has_one_canonical_form_that_keras_reads(field: str, written: Any, stored: Any) -> None:
    config = canonical_config("Dense", {**DENSE, field: written}, "head")
    assert config[field] == stored
    check_config("Dense", config, "head")
    again = canonical_config("Dense", {**DENSE, **{field: as_keras(config[field])}}, "head")
    assert again == config


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("activation", "my_activation", "an activation that a bundle cannot represent"),
        ("activation", len, "an activation that a bundle cannot represent"),
        ("activation", {"class_name": "Lambda"}, "an activation that a bundle cannot represent"),
        ("kernel_initializer", {"class_name": "MyInit", "config": {}}, "an initializer, regularizer or constraint"),
        ("kernel_initializer", "glorot_uniform", "an initializer, regularizer or constraint"),
        ("kernel_regularizer", object(), "an initializer, regularizer or constraint"),
        ("kernel_regularizer", {"class_name": ["L2"], "config": {}}, "an initializer, regularizer or constraint"),
        ("kernel_constraint", {"class_name": "L2", "config": {}}, "an initializer, regularizer or constraint"),
        ("units", object(), "a value that is not plain data"),
        ("units", float("inf"), "a number that is NaN or infinity"),
        ("units", np.float32("nan"), "a number that is NaN or infinity"),
    ],
)
def test_a_field_that_cannot_be_represented_is_named_at_save(field: str, value: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        canonical_config("Dense", {**DENSE, field: value}, "model/head")
    assert caught.value.place == f"model/head {field}"


@pytest.mark.parametrize("class_name", ["Lambda", "MyLayer", "TFOpLambda", "dense", "", "Dense\n"])
def test_a_layer_outside_the_vocabulary_is_refused_both_ways(class_name: str) -> None:
    with pytest.raises(ModelError, match="a layer that a bundle cannot represent"):
        canonical_config(class_name, {}, "x")
    with pytest.raises(FormatError, match="a layer outside the vocabulary"):
        check_config(class_name, {}, "x")


@pytest.mark.parametrize(
    ("config", "message", "place"),
    [
        ([], "has unknown fields", ""),
        (None, "has unknown fields", ""),
        ({"units": 2, "function": "x"}, "has unknown fields", ""),
        ({"units": 2, "name": "x"}, "has unknown fields", ""),
        ({}, "lacks a field", ""),
        ({"units": 2, "activation": "swish"}, "is not in canonical form", "/activation"),
        ({"units": 2, "activation": "evil"}, "an activation that a bundle cannot represent", "/activation"),
        ({"units": 2, "activation": ["relu"]}, "an activation that a bundle cannot represent", "/activation"),
        ({"units": 2, "use_bias": {"a": 1}}, "a layer's field is malformed", "/use_bias"),
        ({"units": 2, "kernel_initializer": {"class": "Zeros", "config": {"x": 1}}}, "in canon", "/kernel_initializer"),
        ({"units": 2, "kernel_initializer": {"class": "Zeros"}}, "an initializer, regulari", "/kernel_initializer"),
        ({"units": 2, "kernel_initializer": {"class_name": "Zeros", "config": {}}}, "in canon", "/kernel_initializer"),
        (
            {"units": 2, "kernel_initializer": {"class": "HeNormal", "config": {"seed": {}}}},
            "not plain data",
            "/kernel_initializer",
        ),
    ],
)
def test_a_configuration_that_no_save_wrote_is_malformed(config: Any, message: str, place: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        check_config("Dense", config, "graph.json#/layers/0/config")
    assert caught.value.place == "graph.json#/layers/0/config" + place


@pytest.mark.parametrize(
    ("class_name", "field", "values"),
    [
        ("Dense", "units", [0, -1, 1.5, "2", None, True, 2**40, [2]]),
        ("Dense", "use_bias", [0, None, "no"]),
        ("Dropout", "rate", [-0.1, 1.5, "x", None, True]),
        ("Dropout", "noise_shape", ["x", [1.5], {}]),
        ("BatchNormalization", "momentum", [2, "x", None]),
        ("LayerNormalization", "epsilon", ["x", None, [1]]),
        ("Concatenate", "axis", ["x", 1.5, 2**40, True]),
        ("Reshape", "target_shape", ["x", [2**31], [[1]]]),
        ("Flatten", "data_format", ["x", None, 1, []]),
        ("RepeatVector", "n", [0, None]),
    ],
)
def test_a_field_of_the_wrong_kind_is_malformed(class_name: str, field: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(FormatError, match="a layer's field is malformed") as caught:
            check_config(class_name, {**required_fields(class_name), field: value}, "x")
        assert caught.value.place == "x/" + field


@pytest.mark.parametrize(
    ("value", "same"),
    [
        (np.float32(0.1), 0.1),
        (0.1, 0.1),
        (float(np.float32(0.1)), 0.1),
        (1e-12, 1e-12),
        (1e300, 1e300),
        (-0.0, -0.0),
        (np.bool_(True), True),
        ((1, np.int32(2)), [1, 2]),
        (np.arange(3), [0, 1, 2]),
        (np.array(2.5), 2.5),
        ([[1], (2.0,)], [[1], [2.0]]),
    ],
)
def test_plain_data_does_not_depend_on_the_type_of_the_value(value: Any, same: Any) -> None:
    assert repr(plain(value, "x")) == repr(same)


def test_the_tables_of_layers_fields_and_releases_agree() -> None:
    named = {name for layer in LAYERS.values() for name in layer}
    objects = {name for name in named if name.endswith(("_initializer", "_regularizer", "_constraint"))}
    activations = {name for name in named if name.endswith("activation")}
    assert named - objects - activations - set(WRAPPED) == {name for name in _KINDS if "." not in name}
    assert {tuple(name.split(".")) for name in [*FIRST_RELEASE, *_KINDS] if "." in name} <= {
        (layer, field) for layer, own in LAYERS.items() for field in own
    }
    assert {name for name in FIRST_RELEASE if "." not in name} <= set(LAYERS)
