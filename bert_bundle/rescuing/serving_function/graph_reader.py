"""The serving function of a SavedModel -> Graph, for a model whose stored configuration does not tell what it computes.

A subclassed model, a `Lambda` or a class of the user is code, which is not stored; what it computed is. Calls of known
layers become calls in the graph, every other op becomes ops of the vocabulary by the translation that `capture` uses,
and a variable that no known layer has becomes a `Variable`. Nothing is executed.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from bert_bundle.encoders import configuration, families
from bert_bundle.encoders.families import folder_name
from bert_bundle.errors import FormatError, ModelError
from bert_bundle.graph import raw_ops
from bert_bundle.graph.graph import Apply, Argument, Call, Graph, Layer, Node, Ref
from bert_bundle.graph.ops import BY_NAME, NestedOp
from bert_bundle.keras_files.keras_metadata import ROOT, encoder_config
from bert_bundle.keras_files.malformed import malformed
from bert_bundle.keras_files.stored_model import StoredModel
from bert_bundle.keras_models.layer_construction import VARIABLE
from bert_bundle.rescuing import stored_records
from bert_bundle.rescuing.serving_function import ends, layer_calls, named_objects
from bert_bundle.rescuing.serving_function.encoder_calls import EncoderCall
from bert_bundle.rescuing.serving_function.layer_calls import LayerCall
from bert_bundle.rescuing.serving_function.layer_names import LayerNames
from bert_bundle.rescuing.serving_function.serving_ops import Op, ServingOps, Tensor
from bert_bundle.rescuing.stored_graph import EncoderConfig, StoredGraph, nowhere, without_configuration

_LOOPS = ("While", "StatelessWhile", "If", "StatelessIf", "Case", "StatelessCase")
_WITHOUT_METADATA = (
    "without the metadata of Keras: layers other than encoders became ops and variables, "
    "and dropout outside of encoders is left out"
)
_FIX = "load it where it still loads, and save it with bert_bundle.save"


@dataclass
class ServingGraph:
    """A graph that was read off a serving function; the stored model, its variables and flags named as in the graph.

    `findings`: one sentence for each thing that the serving function does not tell.
    """

    read: StoredGraph
    stored: StoredModel
    findings: List[str] = field(default_factory=list)


def read(stored: StoredModel, beside: EncoderConfig = nowhere) -> ServingGraph:
    """Return the graph of the serving function. `beside`: as `encoder_config` of `stored_graph.read`.

    Raises ModelError for an op that a bundle cannot represent, naming the op and its scope, and for a model without an
    encoder; FormatError or LimitError for a graph that is not whole.
    """
    with malformed("a serving function that is not whole", stored.source):
        if stored.objects:
            return _Reader(stored, beside).result()
        named = replace(stored, objects=named_objects.objects(stored, beside))
        found = _Reader(named, beside).result()
        found.findings.append(_WITHOUT_METADATA)
        return found


class _Reader:
    """One serving function being read."""

    def __init__(self, stored: StoredModel, beside: EncoderConfig) -> None:
        assert stored.serving is not None
        self.stored, self.beside = stored, beside
        self.serving = ServingOps(stored.serving)
        self.owners = layer_calls.Owners(stored.objects)
        self.calls = layer_calls.find(self.serving, self.owners, stored.objects)
        self.names = LayerNames(self.owners)
        self.layers: Dict[str, Layer] = {}
        self.configs: Dict[str, Dict[str, Any]] = {}
        self.nodes: List[Node] = []
        self.values: Dict[Tensor, Argument] = {}
        self.encoders: Dict[str, EncoderCall] = {}  # scope of a call -> the call
        self.refs: Dict[str, int] = {}  # scope of a call -> its node

    def result(self) -> ServingGraph:
        graph = self._graph()
        if not self.configs:
            raise ModelError(
                "the model has no encoder", place=self.stored.source, wanted="a layer of " + families.known()
            )
        renamed, unused = self.names.renamed(self.stored, self.layers)
        findings = ["the architecture was read off the serving function"]
        lost = self._lost()
        if lost:
            findings.append("layers that only training uses, left out as their place is not known: " + ", ".join(lost))
        if unused:
            findings.append("weights that no prediction uses, left out: " + ", ".join(unused))
        return ServingGraph(StoredGraph(graph, self.configs), renamed, findings)

    def _graph(self) -> Graph:
        signature = self.stored.serving.signature()  # type: ignore[union-attr]
        names, inputs_form = ends.inputs(self.stored)
        for name in names:
            self.values[self.serving.inputs[name]] = Ref(len(self.nodes))
            self.nodes.append(ends.node(name, signature.inputs[name], self.stored.source))
        served, outputs_form = ends.outputs(self.stored)
        refs = [self._output(self.serving.outputs[name]) for name in served]
        root = next((found for found in self.stored.objects if found.path == ROOT), None)
        return Graph(
            name=root.name if root is not None else "model",
            class_name="Functional",
            layers=tuple(self.layers.values()),
            nodes=tuple(self.nodes),
            inputs=tuple((name, Ref(number)) for number, name in enumerate(names)),
            inputs_form=inputs_form,
            outputs=tuple(
                (name if outputs_form == "dict" else self._output_name(number, ref, len(refs)), ref)
                for number, (name, ref) in enumerate(zip(served, refs))
            ),
            outputs_form=outputs_form,
            trainable=root.trainable if root is not None else True,
        )

    def _output(self, tensor: Tensor) -> Ref:
        self._walk(tensor)
        found = self.values.get(tensor)
        if not isinstance(found, Ref):
            raise ModelError("an output that does not depend on an input", place=self.stored.source)
        return found

    def _output_name(self, number: int, ref: Ref, count: int) -> str:
        """Return the name of an output as `capture` names it: of its layer, but not of an op."""
        node = self.nodes[ref.node]
        if isinstance(node, Call):
            return node.layer
        return "output" if count == 1 else "output_{}".format(number)

    def _walk(self, wanted: Tensor) -> None:
        """Add the nodes that a tensor needs; without recursion, since a chain may be long."""
        stack = [(wanted, False)]
        begun = set()
        while stack:
            tensor, ready = stack.pop()
            if tensor in self.values or self.serving.known(tensor) is not None:
                continue
            if ready:
                self._add(tensor)
                continue
            if tensor in begun:
                raise FormatError("layers that use each other in a cycle", place=self._place(tensor))
            begun.add(tensor)
            stack.append((tensor, True))
            stack += [(need, False) for need in reversed(self._needs(tensor)) if need not in self.values]

    def _needs(self, tensor: Tensor) -> List[Tensor]:
        call, op = self.calls.get(tensor.op), self.serving.ops[tensor.op]
        if call is not None:
            return list(call.entering)
        if self.serving.variable(op):
            return list(op.inputs[1:])
        packs = [self.serving.ops[source.op] for source in op.inputs]
        items = [item for pack in packs if pack.kind == "Pack" for item in pack.inputs]
        return [*op.inputs, *items]

    def _add(self, tensor: Tensor) -> None:
        """Add the node that computes a tensor, whose operands are there."""
        call, op = self.calls.get(tensor.op), self.serving.ops[tensor.op]
        if call is not None:
            self.values[tensor] = self._called(call, tensor)
        elif op.kind == "ReadVariableOp":
            self.values[tensor] = self._variable(self.serving.variable(op), op)
        elif not self.serving.handle(tensor):
            self._translate(tensor.op, op)

    def _called(self, call: LayerCall, tensor: Tensor) -> Ref:
        """Return a tensor that leaves the call of a known layer."""
        if call.scope not in self.refs:
            name = self.names.of(call.layer)
            if call.family is not None:
                self._add_encoder(name, call)
                given = {k: self._argument(v) for k, v in self.encoders[call.scope].arguments.items()}
                self.nodes.append(Call(name, (), given))
            else:
                self._add_layer(name, call)
                masked = {} if call.mask is None else {"mask": self._argument(call.mask)}
                self.nodes.append(Call(name, (self._argument(call.given),), masked))
            self.refs[call.scope] = len(self.nodes) - 1
        output = self.encoders[call.scope].output(tensor) if call.family is not None else ""
        return Ref(self.refs[call.scope], output)

    def _add_layer(self, name: str, call: LayerCall) -> None:
        policy = stored_records.policy(call.layer.config)
        layer = Layer(name, call.layer.class_name, call.layer.trainable, policy, call.config)
        self.layers.setdefault(name, layer)

    def _add_encoder(self, name: str, call: LayerCall) -> None:
        family = call.family
        assert family is not None
        place = "{} layer {}".format(self.stored.source, call.layer.names)
        if name not in self.layers:
            given = encoder_config(self.stored.objects, call.layer.path) or self.beside()
            if given is None:
                raise without_configuration(place)
            folder = folder_name(name, self.configs)
            self.configs[folder] = configuration.canonical_config(family, given, place)
            self.layers[name] = Layer(name, family.architecture, encoder=folder)
        self.encoders[call.scope] = EncoderCall(call, family, self.serving, place)

    def _variable(self, name: str, op: Op) -> Ref:
        """Return a variable that no known layer has, as the output of a `Variable`."""
        array, holder = self.stored.arrays.get(name), self.owners.holders.get(name)
        if array is None or holder is None or array.dtype.kind != "f":
            raise ModelError(
                "a variable that a bundle cannot represent",
                place=self._scope(op),
                wanted="a weight in floating point of an object of Keras",
                found=name,
                fix=_FIX,
            )
        layer = self.names.of_variable(name, holder)
        if layer not in self.layers:
            trainable = holder.trainable and name not in holder.frozen
            policy = stored_records.policy(holder.config)
            self.layers[layer] = Layer(layer, VARIABLE, trainable, policy, {"shape": list(array.shape)})
            self.nodes.append(Call(layer, (Ref(0),), {}))
            self.refs[name] = len(self.nodes) - 1
        return Ref(self.refs[name])

    def _translate(self, number: int, op: Op) -> None:
        """Add an op outside of every known layer, with all its results."""
        try:
            step = raw_ops.translate(_RawOp(self, op))
        except KeyError as error:
            raise self._unknown(op, str(error.args[0])) from None
        if isinstance(step, list):
            found = [self._applied(item) for item in step]
        else:
            value = self._applied(step)
            several = isinstance(step, NestedOp) and BY_NAME[step.name].returns_list
            count = _results(op) if several else 1
            found = [Ref(value.node, str(i)) for i in range(count)] if several else [value]
        for position, value in enumerate(found):
            self.values[Tensor(number, position)] = value

    def _unknown(self, op: Op, found: str) -> ModelError:
        if op.kind in _LOOPS or op.kind.startswith("TensorList"):
            return ModelError(
                "a loop or branch outside of a layer whose configuration is stored",
                place=self._scope(op),
                wanted="a layer of Keras that is called on one tensor, with or without a mask, and returns one",
                found=found,
                fix=_FIX,
            )
        return ModelError("a tensor op that a bundle cannot represent", place=self._scope(op), found=found, fix=_FIX)

    def _applied(self, step: Any) -> Any:
        if not isinstance(step, NestedOp):
            return self._argument(step)
        arguments = {name: self._argument(value) for name, value in step.arguments.items()}
        self.nodes.append(Apply(step.name, arguments))
        return Ref(len(self.nodes) - 1)

    def _argument(self, value: Any) -> Argument:
        """Return an argument of a translated op as graph data."""
        if isinstance(value, NestedOp):
            return self._applied(value)
        if isinstance(value, Tensor):
            known = self.serving.known(value)
            return self.values[value] if known is None else known.tolist()
        if isinstance(value, list):
            return [self._argument(item) for item in value]
        if isinstance(value, slice):
            return slice(*(self._argument(part) for part in (value.start, value.stop, value.step)))
        return value

    def _lost(self) -> Sequence[str]:
        """Return the names of layers that only training uses and that left no op."""
        noise = [found for found in self.stored.objects if found.class_name in layer_calls.NOISE]
        outer = [found for found in noise if self.owners.known(found)[:1] == [found]]
        return sorted(found.name for found in outer if self.names.of(found) not in self.layers)

    def _place(self, tensor: Tensor) -> str:
        return self._scope(self.serving.ops[tensor.op])

    def _scope(self, op: Op) -> str:
        return "{} op {}".format(self.stored.source, op.name)


def _results(op: Op) -> int:
    """Return how many results an op has whose translation returns a list."""
    return {"TopKV2": 2}.get(op.kind) or int(op.node.attribute("num_split" if op.kind == "Split" else "num"))


class _RawOp:
    """`graph.raw_ops.RawOp` of an op of a serving function."""

    def __init__(self, reader: _Reader, op: Op) -> None:
        self._reader, self._op = reader, op

    @property
    def kind(self) -> str:
        return self._op.kind

    @property
    def inputs(self) -> Sequence[Any]:
        """The tensors; in place of a variable's handle the variable."""
        serving = self._reader.serving
        names = [serving.handle(tensor) for tensor in self._op.inputs]
        return [
            self._reader._variable(name, self._op) if name else tensor for name, tensor in zip(names, self._op.inputs)
        ]

    def attribute(self, name: str) -> Any:
        return self._op.node.attribute(name)

    def constant(self, position: int) -> Optional[np.ndarray]:
        return self._reader.serving.known(self._op.inputs[position])

    def elements(self, position: int) -> Optional[List[Any]]:
        serving, tensor = self._reader.serving, self._op.inputs[position]
        value = serving.known(tensor)
        if value is not None:
            return [int(item) for item in value] if value.ndim == 1 else None
        op = serving.ops[tensor.op]
        if op.kind != "Pack":
            return None
        known = [(item, serving.known(item)) for item in op.inputs]
        return [item if number is None else int(number) for item, number in known]
