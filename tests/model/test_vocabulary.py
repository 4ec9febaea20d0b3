"""The closed vocabulary of layers: one canonical form for every release, and nothing outside of it."""

from typing import Any

import numpy as np
import pytest

from bert_bundle.errors import FormatError, ModelError
from bert_bundle.model import vocabulary
from bert_bundle.model.vocabulary import LAYERS, REQUIRED, canonical_config, check_config, keras_config, plain

# What `get_config()` of a Dense says in Keras 2.6 and in Keras 2.15.
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
        "module": "keras.initializers", "class_name": "GlorotUniform", "config": {"seed": None},
        "registered_name": None,
    },
    "bias_initializer": {"module": "keras.initializers", "class_name": "Zeros", "config": {}, "registered_name": None},
    "lora_rank": None,
}  # fmt: skip
NEEDED = {
    "activation": "relu", "axes": [1, 1], "dims": [2, 1], "input_dim": 9, "n": 3, "output_dim": 4, "rate": 0.1,
    "stddev": 0.5, "target_shape": [-1, 4], "units": 2,
}  # fmt: skip


def needed(class_name: str) -> dict[str, Any]:
    return {name: NEEDED[name] for name, default in LAYERS[class_name].items() if default is REQUIRED}


@pytest.mark.parametrize("config", [DENSE, NEWER])
def test_every_release_writes_the_same_configuration(config: dict[str, Any]) -> None:
    assert canonical_config("Dense", config, "head") == {"units": 2, "activation": "softmax"}


@pytest.mark.parametrize("class_name", LAYERS)
def test_every_layer_keeps_what_differs_from_its_defaults_and_reads_it_again(class_name: str) -> None:
    config = canonical_config(class_name, needed(class_name), class_name)
    assert config == needed(class_name)
    check_config(class_name, config, class_name)


@pytest.mark.parametrize("class_name", LAYERS)
def test_a_default_is_left_out_and_refused_when_it_is_not(class_name: str) -> None:
    for name, default in LAYERS[class_name].items():
        if default is REQUIRED:
            continue
        assert name not in canonical_config(class_name, needed(class_name), "x")
        with pytest.raises(FormatError, match="is not in canonical form"):
            check_config(class_name, {**needed(class_name), name: default}, "x")


@pytest.mark.parametrize(
    ("field", "written", "kept"),
    [
        ("activation", "swish", "silu"),
        ("activation", "gelu", "gelu"),
        ("use_bias", False, False),
        ("units", np.int64(3), 3),
        ("kernel_initializer", {"class_name": "HeNormal", "config": {"seed": 4, "dtype": "float32"}},
         {"class": "HeNormal", "config": {"seed": 4}}),
        ("kernel_initializer", {"class_name": "RandomNormal", "config": {"mean": 0.0, "stddev": 0.05, "seed": None}},
         {"class": "RandomNormal", "config": {}}),
        ("kernel_regularizer", {"class_name": "L2", "config": {"l2": np.float32(0.01)}},
         {"class": "L2", "config": {"l2": 0.01}}),
        ("kernel_regularizer", {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.1}},
         {"class": "L1L2", "config": {"l1": 0.0, "l2": 0.1}}),
        ("kernel_constraint", {"class_name": "MaxNorm", "config": {"max_value": 2, "axis": 0}},
         {"class": "MaxNorm", "config": {"max_value": 2, "axis": 0}}),
    ],
)  # fmt: skip
def test_a_field_has_one_form_that_keras_reads_again(field: str, written: Any, kept: Any) -> None:
    config = canonical_config("Dense", {**DENSE, field: written}, "head")
    assert config[field] == kept
    check_config("Dense", config, "head")
    again = canonical_config("Dense", {**DENSE, **keras_config(config)}, "head")
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
        ("units", object(), "a value that is no plain data"),
        ("units", float("inf"), "a number that JSON does not have"),
        ("units", np.float32("nan"), "a number that JSON does not have"),
    ],
)
def test_what_cannot_be_represented_is_named_at_save(field: str, value: Any, message: str) -> None:
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
        ({"units": 2, "kernel_initializer": {"class": "HeNormal", "config": {"seed": {}}}}, "no plain data",
         "/kernel_initializer"),
    ],
)  # fmt: skip
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
            check_config(class_name, {**needed(class_name), field: value}, "x")
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
def test_plain_data_is_the_same_whichever_type_brought_it(value: Any, same: Any) -> None:
    assert repr(plain(value, "x")) == repr(same)


def test_the_tables_name_each_other() -> None:
    fields = {name for layer in LAYERS.values() for name in layer}
    objects = {name for name in fields if name.endswith(("_initializer", "_regularizer", "_constraint"))}
    assert fields - objects - {"activation"} == set(vocabulary._CHECKS)
