"""The fingerprints that a bundle's encoders must have, computed from its files with `numpy_reference`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bert_bundle.format.golden import Golden
from bert_bundle.grading.differences import difference, fingerprint
from bert_bundle.graph.graph import Apply, Call, Graph, Ref
from bert_bundle.loading.float64 import FINGERPRINTED
from bert_bundle.loading.parts import Parts
from support import numpy_reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TOKENS = ("input_ids", "attention_mask", "token_type_ids")


def fingerprints(
    parts: Parts, golden: Golden, activations: numpy_reference.Activations = numpy_reference.ACTIVATIONS
) -> dict[str, tuple[float, ...]]:
    """Return the fingerprint of each node's output, by its name in the golden.

    These are the hidden states and outputs of every encoder call outside nested models whose tokens, mask and types are
    inputs of the model, possibly cast: the reference does not compute what comes before an encoder.
    `activations`: see `numpy_reference.encode`.
    """
    given = {**golden.token_ids, **golden.features}
    found = {}
    for index, layer, tokens in _calls(parts.graph, given):
        name = parts.graph.layer(layer).encoder
        config, tensors = parts.configs[name], parts.encoders[name]
        mask, types = tokens.get("attention_mask"), tokens.get("token_type_ids")
        encoded = numpy_reference.encode(config, tensors, tokens["input_ids"], mask, types, activations)
        states = {"hidden_states.{}".format(number): state for number, state in enumerate(encoded.hidden_states)}
        for output, values in {**states, **encoded.outputs}.items():
            found["{} {} {}".format(index, layer, output)] = fingerprint(values)
    return found


def distances(
    parts: Parts, golden: Golden, layers: Any, activations: numpy_reference.Activations = numpy_reference.ACTIVATIONS
) -> dict[str, float]:
    """Return the difference of `layers` from each of them, by name, over the fingerprint's largest value.

    `layers`: (name, fingerprint) of every node, from a replay or the golden. The distance of a missing one is infinite.
    """
    seen = dict(layers)
    return {
        name: difference(np.asarray(seen.get(name, [np.nan])), np.asarray(values), np.asarray(values))
        for name, values in fingerprints(parts, golden, activations).items()
    }


def _calls(graph: Graph, given: Mapping[str, np.ndarray]) -> Iterator[tuple[int, str, dict[str, np.ndarray]]]:
    """Yield (node, layer, tokens by argument) for each encoder call whose arguments are inputs of the model."""
    inputs = {ref.node: given[name] for name, ref in graph.inputs if name in given}
    for index, node in enumerate(graph.nodes):
        if isinstance(node, Call) and graph.layer(node.layer).encoder:
            fed = {name: value for name, value in node.kwargs.items() if value is not None and value is not False}
            tokens = {name: _value(graph, value, inputs) for name, value in fed.items()}
            if "input_ids" in tokens and all(name in _TOKENS and v is not None for name, v in tokens.items()):
                yield index, node.layer, {name: v for name, v in tokens.items() if v is not None}


def _value(graph: Graph, value: Any, inputs: Mapping[int, np.ndarray]) -> np.ndarray | None:
    """Return the recorded rows of an input, possibly cast; None for any other value."""
    if not isinstance(value, Ref):
        return None
    node = graph.nodes[value.node]
    if isinstance(node, Apply) and node.op == "cast":
        inner = _value(graph, node.arguments["x"], inputs)
        dtype = node.arguments["dtype"]
        return None if inner is None else inner.astype("float64" if "float" in dtype else dtype)
    return inputs[value.node][:FINGERPRINTED] if value.node in inputs else None
