"""Keras model -> Graph, read from the model's own nodes.

The architecture is not read from `get_config`, which transformers 4.5 to 4.12 refuse. Every tensor of a functional
model knows the layer, the call and the position that it came from; walking back from the outputs finds the whole graph.
User code (a Lambda, a custom layer, a subclassed model) is traced: it is run on the symbolic tensors again, and the
layers and ops that it consists of are recorded instead.

Does not know: files.
"""

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from bert_bundle.capturing import tracing
from bert_bundle.capturing.lookups import Lookups, is_lookup
from bert_bundle.capturing.traced_layers import TracedLayers, is_traced
from bert_bundle.encoders import families
from bert_bundle.encoders.families import folder_name
from bert_bundle.errors import ModelError
from bert_bundle.graph import layer_configs, ops, signature, tables
from bert_bundle.graph.graph import CALL_FLAGS, Apply, Argument, Call, Graph, Layer, Node, Ref
from bert_bundle.graph.layers import STATEFUL
from bert_bundle.keras_models import custom_layers, layer_construction
from bert_bundle.keras_models.bare_encoder import graph_around, layer_of
from bert_bundle.keras_models.nodes import (
    calls_its_graph,
    check_apart,
    check_functions,
    check_is_model,
    check_name,
    check_parts,
    check_path,
    constant,
    distinct,
    ends,
    float_constants,
    form,
    output_name,
    rank,
    tensors,
    with_states,
)
from bert_bundle.keras_models.runtime import Runtime

_FIX = "write the model as a functional or Sequential Keras model of built-in layers and tensor ops"
_Key = Tuple[int, int]  # id of a layer, number of one of its calls


@dataclass(frozen=True)
class Captured:
    """A graph with the live layers that it was read from: `layers` by path, `encoders` by folder name."""

    graph: Graph
    layers: Mapping[str, Any]
    encoders: Mapping[str, Any]


def capture(model: Any, runtime: Runtime, length: Optional[int] = None) -> Captured:
    """Return the graph of a functional, Sequential or subclassed model with an encoder, or of an encoder by itself.

    `length`: tokens of the inputs of a model that declares no length; with None those of an encoder have any length.
    Raises ModelError, naming the layer, for anything that a bundle cannot represent.
    """
    layers: Dict[str, Any] = {}
    encoders: Dict[str, Any] = {}
    try:
        family = runtime.encoders.family_of(model)
        if family is not None:
            folder = folder_name(model.name, encoders)
            graph = graph_around(model, family, folder, runtime, length)
            return Captured(graph, {model.name: model}, {folder: model})
        with tracing.unchanged(model):
            graph = _graph(model, runtime, layers, encoders, length)
    except ModelError:
        raise
    except Exception as error:  # a kind of model that this module does not handle yet
        raise ModelError(
            "a model that a bundle cannot represent",
            place=getattr(model, "name", ""),
            found="{}: {}".format(type(error).__name__, error),
            fix=_FIX,
        ) from error
    if not encoders:
        raise ModelError(
            "the model has no encoder",
            place=model.name,
            wanted="a layer of " + families.known(),
            found=", ".join(type(layer).__name__ for layer in model.layers),
            fix="build the classifier around a transformers encoder: a bundle holds no other Keras models",
        )
    return Captured(graph, layers, encoders)


