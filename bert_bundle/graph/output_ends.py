"""What an output of a graph ends in: its last activation, and the layer whose numbers it shows."""

from dataclasses import dataclass, replace
from typing import Dict, List, Mapping, Optional, Tuple

from bert_bundle.encoders import families
from bert_bundle.graph.graph import Call, Graph, Input, Layer, Node, Ref, refs
from bert_bundle.graph.layers import LAYERS, RECURRENT

SOFTMAX, SIGMOID, LINEAR, OTHER = "softmax", "sigmoid", "linear", ""

# Layers and ops that pass on the numbers of their only tensor, and those that also change which axis they lie on.
_PASSING = frozenset(
    "ActivityRegularization AlphaDropout Dropout GaussianDropout GaussianNoise Identity Masking SpatialDropout1D "
    "cast stop_gradient".split()
)
_MOVING = frozenset("Flatten Permute Reshape expand_dims getitem reshape split squeeze take transpose unstack".split())
_WITH_WEIGHTS = frozenset(kind for kind, fields in LAYERS.items() if "activation" in fields) - {"Activation"}
_JOINING = frozenset("Average Concatenate concatenate stack".split())  # of several tensors that end alike


@dataclass(frozen=True)
class End:
    """How a tensor is made.

    activation  softmax, sigmoid or linear; empty for anything else, and for the hidden states of an encoder
    head        a key of `HEADS` if the numbers are those of a class with a head, else empty
    encoder     the folder of the encoder that the numbers come from directly, with a head or without one, else empty
    moved       whether the last axis is not the one that the last layer with weights made
    """

    activation: str = OTHER
    head: str = ""
    encoder: str = ""
    moved: bool = False


def output_ends(graph: Graph) -> Dict[str, End]:
    """Return output name -> what that output of the graph ends in."""
    layers = {layer.name: layer for layer in graph.layers}
    found: List[Mapping[str, End]] = []  # of each node: output -> end, or "" -> the end of all its outputs
    for node in graph.nodes:
        layer = layers[node.layer] if isinstance(node, Call) else None
        if isinstance(node, Input):
            found.append({"": End()})
        elif layer is not None and layer.graph is not None:
            inner = output_ends(layer.graph)
            positions = {str(index): end for index, end in enumerate(inner.values())}
            found.append({"": positions["0"], **positions, **inner})
        elif layer is not None and layer.encoder:
            found.append({"": _of_encoder(layer)})
        else:
            kind, config, given = _computed(node, layer)
            found.append({"": _next(kind, config, [_picked(found, ref) for ref in refs(given)])})
    return {name: _picked(found, ref) for name, ref in graph.outputs}


def _picked(found: List[Mapping[str, End]], ref: Ref) -> End:
    ends = found[ref.node]
    return ends.get(ref.output, ends[""])


def _computed(node: Node, layer: Optional[Layer]) -> Tuple[str, Mapping[str, object], object]:
    """Return the class of a layer, or the name of an op, with its configuration and its arguments."""
    if not isinstance(node, Call) or layer is None:
        return getattr(node, "op", ""), {}, getattr(node, "arguments", ())
    kind, config = layer.class_name, layer.config
    while kind == "TimeDistributed":
        kind, config = config["layer"]["class"], config["layer"]["config"]
    return ("" if layer.custom else kind), config, [node.args, node.kwargs]


def _next(kind: str, config: Mapping[str, object], given: List[End]) -> End:
    """Return the end of what a layer or op makes of tensors with these ends."""
    activation = _activation(kind, config)
    if kind in _WITH_WEIGHTS:
        return End(activation)
    if kind in _JOINING and len(set(given)) == 1:
        return replace(given[0], moved=given[0].moved or kind != "Average")
    if len(given) != 1:
        return End()
    if kind in _PASSING or activation == LINEAR:  # "linear" of an Activation
        return given[0]
    if kind in _MOVING:
        return replace(given[0], moved=True)
    return replace(given[0], activation=activation) if activation in (SOFTMAX, SIGMOID) else End()


def _of_encoder(layer: Layer) -> End:
    head = next((head for head in families.HEADS if layer.class_name.endswith(head)), "")
    return End(LINEAR if head else OTHER, head, layer.encoder)


def _activation(kind: str, config: Mapping[str, object]) -> str:
    """Return the activation of a layer or op: softmax, sigmoid, linear or `OTHER`."""
    if kind in ("Softmax", "softmax", "sigmoid"):
        return kind.lower()
    fields = LAYERS.get(kind, {})
    if "activation" not in fields or kind in RECURRENT:  # a gate multiplies what that activation gives
        return OTHER
    name = str(config.get("activation", fields["activation"]))
    return name if name in (SOFTMAX, SIGMOID, LINEAR) else OTHER
