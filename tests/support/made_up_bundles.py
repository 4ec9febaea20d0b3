"""Manifests and goldens made up for tests of what is written about a bundle; no file belongs to them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bert_bundle.format.golden import Golden
from bert_bundle.format.manifest import Manifest

OUTPUT = {"name": "scores", "dtype": "float32", "shape": [2]}
TEXT = {"name": "input_ids", "dtype": "int32", "shape": [16], "role": "input_ids", "text": "text"}


def manifest(**fields: Any) -> Manifest:
    """Return the manifest of a classifier with two classes; `fields` replace others."""
    made: dict[str, Any] = {
        "writer": {"python": "3.11.7", "bert_bundle": "0.1.0", "packages": {"numpy": "1.26.4"}},
        "runtime": "transformers",
        "signature": {"inputs": [TEXT], "outputs": [OUTPUT]},
        "labels": ("no", "yes"),
        "tokenizer": {"max_length": 16, "padding": "max_length"},
        "encoders": {"bert": {"class": "BertModel", "model_type": "bert"}},
        "proof": {"proven": True},
        "metadata": {},
        "files": {},
    }
    return Manifest(**{**made, **fields})


def golden(features: Mapping[str, np.ndarray] | None = None) -> Golden:
    """Return a golden of three examples."""
    scores = np.full((3, 2), 0.5)
    return Golden(
        texts={"text": ["a", "b", "c"]},
        features=features or {},
        answers=None,
        token_ids={},
        predictions={"scores": scores.astype(np.float32)},
        float64_predictions={"scores": scores},
        noise={"scores": 1e-6},
        measured={},
        layers=(),
        architecture={},
        labels=("no", "yes"),
        inputs=(),
        interchangeable=(),
    )
