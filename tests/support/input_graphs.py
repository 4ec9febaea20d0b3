"""Graphs of an encoder and its inputs, and a manifest, written by hand: what feeds what, without Keras."""

from collections.abc import Mapping, Sequence
from typing import Any

from bert_bundle.format.manifest import Manifest
from bert_bundle.graph.graph import Apply, Call, Graph, Input, Layer, Node, Ref

Shape = tuple[int | None, ...]


def graph(
    inputs: Mapping[str, Shape],
    *calls: Mapping[str, str],
    ops: Sequence[tuple[str, str, Mapping[str, Any]]] = (),
    encoders: Sequence[str] = ("bert",),
) -> Graph:
    """Return a model of int32 `inputs` that calls an encoder once for each of `calls`: role -> input or op.

    ops       (name, op, arguments): nodes between; an argument of the form "=ids" is the tensor of that name
    encoders  the encoder of each call; the last one is repeated
    """
    nodes: list[Node] = [Input(name, shape, "int32") for name, shape in inputs.items()]
    tensors = {name: Ref(index) for index, name in enumerate(inputs)}
    for name, op, arguments in ops:
        nodes.append(Apply(op, {key: _tensor(value, tensors) for key, value in arguments.items()}))
        tensors[name] = Ref(len(nodes) - 1)
    for number, feeds in enumerate(calls):
        layer = encoders[min(number, len(encoders) - 1)]
        nodes.append(Call(layer, (), {role: tensors[name] for role, name in feeds.items()}))
    output = Ref(len(nodes) - 1, "pooler_output")
    return Graph(
        name="classifier",
        class_name="Functional",
        layers=tuple(Layer(name, "BertModel", encoder=name) for name in dict.fromkeys(encoders)),
        nodes=tuple(nodes),
        inputs=tuple((name, Ref(index)) for index, name in enumerate(inputs)),
        inputs_form="list",
        outputs=(("out", output),),
        outputs_form="single",
    )


def manifest(**tokenizer: Any) -> Manifest:
    """Return a manifest of nothing but the fields of a tokenizer."""
    empty: Any = {}
    return Manifest(
        writer=empty, runtime="native", signature=empty, labels=(), tokenizer=tokenizer, encoders=empty, proof=empty,
        metadata=empty, files=empty,
    )  # fmt: skip


def _tensor(value: Any, tensors: Mapping[str, Ref]) -> Any:
    return tensors[value[1:]] if isinstance(value, str) and value.startswith("=") else value