def _graph(
    model: Any, runtime: Runtime, layers: Dict[str, Any], encoders: Dict[str, Any], length: Optional[int]
) -> Graph:
    """Return the graph of a model, which is traced first if it is subclassed.

    At first all inputs have the lengths that the model was called on, and are taken for token ids where Keras does not
    keep dtypes. Those that then feed no encoder hold something else, and the model is traced again.
    """
    if not isinstance(model, runtime.keras.Model) or not tracing.runs_user_code(model, runtime.keras, runtime.dialect):
        return _Capture(model, runtime, "", layers, encoders, TracedLayers(runtime)).graph()

    def trace(features: tracing.Features) -> Graph:
        traced = TracedLayers(runtime)
        in_graph = traced.graph_runner(model.name)
        live = tracing.functional(model, runtime.keras, runtime.dialect, length, traced.add, in_graph, features)
        return replace(_Capture(live, runtime, "", layers, encoders, traced).graph(), trainable=bool(model._trainable))

    graph = trace(None)
    names = {name for name, _ in graph.inputs} - signature.encoders_by_input(graph).keys()
    features = {**dict.fromkeys(names, "float32"), **tables.input_dtypes(graph)}
    if tracing.is_guess(model, runtime.dialect, length, features):
        layers.clear()
        encoders.clear()
        graph = trace(features)
    return graph


