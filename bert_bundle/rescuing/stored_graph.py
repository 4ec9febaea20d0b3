"""The configuration of a functional or Sequential model, as Keras 2 stores it, -> Graph and configurations of encoders.

A configuration lists layers, each with the calls of it (`inbound_nodes`). The vocabulary alone decides what a class
name stands for: nothing named in a file is imported. Does not know: weights, the file.
"""

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from bert_bundle.encoders import configuration, families, transformers
from bert_bundle.encoders.families import Family, folder_name
from bert_bundle.errors import FormatError, LimitError, ModelError, UnsafeError
from bert_bundle.graph import layer_configs, op_calls, ops
from bert_bundle.graph.graph import Apply, Argument, Call, Graph, Input, Layer, Node, Ref
from bert_bundle.graph.layer_fields import plain
from bert_bundle.graph.layers import LOOKUPS
from bert_bundle.keras_files.malformed import malformed
from bert_bundle.keras_files.structural_names import snake_case
from bert_bundle.keras_models.bare_encoder import around_encoder
from bert_bundle.rescuing import encoder_outputs, stored_records

MODELS = ("Functional", "Model", "Sequential")
OPS = ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty", "TensorFlowOpLayer")
MAX_NESTING = 8

EncoderConfig = Callable[[], Optional[Mapping[str, Any]]]
_Key = Tuple[str, int]  # a layer's name, the number of one of its calls


def nowhere() -> None:
    """Return None: there is no configuration beside the model."""


@dataclass
class StoredGraph:
    """A graph that was read from a configuration, with the configurations of its encoders by folder name."""

    graph: Graph
    configs: Dict[str, Dict[str, Any]] = field(default_factory=dict)


def read(architecture: Mapping[str, Any], place: str, encoder_config: EncoderConfig = nowhere) -> StoredGraph:
    """Return the graph of `{"class_name": ..., "config": ...}`.

    `encoder_config` returns the configuration of an encoder that was saved without one, or None. Raises FormatError for
    a configuration that is not whole, ModelError for a layer that a bundle cannot represent, UnsafeError for an op that
    takes no tensor.
    """
    configs: Dict[str, Dict[str, Any]] = {}
    family = families.BY_TENSORFLOW.get(stored_records.text(architecture, "class_name", place))
    with malformed("a configuration that is not whole", place):
        if family is not None:
            return _encoder_by_itself(architecture, family, place, encoder_config)
        graph = _Reader(architecture, place, configs, encoder_config, 0).graph()
    if not configs:
        raise ModelError("the model has no encoder", place=place, wanted="a layer of " + families.known())
    return StoredGraph(graph, configs)


def _encoder_by_itself(
    architecture: Mapping[str, Any], family: Family, place: str, encoder_config: EncoderConfig
) -> StoredGraph:
    """Return the functional model around an encoder, or a class with a head, that was saved by itself."""
    own = stored_records.mapping(architecture, "config", place)
    given = own if "model_type" in own else encoder_config()
    if given is None:
        raise without_configuration(place)
    name = str(architecture.get("name") or snake_case(family.tensorflow))
    config = configuration.canonical_config(family, given, place)
    folder = folder_name(name, {})
    layer = Layer(name, family.architecture, encoder=folder)
    return StoredGraph(around_encoder(layer, family, int(config.get("type_vocab_size", 0)), None), {folder: config})


def without_configuration(place: str) -> ModelError:
    """Return the error for an encoder whose configuration is neither in the file nor beside it."""
    return ModelError(
        "an encoder that was saved without its configuration",
        place=place,
        fix="give the folder that holds its config.json by --config",
    )


