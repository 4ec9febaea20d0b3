"""Weights outside the encoders, by stable path.

A path is the layer's path, the part that holds the variable, and the variable's own name: `head/dense/kernel`,
`lstm/lstm_cell/kernel`, `bidirectional/backward_layer/lstm_cell/kernel`. A `Variable` layer is its own path:
`pool.scale`. In a layer of a user-defined class, parts and variables are named after the attribute that holds them,
without leading underscores: `pool/blocks.0/kernel`, `pool/scale`.

Paths are the same in every release of Keras 2 and 3, and never a position: frozen layers change their position in
`model.weights`, which is how HDF5 files load weights into the wrong variables without an error.

Does not know: files.
"""

import re
from typing import Any, Dict, Iterator, Mapping, Tuple

import numpy as np

from bert_bundle.errors import FormatError, ModelError
from bert_bundle.keras_models.layer_construction import is_variable_layer
from bert_bundle.keras_models.nodes import attributes, is_from_keras
from bert_bundle.keras_models.runtime import Runtime

_COUNTER = re.compile(r"_[0-9]+\Z")  # `lstm_cell_3`: Keras numbers parts by how many the process has made

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
    """Return path -> array for every weight of the layers, except those of encoders and of nested models.

    `layers`: live layers by path, including the layers of nested models.
    """
    found = dict(_variables(layers, runtime))
    paths: Dict[int, str] = {}
    for path, variable in found.items():
        if paths.setdefault(id(variable), path) != path:
            raise ModelError(
                "a weight that two layers share",
                place=path,
                found="the same as " + paths[id(variable)],
                fix="keep it in one layer and pass its value to the other as a tensor: a loaded model would have two",
            )
    return {path: np.asarray(variable.numpy()) for path, variable in found.items()}


def assign(layers: Mapping[str, Any], tensors: Mapping[str, np.ndarray], runtime: Runtime, place: str) -> None:
    """Set every weight of the layers. Raises FormatError for a tensor that is missing, unexpected or does not fit."""
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
        if hasattr(layer, "finalize_state"):  # a Normalization computes its constants from its weights only once
            layer.finalize_state()


def _variables(layers: Mapping[str, Any], runtime: Runtime) -> Iterator[Tuple[str, Any]]:
    """Yield (path, variable) for every weight that `collect` returns."""
    seen = set()
    for path, layer in layers.items():
        if runtime.encoders.family_of(layer) or isinstance(layer, runtime.keras.Model):
            continue
        once: Dict[int, str] = {}  # a part in two attributes of a layer has the path of the first
        for name, variable in _layer_variables(path, layer, runtime):
            if once.setdefault(id(variable), name) != name:
                continue
            if name in seen:
                raise ModelError(
                    "two variables have the same path", place=name, fix="give each part of the layer a different name"
                )
            seen.add(name)
            yield name, variable


def _layer_variables(path: str, layer: Any, runtime: Runtime) -> Iterator[Tuple[str, Any]]:
    """Yield (path, variable) for every weight of a layer: those of its parts, then its own."""
    if is_variable_layer(layer):
        yield path, layer.weight
        return
    wrapped = _WRAPPED.get(type(layer).__name__)
    with_weights = [part for part in layer._flatten_layers(recursive=False, include_self=False) if part.weights]
    is_user_defined = not is_from_keras(type(layer))
    attribute = {id(v): name.lstrip("_") for name, v in reversed(list(attributes(layer)))} if is_user_defined else {}
    if is_user_defined:
        parts = [(_attribute_of(attribute, part, path), part) for part in with_weights]
    elif wrapped:
        parts = [(name, getattr(layer, name)) for name in wrapped]
    else:
        parts = [(_COUNTER.sub("", part.name), part) for part in with_weights]
    inside = set()
    for name, part in parts:
        for inner, variable in _layer_variables("{}/{}".format(path, name), part, runtime):
            inside.add(id(variable))
            yield inner, variable
    renamed = _KERAS_3_NAMES.get(type(layer).__name__, {})
    for variable in layer.weights:
        if id(variable) not in inside:
            name = runtime.dialect.variable_name(variable).split("/")[-1]
            name = _attribute_of(attribute, variable, path) if is_user_defined else renamed.get(name, name)
            yield "{}/{}".format(path, name), variable


def _attribute_of(attribute: Mapping[int, str], value: Any, path: str) -> str:
    """Return the attribute that holds a part or a variable. Raises ModelError if none does."""
    if id(value) not in attribute:
        raise ModelError(
            "a weight of a custom layer that is in none of its attributes",
            place=path,
            found=value.name,
            fix="keep it in an attribute of its layer, or in a list or dict in an attribute",
        )
    return attribute[id(value)]
