"""The graph of a model as frozen data.

A graph has named layers, and nodes in an order in which each node uses only earlier ones. A node is an input, a call of
a layer, or an op; it refers to tensors by `Ref`. The arguments of a call are recorded as they were passed. The
arguments of an encoder are recorded by name, and its outputs have the names that transformers gives them.

Does not know: Keras, files.
"""

from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping, Optional, Tuple, Union

CALL_FLAGS = ("training", "return_attention_scores", "use_causal_mask")  # call arguments that are not tensors

Argument = Any  # None, bool, int, float, str, Ref, slice (of int and Ref) or Ellipsis, or lists and mappings of these


@dataclass(frozen=True)
class Ref:
    """One tensor: the node that computes it and, if the node returns several, which one (a name or a position)."""

    node: int
    output: str = ""


@dataclass(frozen=True)
class Input:
    """A node that is a placeholder. `shape` leaves out the batch axis; an axis of any size is None."""

    name: str
    shape: Tuple[Optional[int], ...]
    dtype: str
    trainable: bool = True  # a flag that Keras keeps, though an input has no weights


@dataclass(frozen=True)
class Call:
    """A node that calls `layer` with positional and keyword arguments."""

    layer: str
    args: Tuple[Argument, ...]
    kwargs: Mapping[str, Argument]


@dataclass(frozen=True)
class Apply:
    """A node that applies `op`, an op of the vocabulary, to keyword arguments."""

    op: str
    arguments: Mapping[str, Argument]


Node = Union[Input, Call, Apply]


@dataclass(frozen=True)
class Layer:
    """One layer: a Keras class with its configuration, an encoder, or a nested graph.

    policy   name of the dtype policy
    config   fields that differ from their defaults; empty for nested graphs, for encoders at most {"pooler": False}
    encoder  folder name of an encoder, else empty
    flags    for encoders: path -> trainable, of parts whose flag differs from the part that holds them, outermost first
    graph    the nested graph, if the layer is one
    custom   whether the class is user-defined and passed in by this name; built-in classes have other names
    """

    name: str
    class_name: str
    trainable: bool = True
    policy: str = "float32"
    config: Mapping[str, Any] = field(default_factory=dict)
    encoder: str = ""
    flags: Mapping[str, bool] = field(default_factory=dict)
    graph: "Optional[Graph]" = None
    custom: bool = False


@dataclass(frozen=True)
class Graph:
    """A model.

    `inputs` and `outputs` are (name, tensor) pairs. Their form is "single", "list" or "dict"; in a dict the names are
    the keys.
    """

    name: str
    class_name: str
    layers: Tuple[Layer, ...]
    nodes: Tuple[Node, ...]
    inputs: Tuple[Tuple[str, Ref], ...]
    inputs_form: str
    outputs: Tuple[Tuple[str, Ref], ...]
    outputs_form: str
    trainable: bool = True

    def layer(self, name: str) -> Layer:
        """Return the layer of that name."""
        return next(layer for layer in self.layers if layer.name == name)

    def walk(self, prefix: str = "") -> "Iterator[Tuple[str, Layer]]":
        """Yield (path, layer) for every layer; the layers of a nested graph follow the layer that holds it."""
        for layer in self.layers:
            yield prefix + layer.name, layer
            if layer.graph is not None:
                yield from layer.graph.walk(prefix + layer.name + "/")


def refs(argument: Argument) -> "Iterator[Ref]":
    """Yield every `Ref` inside an argument, in order."""
    if isinstance(argument, Ref):
        yield argument
    elif isinstance(argument, (list, tuple)):
        for item in argument:
            yield from refs(item)
    elif isinstance(argument, slice):
        yield from refs([argument.start, argument.stop, argument.step])
    elif isinstance(argument, Mapping):
        for item in argument.values():
            yield from refs(item)
