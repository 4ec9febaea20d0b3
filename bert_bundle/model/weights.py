"""Weights outside the encoders, by stable path; knows nothing of files.

A path is the layer's path and the variable's own name: `head/dense/kernel`. Never a position: frozen layers move
within `model.weights`, which is how HDF5 files load weights into the wrong variables without an error.
"""

import re
from typing import Any, Dict, Iterator, Mapping, Tuple

import numpy as np

from ..errors import FormatError, ModelError
from .keras import Runtime

_COUNTER = re.compile(r"_[0-9]+\Z")  # `lstm_cell_3`: numbered by how many the process made before


def collect(layers: Mapping[str, Any], runtime: Runtime) -> Dict[str, np.ndarray]:
    """Path -> array of every weight of the layers (path -> live layer) that is no encoder's and no nested model's."""
    return {path: variable.numpy() for path, variable in _variables(layers, runtime)}


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


def _variables(layers: Mapping[str, Any], runtime: Runtime) -> Iterator[Tuple[str, Any]]:
    seen: Dict[str, Any] = {}
    for path, layer in layers.items():
        if runtime.encoders.family_of(layer) or hasattr(layer, "layers"):
            continue
        for variable in layer.weights:
            own = runtime.dialect.variable_name(variable).split("/")
            start = own.index(layer.name) + 1 if layer.name in own else max(len(own) - 1, 0)
            parts = [_COUNTER.sub("", part) for part in own[start:-1]] + [own[-1]]
            name = "/".join([path, *parts])
            if name in seen:
                raise ModelError("two variables have one path", place=name, fix="give the layer's parts distinct names")
            seen[name] = variable
            yield name, variable
