"""Layer configurations as different releases write them, wrapped layers, and layers newer than a release."""

from typing import Any

import numpy as np
import pytest
from support.layer_configs import required_fields

from bert_bundle.errors import FormatError, ModelError, RuntimeUnavailableError
from bert_bundle.graph.layer_configs import canonical_config, check_config
from bert_bundle.graph.layers import FIRST_RELEASE
from bert_bundle.keras_models.layer_construction import check_release

# `get_config()` of a Dense in Keras 2.6, and below in Keras 2.15.
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
        ({**DENSE_INSIDE, "class": "Hashing", "config": {"num_bins": 3}}, "a layer outside the vocabulary"),
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
