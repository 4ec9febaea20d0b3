"""The role of each input of a model, read from what it feeds in the graph; never from its name.

A role that the user gives is kept instead of the one that is read: what the input's values are, not where they go.
"""

from types import MappingProxyType
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np

from bert_bundle.encoders.families.family import TOKENS
from bert_bundle.errors import FormatError
from bert_bundle.format.layout import GRAPH
from bert_bundle.graph.graph import Apply, Argument, Call, Graph, Input, Ref, refs

FEATURE = "feature"
ROLES = (*TOKENS, FEATURE)
TEXT = "text"

Given = Mapping[str, Tuple[str, str]]  # input name -> (role, text); a text only where the graph does not tell which

NONE: Given = MappingProxyType({})

_KEEP = ("cast", "expand_dims", "getitem", "reshape", "squeeze")  # ops whose result holds values of their first operand


class Slot(NamedTuple):
    """One input of the model.

    role   "input_ids", "attention_mask", "token_type_ids" or "feature"
    group  the text that it is made from: "text", or the name of the token ids' input if the model reads several texts
    shape  without the batch axis; an axis of any size is None. (tokens,) for a text, (texts, tokens) for a document
    given  whether the role was given and the graph has another one, or none
    """

    name: str
    role: str
    group: str
    shape: Tuple[Optional[int], ...]
    dtype: str
    given: bool = False

    @property
    def length(self) -> Optional[int]:
        """Return the number of tokens of a text; None if it is left open."""
        return self.shape[-1]

    @property
    def is_document(self) -> bool:
        """Return whether one row is made from several texts."""
        return bool(self.group) and len(self.shape) == 2


def slots(graph: Graph, given: Given = NONE) -> List[Slot]:
    """Return the model's inputs, in order, with the roles that were given, else those that are read from the graph."""
    nodes = {name: _input(graph, name, ref) for name, ref in graph.inputs}
    reading = _read(graph)
    read = _of_one_text(reading, nodes)
    roles = {name: (given[name][0] if name in given else role, group) for name, (role, group) in read.items()}
    roles = _named_after_ids({name: found for name, found in roles.items() if found[0] != FEATURE})
    unread = {name: found for name, found in given.items() if name not in read and name not in reading.mixed}
    _add_unread(roles, unread, nodes)
    computed = any(not group for name, (_, group) in reading.roles.items() if name not in given)
    several = len({group for _, group in roles.values()}) + computed > 1  # computed token ids are a text, too
    result = []
    for name, node in nodes.items():
        role, group = roles.get(name, (FEATURE, ""))
        shown = (group if several else TEXT) if group else ""
        is_given = name in given and role != read.get(name, (FEATURE,))[0]
        result.append(Slot(name, role, shown, node.shape, node.dtype, is_given))
    return result


def encoders_by_input(graph: Graph) -> Dict[str, Set[str]]:
    """Return input name -> folder names of the encoders that it feeds, for every input whose role can be read."""
    return _read(graph).encoders


def document(slots: Sequence[Slot], group: str) -> Optional[Slot]:
    """Return an input that has the group as documents: one that fixes how many texts they have, if there is one."""
    found = [slot for slot in slots if slot.group == group and slot.is_document]
    return next((slot for slot in found if slot.shape[0] is not None), found[0] if found else None)


def to_json(
    slots: List[Slot], outputs: Mapping[str, np.ndarray], graph: Graph, facts: Mapping[str, Mapping[str, object]]
) -> Dict[str, object]:
    """Return the signature as stored in the manifest; the first axis of each output is the batch.

    `facts`: output name -> further fields of it, those of `bert_bundle/format/tasks.py`.
    """
    return {
        "inputs": [input_to_json(slot) for slot in slots],
        "outputs": [
            {"name": name, "dtype": str(array.dtype), "shape": list(array.shape[1:]), **facts.get(name, {})}
            for name, array in outputs.items()
        ],
        "form": {"inputs": graph.inputs_form, "outputs": graph.outputs_form},
    }


def input_to_json(slot: Slot) -> Dict[str, object]:
    """Return one input as stored in the manifest."""
    return dict(
        {"name": slot.name, "dtype": slot.dtype, "shape": list(slot.shape), "role": slot.role},
        **({"text": slot.group} if slot.group else {}),
        **({"given": True} if slot.given else {}),
    )


