"""graph.json: a graph as canonical bytes and back. What a document may contain is checked in `graph_parser`."""

import math
from typing import Dict, List, Mapping

from bert_bundle.errors import FormatError, ModelError
from bert_bundle.format import strict_json
from bert_bundle.format.layout import GRAPH
from bert_bundle.graph import graph_parser
from bert_bundle.graph.graph import Argument, Call, Graph, Input, Layer, Node, Ref

GRAPH_VERSION = 1


def to_bytes(graph: Graph) -> bytes:
    """Return graph.json: canonical, the same bytes whichever release captured the model."""
    return strict_json.canonical(dict(_graph_json(graph), version=GRAPH_VERSION))


def from_bytes(data: bytes) -> Graph:
    """Return the graph in graph.json. Raises FormatError, with a JSON pointer, unless a save could have written it."""
    document = strict_json.parse(data, GRAPH)
    version = document.pop("version", None) if isinstance(document, dict) else None
    if type(version) is not int or version != GRAPH_VERSION:
        raise FormatError("not a graph of version {}".format(GRAPH_VERSION), place=GRAPH + "#/version", found=version)
    graph = graph_parser.parse_graph(document, GRAPH + "#")
    layers = list(graph.walk())
    # Of two layers with the same path or folder, one would keep its initial weights.
    _check_distinct("two layers have the same path", [path for path, _ in layers])
    _check_distinct("two encoders have the same folder", [layer.encoder for _, layer in layers if layer.encoder])
    return graph


def _check_distinct(message: str, names: List[str]) -> None:
    seen = set()
    for name in names:
        if name in seen:
            raise FormatError(message, place=GRAPH + "#/layers", found=name)
        seen.add(name)


def _graph_json(graph: Graph) -> Dict[str, object]:
    flag = {} if graph.trainable else {"trainable": False}
    return {
        **flag,
        "name": graph.name,
        "class": graph.class_name,
        "layers": [_layer_json(layer) for layer in graph.layers],
        "nodes": [_node_json(node) for node in graph.nodes],
        "inputs": {"form": graph.inputs_form, "tensors": [[k, _argument_json(r)] for k, r in graph.inputs]},
        "outputs": {"form": graph.outputs_form, "tensors": [[k, _argument_json(r)] for k, r in graph.outputs]},
    }


def _layer_json(layer: Layer) -> Dict[str, object]:
    result: Dict[str, object] = {"name": layer.name, "class": layer.class_name}
    if not layer.trainable:
        result["trainable"] = False
    if layer.policy != "float32":
        result["dtype"] = layer.policy
    if layer.custom:
        result["custom"] = True
    if layer.config:
        result["config"] = dict(layer.config)
    if layer.encoder:
        result["encoder"] = layer.encoder
    if layer.flags:
        result["flags"] = [[path, flag] for path, flag in layer.flags.items()]
    if layer.graph is not None:
        result["graph"] = _graph_json(layer.graph)
    return result


def _node_json(node: Node) -> Dict[str, object]:
    if isinstance(node, Input):
        flag = {} if node.trainable else {"trainable": False}
        return {"input": node.name, "shape": list(node.shape), "dtype": node.dtype, **flag}
    if isinstance(node, Call):
        result: Dict[str, object] = {"layer": node.layer}
        if node.args:
            result["args"] = [_argument_json(v) for v in node.args]
        if node.kwargs:
            result["kwargs"] = {k: _argument_json(v) for k, v in node.kwargs.items()}
        return result
    return {"op": node.op, "kwargs": {k: _argument_json(v) for k, v in node.arguments.items()}}


def _argument_json(argument: Argument) -> object:
    if isinstance(argument, Ref):
        return {"node": argument.node, "output": argument.output} if argument.output else {"node": argument.node}
    if isinstance(argument, slice):
        return {"slice": [_argument_json(part) for part in (argument.start, argument.stop, argument.step)]}
    if argument is Ellipsis:
        return {"ellipsis": True}
    if isinstance(argument, (list, tuple)):
        return [_argument_json(v) for v in argument]
    if isinstance(argument, float) and not math.isfinite(argument):
        raise ModelError(
            "an argument is NaN or infinity", place=GRAPH, found=argument, fix="use a large number, such as -1e9"
        )
    if isinstance(argument, Mapping):
        return {"dict": {k: _argument_json(v) for k, v in argument.items()}}
    return argument
