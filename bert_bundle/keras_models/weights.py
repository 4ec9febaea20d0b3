"""Weights outside the encoders, by stable path; knows nothing of files.

A path is the layer's path, the part that holds the variable, and the variable's own name: `head/dense/kernel`,
`lstm/lstm_cell/kernel`, `bidirectional/backward_layer/lstm_cell/kernel`; a `Variable` has its own, `pool.scale`. In a
layer of the caller's own class parts and variables go by the attribute that holds them, without underscores before it:
`pool/blocks.0/kernel`, `pool/scale`. The same in every release of Keras 2 and 3; never a position: frozen layers move
within `model.weights`, which is how HDF5 files load weights into the wrong variables without an error.
"""

import re
from typing import Any, Dict, Iterator, Mapping, Tuple

import numpy as np

from bert_bundle.errors import FormatError, ModelError
from bert_bundle.keras_models.layer_construction import is_ours
from bert_bundle.keras_models.nodes import KERAS, attributes
from bert_bundle.keras_models.runtime import Runtime

_COUNTER = re.compile(r"_[0-9]+\Z")  # `lstm_cell_3`: numbered by how many the process made before

# Wrappers by the attributes that hold their layers: the names of those layers differ between Keras 2 and Keras 3.
_WRAPPED: Mapping[str, Tuple[str, ...]] = {
    "Bidirectional": ("forward_layer", "backward_layer"),
    "TimeDistributed": ("layer",),
}
_KERAS_3_NAMES: Mapping[str, Mapping[str, str]] = {
    "DepthwiseConv1D": {"depthwise_kernel": "kernel"},
    "DepthwiseConv2D": {"depthwise_kernel": "kernel"},
}


def collect(layers: Mapping[str, Any], runtime: Runtime) -> Dict[str, np.ndarray]:
    """Path -> array of every weight of the layers (path -> live layer) that is no encoder's and no nested model's."""
    found = dict(_variables(layers, runtime))
    paths: Dict[int, str] = {}
    for path, variable in found.items():
        if paths.setdefault(id(variable), path) != path:
            raise ModelError(
                "a weight that two layers share",
                place=path,
                found="the same as " + paths[id(variable)],
                fix="let one of them hold it, and give the other its value as a tensor: a load would part the two",
            )
    return {path: np.asarray(variable.numpy()) for path, variable in found.items()}


def assign(layers: Mapping[str, Any], tensors: Mapping[str, np.ndarray], runtime: Runtime, place: str) -> None:
    """Sets every weight. Raises FormatError for a tensor that is missing, too many, or does not fit."""
    pairs, used = [], set()
    for path, variable in _variables(layers, runtime):
        array = tensors.get(path)
        if array is None or array.shape != tuple(variable.shape):
            raise FormatError(
                "a tensor is missing or does not fit the graph",
                place="{} tensor {}".format(place, path),
                wanted=tuple(variable.shape),
                found="nothing" if array is None else array.shape,
            )
        used.add(path)
        pairs.append((variable, array))
    extra = sorted(set(tensors) - used)
    if extra:
        raise FormatError("a tensor that no layer of the graph has", place="{} tensor {}".format(place, extra[0]))
    runtime.dialect.set_values(runtime.keras, pairs)
    for layer in layers.values():
        if hasattr(layer, "finalize_state"):  # a Normalization computes from what it has learned, once
            layer.finalize_state()


def _variables(layers: Mapping[str, Any], runtime: Runtime) -> Iterator[Tuple[str, Any]]:
    seen = set()
    for path, layer in layers.items():
        if runtime.encoders.family_of(layer) or isinstance(layer, runtime.keras.Model):
            continue
        once: Dict[int, Any] = {}  # a part that two attributes of a layer hold goes by the first
        for name, variable in _own(path, layer, runtime):
            if once.setdefault(id(variable), name) != name:
                continue
            if name in seen:
                raise ModelError(
                    "two variables have the same path", place=name, fix="give each part of the layer a different name"
                )
            seen.add(name)
            yield name, variable


def _own(path: str, layer: Any, runtime: Runtime) -> Iterator[Tuple[str, Any]]:
    """(path, variable) of every weight: those of the parts that the layer is made of, then its own."""
    if is_ours(layer):
        yield path, layer.held
        return
    wrapped = _WRAPPED.get(type(layer).__name__)
    held = [part for part in layer._flatten_layers(recursive=False, include_self=False) if part.weights]
    own_class = type(layer).__module__.split(".")[0] not in KERAS
    attribute = {id(v): name.lstrip("_") for name, v in reversed(list(attributes(layer)))} if own_class else {}
    if own_class:
        parts = [(_held_by(attribute, part, path), part) for part in held]
    elif wrapped:
        parts = [(name, getattr(layer, name)) for name in wrapped]
    else:
        parts = [(_COUNTER.sub("", part.name), part) for part in held]
    inside = set()
    for name, part in parts:
        for inner, variable in _own("{}/{}".format(path, name), part, runtime):
            inside.add(id(variable))
            yield inner, variable
    renamed = _KERAS_3_NAMES.get(type(layer).__name__, {})
    for variable in layer.weights:
        if id(variable) not in inside:
            name = runtime.dialect.variable_name(variable).split("/")[-1]
            name = _held_by(attribute, variable, path) if own_class else renamed.get(name, name)
            yield "{}/{}".format(path, name), variable


def _held_by(attribute: Mapping[int, str], value: Any, path: str) -> str:
    if id(value) not in attribute:
        raise ModelError(
            "a weight of a custom layer that is in none of its attributes",
            place=path, found=value.name, fix="keep it as an attribute of its layer, or in a list or dict that is one",
        )  # fmt: skip
    return attribute[id(value)]