class _Reading(NamedTuple):
    """What a graph says of its inputs: name -> (role, name of the token ids' input or ""), and name -> encoders.

    mixed  inputs that feed several roles
    """

    roles: Dict[str, Tuple[str, str]]
    encoders: Dict[str, Set[str]]
    mixed: Set[str]


def _input(graph: Graph, name: str, ref: Ref) -> Input:
    node = graph.nodes[ref.node]
    if not isinstance(node, Input):
        raise FormatError("an input of the model is not an input node", place=GRAPH, found=name)
    return node


def _read(graph: Graph) -> _Reading:
    reading = _Reading({}, {}, set())
    _collect(graph, {ref.node: name for name, ref in graph.inputs}, reading)
    return reading


def _collect(graph: Graph, sources: Mapping[int, str], reading: _Reading) -> None:
    """Add to `reading` what this graph says. `sources`: input node of this graph -> input of the model."""
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
                    if reading.roles.setdefault(name, (role, group))[0] != role:
                        reading.mixed.add(name)
                    reading.encoders.setdefault(name, set()).add(layer.encoder)
        elif layer.graph is not None:
            outer = [_source(graph, argument, sources) for argument in _arguments(layer.graph, node)]
            inner = {ref.node: name for (_, ref), name in zip(layer.graph.inputs, outer) if name is not None}
            _collect(layer.graph, inner, reading)


def _of_one_text(reading: _Reading, nodes: Mapping[str, Input]) -> Dict[str, Tuple[str, str]]:
    """Return name -> (role, text) of the inputs that one text, or one document, is made from.

    Left out are a mask for token ids that are computed, an input with other axes than its token ids, and the rows of
    one input that feed several roles, such as ids and mask in one array.
    """

    def fits(name: str, group: str) -> bool:
        axes = len(nodes[name].shape)
        return bool(group) and axes == len(nodes[group].shape) and not (axes > 1 and name in reading.mixed)

    found = {name: (role, group) for name, (role, group) in reading.roles.items() if fits(name, group)}
    return {name: (role, group) for name, (role, group) in found.items() if group in found}


def _named_after_ids(roles: Mapping[str, Tuple[str, str]]) -> Dict[str, Tuple[str, str]]:
    """Return the roles with each text named after the one input that has its token ids, by the roles themselves."""
    ids: Dict[str, List[str]] = {}
    for name, (role, group) in roles.items():
        if role == TOKENS[0]:
            ids.setdefault(group, []).append(name)
    return {
        name: (role, ids[group][0] if len(ids.get(group, ())) == 1 else group) for name, (role, group) in roles.items()
    }


def _add_unread(roles: Dict[str, Tuple[str, str]], given: Given, nodes: Mapping[str, Input]) -> None:
    """Add the given roles of inputs whose role the graph does not tell: token ids first, each a text of its own.

    What does not fit any text is left out: its text is not named, or it has other axes.
    """
    for name, (role, group) in sorted(given.items(), key=lambda item: item[1][0] != TOKENS[0]):
        texts = sorted({text for _, text in roles.values()})
        text = name if role == TOKENS[0] else group if group in texts else "".join(texts) if len(texts) == 1 else ""
        if role in TOKENS and text in nodes and len(nodes[name].shape) == len(nodes[text].shape) in (1, 2):
            roles[name] = (role, text)


def _arguments(nested: Graph, node: Call) -> List[Argument]:
    """Return what each input of a nested graph receives: by name from a dict, otherwise in order."""
    argument = node.args[0] if node.args else node.kwargs.get("inputs")
    if isinstance(argument, Mapping):
        return [argument.get(name) for name, _ in nested.inputs]
    return list(refs(argument))


def _source(graph: Graph, argument: Argument, sources: Mapping[int, str]) -> Optional[str]:
    """Return the model's input whose values reach `argument` through ops like a cast or a slice, or None.

    The bounds of a slice and the sizes of a reshape may be tensors.
    """
    while isinstance(argument, Ref):
        node = graph.nodes[argument.node]
        if isinstance(node, Input):
            return sources.get(argument.node) if len(node.shape) in (1, 2) else None
        if not isinstance(node, Apply) or not _keeps_tokens(node):
            return None
        argument = node.arguments.get("x")
    return None


def _keeps_tokens(node: Apply) -> bool:
    """Return whether the op's result has values of its first operand, with the tokens of a text in the last axis."""
    axes = node.arguments.get("axes")
    moves_others = node.op == "transpose" and isinstance(axes, list) and axes[-1:] == [len(axes) - 1]
    return node.op in _KEEP or moves_others
