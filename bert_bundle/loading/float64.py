"""A model rebuilt in float64: its predictions, and a fingerprint of every layer."""

from typing import Any, Dict, Mapping

import numpy as np

from bert_bundle.format import golden as goldens
from bert_bundle.format.golden import Fingerprint
from bert_bundle.graph import graph, signature
from bert_bundle.keras_models import prediction
from bert_bundle.keras_models.runtime import Runtime
from bert_bundle.loading.parts import Parts

FINGERPRINTED = 8  # examples: enough to detect a change, few enough for every layer of a large model


class Float64Model:
    """The model of `parts` built in float64. Both methods take input name -> array (examples, ...)."""

    def __init__(self, parts: Parts, runtime: Runtime) -> None:
        self._graph, self._runtime, self._slots = parts.graph, runtime, signature.slots(parts.graph)
        self._rebuilt = parts.build(runtime, float64=True)

    def predict(self, arrays: Mapping[str, np.ndarray]) -> Dict[str, np.ndarray]:
        """Return output name -> float64 array."""
        return self._run(self._rebuilt.model, self._graph, arrays, goldens.BATCH)

    def fingerprints(self, arrays: Mapping[str, np.ndarray]) -> "tuple[Fingerprint, ...]":
        """Return (name, fingerprint) of every node's output for the first examples, in graph order."""
        from bert_bundle.grading.differences import fingerprint

        first = {s.name: np.asarray(arrays[s.name][:FINGERPRINTED]) for s in self._slots}
        tensors = self._rebuilt.tensors
        inner = self._runtime.keras.Model(self._runtime.dialect.inputs(self._rebuilt.model), list(tensors.values()))
        everything = graph.Graph(
            name="layers",
            class_name="Functional",
            layers=(),
            nodes=self._graph.nodes,
            inputs=self._graph.inputs,
            inputs_form=self._graph.inputs_form,
            outputs=tuple((name, self._graph.outputs[0][1]) for name in tensors),
            outputs_form="list",
        )
        values = self._run(inner, everything, first, FINGERPRINTED)
        return tuple((name, fingerprint(values[name])) for name in tensors)

    def _run(
        self, model: Any, shape: graph.Graph, arrays: Mapping[str, np.ndarray], batch: int
    ) -> Dict[str, np.ndarray]:
        return prediction.predict(self._runtime, model, shape, self._slots, arrays, batch=batch, float64=True)
