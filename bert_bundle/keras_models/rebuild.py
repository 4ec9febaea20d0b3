"""Graph -> Keras model.

Every name in the graph has been checked against the vocabulary, and against the release of this Keras.

Does not know: files.
"""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Tuple

from bert_bundle.encoders import families
from bert_bundle.errors import ModelError
from bert_bundle.graph.graph import Apply, Argument, Call, Graph, Input, Layer, Ref, refs
from bert_bundle.graph.layers import STRING, widened_dtype
from bert_bundle.keras_models import bare_encoder, custom_layers, layer_construction
from bert_bundle.keras_models.nodes import tensors
from bert_bundle.keras_models.runtime import Runtime

_EVERY_LAYER = "hidden_states.0"  # an encoder that returns the output of one layer returns that of every layer


@dataclass
class Rebuilt:
    """A model with its layers by path, its encoders by folder name, and the tensors of its nodes by readable name.

    tensors  "node layer output" -> symbolic tensor, in the order of computation, without scalars. In float64 also the
             tensors inside every call of a nested model: "node.node layer/layer output"
    """

    model: Any = None
    layers: Dict[str, Any] = field(default_factory=dict)
    encoders: Dict[str, Any] = field(default_factory=dict)
    tensors: Dict[str, Any] = field(default_factory=dict)


def rebuild(
    graph: Graph, configs: Mapping[str, Mapping[str, Any]], runtime: Runtime, *, float64: bool = False
) -> Rebuilt:
    """Return the model of `graph` with initial weights; `configs`: folder name -> config.json of an encoder.

    With `float64` every floating input, layer and cast is float64, whatever precision the model was saved in.
    Raises ModelError for a custom layer that its class does not rebuild, or that fails when it is called.
    """
    rebuilt = Rebuilt()
    with runtime.dialect.compute_context(float64, user_code=_runs_user_code(graph)):
        outermost = _Rebuild(graph, configs, runtime, float64, "", rebuilt)
        rebuilt.model, rebuilt.tensors = outermost.model(), outermost.tensors
    return rebuilt


def _runs_user_code(graph: Graph) -> bool:
    """Return whether AutoGraph may be needed: by a custom layer, or by a class of transformers of no family."""
    return any(layer.custom or families.GENERAL in layer.config for _, layer in graph.walk())


