"""Bundles changed and signed again in ways that no structure shows: a live reader's replay tells every one of them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forged import drop, edit, put, resign, retensor

from bert_bundle import numerics
from bert_bundle.errors import BundleError, FormatError
from bert_bundle.format.golden import read_golden
from bert_bundle.matrix.process import Worker
from bert_bundle.tokenizer.description import Description

CONFIG = "encoders/bert_encoder/config.json"
ENCODER = "encoders/bert_encoder/model.safetensors"
HEAD = "weights.safetensors"
KERNEL = "probabilities/kernel"
TOKENIZER = "tokenizer/tokenizer_config.json"

EMBEDDINGS, FIRST, SECOND = (f"3 bert_encoder hidden_states.{number}" for number in range(3))
IN_HEAD = "7 probabilities"

Forge = Callable[[Path], Any]


def weights(path: str, change: Callable[[dict[str, Any]], Any]) -> Forge:
    return lambda bundle: retensor(bundle, path, change)


def each(name: str, function: Callable[[Any], Any]) -> Callable[[dict[str, Any]], Any]:
    """A change of one tensor."""
    return lambda arrays: arrays.update({name: function(arrays[name])})


def layers_swapped(arrays: dict[str, Any]) -> None:
    for name in [name for name in arrays if name.startswith("encoder.layer.0.")]:
        other = name.replace("layer.0.", "layer.1.")
        arrays[name], arrays[other] = arrays[other], arrays[name]


def vocabulary_swapped(bundle: Path, *, everywhere: bool = True) -> None:
    """Two entries of vocab.txt, and of tokenizer.json, or of the first alone."""
    vocabulary = (bundle / "tokenizer/vocab.txt").read_text(encoding="utf-8").splitlines()
    first, second = vocabulary.index("invoice"), vocabulary.index("crash")
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]
    (bundle / "tokenizer/vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    relayout(bundle) if everywhere else resign(bundle)


def lower_casing_lost(bundle: Path, *, everywhere: bool = True) -> None:
    """In tokenizer_config.json, and in tokenizer.json, or in the first alone."""
    edit(bundle, TOKENIZER, put("do_lower_case", False))
    relayout(bundle) if everywhere else resign(bundle)


def relayout(bundle: Path) -> None:
    """tokenizer.json made again from vocab.txt and the configuration, as a forger who knows the format would."""
    files = {f"tokenizer/{path.name}": path.read_bytes() for path in (bundle / "tokenizer").iterdir()}
    for name, data in Description.parse(files).to_files().items():
        (bundle / name).write_bytes(data)
    resign(bundle)


def graph_of(bundle: Path) -> Any:
    return json.loads((bundle / "graph.json").read_bytes())


JUDGED: dict[str, tuple[Forge, str, str]] = {
    "two layers swapped": (weights(ENCODER, layers_swapped), "drift flip", FIRST),
    "one bias zeroed": (
        weights(ENCODER, each("encoder.layer.1.output.dense.bias", np.zeros_like)), "drift", SECOND,
    ),
    "one weight moved": (
        weights(ENCODER, each("encoder.layer.0.attention.self.query.weight", lambda a: a + 1e-3)), "drift", FIRST,
    ),
    "a kernel transposed": (
        weights(ENCODER, each("encoder.layer.1.attention.self.key.weight", np.transpose)), "drift flip", SECOND,
    ),
    "query and key swapped": (
        weights(ENCODER, lambda a: a.update({
            "encoder.layer.0.attention.self.query.bias": a["encoder.layer.0.attention.self.key.bias"],
            "encoder.layer.0.attention.self.key.bias": a["encoder.layer.0.attention.self.query.bias"],
        })), "drift", FIRST,
    ),
    "token types swapped": (
        weights(ENCODER, each("embeddings.token_type_embeddings.weight", np.flipud)), "drift flip", EMBEDDINGS,
    ),
    "positions off by one": (
        weights(ENCODER, each("embeddings.position_embeddings.weight", lambda a: np.roll(a, 1, 0))), "drift flip",
        EMBEDDINGS,
    ),
    "the head's bias zeroed": (weights(HEAD, each("probabilities/bias", np.zeros_like)), "flip", IN_HEAD),
    "the classes swapped": (
        weights(HEAD, lambda a: a.update({name: np.flip(a[name], -1) for name in list(a)})), "flip", IN_HEAD,
    ),
    "epsilon": (lambda b: edit(b, CONFIG, put("layer_norm_eps", 1e-3)), "drift", EMBEDDINGS),
    "a tanh GELU": (lambda b: edit(b, CONFIG, put("hidden_act", "gelu_new")), "drift", FIRST),
    "more heads": (lambda b: edit(b, CONFIG, put("num_attention_heads", 8)), "drift flip", FIRST),
    "features first": (lambda b: edit(b, "graph.json", put("nodes", 5, "args", [[{"node": 2}, {"node": 4}]])),
                       "drift flip", "5 with_features"),
    "the second token": (lambda b: edit(b, "graph.json", put("nodes", 4, "kwargs", "key", 1, 1)), "drift flip",
                         "4 getitem"),
    "a sigmoid head": (lambda b: edit(b, "graph.json", put("layers", 3, "config", "activation", "sigmoid")),
                       "drift flip", IN_HEAD),
    "a mask of ids": (lambda b: edit(b, "graph.json", put("nodes", 3, "kwargs", "token_type_ids", {"node": 1})),
                      "drift flip", EMBEDDINGS),
    "vocabulary entries swapped": (vocabulary_swapped, "retokenized", EMBEDDINGS),
    "lower-casing lost": (lower_casing_lost, "retokenized", EMBEDDINGS),
    "padding on the left": (lambda b: edit(b, TOKENIZER, put("padding_side", "left")), "retokenized", EMBEDDINGS),
    "golden ids forgotten": (
        lambda b: retensor(b, "golden/tensors.safetensors", drop("token_ids/input_ids")), "retokenized", "",
    ),
    "golden off by 1e-3": (
        lambda b: retensor(b, "golden/tensors.safetensors", each("double/probabilities", lambda a: a + 1e-3)),
        "drift", "",
    ),
    "golden signs": (
        lambda b: retensor(b, "golden/tensors.safetensors", each("double/probabilities", np.negative)), "flip", "",
    ),
    "golden rows in another order": (
        lambda b: retensor(b, "golden/tensors.safetensors", lambda a: a.update(
            {name: a[name][::-1] for name in ("single/probabilities", "double/probabilities")})), "flip", "",
    ),
    "a golden of another text": (
        lambda b: edit(b, "golden/inputs.json", put("texts", "text", 0, "an app crashes")), "retokenized", EMBEDDINGS,
    ),
}  # fmt: skip

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
        "the two layouts of the tokenizer say different things",
        "tokenizer/tokenizer.json",
    ),
    "lower-casing lost in one layout": (
        lambda b: lower_casing_lost(b, everywhere=False),
        "the two layouts of the tokenizer say different things",
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
}


@pytest.fixture
def bundle(classic_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(classic_bundle, tmp_path / "bundle"))


@pytest.mark.parametrize("name", JUDGED)
def test_a_planted_fault_is_never_identical(bundle: Path, writer: Worker, name: str) -> None:
    forge, grades, place = JUDGED[name]
    forge(bundle)
    figures = numerics.judge(read_golden(str(bundle)), writer.ask("replay", bundle=str(bundle)))
    assert figures.grade in grades.split()
    assert figures.first_layer == place or not place
    assert figures.reason


@pytest.mark.parametrize("name", REFUSED)
def test_what_only_a_built_model_shows_is_refused_by_its_reader(bundle: Path, writer: Worker, name: str) -> None:
    forge, message, place = REFUSED[name]
    forge(bundle)
    with pytest.raises(BundleError, match=message) as caught:
        writer.ask("replay", bundle=str(bundle))
    assert caught.type is FormatError
    assert caught.value.place.startswith(place)


def test_a_configuration_that_its_golden_did_not_see_is_reconfigured(bundle: Path, writer: Worker) -> None:
    """A reader that rebuilds another architecture than the one that was saved."""
    golden = read_golden(str(bundle))
    edit(bundle, CONFIG, put("hidden_act", "gelu_new"))
    figures = numerics.judge(golden, writer.ask("replay", bundle=str(bundle)))
    assert figures.grade == "reconfigured"
    assert figures.reason == CONFIG + " is not what was saved"


def test_a_name_in_the_graph_is_part_of_the_architecture(bundle: Path, writer: Worker) -> None:
    golden = read_golden(str(bundle))
    assert graph_of(bundle)["layers"][2]["name"] == "dropout"
    edit(bundle, "graph.json", put("layers", 2, "config", "rate", 0.5))
    assert numerics.judge(golden, writer.ask("replay", bundle=str(bundle))).grade == "reconfigured"
