"""The layers of one graph that were traced: the names of their parts, and their variables as symbolic tensors.

Runs no user code itself.
"""

from typing import Any, Dict, List, Mapping

from bert_bundle.errors import ModelError
from bert_bundle.keras_models import layer_construction
from bert_bundle.keras_models.runtime import Runtime
from bert_bundle.keras_models.tracing import VariableToTensor


class TracedLayers:
    """The layers of one graph that were traced, and the traced layer that each of their parts belongs to."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._names: Dict[int, str] = {}  # id of a layer -> its name in the graph
        self._owners: Dict[int, Any] = {}  # id of a layer -> the traced layer that it is a part of
        self._traced: List[Any] = []
        self._tensors: Dict[int, Any] = {}  # id of a variable -> symbolic tensor

    def add(self, layer: Any, anchor: Any) -> VariableToTensor:
        """Add a layer that is about to be traced, and return a function from its variables to symbolic tensors.

        The symbolic tensors are computed from `anchor`, an input of the model.
        """
        self._traced.append(layer)
        for part in layer._flatten_layers(recursive=False, include_self=False):
            self._owners.setdefault(id(part), layer)
            for inner in part._flatten_layers(recursive=False, include_self=False):  # a main layer of an encoder
                self._owners.setdefault(id(inner), part)
        return lambda path, variable: self._tensor_of(layer, path, variable, anchor)

    def name(self, layer: Any) -> str:
        """Return the name of a layer in the graph; a repeated name is prefixed with that of the layer's owner."""
        if id(layer) not in self._names:
            name, owner = layer.name, self._owners.get(id(layer))
            while name in self._names.values() and owner is not None:
                name, owner = "{}.{}".format(owner.name, name), self._owners.get(id(owner))
            self._names[id(layer)] = name
        return self._names[id(layer)]

    def check_weights(self, layers: Mapping[str, Any]) -> None:
        """Raise ModelError for a weight of a traced layer that would be lost, as no layer of the graph has it."""
        kept = {id(variable) for layer in layers.values() for variable in layer.weights}
        for layer in self._traced:
            for variable in layer.weights:
                if id(variable) not in kept:
                    raise ModelError(
                        "a weight that tracing did not find",
                        place=layer.name,
                        found=variable.name,
                        fix="use it in call, as an attribute of the layer that created it",
                    )

    def _tensor_of(self, layer: Any, path: str, variable: Any, anchor: Any) -> Any:
        """Return the variable as a symbolic tensor, the same one for every call of the layer."""
        if id(variable) not in self._tensors:
            if not self._runtime.dialect.is_floating(variable):
                raise ModelError(
                    "a variable that is not floating-point",
                    place="{} {}".format(layer.name, path),
                    fix="create constants in call; state, such as a counter, cannot be stored",
                )
            name = "{}.{}".format(self.name(layer), path)
            policy, trainable = self._runtime.dialect.dtype_policy(layer), bool(layer.trainable and variable.trainable)
            holder = layer_construction.hold(self._runtime.keras, name, variable, policy, trainable)
            self._tensors[id(variable)] = holder(anchor)
        return self._tensors[id(variable)]
