"""Keras model -> Graph, read from the model's own nodes; knows nothing of files.

`get_config` is not asked for the architecture: transformers 4.5 to 4.12 refuse it. Every tensor of a functional model
knows the layer, the call and the position that made it; walking back from the outputs finds the whole graph. Code of
the caller's own (a Lambda, a custom layer, a subclassed model) is traced: it is run on the symbolic tensors once more,
and the layers and ops that come out stand in its place.
"""

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from bert_bundle.encoders import families
from bert_bundle.encoders.families import folder_name
from bert_bundle.errors import ModelError
from bert_bundle.graph import layer_configs, ops
from bert_bundle.graph.graph import CALL_FLAGS, Apply, Call, Graph, Layer, Node, Ref
from bert_bundle.graph.layer_fields import plain
from bert_bundle.graph.layers import STATEFUL
from bert_bundle.keras_models import custom_layers, layer_construction, tracing
from bert_bundle.keras_models.bare_encoder import graph_around, layer_of
from bert_bundle.keras_models.nodes import (
    calls_its_graph,
    check_name,
    check_own,
    check_parts,
    check_path,
    distinct,
    ends,
    floats,
    form,
    position_name,
    rank,
    tensors,
    whole_slice,
    with_states,
)
from bert_bundle.keras_models.runtime import Runtime
from bert_bundle.keras_models.traced_layers import Traced

_WRITE = "write the model as a functional or Sequential Keras model of built-in layers and tensor ops"
_Key = Tuple[int, int]  # id of a layer, number of one of its calls


@dataclass(frozen=True)
class Captured:
    """A graph with the live layers that it was read from: by path, encoders also by folder name."""

    graph: Graph
    layers: Mapping[str, Any]
    encoders: Mapping[str, Any]


def capture(model: Any, runtime: Runtime, length: Optional[int] = None) -> Captured:
    """The graph of a functional, Sequential or subclassed model with at least one encoder, or of an encoder by itself.

    `length`: tokens that the inputs of a model that declares none are given; None lets those of an encoder vary.
    Raises ModelError naming the layer for whatever a bundle cannot represent.
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
    except Exception as error:  # a way to build models that nobody has met yet
        raise ModelError(
            "a model that a bundle cannot represent",
            place=getattr(model, "name", ""),
            found="{}: {}".format(type(error).__name__, error),
            fix=_WRITE,
        ) from error
    if not encoders:
        raise ModelError(
            "the model has no encoder",
            place=model.name,
            wanted="a layer of " + families.known(),
            found=", ".join(type(layer).__name__ for layer in model.layers),
            fix="build the classifier around a transformers encoder; other Keras models are not what this is for",
        )
    return Captured(graph, layers, encoders)


def _graph(
    model: Any, runtime: Runtime, layers: Dict[str, Any], encoders: Dict[str, Any], length: Optional[int]
) -> Graph:
    """The graph of a model whose code is Keras' own, or of what a subclassed one computes."""
    traced = Traced(runtime)
    if not isinstance(model, runtime.keras.Model) or not tracing.is_own_code(model, runtime.keras, runtime.dialect):
        return _Capture(model, runtime, "", layers, encoders, traced).graph()
    live = tracing.functional(model, runtime.keras, runtime.dialect, length, traced.add)
    return replace(_Capture(live, runtime, "", layers, encoders, traced).graph(), trainable=bool(model._trainable))


