"""Canonical configurations of layers: the same for every release, and nothing outside the vocabulary."""

from typing import Any

import numpy as np
import pytest

from bert_bundle.errors import FormatError, ModelError, RuntimeUnavailableError
from bert_bundle.graph.layer_configs import canonical_config, check_config
from bert_bundle.graph.layer_fields import _KINDS, as_keras, plain
from bert_bundle.graph.layers import FIRST_RELEASE, LAYERS, REQUIRED, WRAPPED
from bert_bundle.keras_models.layer_construction import check_release

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
REQUIRED_FIELDS = {
    "activation": "relu",
    "axes": [1, 1],
    "dims": [2, 1],
    "equation": "abc,cd->abd",
    "filters": 5,
    "input_dim": 9,
    "kernel_size": [3],
    "key_dim": 4,
    "n": 3,
    "num_heads": 2,
    "output_dim": 4,
    "output_shape": [None, 5],
    "pool_size": [2],
    "rate": 0.1,
    "scale": 0.5,
    "shape": [2, 3],
    "stddev": 0.5,
    "strides": [2],
    "target_shape": [-1, 4],
    "units": 2,
    "layer": {"class": "LSTM", "name": "lstm", "config": {"units": 3}},
}


def required_fields(class_name: str) -> dict[str, Any]:
    return {name: REQUIRED_FIELDS[name] for name, default in LAYERS[class_name].items() if default is REQUIRED}


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


def as_released(config: dict[str, Any]) -> dict[str, Any]:
    """Return a canonical configuration as `get_config()` returns it: a wrapped layer has `class_name`."""
    inner = {
        name: {"class_name": value["class"], "config": {"name": value["name"], **value["config"]}}
        for name, value in config.items()
        if name in WRAPPED
    }
    return {**config, **inner}


# `get_config()` of the same layer in Keras 2.6, 2.21 and 3.15, and its canonical configuration.
POLICY = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}
LSTM_2_6 = {"units": 3, "time_major": False, "implementation": 2, "name": "lstm", "dtype": "float32"}
LSTM_3 = {"units": 3, "zero_output_for_mask": True, "seed": None, "name": "forward_lstm", "dtype": POLICY}
BY_RELEASE: dict[str, tuple[str, list[dict[str, Any]], dict[str, Any]]] = {
    "a slope": ("LeakyReLU", [{"alpha": np.float32(0.2)}, {"negative_slope": 0.2}], {"negative_slope": 0.2}),
    "a default slope": ("LeakyReLU", [{"alpha": np.float32(0.3)}, {"negative_slope": 0.3}], {}),
    "an axis": ("BatchNormalization", [{"axis": [2]}, {"axis": -1}, {"axis": [-1], "renorm": False}], {}),
    "another axis": ("LayerNormalization", [{"axis": [1]}, {"axis": -2}, {"axis": [-2]}], {"axis": -2}),
    "two axes": ("LayerNormalization", [{"axis": [1, 2]}, {"axis": [-2, -1]}], {"axis": [-2, -1]}),
    "groups": (
        "SeparableConv1D",
        [
            {"filters": 4, "kernel_size": (2,), "groups": 1, "kernel_initializer": {}},
            {"filters": 4, "kernel_size": [2]},
        ],
        {"filters": 4, "kernel_size": [2]},
    ),
    "a causal flag": ("Attention", [{"causal": False}, {"score_mode": "dot", "seed": None}], {}),
    "shapes": (
        "MultiHeadAttention",
        [{"num_heads": 2, "key_dim": 3, "query_shape": object()}, {"num_heads": 2, "key_dim": 3, "seed": 7}],
        {"num_heads": 2, "key_dim": 3},
    ),
    "a width": (
        "MultiHeadAttention",
        [{"num_heads": 2, "key_dim": 3, "output_shape": 7}, {"num_heads": 2, "key_dim": 3, "output_shape": (7,)}],
        {"num_heads": 2, "key_dim": 3, "output_shape": [7]},
    ),
    "a BiLSTM": (
        "Bidirectional",
        [
            {"layer": {"class_name": "LSTM", "config": LSTM_2_6}},
            {
                "layer": {"class_name": "LSTM", "config": LSTM_3},
                "backward_layer": {
                    "class_name": "LSTM",
                    "config": {**LSTM_3, "name": "backward_lstm", "go_backwards": True},
                },
            },
        ],
        {"layer": {"class": "LSTM", "name": "lstm", "config": {"units": 3}}},
    ),
    "a half-precision part": (
        "TimeDistributed",
        [
            {
                "layer": {
                    "class_name": "Dense",
                    "config": {
                        "name": "d",
                        "units": 3,
                        "dtype": {"class_name": "Policy", "config": {"name": "mixed_float16"}},
                    },
                }
            },
            {"layer": {"class_name": "Dense", "config": {"name": "d", "units": 3, "dtype": "mixed_float16"}}},
        ],
        {"layer": {"class": "Dense", "name": "d", "dtype": "mixed_float16", "config": {"units": 3}}},
    ),
}


