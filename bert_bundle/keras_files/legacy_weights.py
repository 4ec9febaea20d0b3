"""Weights in the HDF5 layout of Keras 2: groups of layers, with the full names of variables as attributes."""

from typing import Any, Dict, Iterator, List, Mapping, Tuple

import numpy as np

from bert_bundle.errors import FormatError
from bert_bundle.keras_files.hdf5 import Hdf5

LAYERS, OWN = "layer_names", "top_level_model_weights"  # an attribute; the group of weights that no layer has

_WEIGHTS = "weight_names"


def arrays(file: Hdf5, group: str, place: str) -> Dict[str, np.ndarray]:
    """Return full name -> array, in the order of the layers and of the weights of each.

    Raises FormatError for a tensor of the group that has no name, or two names of one.
    """
    found: Dict[str, np.ndarray] = {}
    paths = set()
    for name, path in _named(file, group):
        key = name.partition(":")[0]
        if key in found:
            raise FormatError("two tensors of one name", place=place, found=name)
        found[key] = file.array(path)
        paths.add(path)
    without = [path for path in file.paths if path.startswith(group) and path not in paths]
    if without:
        raise FormatError("a tensor that no layer of the file names", place=place, found=without[0])
    return found


def _named(file: Hdf5, group: str) -> Iterator[Tuple[str, str]]:
    """Yield (full name, path) of every tensor in its order."""
    prefix = group + "/" if group else ""
    layers = names(file.attributes(group), LAYERS)
    own = [OWN] if any(path.startswith(prefix + OWN + "/") for path in file.paths) else []
    for layer in (*layers, *own):
        for name in names(file.attributes(prefix + layer), _WEIGHTS):
            yield name, prefix + layer + "/" + name


def names(attributes: Mapping[str, Any], key: str) -> List[str]:
    """Return a list of names, which Keras cuts into pieces where it is longer than an attribute may be."""
    if key in attributes:
        return list(attributes[key])
    pieces: List[str] = []
    while key + str(len(pieces)) in attributes:
        pieces.append(key + str(len(pieces)))
    return [name for piece in pieces for name in attributes[piece]]


def is_in(attributes: Mapping[str, Any]) -> bool:
    """Return whether a group with these attributes has this layout."""
    return LAYERS in attributes or LAYERS + "0" in attributes
