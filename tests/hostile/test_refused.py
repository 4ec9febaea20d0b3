"""Bundles changed and signed again so that their parts do not fit each other: a live reader refuses every one.

What fits, and computes something else, is in tests/test_planted_faults.py.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.forged_bundles import (
    TOKENIZER,
    Change,
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


def reinput(bundle: Path, change: Change) -> None:
    """Change the inputs of the manifest's signature."""
    signature = json.loads((bundle / "bundle.json").read_bytes())["signature"]
    change(signature["inputs"])
    resign(bundle, signature=signature)


def documents(inputs: Any) -> None:
    """Put three texts in place of each."""
    inputs["texts"]["text"] = [[text] * 3 for text in inputs["texts"]["text"]]


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
    "padding that no input leaves open": (
        lambda b: resign(b, tokenizer={"max_length": 16, "padding": "longest", "truncation": True}),
        "the tokenizer's recipe does not match the model's inputs",
        "bundle.json#/tokenizer/padding",
    ),
    "a length for a text that is not there": (
        lambda b: resign(b, tokenizer={"max_length": {"a": 16, "b": 8}, "padding": "max_length", "truncation": True}),
        "the tokenizer's recipe is malformed",
        "bundle.json#/tokenizer",
    ),
    "a role that the graph does not have": (
        lambda b: reinput(b, put(1, "role", "token_type_ids")),
        "an input of the manifest is not that of the graph",
        "bundle.json#/signature/inputs/1",
    ),
    "documents in place of texts": (
        lambda b: edit(b, "golden/inputs.json", documents),
        "the texts of the golden do not fit the model's inputs",
        "golden/inputs.json#/texts",
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