class _Rebuild:
    """One graph (or nested graph) being rebuilt."""

    def __init__(
        self,
        graph: Graph,
        configs: Mapping[str, Mapping[str, Any]],
        runtime: Runtime,
        float64: bool,
        scope: str,
        rebuilt: Rebuilt,
    ) -> None:
        self.graph, self.configs, self.runtime = graph, configs, runtime
        self.keras, self.dialect, self.encoders = runtime.keras, runtime.dialect, runtime.encoders
        self.float64, self.scope, self.rebuilt = float64, scope, rebuilt
        self.layers: Dict[str, Any] = {}
        self.inside: Dict[str, Tuple[List[str], Any]] = {}  # nested model -> names of its tensors, a model of them
        self.values: List[Any] = []  # what each node computes: a tensor, or several in a list or a dict
        self.tensors: Dict[str, Any] = {}

    def model(self) -> Any:
        graph = self.graph
        for layer in graph.layers:
            self.layers[layer.name] = self.rebuilt.layers[self.scope + layer.name] = self._layer(layer)
        for index in range(len(graph.nodes)):
            self.values.append(self._node(index))
            self._name_tensors(index)
        if graph.class_name == "Sequential" and self._is_chain():
            model = self.keras.Sequential(name=graph.name)
            model.add(self.values[graph.inputs[0][1].node]._keras_history[0])
            for call in (node for node in graph.nodes if isinstance(node, Call)):
                model.add(self.layers[call.layer])
        else:
            outputs = _nested(graph.outputs_form, [(k, self._tensor(r)) for k, r in graph.outputs])
            model = self._model_class()(self._inputs(), outputs, name=graph.name)
        for node, value in zip(graph.nodes, self.values):
            if isinstance(node, Input):
                value._keras_history[0].trainable = node.trainable
        for layer in graph.layers:
            self._set_trainable(layer)
        model._trainable = graph.trainable  # the property would set the flag of every layer too
        return model

    def _inputs(self) -> Any:
        by_name = {k: self._tensor(r) for k, r in self.graph.inputs}
        return _nested(self.graph.inputs_form, list(by_name.items()))

    def _model_class(self) -> Any:
        if self.scope or self.float64 or not bare_encoder.is_around_encoder(self.graph):
            return self.keras.Model
        (layer,) = self.graph.layers
        family = families.of_layer(layer.class_name, layer.config)
        return bare_encoder.model_class(family, [name for name, _ in self.graph.inputs], self.runtime)

    def _is_chain(self) -> bool:
        return all(isinstance(node, Call) for node in self.graph.nodes[1:]) and not any(
            layer.encoder for layer in self.graph.layers
        )

    def _layer(self, layer: Layer) -> Any:
        policy = "float64" if self.float64 else layer.policy
        if layer.encoder:
            config = self.configs[layer.encoder]
            with self.dialect.precision(self.keras, policy):
                family, outputs = families.of_layer(layer.class_name, layer.config), self._outputs_used(layer.name)
                encoder = self.encoders.build(family, config, layer.name, outputs)
            self.rebuilt.encoders[layer.encoder] = encoder
            return encoder
        if layer.graph is not None:
            scope = self.scope + layer.name + "/"
            nested = _Rebuild(layer.graph, self.configs, self.runtime, self.float64, scope, self.rebuilt)
            model = nested.model()
            if self.float64 and nested.tensors:
                everything = self.keras.Model(nested._inputs(), list(nested.tensors.values()))
                self.inside[layer.name] = list(nested.tensors), everything
            return model
        if layer.custom:
            with self.dialect.precision(self.keras, policy):  # layers that it creates in __init__ take this policy
                return custom_layers.make(layer, policy, self.runtime, self.scope + layer.name)
        return layer_construction.make(self.keras, layer.class_name, layer.name, layer.config, policy, self.float64)

    def _node(self, index: int) -> Any:
        node = self.graph.nodes[index]
        if isinstance(node, Input):
            return self.keras.Input(shape=node.shape, dtype=widened_dtype(node.dtype, self.float64), name=node.name)
        if isinstance(node, Apply):
            return self._apply(node)
        layer = self.graph.layer(node.layer)
        args, kwargs = self._arguments(node)
        if layer.custom:
            return self._custom_call(layer, args, kwargs)
        if not layer.encoder:
            return self.dialect.call(self.layers[node.layer], args, kwargs)
        with self.dialect.precision(self.keras, "float64" if self.float64 else layer.policy):
            return self.encoders.call(self.layers[node.layer], kwargs, self._outputs_used(node.layer))

    def _custom_call(self, layer: Layer, args: List[Any], kwargs: Mapping[str, Any]) -> List[Any]:
        """Call a custom layer and return every tensor that it returns, in the order in which Keras flattens them."""
        try:
            with self.dialect.precision(self.keras, "float64" if self.float64 else layer.policy):
                return list(tensors(self.layers[layer.name](*args, **kwargs)))
        except Exception as error:  # user code
            raise ModelError(
                "a custom layer that fails when it is called",
                place=self.scope + layer.name,
                wanted="a call in float64, the precision of the comparison" if self.float64 else "",
                found="{}: {}".format(type(error).__name__, error),
                fix="take the dtype of constants and variables from self.compute_dtype or the inputs, not float32",
            ) from error

    def _apply(self, node: Apply) -> Any:
        arguments = {k: self._value(v) for k, v in node.arguments.items()}
        if arguments.get("dtype") is not None:
            arguments["dtype"] = widened_dtype(arguments["dtype"], self.float64)
        return self.dialect.apply(node.op, arguments, widened_dtype("float32", self.float64))

    def _outputs_used(self, layer: str) -> "frozenset[str]":
        """Return the outputs of calls of `layer` that are used, and in float64 those of every layer of an encoder.

        A float64 replay has a fingerprint of each layer, from which a verdict names the first layer that differs.
        """
        nodes = self.graph.nodes
        used = [r for _, r in self.graph.outputs]
        for node in nodes:
            if isinstance(node, Call):
                used += refs([node.args, node.kwargs])
            elif isinstance(node, Apply):
                used += refs(node.arguments)
        calls = {i for i, node in enumerate(nodes) if isinstance(node, Call) and node.layer == layer}
        wanted = frozenset(r.output for r in used if r.node in calls)
        return wanted | {_EVERY_LAYER} if self.float64 else wanted

    def _arguments(self, node: Call) -> Tuple[List[Argument], Dict[str, Argument]]:
        return [self._value(v) for v in node.args], {k: self._value(v) for k, v in node.kwargs.items()}

    def _value(self, value: Argument) -> Any:
        """Return an argument of a graph with live tensors in place of its references."""
        if isinstance(value, Ref):
            return self._tensor(value)
        if isinstance(value, list):
            return [self._value(v) for v in value]
        if isinstance(value, dict):
            return {k: self._value(v) for k, v in value.items()}
        if isinstance(value, slice):
            return slice(*(self._value(v) for v in (value.start, value.stop, value.step)))
        return value

    def _tensor(self, ref: Ref) -> Any:
        value, node = self.values[ref.node], self.graph.nodes[ref.node]
        if isinstance(node, Call) and self.graph.layer(node.layer).custom:
            if int(ref.output or 0) >= len(value):
                raise ModelError(
                    "a custom layer that returns fewer tensors than when it was saved",
                    place=self.scope + node.layer,
                    wanted="more than {}".format(ref.output or 0),
                    found=len(value),
                    fix="pass the class as it was when the bundle was saved",
                )
            return value[int(ref.output or 0)]
        if not ref.output:
            return value
        if isinstance(value, (list, tuple)):
            return value[int(ref.output)]
        if ref.output in value:
            return value[ref.output]
        return self.encoders.pick(value, ref.output)

    def _name_tensors(self, index: int) -> None:
        node, value = self.graph.nodes[index], self.values[index]
        if isinstance(node, Input):
            return
        name = node.layer if isinstance(node, Call) else node.op
        if isinstance(node, Call) and name in self.inside:  # in the order of computation: before the model's outputs
            self._name_tensors_inside(index, node)
        items: Any = value.items() if isinstance(value, Mapping) else [("", value)]
        if isinstance(node, Call) and self.graph.layer(node.layer).custom:
            items = [(str(i) if len(value) > 1 else "", tensor) for i, tensor in enumerate(value)]
        layers = [
            ("{}.{}".format(output, number), tensor)
            for output, several in items
            if isinstance(several, (list, tuple))
            for number, tensor in enumerate(several)
        ]
        for output, tensor in [*layers, *items]:  # the layers of an encoder before its other outputs
            is_row = hasattr(tensor, "_keras_history") and len(tensor.shape)  # a scalar does not belong to an example
            if is_row and STRING not in str(tensor.dtype):
                self.tensors["{} {} {}".format(index, name, output).strip()] = tensor

    def _name_tensors_inside(self, index: int, node: Call) -> None:
        """Add the tensors inside this call of a nested model."""
        args, kwargs = self._arguments(node)
        names, everything = self.inside[node.layer]
        for name, tensor in zip(names, tensors(everything(*args, **kwargs))):
            number, _, rest = name.partition(" ")
            self.tensors["{}.{} {}/{}".format(index, number, node.layer, rest)] = tensor

    def _set_trainable(self, layer: Layer) -> None:
        live = self.layers[layer.name]
        if layer.encoder:
            self.encoders.set_flags(live, layer.trainable, layer.flags, self.scope + layer.name)
        elif layer.graph is None:
            live.trainable = layer.trainable


def _nested(form: str, pairs: List[Tuple[str, Any]]) -> Any:
    """Return tensors, given with their keys, in the form of the inputs or outputs of a model."""
    if form == "single":
        return pairs[0][1]
    if form == "dict":
        return dict(pairs)
    return [tensor for _, tensor in pairs]
