"""Bundles changed and signed again so that their parts do not fit each other: a live reader refuses every one.

What fits, and computes something else, is in tests/test_planted_faults.py.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
from support.forged_bundles import (
    TOKENIZER,
    Forge,
    drop,
    each,
    edit,
    lower_casing_lost,
    put,
    resign,
    vocabulary_swapped,
    weights,
)

from bert_bundle.errors import BundleError, FormatError
from bert_bundle.host.workers.worker import Worker

HEAD = "weights.safetensors"
KERNEL = "probabilities/kernel"

REFUSED: dict[str, tuple[Forge, str, str]] = {
    "head tensor missing": (
        weights(HEAD, drop("probabilities/bias")),
        "a tensor is missing or does not fit the graph",
        HEAD + " tensor probabilities/bias",
    ),
    "head tensor transposed": (
        weights(HEAD, each(KERNEL, np.transpose)),
        "a tensor is missing or does not fit the graph",
        f"{HEAD} tensor {KERNEL}",
    ),
    "head tensor too many": (
        weights(HEAD, put("evil/kernel", np.zeros(2, "<f4"))),
        "a tensor that no layer of the graph has",
        HEAD + " tensor evil/kernel",
    ),
    "tokenizer of another class": (
        lambda b: edit(b, TOKENIZER, put("tokenizer_class", "evil.Tokenizer")),
        "a tokenizer's configuration with unknown or missing fields",
        TOKENIZER,
    ),
    "tokenizer with a template": (
        lambda b: edit(b, TOKENIZER, put("chat_template", "{{ cycler.__init__.__globals__ }}")),
        "a tokenizer's configuration with unknown or missing fields",
        TOKENIZER,
    ),
    "tokenizer with auto_map": (
        lambda b: edit(b, TOKENIZER, put("auto_map", {"AutoTokenizer": "evil.Tokenizer"})),
        "a tokenizer's configuration with unknown or missing fields",
        TOKENIZER,
    ),
    "vocabulary entries swapped in one layout": (
        lambda b: vocabulary_swapped(b, everywhere=False),
        "the two layouts of the tokenizer differ",
        "tokenizer/tokenizer.json",
    ),
    "lower-casing lost in one layout": (
        lambda b: lower_casing_lost(b, everywhere=False),
        "the two layouts of the tokenizer differ",
        "tokenizer/tokenizer.json",
    ),
    "a flag of no part": (
        lambda b: edit(b, "graph.json", put("layers", 0, "flags", [["nowhere", False]])),
        "a trainable flag of a part that the encoder does not have",
        "bert_encoder",
    ),
    "a length of 0": (
        lambda b: resign(b, tokenizer={"max_length": 0, "padding": "max_length", "truncation": True}),
        "the tokenizer's recipe is malformed",
        "bundle.json#/tokenizer",
    ),
    "a length that no input has": (
        lambda b: resign(b, tokenizer={"max_length": 8, "padding": "max_length", "truncation": True}),
        "the tokenizer's recipe does not match the model's inputs",
        "bundle.json#/tokenizer/max_length",
    ),
}


@pytest.fixture
def bundle(classic_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(classic_bundle, tmp_path / "bundle"))


@pytest.mark.parametrize("name", REFUSED)
def test_what_only_a_built_model_can_detect_is_refused_by_its_reader(bundle: Path, writer: Worker, name: str) -> None:
    forge, message, place = REFUSED[name]
    forge(bundle)
    with pytest.raises(BundleError, match=message) as caught:
        writer.ask("replay", bundle=str(bundle))
    assert caught.type is FormatError
    assert caught.value.place.startswith(place)
