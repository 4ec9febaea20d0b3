"""A loaded bundle: live model and tokenizer, `encode` and `predict`. Writes no file."""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from bert_bundle.errors import SignatureError
from bert_bundle.format.manifest import Manifest
from bert_bundle.graph import signature
from bert_bundle.graph.signature import FEATURE, Slot
from bert_bundle.keras_models import prediction, rebuild
from bert_bundle.keras_models.runtime import Runtime
from bert_bundle.loading.encoding import Texts, encode, recipe_of
from bert_bundle.loading.parts import Parts


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
        """Return the names of the classes; empty if the bundle was saved without labels."""
        return self.manifest.labels

    def encode(self, texts: Texts, text_pair: Optional[Sequence[str]] = None) -> Dict[str, np.ndarray]:
        """Return the token arrays that the model declares, by input name: each (n, max_length), with the input's dtype.

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
        """Return predictions for texts (and features by input name): array (n, classes), or arrays by output name.

        Raises SignatureError when a text or a feature is missing or has another shape.
        """
        arrays = self.encode(texts, text_pair)
        rows = prediction.check_rows([s for s in self._slots if s.role == FEATURE], features or {})
        unknown = sorted(set(features or {}) - set(rows))
        if unknown:
            raise SignatureError("a feature that the model does not have", place=unknown[0], wanted=", ".join(rows))
        for name, array in rows.items():
            if len(array) != len(next(iter(arrays.values()))):
                raise SignatureError("a feature does not have one row per text", place=name, found=len(array))
        given = {**arrays, **rows}
        outputs = prediction.predict(self._runtime, self.model, self._graph, self._slots, given, batch=batch_size)
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))
