"""A loaded bundle: live model and tokenizer, `encode`, `predict` and `classify`. Writes no file."""

import os
from typing import TYPE_CHECKING, Any, Dict, Literal, Mapping, Optional, Sequence, Tuple, Union, overload

import numpy as np

from bert_bundle.errors import printable
from bert_bundle.format.manifest import Manifest
from bert_bundle.format.tasks import SPANS, TOKENS, Task
from bert_bundle.graph.output_tasks import graph_tasks
from bert_bundle.keras_models import prediction, rebuild
from bert_bundle.keras_models.runtime import Runtime
from bert_bundle.loading import classification, known_tasks
from bert_bundle.loading.batches import predict_by_length
from bert_bundle.loading.encoding import Encoded, Texts, encode
from bert_bundle.loading.features import Features, checked_features
from bert_bundle.loading.inputs import slots_of
from bert_bundle.loading.parts import Parts
from bert_bundle.loading.recipes import of_manifest
from bert_bundle.loading.text_tokens import text_tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray  # NumPy 1.20 has it first, and TensorFlow 2.4 has NumPy 1.19


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
        known_tasks.keep(self.model, manifest.tasks)
        self.encoders: Mapping[str, Any] = rebuilt.encoders
        self.layers: Mapping[str, Any] = rebuilt.layers
        self.tokenizer = tokenizer
        self._runtime = runtime
        self._graph = parts.graph
        self._slots = slots_of(manifest, parts.graph)
        self._recipes = of_manifest(manifest, self._slots)

    def __repr__(self) -> str:
        name = os.path.basename(os.path.abspath(self.path))
        return "Bundle({!r}: {})".format(printable(name), self.manifest.in_brief)

    @property
    def labels(self) -> Tuple[str, ...]:
        """Return the names of the classes; empty if the bundle was saved without labels."""
        return self.manifest.labels

    def encode(self, texts: Texts, text_pair: Optional[Sequence[str]] = None) -> Dict[str, np.ndarray]:
        """Return the token arrays that the model declares, by input name: each (n, tokens), with the input's dtype.

        A model that reads several texts takes a mapping, by the names in the signature. One that reads documents takes
        a list of texts for each, or the texts of all documents in a row, and returns (n, texts, tokens). With the
        padding "longest" all are padded to the longest of these texts. Raises SignatureError.
        """
        return encode(self.tokenizer, self._recipes, self._slots, texts, text_pair).arrays

    @overload
    def predict(
        self,
        texts: Texts,
        text_pair: Optional[Sequence[str]] = None,
        *,
        features: Features = None,
        batch_size: int = 32,
        as_dict: Literal[True],
    ) -> "Dict[str, NDArray[Any]]": ...

    @overload
    def predict(
        self,
        texts: Texts,
        text_pair: Optional[Sequence[str]] = None,
        *,
        features: Features = None,
        batch_size: int = 32,
        as_dict: bool = False,
    ) -> "Union[NDArray[Any], Any]": ...

    def predict(
        self,
        texts: Texts,
        text_pair: Optional[Sequence[str]] = None,
        *,
        features: Features = None,
        batch_size: int = 32,
        as_dict: bool = False,
    ) -> Any:
        """Return predictions for texts (and features by input name): array (n, classes), or arrays by output name.

        Texts, pairs and documents as of `encode`. Where padding moves no prediction and lengths are left open, texts of
        similar length share a batch, which is padded to its own longest text.

        features  {input name: rows}, (n, ...) each; a mapping also where the model has only one
        as_dict   return {output name: array} for one output, too. Otherwise that of several outputs is a mapping, and
                  type checkers, which know no bundle, take the result for an array

        Raises SignatureError when a text or a feature is missing or has another shape.
        """
        outputs, _ = self._outputs(texts, text_pair, features, batch_size)
        return outputs if as_dict or len(outputs) > 1 else next(iter(outputs.values()))

    def classify(
        self,
        texts: Texts,
        text_pair: Optional[Sequence[str]] = None,
        *,
        features: Features = None,
        batch_size: int = 32,
        threshold: Optional[float] = None,
    ) -> Any:
        """Return the labels of texts, with scores, by the task of the output: one entry for each text.

        classes     {"label": name, "score": ...} of the largest
        multilabel  a list of these for the columns above the threshold, the largest first
        binary      {"label", "score"} of the second name above the threshold, else of the first; of a single name,
                    "not NAME" is the first
        tokens      a list of {"label", "score", "token", "position"}, without padding and special tokens
        spans       {"answer", "score", "first_token", "last_token"}, and "start" and "end" in characters with a fast
                    tokenizer of transformers; of a pair, the answer lies in `text_pair`
        regression  the number, or a list of numbers

        Scores are probabilities: the softmax or sigmoid of a model that gives logits. `threshold` is one too, by
        default 0.5. Labels without a name are LABEL_0, LABEL_1, ... A model with several outputs returns {output name:
        entries}, but one entry for the two outputs of a span. Arguments and errors are otherwise those of `predict`.
        """
        outputs, encoded = self._outputs(texts, text_pair, features, batch_size)
        tasks = self._tasks(outputs, encoded)
        text = None
        if any(task.name in (TOKENS, SPANS) for task in tasks.values()):
            groups = sorted({slot.group for slot in self._slots if slot.group})
            text = text_tokens(self.tokenizer, self._recipes, groups, texts, text_pair)
        names = {name: self.manifest.labels_of(name) for name in outputs}
        entries = classification.entries(outputs, tasks, names, classification.checked_threshold(threshold), text)
        return entries if len(entries) > 1 else next(iter(entries.values()))

    def _tasks(self, outputs: Mapping[str, np.ndarray], encoded: Encoded) -> Dict[str, Task]:
        """Return output name -> task: the recorded one, or what the graph shows of an output without one."""
        shapes = {name: array.shape[1:] for name, array in outputs.items()}
        lengths = frozenset(array.shape[-1] for array in encoded.arrays.values())
        return {**graph_tasks(self._graph, shapes, lengths), **self.manifest.tasks}

    def _outputs(
        self,
        texts: Texts,
        text_pair: Optional[Sequence[str]],
        features: Features,
        batch_size: int,
    ) -> Tuple[Dict[str, np.ndarray], Encoded]:
        """Return output name -> predictions, and the texts as arrays."""
        encoded = encode(self.tokenizer, self._recipes, self._slots, texts, text_pair)
        arrays = encoded.arrays
        rows = checked_features(self._slots, features, len(next(iter(arrays.values()))))

        def predict(given: Mapping[str, np.ndarray]) -> Dict[str, np.ndarray]:
            return prediction.predict(self._runtime, self.model, self._graph, self._slots, given, batch=batch_size)

        left = getattr(self.tokenizer, "padding_side", "right") == "left"
        outputs = predict_by_length(predict, encoded, rows, self._slots, self._recipes, left=left, batch=batch_size)
        return outputs, encoded
