"""Encoders of transformers' TensorFlow classes in models of Keras 3, each replaced by an encoder of this package.

Those classes are made of Keras 2, so a model of Keras 3 calls them inside a layer of its own, as the Keras team advises
(github.com/keras-team/keras/issues/20393). Keras 3 sees neither their layers nor their weights.

Does not know: graphs.
"""

import sys
from types import ModuleType
from typing import Any, Callable, Dict, List, Mapping, Tuple

from bert_bundle.encoders.families import PER_LAYER, Family
from bert_bundle.keras_models.runtime import NATIVE, Runtime


class LegacyEncoders:
    """The legacy encoders of one model, with the encoder that each was replaced by. Empty for a model of Keras 2."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._replaced: Dict[int, Any] = {}  # id of a legacy encoder -> its replacement
        modeling = sys.modules.get("transformers.modeling_tf_utils") if runtime.name == NATIVE else None
        keras = getattr(modeling, "keras", None)
        self.bases: Tuple[Any, ...] = (keras.layers.Layer,) if keras is not None else ()

    def has(self, layer: Any) -> bool:
        """Return whether a layer is an encoder of transformers in a model of Keras 3.

        Raises ModelError for a model class of transformers that does not belong to a family.
        """
        return isinstance(layer, self.bases) and _transformers().family_of(layer) is not None

    def call(self, encoder: Any, args: List[Any], kwargs: Mapping[str, Any]) -> "Outputs":
        """Call the replacement of a legacy encoder on symbolic tensors of Keras 3.

        Raises ModelError for an argument that the replacement would ignore.
        """
        family, names = _family(encoder), frozenset(name for name in PER_LAYER if _is_asked(encoder, kwargs, name))
        given = _transformers().arguments(family, encoder, args, kwargs, encoder.name)
        result = self._runtime.encoders.call(self._replacement(encoder, names), given, names)
        return Outputs(result, lambda key: _transformers().output_name(family, encoder, kwargs, str(key)))

    def _replacement(self, encoder: Any, names: "frozenset[str]") -> Any:
        """Return an encoder of this package with the weights, flags and precision of a legacy one."""
        if id(encoder) not in self._replaced:
            with self._runtime.dialect.precision(self._runtime.keras, str(encoder._dtype_policy.name)):
                config = _transformers().config(encoder, encoder.name)
                made = self._runtime.encoders.build(_family(encoder), config, encoder.name, names)
            self._copy(encoder, made)
            self._replaced[id(encoder)] = made
        return self._replaced[id(encoder)]

    def _copy(self, encoder: Any, made: Any) -> None:
        """Copy weights and flags of a legacy encoder to its replacement."""
        encoders, place = self._runtime.encoders, encoder.name
        encoders.assign(made, _transformers().tensors(encoder), self._runtime.keras, place)
        encoders.set_flags(made, bool(encoder._trainable), _transformers().flags(encoder), place)


class Outputs:
    """The outputs of an encoder by name or, as transformers also gives them, by position."""

    def __init__(self, outputs: Mapping[str, Any], name: Callable[[Any], str]) -> None:
        self._outputs, self._name = outputs, name

    def __getitem__(self, key: Any) -> Any:
        return self._outputs[self._name(key)]


def _is_asked(encoder: Any, kwargs: Mapping[str, Any], name: str) -> bool:
    asked = kwargs.get("output_" + name)
    return bool(getattr(encoder.config, "output_" + name, False) if asked is None else asked)


def _family(encoder: Any) -> Family:
    family: Family = _transformers().family_of(encoder)
    return family


def _transformers() -> ModuleType:
    """Return the module of transformers' encoders, which a model of Keras 3 seldom needs."""
    from bert_bundle.encoders import transformers

    return transformers
