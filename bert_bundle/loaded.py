"""A bundle brought to life: proven files -> live model and tokenizer; writes nothing."""

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from . import tokenizer as tokenizers
from .errors import BundleError, FormatError, RuntimeUnavailableError, SignatureError
from .format import layout, strict_json, tensors
from .format.manifest import Manifest
from .format.proven import Proven
from .model import construction, custom, forward, graph, graph_json, keras, rebuild, signature, weights
from .model.custom import Classes
from .model.encoders import configuration, names
from .model.keras import AUTO, Runtime
from .model.signature import FEATURE, TEXT, Slot
from .tokenizer import Recipe

Texts = Union[Sequence[Any], Mapping[str, Sequence[Any]]]


@dataclass(frozen=True)
class Parts:
    """What a bundle's files say of the model, checked, nothing built: graph, configurations, arrays."""

    graph: graph.Graph
    configs: Mapping[str, Mapping[str, Any]]
    encoders: Mapping[str, Mapping[str, np.ndarray]]
    weights: Mapping[str, np.ndarray]

    def build(self, runtime: Runtime, *, double: bool = False) -> rebuild.Rebuilt:
        """The live model with these weights; with `double` the same function in float64."""
        try:
            rebuilt = rebuild.rebuild(self.graph, self.configs, runtime, double=double)
        except BundleError:
            raise
        except Exception as error:  # a layer's field or an op's argument that this release does not have yet
            raise RuntimeUnavailableError(
                "this Keras does not build the model",
                place=layout.GRAPH,
                wanted="the layers, fields and ops that the graph names",
                found="{}: {}".format(type(error).__name__, error),
                fix="load the bundle where a newer TensorFlow is installed",
            ) from error
        with runtime.dialect.working(double):
            for name, encoder in rebuilt.encoders.items():
                place = encoder_path(name, layout.ENCODER_WEIGHTS)
                runtime.encoders.assign(encoder, self.encoders[name], runtime.keras, place)
            weights.assign(rebuilt.layers, self.weights, runtime, layout.WEIGHTS)
        return rebuilt


def encoder_path(name: str, file: str) -> str:
    """`encoders/<name>/<file>`."""
    return "/".join((layout.ENCODERS, name, file))


def read_parts(bundle: Proven, runtime: str = AUTO, classes: Classes = custom.NONE) -> Parts:
    """The checked parts of an opened bundle: its shape, held against what `runtime` has here, and then its weights.

    `classes`: the caller's own, by name. Raises BundleErrors, RuntimeUnavailableError for a layer younger than the
    Keras that is installed, or of a class that is not there. Needs neither TensorFlow nor transformers, and where there
    is no Keras, none is asked for a layer.
    """
    shape, configs = _read_shape(bundle)
    custom.needed(shape, classes)
    release = keras.release(runtime)
    for path, layer in shape.walk() if release else ():
        if not layer.custom:
            construction.check_release(layer.class_name, layer.config, release, path)
    encoders = {}
    for name, config in configs.items():
        place = encoder_path(name, layout.ENCODER_WEIGHTS)
        encoders[name] = tensors.from_bytes(bundle.read(place), place)
        names.check_shapes(config, {k: v.shape for k, v in encoders[name].items()}, place)
    arrays = tensors.from_bytes(bundle.read(layout.WEIGHTS), layout.WEIGHTS)
    for place, group in [(layout.WEIGHTS, arrays), *((layout.ENCODERS + "/" + n, t) for n, t in encoders.items())]:
        check_finite(group, place)
    return Parts(shape, configs, encoders, arrays)


def _read_shape(bundle: Proven) -> "Tuple[graph.Graph, Dict[str, Dict[str, Any]]]":
    """The graph and the configuration of each encoder in it, by folder name."""
    shape = graph_json.from_bytes(bundle.read(layout.GRAPH))
    used = {layer.encoder for _, layer in shape.walk() if layer.encoder}
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
        configuration.check_config(configs[name], place)
    return shape, configs


def check_finite(arrays: Mapping[str, np.ndarray], place: str) -> None:
    """Raises FormatError for a NaN or an infinity among weights: no trained model has one."""
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise FormatError(
                "a weight that is no finite number",
                place="{} tensor {}".format(place, name),
                fix="train again from the last checkpoint whose weights are finite",
            )


