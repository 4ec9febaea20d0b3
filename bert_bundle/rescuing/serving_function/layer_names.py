"""Names of layers in a graph that is read off a serving function, and the stored variables and flags under them.

A layer keeps its name; if that is taken it has the name of its holder before it. Variables and flags are renamed so
that they begin with the name of their layer, as those of a stored configuration do.
"""

from dataclasses import replace
from typing import Dict, List, Mapping, Optional, Tuple

from bert_bundle.encoders.families import BY_MAIN_LAYER
from bert_bundle.graph.graph import Layer
from bert_bundle.keras_files.keras_metadata import KerasObject
from bert_bundle.keras_files.stored_model import StoredModel
from bert_bundle.rescuing.serving_function.layer_calls import Owners


class LayerNames:
    """The names of the layers of one graph."""

    def __init__(self, owners: Owners) -> None:
        self._owners = owners
        self._names: Dict[str, str] = {}  # path of an object, or full name of a variable -> name of a layer

    def of(self, found: KerasObject) -> str:
        """Return the name of a known layer."""
        return self._named(found.path, found.name, [each.name for each in self._owners.chain(found)[:-1]])

    def of_variable(self, name: str, holder: KerasObject) -> str:
        """Return the name of the `Variable` of a variable: its holder's, a dot, the attributes that lead to it."""
        attribute = next(attribute for attribute, full in holder.variables.items() if full == name)
        wanted = "{}.{}".format(holder.name, attribute)
        return self._named(name, wanted, [each.name for each in self._owners.chain(holder)[:-1]])

    def _named(self, key: str, wanted: str, holders: List[str]) -> str:
        if key not in self._names:
            taken = set(self._names.values())
            name, number = wanted, 1
            while name in taken and holders:
                name = "{}.{}".format(holders.pop(), name)
            plain = name
            while name in taken:
                number += 1
                name = "{}_{}".format(plain, number)
            self._names[key] = name
        return self._names[key]

    def renamed(self, stored: StoredModel, layers: Mapping[str, Layer]) -> Tuple[StoredModel, List[str]]:
        """Return the model with its variables and flags under the names of layers, and the variables of no layer."""
        arrays, unused = {}, []
        for name, array in stored.arrays.items():
            holder = self._owners.holders.get(name)
            known = self._owners.known(holder) if holder is not None else []
            layer = self._names.get(name) or self._names.get(known[0].path if known else "", "")
            if layer not in layers or holder is None:
                unused.append(name)
            elif layer == self._names.get(name):
                arrays[layer + "/weight"] = array
            else:
                arrays["/".join([layer, *_inner(name, known)])] = array
        return replace(stored, arrays=arrays, flags=self._flags(stored, layers)), unused

    def _flags(self, stored: StoredModel, layers: Mapping[str, Layer]) -> Optional[Dict[str, bool]]:
        """Return the flags of encoders and their parts under the names of their layers, None if they are not stored."""
        if stored.flags is None:
            return None
        found: Dict[str, bool] = {}
        for each in stored.objects:
            known = self._owners.known(each)
            layer = self._names.get(known[0].path if known else "", "")
            if layer in layers and layers[layer].encoder and "trainable" in each.metadata:
                inside = [part.name for part in known[1:]]
                found["/".join([layer, *(_prefix(known[0]) if inside else []), *inside])] = each.trainable
        return found


def _inner(name: str, known: List[KerasObject]) -> List[str]:
    """Return the parts of a variable's full name after that of its layer."""
    parts = name.split("/")
    chain = [each.name for each in known]
    for length in range(len(chain), 0, -1):
        for start in range(len(parts) - length - 1, -1, -1):
            if parts[start : start + length] == chain[:length]:
                return [*_prefix(known[0]), *parts[start + 1 :]]
    return [*_prefix(known[0]), parts[-1]]


def _prefix(layer: KerasObject) -> List[str]:
    """Return what a main layer is called in an encoder, which it stands for."""
    family = BY_MAIN_LAYER.get(layer.class_name)
    return [family.weights.prefix] if family is not None else []
