"""The tables in a graph: which strings they have, and the dtypes of the inputs that they read."""

from typing import Dict, Iterator, List

from bert_bundle.graph.graph import Call, Graph, Layer, refs
from bert_bundle.graph.layers import STRING


def strings(graph: Graph) -> List[str]:
    """Return the strings that are in the tables of a graph, each once."""
    tables = [layer.config["table"] for _, layer in graph.walk() if not layer.custom and "table" in layer.config]
    return sorted({key for table in tables for key, _ in table if isinstance(key, str)})


def input_dtypes(graph: Graph) -> Dict[str, str]:
    """Return input name -> "string" or "int64", for the inputs that a table reads, also in a nested model."""
    layers = {layer.name: layer for layer in graph.layers}
    names = {ref.node: name for name, ref in graph.inputs}
    found: Dict[str, str] = {}
    for node in graph.nodes:
        if isinstance(node, Call) and node.layer in layers:
            for ref, dtype in zip(refs([*node.args, node.kwargs]), _read(layers[node.layer])):
                if dtype and ref.node in names:
                    found[names[ref.node]] = dtype
    return found


def _read(layer: Layer) -> Iterator[str]:
    """Yield the dtype that a table reads for each argument of a layer; "" for any other."""
    if layer.graph is not None:
        read = input_dtypes(layer.graph) if layer.graph.inputs_form != "dict" else {}
        yield from (read.get(name, "") for name, _ in layer.graph.inputs)
    elif not layer.custom and layer.class_name in ("Hashing", "Words"):
        yield STRING  # Hashing reads the digits of an integer as a string, too
    elif not layer.custom and layer.class_name == "Lookup":
        yield STRING if isinstance(layer.config["table"][0][0], str) else "int64"
