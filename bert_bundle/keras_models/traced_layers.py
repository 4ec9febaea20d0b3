"""What was traced in one graph: the names of its parts, its own variables as symbolic tensors; runs no code itself."""

from typing import Any, Dict, List, Mapping

from bert_bundle.errors import ModelError
from bert_bundle.keras_models import layer_construction
from bert_bundle.keras_models.runtime import Runtime
from bert_bundle.keras_models.tracing import Hold


class Traced:
    """The layers of one graph that were traced, and whose part each other layer is."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._names: Dict[int, str] = {}  # id of a layer -> its name in the graph
        self._owners: Dict[int, Any] = {}  # id of a layer -> the traced one whose part it is
        self._traced: List[Any] = []
        self._held: Dict[int, Any] = {}  # id of a variable -> symbolic tensor

    def add(self, layer: Any, anchor: Any) -> Hold:
        """Remembers a layer about to be traced; what makes symbolic tensors of its variables, called on `anchor`."""
        self._traced.append(layer)
        for part in layer._flatten_layers(recursive=False, include_self=False):
            self._owners.setdefault(id(part), layer)
        return lambda path, variable: self._hold(layer, path, variable, anchor)

    def name(self, layer: Any) -> str:
        """A layer's own name; of two with one name, the later one's has that of what it is a part of before it."""
        if id(layer) not in self._names:
            name, owner = layer.name, self._owners.get(id(layer))
            while name in self._names.values() and owner is not None:
                name, owner = "{}.{}".format(owner.name, name), self._owners.get(id(owner))
            self._names[id(layer)] = name
        return self._names[id(layer)]

    def check_weights(self, live: Mapping[str, Any]) -> None:
        """Raises ModelError for a weight of what was traced that no live layer of the graph has: it would be lost."""
        kept = {id(variable) for layer in live.values() for variable in layer.weights}
        for layer in self._traced:
            for variable in layer.weights:
                if id(variable) not in kept:
                    raise ModelError(
                        "a weight that tracing did not find",
                        place=layer.name,
                        found=variable.name,
                        fix="use it in call, as an attribute of the layer that made it",
                    )

    def _hold(self, layer: Any, path: str, variable: Any, anchor: Any) -> Any:
        """The variable as a symbolic tensor: the same one however often the layer is called."""
        if id(variable) not in self._held:
            if not self._runtime.dialect.is_floating(variable):
                raise ModelError(
                    "a variable that is not floating-point",
                    place="{} {}".format(layer.name, path),
                    fix="make what is constant in call; a counter is state, which a replay does not have",
                )
            name = "{}.{}".format(self.name(layer), path)
            policy, trainable = self._runtime.dialect.policy(layer), bool(layer.trainable and variable.trainable)
            held = layer_construction.hold(self._runtime.keras, name, variable, policy, trainable)
            self._held[id(variable)] = held(anchor)
        return self._held[id(variable)]
