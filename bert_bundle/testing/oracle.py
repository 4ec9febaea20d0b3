"""What a bundle's encoders must compute, from its files and the reference alone; runs no Keras, grades nothing."""

from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

import numpy as np

from bert_bundle.format.golden import Golden
from bert_bundle.grading.differences import difference, fingerprint
from bert_bundle.graph.graph import Apply, Call, Graph, Ref
from bert_bundle.loading.float64 import FINGERPRINTED
from bert_bundle.loading.parts import Parts
from bert_bundle.testing import reference

_TOKENS = ("input_ids", "attention_mask", "token_type_ids")


def fingerprints(
    parts: Parts, golden: Golden, activations: reference.Activations = reference.ACTIVATIONS
) -> Dict[str, Tuple[float, ...]]:
    """Name of a node's output -> its fingerprint, as `replay.observe` and the golden name and take them.

    Each hidden state and each output, of every call of an encoder outside nested models whose tokens, mask and types
    are inputs of the model, through casts at most: what is computed before an encoder is not the reference's to know.
    `activations`: see `reference.encode`.
    """
    given = {**golden.token_ids, **golden.features}
    found = {}
    for index, layer, tokens in _calls(parts.graph, given):
        name = parts.graph.layer(layer).encoder
        config, tensors = parts.configs[name], parts.encoders[name]
        mask, types = tokens.get("attention_mask"), tokens.get("token_type_ids")
        encoded = reference.encode(config, tensors, tokens["input_ids"], mask, types, activations)
        states = {"hidden_states.{}".format(number): state for number, state in enumerate(encoded.hidden_states)}
        for output, values in {**states, **encoded.outputs}.items():
            found["{} {} {}".format(index, layer, output)] = fingerprint(values)
    return found


def distances(
    parts: Parts, golden: Golden, layers: Any, activations: reference.Activations = reference.ACTIVATIONS
) -> Dict[str, float]:
    """Name of an encoder's output -> how far `layers` lies from it, over the fingerprint's largest value.

    `layers`: (name, fingerprint) of every node, of an observation or of the golden. One that is missing is infinitely
    far.
    """
    seen = dict(layers)
    return {
        name: difference(np.asarray(seen.get(name, [np.nan])), np.asarray(values), np.asarray(values))
        for name, values in fingerprints(parts, golden, activations).items()
    }


def _calls(graph: Graph, given: Mapping[str, np.ndarray]) -> Iterator[Tuple[int, str, Dict[str, np.ndarray]]]:
    """(node, layer, tokens by argument) of every call of an encoder that is fed by inputs of the model alone."""
    inputs = {ref.node: given[name] for name, ref in graph.inputs if name in given}
    for index, node in enumerate(graph.nodes):
        if isinstance(node, Call) and graph.layer(node.layer).encoder:
            fed = {name: value for name, value in node.kwargs.items() if value is not None and value is not False}
            tokens = {name: _value(graph, value, inputs) for name, value in fed.items()}
            if "input_ids" in tokens and all(name in _TOKENS and v is not None for name, v in tokens.items()):
                yield index, node.layer, {name: v for name, v in tokens.items() if v is not None}


def _value(graph: Graph, value: Any, inputs: Mapping[int, np.ndarray]) -> Optional[np.ndarray]:
    """The rows of the golden that a tensor is; None for anything that is no input, however cast."""
    if not isinstance(value, Ref):
        return None
    node = graph.nodes[value.node]
    if isinstance(node, Apply) and node.op == "cast":
        inner = _value(graph, node.arguments["x"], inputs)
        dtype = node.arguments["dtype"]
        return None if inner is None else inner.astype("float64" if "float" in dtype else dtype)
    return inputs[value.node][:FINGERPRINTED] if value.node in inputs else None
