"""The layers of one graph that were traced: the names of their parts, and their variables as symbolic tensors."""

import functools
from typing import Any, Dict, List, Mapping, Optional

from bert_bundle.capturing import function_graph
from bert_bundle.capturing.legacy_encoders import LegacyEncoders
from bert_bundle.capturing.lookups import is_lookup
from bert_bundle.capturing.symbolic_replay import Conversions
from bert_bundle.capturing.tracing import InGraph, VariableToTensor, own_variables, regularizers, runs_user_code
from bert_bundle.errors import ModelError
from bert_bundle.keras_models import custom_layers, layer_construction
from bert_bundle.keras_models.nodes import distinct, tensors
from bert_bundle.keras_models.runtime import NATIVE, Runtime


def is_traced(layer: Any, runtime: Runtime) -> bool:
    """Return whether a layer is traced: it runs user code, and is neither an encoder nor stored by name."""
    if isinstance(layer, runtime.keras.layers.InputLayer) or custom_layers.stored_name(layer, runtime):
        return False
    return runtime.encoders.family_of(layer) is None and runs_user_code(layer, runtime.keras, runtime.dialect)


class TracedLayers:
    """The layers of one graph that were traced, and the traced layer that each of their parts belongs to."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._legacy = LegacyEncoders(runtime)
        self._names: Dict[int, str] = {}  # id of a layer -> its name in the graph
        self._owners: Dict[int, Any] = {}  # id of a layer -> the traced layer that it is a part of
        self._traced: List[Any] = []
        self._anchors: Dict[int, Any] = {}  # id of a traced layer -> what its variables are computed from
        self._tensors: Dict[int, Any] = {}  # id of a variable -> symbolic tensor

    def add(self, layer: Any, anchor: Any) -> VariableToTensor:
        """Add a layer that is about to be traced, and return a function from its variables to symbolic tensors.

        The symbolic tensors are computed from `anchor`, an input of the model.
        """
        self._traced.append(layer)
        self._anchors.setdefault(id(layer), anchor)
        for part in layer._flatten_layers(recursive=False, include_self=False):
            self._owners.setdefault(id(part), layer)
            for inner in part._flatten_layers(recursive=False, include_self=False):  # a main layer of an encoder
                self._owners.setdefault(id(inner), part)
        return lambda path, variable: self._tensor_of(layer, path, variable, anchor)

    def graph_runner(self, place: str) -> Optional[InGraph]:
        """Return `run_in_graph` for code at `place`; None where Keras 3 has another backend than TensorFlow."""
        if self._runtime.name == NATIVE and self._runtime.keras.config.backend() != "tensorflow":
            return None
        return functools.partial(self.run_in_graph, place=place)

    def run_in_graph(self, function: Any, args: List[Any], kwargs: Mapping[str, Any], place: str) -> Any:
        """Return the nested symbolic tensors that user code computes, run in a TensorFlow graph. Raises like its `run`.

        User-defined layers that it calls are traced with it.
        """
        anchor = next(tensors([args, kwargs]))
        legacy, dialect = self._legacy, self._runtime.dialect
        conversions = Conversions(
            bases=(self._runtime.keras.layers.Layer, *legacy.bases),
            is_known=lambda layer: legacy.has(layer) or not is_traced(layer, self._runtime),
            call=lambda layer, args, kwargs: (legacy if legacy.has(layer) else dialect).call(layer, args, kwargs),
            variable=self._variable,
            entered=functools.partial(self.add, anchor=anchor),
        )
        return function_graph.run(function, args, kwargs, dialect, conversions, place)

    def _variable(self, handle: Any) -> Optional[Any]:
        """Return the variable with this handle as a symbolic tensor; None if no traced layer owns it."""
        for layer in self._traced:
            for path, variable in own_variables(layer):
                if handle is not None and _handle(variable) is handle:
                    return self._tensor_of(layer, path, variable, self._anchors[id(layer)])
        return None

    def name(self, layer: Any) -> str:
        """Return the name of a layer in the graph.

        A repeated name is prefixed with that of the layer's owner; what is repeated even so is numbered.
        """
        if id(layer) not in self._names:
            name, owner = layer.name, self._owners.get(id(layer))
            while name in self._names.values() and owner is not None:
                name, owner = "{}.{}".format(owner.name, name), self._owners.get(id(owner))
            self._names[id(layer)] = distinct([*self._names.values(), name])[-1]
        return self._names[id(layer)]

    def check_weights(self, layers: Mapping[str, Any]) -> None:
        """Raise ModelError for a weight of a traced layer that would be lost, as no layer of the graph has it.

        What a lookup has in place of weights is in its table.
        """
        parts = [part for layer in self._traced for part in layer._flatten_layers(include_self=False)]
        lookups = [part for part in parts if is_lookup(part, self._runtime.keras)]
        kept = {id(variable) for layer in (*layers.values(), *lookups) for variable in layer.weights}
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
            holder = layer_construction.hold(
                self._runtime.keras,
                name,
                variable,
                policy,
                trainable=trainable,
                regularizer=regularizers(layer).get(id(variable)),
                constraint=getattr(variable, "constraint", None),
            )
            self._tensors[id(variable)] = holder(anchor)
        return self._tensors[id(variable)]


def _handle(variable: Any) -> Any:
    """Return the resource of a variable of Keras 2, or of the TensorFlow variable in one of Keras 3."""
    return variable.handle if hasattr(variable, "handle") else getattr(variable.value, "handle", None)
