"""Configurations of layers for tests: the fields that each needs, and how releases write them."""

from typing import Any

from bert_bundle.graph.layers import LAYERS, REQUIRED, WRAPPED

REQUIRED_FIELDS = {
    "activation": "relu",
    "axes": [1, 1],
    "bin_boundaries": [0.5],
    "dims": [2, 1],
    "equation": "abc,cd->abd",
    "filters": 5,
    "input_dim": 9,
    "kernel_size": [3],
    "key_dim": 4,
    "n": 3,
    "num_bins": 6,
    "num_heads": 2,
    "output_dim": 4,
    "output_shape": [None, 5],
    "pool_size": [2],
    "rate": 0.1,
    "scale": 0.5,
    "shape": [2, 3],
    "stddev": 0.5,
    "strides": [2],
    "table": [["paris", 1], ["rome", 2]],
    "target_shape": [-1, 4],
    "units": 2,
    "layer": {"class": "LSTM", "name": "lstm", "config": {"units": 3}},
}


def required_fields(class_name: str) -> dict[str, Any]:
    return {name: REQUIRED_FIELDS[name] for name, default in LAYERS[class_name].items() if default is REQUIRED}


def as_released(config: dict[str, Any]) -> dict[str, Any]:
    """Return a canonical configuration as `get_config()` returns it: a wrapped layer has `class_name`."""
    inner = {
        name: {"class_name": value["class"], "config": {"name": value["name"], **value["config"]}}
        for name, value in config.items()
        if name in WRAPPED
    }
    return {**config, **inner}
