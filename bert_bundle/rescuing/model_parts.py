"""A stored model -> the parts of a bundle's model: graph, configurations of encoders, arrays, trainable flags."""

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from bert_bundle.encoders.families import POOLER
from bert_bundle.errors import FormatError, ModelError
from bert_bundle.graph.graph import Graph, Layer
from bert_bundle.keras_files.stored_model import WEIGHTS_ALONE, StoredModel
from bert_bundle.loading.parts import Parts
from bert_bundle.rescuing import frozen_parts, stored_graph, stored_weights
from bert_bundle.rescuing.stored_graph import EncoderConfig, nowhere
from bert_bundle.rescuing.stored_weights import without_pooler

_BUILD = "give the function of yours that builds the model by --build MODULE:FUNCTION"


@dataclass(frozen=True)
class Rescued:
    """The parts of a model, and what was found while they were read: one sentence for each repair or doubt."""

    parts: Parts
    findings: Tuple[str, ...]


def parts_of(stored: StoredModel, encoder_config: EncoderConfig = nowhere) -> Rescued:
    """Return the parts of a stored model that has an architecture. `encoder_config`: as of `stored_graph.read`.

    Raises ModelError for a model that a bundle cannot represent or whose architecture was not stored, FormatError for a
    tensor that is missing, or that no layer has.
    """
    if stored.kind in WEIGHTS_ALONE:
        raise ModelError(
            "weights alone, without the architecture of the model",
            place=stored.source,
            fix=_BUILD,
        )
    if stored.architecture is None:
        raise ModelError(
            "a file without the architecture of the model",
            place=stored.source,
            fix=_BUILD,
        )
    read = stored_graph.read(stored.architecture, stored.source, encoder_config)
    weights = stored_weights.assign(read.graph, stored.arrays, stored.source)
    findings: List[str] = []
    graph = _mapped(read.graph, lambda layer: _with_pooler(layer, weights.names.get(layer.encoder, ())))
    flags = frozen_parts.flags(graph, read.configs, stored, weights.names, findings)
    graph = _mapped(graph, lambda layer: _with_flags(layer, flags))
    parts = Parts(graph, read.configs, weights.encoders, weights.layers)
    for name in read.configs:
        if name not in weights.encoders:
            raise FormatError("an encoder without weights", place=stored.source, found=name)
        parts.check_shapes(name, stored.source)
    return Rescued(parts, tuple(findings))


def _with_pooler(layer: Layer, names: Sequence[str]) -> Layer:
    """Return an encoder's record that says whether it has a pooler, from the names of its variables."""
    return replace(layer, config={POOLER: False}) if layer.encoder and without_pooler(layer, names) else layer


def _with_flags(layer: Layer, flags: Mapping[str, Tuple[bool, Dict[str, bool]]]) -> Layer:
    if layer.encoder not in flags:
        return layer
    trainable, parts = flags[layer.encoder]
    return replace(layer, trainable=trainable, flags=dict(sorted(parts.items())))


def _mapped(graph: Graph, change: Any) -> Graph:
    """Return the graph with every layer changed, those of nested graphs too."""
    layers = tuple(
        replace(layer, graph=_mapped(layer.graph, change)) if layer.graph is not None else change(layer)
        for layer in graph.layers
    )
    return replace(graph, layers=layers)
