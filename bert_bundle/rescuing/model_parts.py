"""A stored model -> the parts of a bundle's model: graph, configurations of encoders, arrays, trainable flags."""

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from bert_bundle.encoders.families import POOLER
from bert_bundle.errors import FormatError, ModelError
from bert_bundle.graph.graph import Graph, Layer
from bert_bundle.keras_files.stored_model import WEIGHTS_ALONE, StoredModel
from bert_bundle.loading.parts import Parts
from bert_bundle.rescuing import frozen_parts, stored_graph, stored_weights
from bert_bundle.rescuing.serving_function import graph_reader
from bert_bundle.rescuing.stored_graph import EncoderConfig, StoredGraph, nowhere
from bert_bundle.rescuing.stored_weights import without_pooler

_BUILD = "give the function of yours that builds the model by --build MODULE:FUNCTION"


@dataclass(frozen=True)
class Rescued:
    """The parts of a model, and what was found while they were read: one sentence for each repair or doubt."""

    parts: Parts
    findings: Tuple[str, ...]


def parts_of(stored: StoredModel, encoder_config: EncoderConfig = nowhere) -> Rescued:
    """Return the parts of a stored model. `encoder_config`: as of `stored_graph.read`.

    Raises ModelError for a model that a bundle cannot represent or whose architecture the file does not tell,
    FormatError for a tensor that is missing, or that no layer has.
    """
    read, stored, found = _graph(stored, encoder_config)
    findings = [*stored.findings, *found]
    weights = stored_weights.assign(read.graph, stored.arrays, stored.source)
    graph = _mapped(read.graph, lambda layer: _with_pooler(layer, weights.names.get(layer.encoder, ())))
    flags = frozen_parts.flags(graph, read.configs, stored, weights.names, findings)
    graph = _mapped(graph, lambda layer: _with_flags(layer, flags))
    parts = Parts(graph, read.configs, weights.encoders, weights.layers)
    for name in read.configs:
        if name not in weights.encoders:
            raise FormatError("an encoder without weights", place=stored.source, found=name)
        parts.check_shapes(name, stored.source)
    return Rescued(parts, tuple(findings))


def _graph(stored: StoredModel, encoder_config: EncoderConfig) -> Tuple[StoredGraph, StoredModel, List[str]]:
    """Return the graph by the stored configuration, or by the serving function where the configuration is not enough.

    Also returns the model with variables and flags named as the layers of the graph, and what was found.
    """
    refused: Optional[ModelError] = None
    if stored.architecture is not None:
        try:
            return stored_graph.read(stored.architecture, stored.source, encoder_config), stored, []
        except ModelError as error:
            refused = error
    if stored.serving is None:
        what = "weights alone" if stored.kind in WEIGHTS_ALONE else "a file"
        raise refused or ModelError(
            "{} without the architecture of the model".format(what), place=stored.source, fix=_BUILD
        )
    found = graph_reader.read(stored, encoder_config)
    return found.read, found.stored, found.findings


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
