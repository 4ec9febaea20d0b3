"""Encoders of transformers' TensorFlow classes in models of Keras 3, each replaced by an encoder of this package.

Those classes are made of Keras 2, so a model of Keras 3 calls them inside a layer of its own, as the Keras team advises
(github.com/keras-team/keras/issues/20393). Keras 3 sees neither their layers nor their weights.

Does not know: graphs.
"""

import sys
from typing import Any, Dict, List, Mapping, Tuple

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
        if not isinstance(layer, self.bases):
            return False
        from bert_bundle.encoders import transformers

        return transformers.family_of(layer) is not None

    def call(self, encoder: Any, args: List[Any], kwargs: Mapping[str, Any]) -> "Outputs":
        """Call the replacement of a legacy encoder on symbolic tensors of Keras 3.

        Raises ModelError for an argument that the replacement would ignore.
        """
        from bert_bundle.encoders import transformers

        family = transformers.family_of(encoder)
        assert family is not None
        given = transformers.arguments(family, encoder, args, kwargs, encoder.name)
        names = {name for name in ("hidden_states", "attentions") if _is_asked(encoder, kwargs, name)}
        result = self._runtime.encoders.call(self._replacement(encoder, frozenset(names)), given, frozenset(names))
        return Outputs(result, lambda key: transformers.output_name(family, encoder, kwargs, str(key)))

    def _replacement(self, encoder: Any, names: "frozenset[str]") -> Any:
        """Return an encoder of this package with the weights, flags and precision of a legacy one."""
        from bert_bundle.encoders import transformers

        if id(encoder) not in self._replaced:
            family, encoders = transformers.family_of(encoder), self._runtime.encoders
            assert family is not None
            policy = str(encoder._dtype_policy.name)
            with self._runtime.dialect.precision(self._runtime.keras, policy):
                made = encoders.build(family, transformers.config(encoder, encoder.name), encoder.name, names)
            encoders.assign(made, transformers.tensors(encoder), self._runtime.keras, encoder.name)
            encoders.set_flags(made, bool(encoder._trainable), transformers.flags(encoder), encoder.name)
            self._replaced[id(encoder)] = made
        return self._replaced[id(encoder)]


class Outputs:
    """The outputs of an encoder by name or, as transformers also gives them, by position."""

    def __init__(self, outputs: Mapping[str, Any], name: Any) -> None:
        self._outputs, self._name = outputs, name

    def __getitem__(self, key: Any) -> Any:
        return self._outputs[self._name(key)]


def _is_asked(encoder: Any, kwargs: Mapping[str, Any], name: str) -> bool:
    asked = kwargs.get("output_" + name)
    return bool(getattr(encoder.config, "output_" + name, False) if asked is None else asked)
