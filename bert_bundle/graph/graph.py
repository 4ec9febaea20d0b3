"""The graph of a model as plain frozen data; knows nothing of Keras or of files.

A graph has layers, by name, and nodes in an order in which each uses only what stands before it. A node is an input,
a call of a layer, or an op; it refers to tensors by `Ref`. What a layer is called with stands as written; an
encoder's call stands by the names of its arguments, its outputs by the names that transformers gives them.
"""

from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping, Optional, Tuple, Union

CALL_FLAGS = ("training", "return_attention_scores", "use_causal_mask")  # what a call may pass beside tensors


@dataclass(frozen=True)
class Ref:
    """One tensor: the node that makes it and, where that makes several, which (a name, or a position as text)."""

    node: int
    output: str = ""


@dataclass(frozen=True)
class Input:
    """A node: a placeholder. `shape` is without the batch, None where it may vary."""

    name: str
    shape: Tuple[Optional[int], ...]
    dtype: str


@dataclass(frozen=True)
class Call:
    """A node: layer `layer` called with positional and named arguments."""

    layer: str
    args: Tuple[Any, ...]
    kwargs: Mapping[str, Any]


@dataclass(frozen=True)
class Apply:
    """A node: op `op` of the vocabulary applied to `arguments`."""

    op: str
    arguments: Mapping[str, Any]


Node = Union[Input, Call, Apply]


@dataclass(frozen=True)
class Layer:
    """One layer: a Keras class with its configuration, an encoder (by folder name), or a nested graph.

    `custom`: the class is the caller's own, who gives it by that name; no built-in class has its name.

    `frozen`, for encoders: parts whose `trainable` differs from what holds them, path -> flag, outermost first.
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
    """A model. `form` of inputs and outputs is "single", "list" or "dict"; for "dict" each end has its key."""

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
        """The layer of that name."""
        return next(layer for layer in self.layers if layer.name == name)

    def walk(self, prefix: str = "") -> "Iterator[Tuple[str, Layer]]":
        """(path, layer) of every layer, nested graphs' after the layer that holds them."""
        for layer in self.layers:
            yield prefix + layer.name, layer
            if layer.graph is not None:
                yield from layer.graph.walk(prefix + layer.name + "/")


def refs(value: Any) -> "Iterator[Ref]":
    """Every `Ref` inside an argument, in order."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from refs(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from refs(item)
