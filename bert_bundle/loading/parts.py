"""The parts of a bundle's model, read from its files and checked: graph, configurations, arrays."""

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Tuple

import numpy as np

from bert_bundle.capturing.capture import Captured
from bert_bundle.encoders import checkpoint_names, configuration
from bert_bundle.encoders.families import GENERAL, POOLER, Family
from bert_bundle.errors import BundleError, FormatError, RuntimeUnavailableError
from bert_bundle.format import layout, strict_json, tensors
from bert_bundle.format.layout import encoder_path
from bert_bundle.format.open_bundle import OpenedBundle
from bert_bundle.format.tensors import check_finite
from bert_bundle.graph import custom_classes, graph, graph_json
from bert_bundle.graph.custom_classes import Classes
from bert_bundle.keras_models import layer_construction, rebuild, weights
from bert_bundle.keras_models import runtime as keras_runtime
from bert_bundle.keras_models.runtime import AUTO, Runtime


@dataclass(frozen=True)
class Parts:
    """The checked content of a bundle's model files: graph, configurations, arrays. Nothing is built yet."""

    graph: graph.Graph
    configs: Mapping[str, Mapping[str, Any]]
    encoders: Mapping[str, Mapping[str, np.ndarray]]
    weights: Mapping[str, np.ndarray]

    def check_shapes(self, name: str, place: str) -> None:
        """Raise FormatError unless the arrays of the encoder in that folder are those of its configuration."""
        layer = next(layer for _, layer in self.graph.walk() if layer.encoder == name)
        found = {k: v.shape for k, v in self.encoders[name].items()}
        if GENERAL in layer.config:
            return  # only the class knows them: `assign` checks
        checkpoint_names.check_shapes(self.configs[name], found, place, pooler=layer.config.get(POOLER, True))

    def build(self, runtime: Runtime, *, float64: bool = False) -> rebuild.Rebuilt:
        """Build the live model with these weights; with `float64` the same function in float64."""
        try:
            rebuilt = rebuild.rebuild(self.graph, self.configs, runtime, float64=float64)
        except BundleError:
            raise
        except Exception as error:  # a field of a layer or an argument of an op that this release lacks
            if float64 and any(layer.encoder and GENERAL in layer.config for _, layer in self.graph.walk()):
                raise RuntimeUnavailableError(
                    "an encoder of no family that does not compute in float64, in which predictions are compared",
                    place=layout.GRAPH,
                    found=" ".join(str(error).split())[-250:],
                    fix="build the classifier around another encoder, or use another release of transformers 4",
                ) from error
            raise RuntimeUnavailableError(
                "the installed Keras cannot build the model",
                place=layout.GRAPH,
                wanted="the layers, fields and ops of the graph",
                found="{}: {}".format(type(error).__name__, error),
                fix="load the bundle with a newer TensorFlow",
            ) from error
        with runtime.dialect.compute_context(float64):
            for name, encoder in rebuilt.encoders.items():
                place = encoder_path(name, layout.ENCODER_WEIGHTS)
                runtime.encoders.assign(encoder, self.encoders[name], runtime.keras, place)
            weights.assign(rebuilt.layers, self.weights, runtime, layout.WEIGHTS)
        return rebuilt


def of_captured(captured: Captured, runtime: Runtime) -> Parts:
    """Return the parts of a live model: its graph as captured, the configurations and weights that it has now."""
    return Parts(
        graph=captured.graph,
        configs={
            name: runtime.encoders.config(encoder, encoder_path(name, layout.ENCODER_CONFIG))
            for name, encoder in captured.encoders.items()
        },
        encoders={name: runtime.encoders.tensors(encoder) for name, encoder in captured.encoders.items()},
        weights=weights.collect(captured.layers, runtime),
    )


def read_parts(bundle: OpenedBundle, runtime: str = AUTO, classes: Classes = custom_classes.NONE) -> Parts:
    """Return the parts of an opened bundle: its shape, checked against the Keras of `runtime`, then its weights.

    `classes`: the user-defined classes, by name. Raises BundleErrors, RuntimeUnavailableError for a layer that is newer
    than the installed Keras, or of a class that was not given. Needs neither TensorFlow nor transformers; without Keras
    the releases of layers are not checked.
    """
    shape, configs = _read_shape(bundle)
    custom_classes.required_classes(shape, classes)
    release = keras_runtime.bound_version(runtime)
    for path, layer in shape.walk() if release else ():
        if not layer.custom:
            layer_construction.check_release(layer.class_name, layer.config, release, path)
    encoders = {}
    for name in configs:
        place = encoder_path(name, layout.ENCODER_WEIGHTS)
        encoders[name] = tensors.from_bytes(bundle.read(place), place)
    arrays = tensors.from_bytes(bundle.read(layout.WEIGHTS), layout.WEIGHTS)
    parts = Parts(shape, configs, encoders, arrays)
    for name in encoders:
        parts.check_shapes(name, encoder_path(name, layout.ENCODER_WEIGHTS))
    for place, group in [(layout.WEIGHTS, arrays), *((layout.ENCODERS + "/" + n, t) for n, t in encoders.items())]:
        check_finite(group, place)
    return parts


def _read_shape(bundle: OpenedBundle) -> "Tuple[graph.Graph, Dict[str, Dict[str, Any]]]":
    """Return the graph, and the configuration of each encoder in it by folder name."""
    shape = graph_json.from_bytes(bundle.read(layout.GRAPH))
    layers = {layer.encoder: layer for _, layer in shape.walk() if layer.encoder}
    used = set(layers)
    if used != set(bundle.manifest.encoders):
        raise FormatError(
            "encoders of the manifest are not those of the graph",
            place=layout.MANIFEST + "#/encoders",
            wanted=", ".join(sorted(used)),
            found=", ".join(sorted(bundle.manifest.encoders)),
        )
    customs = sorted({layer.class_name for _, layer in shape.walk() if layer.custom})
    if customs != list(bundle.manifest.custom_objects):
        raise FormatError(
            "custom classes of the manifest are not those of the graph",
            place=layout.MANIFEST + "#/custom_objects",
            wanted=", ".join(customs),
            found=", ".join(bundle.manifest.custom_objects),
        )
    configs = {}
    for name in sorted(used):
        place = encoder_path(name, layout.ENCODER_CONFIG)
        configs[name] = strict_json.parse(bundle.read(place), place)
        _check_class(layers[name], configuration.check_config(configs[name], place), place)
    return shape, configs


def _check_class(layer: graph.Layer, family: Family, place: str) -> None:
    """Raise FormatError if graph or configuration says that the class belongs to no family, and they do not agree."""
    is_general = GENERAL in layer.config
    if is_general != family.general or (is_general and layer.class_name != family.architecture):
        raise FormatError(
            "an encoder's configuration is not that of its class in the graph",
            place=place + "#/architectures",
            wanted=layer.class_name,
            found=family.architecture,
        )