def recipe_of(manifest: Manifest, slots: Sequence[Slot]) -> Recipe:
    """How the bundle's texts become token ids. Raises FormatError when the manifest does not say it, or no model could
    take them: an input of tokens has another length.
    """
    length = manifest.tokenizer.get("max_length")
    padding, truncation = manifest.tokenizer.get("padding"), manifest.tokenizer.get("truncation")
    if type(length) is not int or not 1 <= length <= 1 << 20 or padding != "max_length" or truncation is not True:
        raise FormatError(
            "the tokenizer's recipe is malformed",
            place=layout.MANIFEST + "#/tokenizer",
            wanted="max_length, padding max_length, truncation true",
            found=dict(manifest.tokenizer),
        )
    for slot in slots:
        if slot.group and slot.shape[0] not in (None, length):
            raise FormatError(
                "the tokenizer's recipe does not fit the model's inputs",
                place=layout.MANIFEST + "#/tokenizer/max_length",
                wanted="{}, the length of {}".format(slot.shape[0], slot.name),
                found=length,
            )
    return Recipe(length)


class Bundle:
    """A loaded bundle: `model` and `tokenizer` are live Keras and transformers objects."""

    def __init__(
        self,
        path: str,
        manifest: Manifest,
        parts: Parts,
        rebuilt: rebuild.Rebuilt,
        tokenizer: Any,
        runtime: Runtime,
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.model = rebuilt.model
        self.encoders: Mapping[str, Any] = rebuilt.encoders
        self.layers: Mapping[str, Any] = rebuilt.layers
        self.tokenizer = tokenizer
        self._runtime = runtime
        self._graph = parts.graph
        self._slots: List[Slot] = signature.slots(parts.graph)
        self._recipe = recipe_of(manifest, self._slots)

    @property
    def labels(self) -> Tuple[str, ...]:
        """The names of the classes; empty where the bundle was saved without."""
        return self.manifest.labels

    def encode(self, texts: Texts, text_pair: Optional[Sequence[str]] = None) -> Dict[str, np.ndarray]:
        """Texts -> the token tensors that the model declares, by input name, each (n, max_length) of its own dtype.

        A model that reads several texts takes a mapping, by the names in the signature. Raises SignatureError.
        """
        return encode(self.tokenizer, self._recipe, self._slots, texts, text_pair)

    def predict(
        self,
        texts: Texts,
        text_pair: Optional[Sequence[str]] = None,
        *,
        features: Optional[Mapping[str, Any]] = None,
        batch_size: int = 32,
    ) -> Any:
        """Predictions for texts (and features by input name): array (n, classes), or a dict of arrays by output name.

        Raises SignatureError when a text or a feature is missing or of another shape.
        """
        arrays = self.encode(texts, text_pair)
        rows = forward.check_rows([s for s in self._slots if s.role == FEATURE], features or {})
        unknown = sorted(set(features or {}) - set(rows))
        if unknown:
            raise SignatureError("a feature that the model does not have", place=unknown[0], wanted=", ".join(rows))
        for name, array in rows.items():
            if len(array) != len(next(iter(arrays.values()))):
                raise SignatureError("as many rows as texts are needed", place=name, found=len(array))
        given = {**arrays, **rows}
        outputs = forward.predict(self._runtime, self.model, self._graph, self._slots, given, batch=batch_size)
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))


def encode(
    tokenizer: Any, recipe: Recipe, slots: Sequence[Slot], texts: Texts, pairs: Optional[Sequence[str]] = None
) -> Dict[str, np.ndarray]:
    """Input name -> token tensor for every slot that is made of a text."""
    groups = sorted({s.group for s in slots if s.group})
    by_group = texts if isinstance(texts, Mapping) else dict.fromkeys(groups[:1], texts)
    if sorted(by_group) != groups or isinstance(texts, str):
        raise SignatureError(
            "texts do not fit the model",
            place="texts",
            wanted="a list of texts" if groups == [TEXT] else "texts for each of " + ", ".join(groups),
            found="one text" if isinstance(texts, str) else ", ".join(by_group),
            fix="predict([text])" if isinstance(texts, str) else "",
        )
    encoded = {group: tokenizers.encode(tokenizer, recipe, list(by_group[group]), pairs) for group in groups}
    return {s.name: encoded[s.group][s.role].astype(s.dtype) for s in slots if s.group}