class _Capture:
    """One model (or nested model) being captured."""

    def __init__(
        self,
        model: Any,
        runtime: Runtime,
        scope: str,
        layers: Dict[str, Any],
        encoders: Dict[str, Any],
        traced: TracedLayers,
    ) -> None:
        self.model, self.runtime, self.scope = model, runtime, scope
        self.keras, self.dialect = runtime.keras, runtime.dialect
        self.live, self.encoders, self.traced, self.lookups = layers, encoders, traced, Lookups(runtime)
        self.layers: Dict[str, Layer] = {}
        self.nodes: List[Node] = []
        self.index: Dict[_Key, int] = {}
        self.traces: Dict[_Key, List[Any]] = {}  # the tensors that a traced call returned
        check_is_model(model, self.keras, scope)
        if not self.dialect.has_graph(model) or not calls_its_graph(model):
            raise ModelError(
                "a model without a graph",
                place=scope or model.name,
                wanted="a functional model, or a Sequential one that knows its input shape",
                found=type(model).__name__,
                fix=_FIX,
            )

    def graph(self) -> Graph:
        for tensor in self.model.inputs:
            self._add(self._key(tensor), tensor._keras_history[0])
        for tensor in self.model.outputs:
            self._walk(tensor)
        self.traced.check_weights(self.live)
        sequential = isinstance(self.model, self.keras.Sequential)
        nested_inputs, nested_outputs = self.dialect.inputs(self.model), self.dialect.outputs(self.model)
        inputs, outputs = list(ends(nested_inputs)), list(ends(nested_outputs))
        names = distinct(self.traced.name(self._resolved(tensor)._keras_history[0]) for _, tensor in outputs)
        return Graph(
            name=self.model.name,
            trainable=bool(self.model._trainable),
            class_name="Sequential" if sequential and not self.traces else "Functional",
            layers=tuple(self.layers.values()),
            nodes=tuple(self.nodes),
            inputs=tuple((key or t._keras_history[0].name, self._ref(t)) for key, t in inputs),
            inputs_form=form(nested_inputs),
            outputs=tuple(
                (key or self._output_name(i, t, names[i]), self._ref(t)) for i, (key, t) in enumerate(outputs)
            ),
            outputs_form=form(nested_outputs),
        )

    def _output_name(self, index: int, tensor: Any, name: str) -> str:
        """Return the name of an output: that of its layer, but not of an op, since Keras numbers ops per process."""
        if self.dialect.is_op(self._resolved(tensor)._keras_history[0]):
            return "output" if len(self.model.outputs) == 1 else "output_{}".format(index)
        return name

    @staticmethod
    def _key(tensor: Any) -> _Key:
        layer, number, _ = tensor._keras_history
        return id(layer), number

    def _walk(self, tensor: Any) -> None:
        """Add the node of `tensor` after those that it needs; without recursion, since a chain may be long."""
        stack = [(tensor, False)]
        while stack:
            current, ready = stack.pop()
            layer, number, position = current._keras_history
            key = self._key(current)
            if key in self.index or (key in self.traces and ready):
                continue
            needs = self._needs(layer, number, position, key)
            if ready:
                self._add(key, layer)
            else:
                if key not in self.traces:
                    stack.append((current, True))
                stack.extend((need, False) for need in reversed(needs) if self._key(need) not in self.index)

    def _needs(self, layer: Any, number: int, position: int, key: _Key) -> List[Any]:
        """Return the tensors that a call needs; the one that stands for its output if it is traced."""
        (args, kwargs), unknown = self.dialect.call_arguments(layer, number), self._unknown_op(layer, number)
        if unknown or self._is_traced(layer):
            if key not in self.traces:
                self.traces[key] = list(tensors(self._trace(layer, args, kwargs, unknown)))
            return [self.traces[key][position]]
        return list(tensors([args, kwargs]))

    def _is_traced(self, layer: Any) -> bool:
        return is_lookup(layer, self.keras) or (not self.dialect.is_op(layer) and is_traced(layer, self.runtime))

    def _unknown_op(self, layer: Any, number: int) -> Optional[KeyError]:
        """Return what names an op that is not in the vocabulary, but may consist of ops that are; else None."""
        try:
            if self.dialect.is_op(layer):
                self.dialect.operation(layer, number)
        except KeyError as error:
            return error
        return None

    def _trace(self, layer: Any, args: Any, kwargs: Mapping[str, Any], unknown: Optional[KeyError]) -> Any:
        """Return the nested symbolic tensors that a traced call computes; `unknown` if it is of an op."""
        place = self.scope + self.traced.name(layer)
        if is_lookup(layer, self.keras):
            return self.lookups.write(layer, args, kwargs, place)
        in_graph = self.traced.graph_runner(place)
        if unknown is not None:
            function = getattr(layer, "function", None) or layer.call
            return tracing.run_in_graph(function, list(args), kwargs, in_graph, "tensor op", place, unknown)
        to_tensor = self.traced.add(layer, self.model.inputs[0])
        return tracing.trace(layer, args, kwargs, self.dialect, place, to_tensor, in_graph)

    def _resolved(self, tensor: Any) -> Any:
        """Return the tensor that tracing put in place of `tensor`, or `tensor` itself."""
        key = self._key(tensor)
        return self._resolved(self.traces[key][tensor._keras_history[2]]) if key in self.traces else tensor

    def _ref(self, tensor: Any) -> Ref:
        tensor = self._resolved(tensor)
        layer, number, position = tensor._keras_history
        key = self._key(tensor)
        outputs = self.dialect.call_outputs(layer, number)
        if custom_layers.stored_name(layer, self.runtime):  # its outputs have positions, as Keras flattens them
            return Ref(self.index[key], str(position) if len(list(tensors(outputs))) > 1 else "")
        name = output_name(outputs, position, self.scope + layer.name)
        family = self.runtime.encoders.family_of(layer)
        if family is not None and name:
            name = self.runtime.encoders.output_name(family, layer, self.dialect.call_arguments(layer, number)[1], name)
        return Ref(self.index[key], name)

    def _add(self, key: _Key, layer: Any) -> None:
        place = self.scope + self.traced.name(layer)
        if isinstance(layer, self.keras.layers.InputLayer):
            check_name(layer.name, place, is_input=True)
            self.nodes.append(self.dialect.input_node(layer, place))
        elif self.dialect.is_op(layer):
            self.nodes.append(self._op(layer, key[1], place))
        else:
            name = self.traced.name(layer)
            check_name(name, place, is_input=False)
            check_path(layer, place, self.live)
            if name not in self.layers:
                self.live[place] = layer
                self.layers[name] = replace(self._layer(layer, key[1], place), name=name)
            self.nodes.append(self._call(layer, key[1], place))
        self.index[key] = len(self.nodes) - 1

    def _layer(self, layer: Any, number: int, place: str) -> Layer:
        name, class_name = layer.name, type(layer).__name__
        policy, trainable = self.dialect.dtype_policy(layer), bool(layer._trainable)
        family = self.runtime.encoders.family_of(layer)
        if family is not None:
            check_apart(layer, self.encoders.values(), place)
            folder = folder_name(self.traced.name(layer), self.encoders)
            self.encoders[folder] = layer
            return layer_of(layer, family, folder, self.runtime)
        if custom_layers.stored_name(layer, self.runtime):
            return custom_layers.layer_of(layer, self.runtime, place)
        if isinstance(layer, self.keras.Model):
            traced = TracedLayers(self.runtime)
            graph = _Capture(layer, self.runtime, place + "/", self.live, self.encoders, traced).graph()
            return Layer(name, graph.class_name, graph=graph)  # the graph has the trainable flag
        if not layer_construction.is_of_vocabulary(self.keras, layer):
            raise ModelError(
                "a layer that a bundle cannot represent",
                place=place,
                wanted="a layer of " + self.keras.__name__ + ".layers",
                found="{}.{}".format(type(layer).__module__, class_name),
                fix=_FIX,
            )
        config = layer.get_config()
        check_functions(layer, config, place)
        check_parts(layer, place)
        axes = rank(self.dialect.call_arguments(layer, number))
        config = layer_configs.canonical_config(class_name, config, place, axes)
        return Layer(name, class_name, trainable, policy, config)

    def _call(self, layer: Any, number: int, place: str) -> Call:
        args, kwargs = self.dialect.call_arguments(layer, number)
        tracing.check_training(kwargs, place)
        family = self.runtime.encoders.family_of(layer)
        if family is not None:
            arguments = self.runtime.encoders.arguments(family, layer, args, kwargs, place)
            return Call(self.traced.name(layer), (), {k: self._argument(v, place) for k, v in arguments.items()})
        kwargs = {k: v for k, v in kwargs.items() if v is not None}
        if type(layer).__name__ in STATEFUL:
            args, kwargs = with_states(args, kwargs)
        is_stored = bool(custom_layers.stored_name(layer, self.runtime))
        for name, value in kwargs.items():
            if name not in CALL_FLAGS and not list(tensors(value)) and not is_stored:
                raise ModelError("a call argument that a bundle cannot represent", place=place, found=name)
        return Call(
            self.traced.name(layer),
            tuple(self._argument(v, place) for v in args),
            {k: self._argument(v, place) for k, v in kwargs.items()},
        )

    def _op(self, layer: Any, number: int, place: str) -> Apply:
        name, arguments = self.dialect.operation(layer, number)
        return self._apply(name, arguments, place)

    def _apply(self, name: str, arguments: Mapping[str, Any], place: str) -> Apply:
        operands = [arguments[operand] for operand in ops.OPERANDS if operand in arguments]
        floating = [tensor for tensor in tensors(operands) if self.dialect.is_floating(tensor)]
        result = {k: self._argument(v, place) for k, v in arguments.items()}
        if floating:
            float64 = any("float64" in str(tensor.dtype) for tensor in floating)
            result.update({k: float_constants(result[k], float64) for k in ops.OPERANDS if k in result})
        return Apply(name, result)

    def _argument(self, value: Any, place: str) -> Argument:
        """Return an argument of a call as graph data."""
        if hasattr(value, "_keras_history"):
            return self._ref(value)
        if isinstance(value, ops.NestedOp):
            self.nodes.append(self._apply(value.name, value.arguments, place))
            return Ref(len(self.nodes) - 1)
        if value is None or value is Ellipsis or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, dict) and set(value) == {"start", "stop", "step"}:
            value = slice(value["start"], value["stop"], value["step"])
        if isinstance(value, slice):
            return slice(*(self._argument(bound, place) for bound in (value.start, value.stop, value.step)))
        if isinstance(value, Mapping):
            return {str(k): self._argument(v, place) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._argument(v, place) for v in value]
        return constant(value, place)