class _Capture:
    """One model (or nested model) being captured."""

    def __init__(
        self,
        model: Any,
        runtime: Runtime,
        scope: str,
        layers: Dict[str, Any],
        encoders: Dict[str, Any],
        traced: Traced,
    ) -> None:
        self.model, self.runtime, self.scope = model, runtime, scope
        self.keras, self.dialect = runtime.keras, runtime.dialect
        self.live, self.encoders, self.traced = layers, encoders, traced
        self.layers: Dict[str, Layer] = {}
        self.nodes: List[Node] = []
        self.index: Dict[_Key, int] = {}
        self.traces: Dict[_Key, List[Any]] = {}  # what came out of tracing a call
        if not isinstance(model, self.keras.Model):
            raise ModelError(
                "not a model of the Keras that transformers uses",
                place=scope or type(model).__name__,
                wanted="a {}.Model".format(self.keras.__name__),
                found="{}.{}".format(type(model).__module__, type(model).__name__),
                fix="set TF_USE_LEGACY_KERAS=1 before tensorflow is imported, and build the model again",
            )
        if not self.dialect.has_graph(model) or not calls_its_graph(model):
            raise ModelError(
                "a model without a graph",
                place=scope or model.name,
                wanted="a functional model, or a Sequential one that knows its input shape",
                found=type(model).__name__,
                fix=_WRITE,
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
        names = distinct(self.traced.name(self._made(tensor)._keras_history[0]) for _, tensor in outputs)
        return Graph(
            name=self.model.name,
            trainable=bool(self.model._trainable),
            class_name="Sequential" if sequential and not self.traces else "Functional",
            layers=tuple(self.layers.values()),
            nodes=tuple(self.nodes),
            inputs=tuple((key or t._keras_history[0].name, self._ref(t)) for key, t in inputs),
            inputs_form=form(nested_inputs),
            outputs=tuple((key or self._output(i, t, names[i]), self._ref(t)) for i, (key, t) in enumerate(outputs)),
            outputs_form=form(nested_outputs),
        )

    def _output(self, index: int, tensor: Any, name: str) -> str:
        """An output's name: that of its layer; an op has none, for Keras numbers ops by how many the process made."""
        if self.dialect.is_op(self._made(tensor)._keras_history[0]):
            return "output" if len(self.model.outputs) == 1 else "output_{}".format(index)
        return name

    @staticmethod
    def _key(tensor: Any) -> _Key:
        layer, number, _ = tensor._keras_history
        return id(layer), number

    def _walk(self, tensor: Any) -> None:
        """Adds what makes `tensor`, what that needs first, without recursion: a chain may be long."""
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
        args, kwargs = self.dialect.called_with(layer, number)
        if self._is_traced(layer):
            if key not in self.traces:
                place, hold = self.scope + self.traced.name(layer), self.traced.add(layer, self.model.inputs[0])
                made = tracing.trace(layer, args, kwargs, self.dialect, place, hold)
                self.traces[key] = list(tensors(made))
            return [self.traces[key][position]]
        return list(tensors([args, kwargs]))

    def _is_traced(self, layer: Any) -> bool:
        if (
            isinstance(layer, self.keras.layers.InputLayer)
            or self.dialect.is_op(layer)
            or custom_layers.kept_as(layer, self.runtime)
        ):
            return False
        return self.runtime.encoders.family_of(layer) is None and tracing.is_own_code(layer, self.keras, self.dialect)

    def _made(self, tensor: Any) -> Any:
        """The tensor that stands for `tensor`: what tracing made of it."""
        key = self._key(tensor)
        return self._made(self.traces[key][tensor._keras_history[2]]) if key in self.traces else tensor

    def _ref(self, tensor: Any) -> Ref:
        tensor = self._made(tensor)
        layer, number, position = tensor._keras_history
        key = self._key(tensor)
        returned = self.dialect.returned(layer, number)
        if custom_layers.kept_as(layer, self.runtime):  # whatever it returns, in the order in which Keras flattens that
            return Ref(self.index[key], str(position) if len(list(tensors(returned))) > 1 else "")
        name = position_name(returned, position, self.scope + layer.name)
        family = self.runtime.encoders.family_of(layer)
        if family is not None and name:
            name = self.runtime.encoders.output_name(family, layer, self.dialect.called_with(layer, number)[1], name)
        return Ref(self.index[key], name)

    def _add(self, key: _Key, layer: Any) -> None:
        place = self.scope + self.traced.name(layer)
        if isinstance(layer, self.keras.layers.InputLayer):
            check_name(layer.name, place, is_input=True)
            self.nodes.append(self.dialect.placeholder(layer, place))
        elif self.dialect.is_op(layer):
            self.nodes.append(self._op(layer, key[1], place))
        else:
            check_name(self.traced.name(layer), place, is_input=False)
            check_path(layer, place, self.live)
            if self.traced.name(layer) not in self.layers:
                self.live[place] = layer
                self.layers[self.traced.name(layer)] = replace(
                    self._layer(layer, key[1], place), name=self.traced.name(layer)
                )
            self.nodes.append(self._call(layer, key[1], place))
        self.index[key] = len(self.nodes) - 1

    def _layer(self, layer: Any, number: int, place: str) -> Layer:
        name, class_name = layer.name, type(layer).__name__
        policy, trainable = self.dialect.policy(layer), bool(layer._trainable)
        family = self.runtime.encoders.family_of(layer)
        if family is not None:
            folder = folder_name(name, self.encoders)
            self.encoders[folder] = layer
            return layer_of(layer, family, folder, self.runtime)
        if custom_layers.kept_as(layer, self.runtime):
            return custom_layers.layer_of(layer, self.runtime, place)
        if isinstance(layer, self.keras.Model):
            graph = _Capture(layer, self.runtime, place + "/", self.live, self.encoders, Traced(self.runtime)).graph()
            return Layer(name, graph.class_name, graph=graph)  # its flag is the graph's
        if type(layer) is not getattr(self.keras.layers, class_name, None) and not layer_construction.is_ours(layer):
            raise ModelError(
                "a layer that a bundle cannot represent",
                place=place,
                wanted="a layer of " + self.keras.__name__ + ".layers",
                found="{}.{}".format(type(layer).__module__, class_name),
                fix=_WRITE,
            )
        config = layer.get_config()
        check_own(layer, config, place)
        check_parts(layer, place)
        axes = rank(self.dialect.called_with(layer, number))
        config = layer_configs.canonical_config(class_name, config, place, axes)
        return Layer(name, class_name, trainable, policy, config)

    def _call(self, layer: Any, number: int, place: str) -> Call:
        call_args, call_kwargs = self.dialect.called_with(layer, number)
        if call_kwargs.get("training") is True:
            raise ModelError(
                "a layer that is always in training mode",
                place=place,
                wanted="training left out, or False",
                found="training=True",
                fix="its predictions are random or move its averages: a replay has nothing to be held against",
            )
        family = self.runtime.encoders.family_of(layer)
        if family is not None:
            arguments = self.runtime.encoders.arguments(family, layer, call_args, call_kwargs, place)
            return Call(self.traced.name(layer), (), {k: self._value(v, place) for k, v in arguments.items()})
        kwargs = {k: v for k, v in call_kwargs.items() if v is not None}
        if type(layer).__name__ in STATEFUL:
            call_args, kwargs = with_states(call_args, kwargs)
        for name, value in kwargs.items():
            if name not in CALL_FLAGS and not list(tensors(value)) and not custom_layers.kept_as(layer, self.runtime):
                raise ModelError("a call argument that a bundle cannot represent", place=place, found=name)
        return Call(
            self.traced.name(layer),
            tuple(self._value(v, place) for v in call_args),
            {k: self._value(v, place) for k, v in kwargs.items()},
        )

    def _op(self, layer: Any, number: int, place: str) -> Apply:
        try:
            name, arguments = self.dialect.operation(layer, number)
        except KeyError as error:
            raise ModelError(
                "a tensor op that a bundle cannot represent",
                place=place,
                wanted="one of " + ", ".join(sorted(ops.BY_NAME)),
                found=error.args[0],
                fix="write it with those ops or with built-in layers",
            ) from None
        return self._apply(name, arguments, place)

    def _apply(self, name: str, arguments: Mapping[str, Any], place: str) -> Apply:
        operands = [arguments[operand] for operand in ops.OPERANDS if operand in arguments]
        floating = [tensor for tensor in tensors(operands) if self.dialect.is_floating(tensor)]
        float64 = any("float64" in str(tensor.dtype) for tensor in floating)
        values = {k: self._value(v, place) for k, v in arguments.items()}
        return Apply(name, {k: floats(v, float64) if floating and k in ops.OPERANDS else v for k, v in values.items()})

    def _value(self, value: Any, place: str) -> Any:
        """An argument of a call as graph data."""
        if hasattr(value, "_keras_history"):
            return self._ref(value)
        if isinstance(value, ops.NestedOp):
            self.nodes.append(self._apply(value.name, value.arguments, place))
            return Ref(len(self.nodes) - 1)
        if value is None or value is Ellipsis or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, dict) and set(value) == {"start", "stop", "step"}:
            return whole_slice(slice(*(self._value(value[k], place) for k in ("start", "stop", "step"))), place)
        if isinstance(value, slice):
            return whole_slice(value, place)
        if isinstance(value, Mapping):
            return {str(k): self._value(v, place) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._value(v, place) for v in value]
        name = getattr(value, "name", None)
        if type(value).__name__ == "DType" and isinstance(name, str):
            return name
        if type(value).__name__ == "TensorShape":
            return [None if d is None else int(d) for d in value.as_list()]
        if hasattr(value, "assign"):
            raise ModelError(
                "a variable used outside the layer that owns it",
                place=place,
                found=getattr(value, "name", ""),
                fix="make it with add_weight of a custom layer, and use it in that layer's call",
            )
        if hasattr(value, "numpy") and getattr(value, "shape", None) is not None:
            value = value.numpy()
        return plain(value, place)
