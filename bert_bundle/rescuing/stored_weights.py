"""Weights by the full names that Keras 2 gives variables -> the weights of a graph's layers and encoders.

A full name is the layer's, its parts' and the variable's own: `dense/kernel`, `tf_bert_model/bert/pooler/dense/bias`.
It tells the variable of a tensor whatever its position is, so a file whose order frozen parts have changed is read
right. Every tensor is used exactly once. Does not know: Keras, the file.
"""

import re
from dataclasses import dataclass, field
from typing import Dict, Iterable, List, Mapping, Optional, Tuple

import numpy as np

from bert_bundle.encoders import checkpoint_names
from bert_bundle.encoders.families import POOLER, of_layer
from bert_bundle.errors import FormatError, ModelError
from bert_bundle.graph.graph import Graph, Layer
from bert_bundle.keras_models.layer_construction import VARIABLE

_COUNTER = re.compile(r"_[0-9]+\Z")
_BIDIRECTIONAL = (("forward_", "forward_layer"), ("backward_", "backward_layer"))


@dataclass
class StoredWeights:
    """Arrays of a graph: of its layers by path, of its encoders by folder and PyTorch name.

    `names`: for each encoder the full names of its variables, in the order of the file.
    """

    layers: Dict[str, np.ndarray] = field(default_factory=dict)
    encoders: Dict[str, Dict[str, np.ndarray]] = field(default_factory=dict)
    names: Dict[str, List[str]] = field(default_factory=dict)


def assign(graph: Graph, arrays: Mapping[str, np.ndarray], place: str) -> StoredWeights:
    """Return the arrays of the graph's layers. `arrays`: full name, without `:0`, -> array, in the order of the file.

    Raises FormatError for a tensor that belongs to no layer, or twice to one variable.
    """
    found = StoredWeights()
    owners = _owners(graph)
    for name, array in arrays.items():
        owner = _owner(name, owners)
        if owner is None:
            raise FormatError("a tensor that no layer of the model has", place=place, found=name)
        path, layer = owner
        if layer.encoder:
            _add_to_encoder(found, layer, name, array, place)
        else:
            key = _path_in_layer(path, layer, name)
            if key in found.layers:
                raise FormatError("two tensors of one variable", place=place, found="{}, {}".format(key, name))
            found.layers[key] = array
    return found


def _owners(graph: Graph) -> Dict[str, Tuple[str, Layer]]:
    """Return name of a layer -> its path and itself, for the layers that may have weights."""
    owners: Dict[str, Tuple[str, Layer]] = {}
    for path, layer in graph.walk():
        if layer.graph is None:
            if layer.name in owners:
                raise ModelError(
                    "two layers of one name in nested models", place=path, found="the same as " + owners[layer.name][0]
                )
            owners[layer.name] = path, layer
    return owners


def _owner(name: str, owners: Mapping[str, Tuple[str, Layer]]) -> Optional[Tuple[str, Layer]]:
    """Return the layer that a variable belongs to: the first part of its name that is a layer's."""
    for part in name.split("/"):
        if part in owners:
            return owners[part]
    return None


def _add_to_encoder(found: StoredWeights, layer: Layer, name: str, array: np.ndarray, place: str) -> None:
    weights = found.encoders.setdefault(layer.encoder, {})
    found.names.setdefault(layer.encoder, []).append(name)
    family = of_layer(layer.class_name, layer.config)
    key, transposed = checkpoint_names.to_pytorch(name, family)
    if key in weights:
        raise FormatError("two tensors of one variable", place=place, found=name)
    weights[key] = array.T if transposed else array


def _path_in_layer(path: str, layer: Layer, name: str) -> str:
    """Return the path of a weight in a bundle: `lstm/lstm_cell/kernel`, whatever Keras numbered its parts by."""
    if layer.class_name == VARIABLE:
        return path
    parts = name.split("/")
    inner = parts[parts.index(layer.name) + 1 :]
    if layer.class_name == "Bidirectional":
        inner[0] = next((part for prefix, part in _BIDIRECTIONAL if inner[0].startswith(prefix)), inner[0])
    elif layer.class_name == "TimeDistributed":
        inner = ["layer", inner[-1]] if len(inner) < 3 else ["layer", *inner[1:]]
    numbered: Iterable[str] = (_COUNTER.sub("", part) for part in inner[:-1])
    return "/".join([path, *numbered, inner[-1]])


def without_pooler(layer: Layer, names: Iterable[str]) -> bool:
    """Return whether an encoder's stored weights lack the pooler of its family."""
    family = of_layer(layer.class_name, {k: v for k, v in layer.config.items() if k != POOLER})
    pooler = family.weights.pooler
    return bool(pooler) and not any("/" + pooler.split(".")[0] + "/" in name for name in names)