class _Reader:
    """One model, or nested model, being read."""

    def __init__(
        self,
        architecture: Mapping[str, Any],
        place: str,
        configs: Dict[str, Dict[str, Any]],
        encoder_config: EncoderConfig,
        depth: int,
    ) -> None:
        if depth > MAX_NESTING:
            raise LimitError("models nested too deeply", place=place, wanted=MAX_NESTING)
        self.place, self.configs, self.encoder_config, self.depth = place, configs, encoder_config, depth
        self.class_name = stored_records.text(architecture, "class_name", place)
        self.config = stored_records.mapping(architecture, "config", place)
        records = stored_records.records(self.config, place)
        self.records = {stored_records.name(record, place): record for record in records}
        self.layers: Dict[str, Layer] = {}
        self.families: Dict[str, Family] = {}
        self.nodes: List[Node] = []
        self.index: Dict[_Key, int] = {}

    def graph(self) -> Graph:
        if self.class_name == "Sequential":
            return self._sequential()
        inputs = list(stored_records.ends(self.config.get("input_layers"), self.place))
        outputs = list(stored_records.ends(self.config.get("output_layers"), self.place))
        for _, (name, _, _) in inputs:
            self._node(name, 0)
        refs = [(key, name, self._walk(name, number, position)) for key, (name, number, position) in outputs]
        return Graph(
            name=stored_records.text(self.config, "name", self.place),
            class_name="Functional",
            layers=tuple(self.layers.values()),
            nodes=tuple(self.nodes),
            inputs=tuple((key or name, Ref(self.index[name, 0])) for key, (name, _, _) in inputs),
            inputs_form=stored_records.form(self.config["input_layers"], len(inputs)),
            outputs=tuple(
                (key or self._output_name(i, name, len(refs)), ref) for i, (key, name, ref) in enumerate(refs)
            ),
            outputs_form=stored_records.form(self.config["output_layers"], len(refs)),
            trainable=bool(self.config.get("trainable", True)),
        )

    def _sequential(self) -> Graph:
        """Return the graph of a Sequential model: one layer after another."""
        names = list(self.records)
        shape = stored_records.input_shape(self.records[names[0]])
        if self.records[names[0]]["class_name"] != "InputLayer":
            first, names = "input", ["", *names]
        else:
            first = names[0]
        self.nodes.append(Input(first, shape, "float32"))
        for name in names[1:]:
            self._add_layer(name)
            self.nodes.append(Call(name, (Ref(len(self.nodes) - 1),), {}))
        return Graph(
            name=stored_records.text(self.config, "name", self.place),
            class_name="Sequential",
            layers=tuple(self.layers.values()),
            nodes=tuple(self.nodes),
            inputs=((first, Ref(0)),),
            inputs_form="single",
            outputs=((names[-1], Ref(len(self.nodes) - 1)),),
            outputs_form="single",
            trainable=bool(self.config.get("trainable", True)),
        )

    def _output_name(self, index: int, name: str, count: int) -> str:
        """Return the name of an output as `capture` names it: of its layer, but not of an op."""
        if name in self.layers:
            return name
        return "output" if count == 1 else "output_{}".format(index)

    def _walk(self, name: str, number: int, position: int) -> Ref:
        """Return a tensor, after adding the nodes that it needs; without recursion, since a chain may be long."""
        stack = [(name, number, False)]
        begun = set()
        while stack:
            current, call, ready = stack.pop()
            if (current, call) in self.index:
                continue
            if ready:
                self._node(current, call)
                continue
            if (current, call) in begun:
                raise FormatError("layers that use each other in a cycle", place=self._at(current))
            begun.add((current, call))
            stack.append((current, call, True))
            needs = [(n, c, False) for n, c, _ in stored_records.tensors(self._call(current, call), self._at(current))]
            stack.extend(need for need in reversed(needs) if need[:2] not in self.index)
        return self._ref(name, number, position)

    def _call(self, name: str, number: int) -> Any:
        """Return the stored form of one call of a layer."""
        record = self.records.get(name)
        calls = record.get("inbound_nodes") if record else None
        if record is None or not isinstance(calls, list):
            raise FormatError("a layer that the model does not have", place=self.place, wanted=name)
        if stored_records.is_input(record):
            return []
        number -= record["class_name"] in MODELS  # a nested model has a call before the first: that of its own inputs
        if not 0 <= number < len(calls):
            raise FormatError(
                "a call that the layer does not have", place=self._at(name), wanted=number, found=len(calls)
            )
        return calls[number]

    def _node(self, name: str, number: int) -> None:
        """Add the node of one call, whose operands are there."""
        call, record, place = self._call(name, number), self.records[name], self._at(name)
        if stored_records.is_input(record):
            config = stored_records.mapping(record, "config", place)
            self.nodes.append(Input(name, stored_records.input_shape(record), str(config.get("dtype") or "float32")))
        elif record["class_name"] in OPS:
            self.nodes.append(self._op(record, call, place))
        else:
            self._add_layer(name)
            first, keywords = stored_records.split(call, place)
            argument = self._argument(first)
            given = {k: self._argument(v) for k, v in keywords.items() if v is not None and k != "training"}
            if name in self.families:
                named = transformers.arguments(self.families[name], None, [argument], given, place)
                self.nodes.append(Call(name, (), named))
            else:
                self.nodes.append(Call(name, (argument,), given))
        self.index[name, number] = len(self.nodes) - 1

    def _op(self, record: Mapping[str, Any], call: Any, place: str) -> Apply:
        symbol = stored_records.mapping(record, "config", place).get("function")
        first, keywords = stored_records.split(call, place)
        if not isinstance(symbol, str) or not list(stored_records.tensors(call, place)):
            raise UnsafeError("an op that takes no tensor", place=place, found=symbol)
        try:
            name, arguments = op_calls.operation(symbol, (first,), keywords)
        except KeyError as error:
            raise ModelError(
                "a tensor op that a bundle cannot represent", place=place, found=str(error.args[0])
            ) from None
        return self._apply(name, arguments)

    def _apply(self, name: str, arguments: Mapping[str, Any]) -> Apply:
        return Apply(name, {key: self._argument(value) for key, value in arguments.items()})

    def _argument(self, value: Any) -> Argument:
        """Return an argument of a call as graph data."""
        if isinstance(value, (Ref, slice)):
            return value
        if isinstance(value, ops.NestedOp):
            self.nodes.append(self._apply(value.name, value.arguments))
            return Ref(len(self.nodes) - 1)
        tensor = stored_records.tensor(value, self.records)
        if tensor is not None:
            return self._ref(*tensor)
        if isinstance(value, Mapping):
            if set(value) == {"start", "stop", "step"}:
                return slice(*(self._argument(value[bound]) for bound in ("start", "stop", "step")))
            return {str(key): self._argument(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            if len(value) >= 3 and value[0] == stored_records.CONSTANT:
                return self._argument(value[2])
            return [self._argument(item) for item in value]
        return plain(value, self.place)

    def _ref(self, name: str, number: int, position: int) -> Ref:
        family = self.families.get(name)
        if family is not None:
            layer = self.layers[name]
            return Ref(
                self.index[name, number],
                encoder_outputs.name_of(
                    family, self.configs[layer.encoder], self._keywords(name, number), position, self._at(name)
                ),
            )
        return Ref(self.index[name, number], str(position) if self._returns_several(name, number) else "")

    def _returns_several(self, name: str, number: int) -> bool:
        """Return whether a call returns several tensors, which have their positions as names."""
        node, layer = self.nodes[self.index[name, number]], self.layers.get(name)
        if isinstance(node, Apply):
            return ops.BY_NAME[node.op].returns_list
        if layer is not None and layer.graph is not None:
            return len(layer.graph.outputs) > 1
        asked = isinstance(node, Call) and bool(node.kwargs.get("return_attention_scores"))
        return asked or (layer is not None and bool(layer.config.get("return_state")))

    def _keywords(self, name: str, number: int) -> Mapping[str, Any]:
        return {
            **stored_records.mapping(self.records[name], "config", self._at(name)),
            **stored_records.split(self._call(name, number), self.place)[1],
        }

    def _add_layer(self, name: str) -> None:
        if name in self.layers:
            return
        record, place = self.records[name], self._at(name)
        config = stored_records.mapping(record, "config", place)
        class_name = stored_records.text(record, "class_name", place).rpartition(">")[2]  # "Custom>TFBertMainLayer"
        policy, trainable = stored_records.policy(config), bool(config.get("trainable", True))
        if class_name in MODELS:
            graph = _Reader(record, place, self.configs, self.encoder_config, self.depth + 1).graph()
            self.layers[name] = Layer(name, graph.class_name, graph=graph)
            return
        family = families.BY_TENSORFLOW.get(class_name) or families.BY_MAIN_LAYER.get(class_name)
        if family is not None:
            self._add_encoder(name, family, config, place)
            return
        if class_name in LOOKUPS:  # their tables are not in their configurations
            raise ModelError(
                "a lookup, which is read from a live model only",
                place=place,
                found=class_name,
                fix="load the model where its Keras is installed, and save it there",
            )
        self.layers[name] = Layer(
            name, class_name, trainable, policy, layer_configs.canonical_config(class_name, config, place)
        )

    def _add_encoder(self, name: str, family: Family, config: Mapping[str, Any], place: str) -> None:
        given = config.get("config", config)
        if "model_type" not in given:
            given = self.encoder_config()
        if given is None:
            raise without_configuration(place)
        folder = folder_name(name, self.configs)
        self.configs[folder] = configuration.canonical_config(family, given, place)
        self.families[name] = family
        self.layers[name] = Layer(name, family.architecture, encoder=folder)

    def _at(self, name: str) -> str:
        return "{} layer {}".format(self.place, name)