@pytest.mark.parametrize("case", BY_RELEASE)
def test_releases_that_write_a_config_differently_give_one_canonical_config(case: str) -> None:
    class_name, configs, kept = BY_RELEASE[case]
    for config in configs:
        assert canonical_config(class_name, config, "x", rank=3) == kept
    check_config(class_name, kept, "x")


@pytest.mark.parametrize(
    ("class_name", "config", "place"),
    [
        ("LSTM", {"units": 3, "stateful": True}, "x stateful"),
        ("GRU", {"units": 3, "time_major": True}, "x time_major"),
        ("Attention", {"causal": True}, "x causal"),
        ("DepthwiseConv1D", {"kernel_size": [2], "groups": 2}, "x groups"),
        ("BatchNormalization", {"renorm": True}, "x renorm"),
        ("ZeroPadding1D", {"data_format": "channels_first"}, "x data_format"),
    ],
)
def test_a_field_outside_the_table_that_changes_predictions_is_refused(
    class_name: str, config: Any, place: str
) -> None:
    with pytest.raises(ModelError, match="a layer's field that a bundle cannot represent") as caught:
        canonical_config(class_name, config, "x")
    assert caught.value.place == place


def test_a_hard_sigmoid_is_refused_since_keras_2_and_3_define_it_differently() -> None:
    with pytest.raises(ModelError, match="an activation that Keras 2 and Keras 3 define differently") as caught:
        canonical_config("Dense", {"units": 2, "activation": "hard_sigmoid"}, "x")
    assert "clip(x / 6 + 0.5, 0, 1)" in str(caught.value.fix)


def test_a_class_that_keras_3_lacks_is_refused_with_a_replacement() -> None:
    with pytest.raises(ModelError, match="a layer that a bundle cannot represent") as caught:
        canonical_config("ThresholdedReLU", {"theta": 1.0}, "x")
    assert caught.value.fix == "Keras 3 does not have it: use ReLU(threshold=theta)"


DENSE_INSIDE = {"class": "Dense", "name": "d", "config": {"units": 2}}


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("LSTM", "a wrapped layer is malformed"),
        ({"class": "Dense", "config": {"units": 2}}, "a wrapped layer is malformed"),
        ({**DENSE_INSIDE, "weights": []}, "a wrapped layer is malformed"),
        ({**DENSE_INSIDE, "name": 3}, "a wrapped layer is malformed"),
        ({**DENSE_INSIDE, "dtype": "float32"}, "a layer's dtype is malformed"),
        ({**DENSE_INSIDE, "dtype": "string"}, "a layer's dtype is malformed"),
        ({**DENSE_INSIDE, "class": "Lambda"}, "a layer outside the vocabulary"),
        ({**DENSE_INSIDE, "config": {"units": -2}}, "a layer's field is malformed"),
        ({**DENSE_INSIDE, "config": {}}, "lacks a field"),
    ],
)
def test_a_wrapped_layer_is_checked_by_the_table_of_its_own_class(layer: Any, message: str) -> None:
    check_config("TimeDistributed", {"layer": DENSE_INSIDE}, "x")
    with pytest.raises(FormatError, match=message):
        check_config("TimeDistributed", {"layer": layer}, "x")
    with pytest.raises(FormatError, match="a layer outside the vocabulary"):
        check_config("Bidirectional", {"layer": DENSE_INSIDE}, "x")
    with pytest.raises(ModelError, match="a layer that a bundle cannot represent"):
        canonical_config("Bidirectional", {"layer": {"class_name": "Dense", "config": {"units": 2}}}, "x")


def test_the_depth_of_nested_wrappers_is_limited() -> None:
    config: dict[str, Any] = {"layer": DENSE_INSIDE}
    for _ in range(3):
        config = {"layer": {"class": "TimeDistributed", "name": "t", "config": config}}
    with pytest.raises(FormatError, match="a layer outside the vocabulary"):
        check_config("TimeDistributed", config, "x")


def config_with(name: str) -> tuple[str, dict[str, Any]]:
    class_name, _, field = name.partition(".")
    config = required_fields(class_name)
    return class_name, {**config, field: True} if field else config


@pytest.mark.parametrize("name", FIRST_RELEASE)
def test_a_layer_newer_than_the_release_is_refused_naming_the_first_that_has_it(name: str) -> None:
    class_name, config = config_with(name)
    major, minor = FIRST_RELEASE[name]
    inside = {"layer": {"class": class_name, "name": "inner", "config": config}}
    for layer, layer_config in [(class_name, config), ("TimeDistributed", inside)]:
        check_release(layer, layer_config, (2, 21), "model/head")
        check_release(layer, layer_config, (3, 3), "model/head")
        with pytest.raises(RuntimeUnavailableError, match="a layer that this Keras does not have") as caught:
            check_release(layer, layer_config, (2, 4), "model/head")
        assert caught.value.place == "model/head"
        assert caught.value.found == "Keras 2.4"
    check_release(class_name, required_fields(class_name), (major, minor), "x")
    with pytest.raises(RuntimeUnavailableError, match=rf"{name}: TensorFlow {major}\.{minor} or newer"):
        check_release(class_name, config, (major, minor - 1), "x")
