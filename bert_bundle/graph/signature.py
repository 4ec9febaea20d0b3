"""The role of each input of a model, read from what it feeds in the graph; never from its name."""

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

import numpy as np

from bert_bundle.errors import FormatError
from bert_bundle.format.layout import GRAPH
from bert_bundle.graph.graph import Apply, Argument, Call, Graph, Input, Ref, refs

TOKENS = ("input_ids", "attention_mask", "token_type_ids")
FEATURE = "feature"
TEXT = "text"


class Slot(NamedTuple):
    """One input of the model.

    role   "input_ids", "attention_mask", "token_type_ids" or "feature"
    group  the text that it is made from: "text", or the name of the token ids' input if the model reads several texts
    shape  without the batch axis; an axis of any size is None
    """

    name: str
    role: str
    group: str
    shape: Tuple[Optional[int], ...]
    dtype: str


def slots(graph: Graph) -> List[Slot]:
    """Return the model's inputs, in order, with their roles."""
    found: Dict[str, Tuple[str, str]] = {}
    sources = {ref.node: name for name, ref in graph.inputs}
    _collect(graph, sources, found)
    groups = sorted({group for _, group in found.values()})
    result = []
    for name, ref in graph.inputs:
        role, group = found.get(name, (FEATURE, ""))
        role = role if group else FEATURE  # a mask for computed token ids belongs to no text
        node = graph.nodes[ref.node]
        if not isinstance(node, Input):
            raise FormatError("an input of the model is not an input node", place=GRAPH, found=name)
        result.append(Slot(name, role, (TEXT if len(groups) == 1 else group) if group else "", node.shape, node.dtype))
    return result


def to_json(
    slots: List[Slot], outputs: Mapping[str, np.ndarray], graph: Graph, facts: Mapping[str, Mapping[str, Any]]
) -> Dict[str, Any]:
    """Return the signature as stored in the manifest; the first axis of each output is the batch.

    `facts`: output name -> further fields of it, those of `bert_bundle/format/tasks.py`.
    """
    return {
        "inputs": [
            dict(
                {"name": s.name, "dtype": s.dtype, "shape": list(s.shape), "role": s.role},
                **({"text": s.group} if s.group else {}),
            )
            for s in slots
        ],
        "outputs": [
            {"name": name, "dtype": str(array.dtype), "shape": list(array.shape[1:]), **facts.get(name, {})}
            for name, array in outputs.items()
        ],
        "form": {"inputs": graph.inputs_form, "outputs": graph.outputs_form},
    }


def _collect(graph: Graph, sources: Mapping[int, str], found: Dict[str, Tuple[str, str]]) -> None:
    """Fill `found` with input name -> (role, group). `sources`: input node of this graph -> input of the model."""
    by_name = {layer.name: layer for layer in graph.layers}
    for node in graph.nodes:
        if not isinstance(node, Call):
            continue
        layer = by_name[node.layer]
        if layer.encoder:
            feeds = {role: _source(graph, node.kwargs.get(role), sources) for role in TOKENS}
            group = feeds["input_ids"] or ""
            for role, name in feeds.items():
                if name:
                    found.setdefault(name, (role, group))
        elif layer.graph is not None:
            outer = [_source(graph, argument, sources) for argument in _arguments(layer.graph, node)]
            inner = {ref.node: name for (_, ref), name in zip(layer.graph.inputs, outer) if name is not None}
            _collect(layer.graph, inner, found)


def _arguments(nested: Graph, node: Call) -> List[Argument]:
    """Return what each input of a nested graph receives: by name from a dict, otherwise in order."""
    argument = node.args[0] if node.args else node.kwargs.get("inputs")
    if isinstance(argument, Mapping):
        return [argument.get(name) for name, _ in nested.inputs]
    return list(refs(argument))


def _source(graph: Graph, argument: Argument, sources: Mapping[int, str]) -> Optional[str]:
    """Return the model's input that reaches `argument` through ops on one tensor (a cast, a slice), or None."""
    while isinstance(argument, Ref):
        node = graph.nodes[argument.node]
        if isinstance(node, Input):
            return sources.get(argument.node) if len(node.shape) == 1 else None
        used = list(refs(node.arguments.get("x"))) if isinstance(node, Apply) else []  # not the bounds of a slice
        if len(used) != 1 or not isinstance(node, Apply) or node.op not in ("cast", "getitem", "reshape", "squeeze"):
            return None
        argument = used[0]
    return None
