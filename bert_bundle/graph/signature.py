"""What each input of a model is for, read from what it feeds in the graph; never from its name."""

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from bert_bundle.errors import FormatError
from bert_bundle.format.layout import GRAPH
from bert_bundle.graph.graph import Apply, Call, Graph, Input, Ref, refs

TOKENS = ("input_ids", "attention_mask", "token_type_ids")
FEATURE = "feature"
TEXT = "text"


class Slot(NamedTuple):
    """One input of the model, in order.

    role   "input_ids", "attention_mask", "token_type_ids" or "feature"
    group  which text it is made of: "text", or the name of the token ids' input where the model reads several texts
    shape  without the batch; None where it may vary
    """

    name: str
    role: str
    group: str
    shape: Tuple[Optional[int], ...]
    dtype: str


def slots(graph: Graph) -> List[Slot]:
    """The model's inputs with their roles."""
    found: Dict[str, Tuple[str, str]] = {}
    sources = {ref.node: name for name, ref in graph.inputs}
    _collect(graph, sources, found)
    groups = sorted({group for _, group in found.values()})
    result = []
    for name, ref in graph.inputs:
        role, group = found.get(name, (FEATURE, ""))
        role = role if group else FEATURE  # a mask of token ids that are computed has no text of its own
        node = graph.nodes[ref.node]
        if not isinstance(node, Input):
            raise FormatError("an input of the model is no input node", place=GRAPH, found=name)
        result.append(Slot(name, role, (TEXT if len(groups) == 1 else group) if group else "", node.shape, node.dtype))
    return result


def to_json(slots: List[Slot], outputs: Mapping[str, Any], graph: Graph) -> Dict[str, Any]:
    """The signature as the manifest holds it; `outputs` are arrays by name, whose first axis is the batch."""
    return {
        "inputs": [
            dict(
                {"name": s.name, "dtype": s.dtype, "shape": list(s.shape), "role": s.role},
                **({"text": s.group} if s.group else {}),
            )
            for s in slots
        ],
        "outputs": [
            {"name": name, "dtype": str(array.dtype), "shape": list(array.shape[1:])} for name, array in outputs.items()
        ],
        "form": {"inputs": graph.inputs_form, "outputs": graph.outputs_form},
    }


def _collect(graph: Graph, sources: Dict[int, str], found: Dict[str, Tuple[str, str]]) -> None:
    """Fills `found` with input name -> (role, group). `sources`: input nodes of this graph -> the model's inputs."""
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
            outer = [_source(graph, value, sources) for value in _fed(layer.graph, node)]
            inner = {ref.node: name for (_, ref), name in zip(layer.graph.inputs, outer) if name is not None}
            _collect(layer.graph, inner, found)


def _fed(nested: Graph, node: Call) -> List[Any]:
    """What each input of a nested graph is fed: by name from a dict, else in order."""
    value = node.args[0] if node.args else node.kwargs.get("inputs")
    if isinstance(value, Mapping):
        return [value.get(name) for name, _ in nested.inputs]
    return list(refs(value))


def _source(graph: Graph, value: Any, sources: Mapping[int, str]) -> Optional[str]:
    """The model's input that `value` is, through ops of one tensor (a cast, a slice); None for anything computed."""
    while isinstance(value, Ref):
        node = graph.nodes[value.node]
        if isinstance(node, Input):
            return sources.get(value.node) if len(node.shape) == 1 else None
        used = list(refs(node.arguments)) if isinstance(node, Apply) else []
        if len(used) != 1 or not isinstance(node, Apply) or node.op not in ("cast", "getitem", "reshape", "squeeze"):
            return None
        value = used[0]
    return None
