"""Bundles that someone changed and signed again: refused for their content, before anything is imported or built."""

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.bundle_files import tree
from support.forged_bundles import Change, drop, edit, put, resign, retensor, rewrite

import bert_bundle
from bert_bundle.errors import BundleError, FormatError, LimitError, RuntimeUnavailableError, UnsafeError

CONFIG = "encoders/bert_encoder/config.json"
ENCODER = "encoders/bert_encoder/model.safetensors"
HEAD = "weights.safetensors"
TENSOR = "encoder.layer.0.intermediate.dense.weight"
HEAVY = {"tensorflow", "transformers", "keras", "tf_keras"}

Case = tuple[Callable[[Path], Any], type[BundleError], str, str]


def graph(change: Change, message: str, place: str, error: type[BundleError] = FormatError) -> Case:
    return lambda bundle: edit(bundle, "graph.json", change), error, message, "graph.json#" + place


def config(change: Change, message: str, place: str, error: type[BundleError] = FormatError) -> Case:
    return lambda bundle: edit(bundle, CONFIG, change), error, message, CONFIG + place


def weight(path: str, change: Callable[[dict[str, Any]], Any], message: str, place: str) -> Case:
    return lambda bundle: retensor(bundle, path, change), FormatError, message, place


def fields(message: str, place: str, **changes: Any) -> Case:
    return lambda bundle: resign(bundle, **changes), FormatError, message, "bundle.json#" + place


def fill(name: str, value: float) -> Callable[[dict[str, Any]], Any]:
    return lambda arrays: arrays[name].reshape(-1).__setitem__(-1, value)


def without_graph(bundle: Path) -> None:
    (bundle / "graph.json").unlink()
    resign(bundle)


def custom(field: str, value: Any) -> Callable[[Path], Any]:
    """Give the last layer a user-defined class, and NaN as its bias: no reader reads that far."""

    def forge(bundle: Path) -> None:
        record = {"class": "Evil", "custom": True, "name": "probabilities", "config": {"units": 2}}
        edit(bundle, "graph.json", put("layers", 3, {**record, field: value}))
        retensor(bundle, HEAD, fill("probabilities/bias", np.nan))
        resign(bundle, custom_objects=("Evil",))

    return forge


def unsaid(bundle: Path) -> None:
    custom("class", "Evil")(bundle)
    resign(bundle, custom_objects=())


def code(value: Any) -> Case:
    return (
        custom("config", {"f": value}),
        FormatError,
        "an initializer, regularizer or constraint that a bundle cannot represent",
        "graph.json#/layers/3/config/f",
    )


FITS = "an encoder's tensor does not fit its configuration"
FINITE = "a weight is NaN or infinity"
CODE = "a configuration that names code to run"
HONOURED = "a value the encoder does not honour"
CASES: dict[str, Case] = {
    "op unknown": graph(put("nodes", 4, "op", "py_function"), "an op outside the vocabulary", "/nodes/4"),
    "op code": graph(put("nodes", 4, "op", "__import__('os')"), "an op outside the vocabulary", "/nodes/4"),
    "op argument": graph(put("nodes", 4, "kwargs", "evil", 1), "an op has missing or unknown arguments", "/nodes/4"),
    **{
        f"layer {name}": graph(put("layers", 3, "class", name), "a layer outside the vocabulary", "/layers/3/class")
        for name in ("Lambda", "TFSMLayer", "TorchModuleWrapper", "../../x", "os.system", "BertModel", "Functional")
    },
    "layer module": graph(put("layers", 3, "module", "os"), "malformed", "/layers/3"),
    "layer config": graph(put("layers", 0, "config", {"function": "x"}), "malformed", "/layers/0/config"),
    "layer field": graph(
        put("layers", 3, "config", "function", "x"), "a layer's configuration has unknown fields", "/layers/3/config"
    ),
    "activation": graph(
        put("layers", 3, "config", "activation", "__import__('os')"),
        "an activation that a bundle cannot represent",
        "/layers/3/config/activation",
    ),
    "units": graph(put("layers", 3, "config", "units", 2**40), "field is malformed", "/layers/3/config/units"),
    "rate": graph(put("layers", 2, "config", "rate", "x"), "field is malformed", "/layers/2/config/rate"),
    "initializer": graph(
        put("layers", 3, "config", "kernel_initializer", {"class": "evil.Init", "config": {}}),
        "an initializer, regularizer or constraint that a bundle cannot represent",
        "/layers/3/config/kernel_initializer",
    ),
    "custom class not given": (
        custom("name", "probabilities"),
        RuntimeUnavailableError,
        "a layer needs a class that the bundle does not contain",
        "probabilities",
    ),
    **{
        f"custom {name}": (
            custom("class", name), FormatError, "a built-in layer is marked as custom", "graph.json#/layers/3",
        )
        for name in ("Dense", "Variable", "BertModel", "Functional")
    },
    "built-in as custom": graph(put("layers", 3, "custom", True), "a built-in layer is marked as custom", "/layers/3"),
    **{
        f"custom {value!r}": (
            custom("custom", value), FormatError, "a custom layer is malformed", "graph.json#/layers/3/custom",
        )
        for value in (False, None, 1, "os.system")
    },
    "custom without a name": (
        custom("class", ""), FormatError, "a custom layer is malformed", "graph.json#/layers/3/custom",
    ),
    "custom module": (custom("module", "os"), FormatError, "malformed", "graph.json#/layers/3"),
    "custom graph": (
        custom("graph", {}), FormatError, "a layer outside the vocabulary", "graph.json#/layers/3/class",
    ),
    "custom config names code": code({"module": "os", "class_name": "system", "config": {}}),
    "custom config names a class": code({"class_name": "Lambda", "config": {}}),
    "custom config in depth": code([{"x": {"class": "__lambda__", "config": {}}}]),
    "custom config registered": code({"registered_name": "x"}),
    "custom config not canonical": (
        custom("config", {"f": {"class_name": "Zeros", "config": {}}}), FormatError, "canonical form", "graph.json#",
    ),
    "custom dtype in its config": (
        custom("config", {"dtype": {"module": "os"}}), FormatError, "configuration is malformed", "graph.json#",
    ),
    "custom classes of no layer": fields(
        "custom classes of the manifest are not those of the graph", "/custom_objects", custom_objects=("Evil",)
    ),
    "custom class unsaid": (
        unsaid, FormatError, "custom classes of the manifest are not those of the graph", "bundle.json#/custom_objects",
    ),
    "graph field": graph(put("custom_objects", {}), "malformed", ""),
    "graph class": graph(put("class", "Model"), "not a model class", "/class"),
    "node field": graph(put("nodes", 6, "code", "x"), "malformed", "/nodes/6"),
    "node of no layer": graph(put("nodes", 6, "layer", "evil"), "a node calls a layer that does not exist", "/nodes/6"),
    "forward reference": graph(
        put("nodes", 4, "kwargs", "x", "node", 7), "a tensor is used before it is computed", "/nodes/4"
    ),
    "own reference": graph(put("nodes", 6, "args", 0, "node", 6), "a tensor is used before it is computed", "/nodes/6"),
    "output unknown": graph(
        put("nodes", 4, "kwargs", "x", "output", "code"), "a tensor that its node does not return", "/nodes/4"
    ),
    "encoder argument": graph(
        put("nodes", 3, "kwargs", "evil", {"node": 0}),
        "an encoder must be called with its own keyword arguments",
        "/nodes/3",
    ),
    "two encoders in one folder": graph(
        lambda document: document["layers"].append({**document["layers"][0], "name": "other"}),
        "two encoders have the same folder",
        "/layers",
    ),
    "a layer twice": graph(
        lambda document: document["layers"].append(document["layers"][3]), "two layers have the same path", "/layers"
    ),
    "graph version": graph(put("version", 2), "not a graph of version 1", "/version"),
    "many nodes": graph(
        lambda document: document["nodes"].extend(document["nodes"][:1] * 20_000), "a list is too long", "", LimitError
    ),
    "heads": config(
        put("num_attention_heads", 5), "not a multiple of the number of heads", "#/num_attention_heads"
    ),
    "hidden 0": config(put("hidden_size", 0), "not a positive whole number", "#/hidden_size"),
    "hidden -1": config(put("hidden_size", -1), "not a positive whole number", "#/hidden_size"),
    "hidden true": config(put("hidden_size", True), "not a positive whole number", "#/hidden_size"),
    "hidden 2^40": config(put("hidden_size", 2**40), "larger than any encoder", "#/hidden_size", LimitError),
    "layers 10^6": config(put("num_hidden_layers", 10**6), "larger than any", "#/num_hidden_layers", LimitError),
    "dropout 2": config(put("hidden_dropout_prob", 2), "not a number from 0 to 1", "#/hidden_dropout_prob"),
    "epsilon 0": config(put("layer_norm_eps", 0), "not a positive number", "#/layer_norm_eps"),
    "epsilon 1e300": config(put("layer_norm_eps", 1e300), "not a number from 0 to 1", "#/layer_norm_eps"),
    "act code": config(put("hidden_act", "__import__('os')"), HONOURED, "#/hidden_act"),
    "act list": config(put("hidden_act", ["gelu"]), HONOURED, "#/hidden_act"),
    "family": config(put("model_type", "evil"), "an encoder of an unknown family", "#/model_type"),
    "family list": config(put("model_type", ["bert"]), "an encoder of an unknown family", "#/model_type"),
    "auto_map": config(put("auto_map", {"AutoModel": "evil.Model"}), CODE, "#/auto_map", UnsafeError),
    "remote code": config(put("trust_remote_code", True), CODE, "#/trust_remote_code", UnsafeError),
    "config field": config(put("module", "os"), "a configuration with unknown or missing fields", ""),
    "config lacks": config(drop("layer_norm_eps"), "a configuration with unknown or missing fields", ""),
    "labels": config(
        put("id2label", {"0": "a", "2": "b"}), "id2label and label2id do not agree", "#/id2label"
    ),
    "another size": (
        lambda b: edit(b, CONFIG, put("intermediate_size", 47)), FormatError, FITS, f"{ENCODER} tensor encoder.layer.0",
    ),
    "tensor missing": weight(ENCODER, drop(TENSOR), FITS, f"{ENCODER} tensor {TENSOR}"),
    "tensor extra": weight(ENCODER, put("evil", np.zeros(2, "<f4")), FITS, f"{ENCODER} tensor evil"),
    "tensor transposed": weight(
        ENCODER, lambda arrays: arrays.update({TENSOR: arrays[TENSOR].T}), FITS, f"{ENCODER} tensor {TENSOR}"
    ),
    "tensor NaN": weight(ENCODER, fill(TENSOR, np.nan), FINITE, f"encoders/bert_encoder tensor {TENSOR}"),
    "head NaN": weight(HEAD, fill("probabilities/kernel", np.nan), FINITE, f"{HEAD} tensor probabilities/kernel"),
    "head infinite": weight(HEAD, fill("probabilities/bias", -np.inf), FINITE, f"{HEAD} tensor probabilities/bias"),
    "no encoder": fields("encoders of the manifest are not those of the graph", "/encoders", encoders={}),
    "encoder too many": fields(
        "encoders of the manifest are not those of the graph", "/encoders", encoders={"bert_encoder": {}, "x": {}}
    ),
    "graph no JSON": (lambda b: rewrite(b, "graph.json", b"\x80\x04."), FormatError, "not UTF-8", "graph.json byte 0"),
    "graph deep": (
        lambda b: rewrite(b, "graph.json", b"[" * 100_000), LimitError, "nested too deeply", "graph.json",
    ),
    "weights a pickle": (
        lambda b: rewrite(b, HEAD, b"\x80\x04\x95" + bytes(5) + b"cos\nsystem\n."), FormatError, "the header", HEAD,
    ),
    "graph gone": (without_graph, FormatError, "the manifest does not list", "graph.json"),
}  # fmt: skip


@pytest.fixture
def bundle(classic_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(classic_bundle, tmp_path / "home" / "bundle"))


def state(bundle: Path) -> list[Any]:
    """Everything that reading must not change: contents, modes, times, of the parent folder too."""
    paths = [bundle.parent, bundle, *sorted(bundle.rglob("*"))]
    return [tree(str(bundle)), [(p, os.lstat(p).st_mode, os.lstat(p).st_mtime_ns) for p in paths]]


@pytest.mark.parametrize("name", CASES)
def test_a_forged_bundle_is_refused_by_class_and_place(bundle: Path, name: str) -> None:
    forge, error, message, place = CASES[name]
    forge(bundle)
    before = state(bundle)
    bert_bundle.inspect(bundle)  # every file is what the forger's manifest says
    started = time.process_time()
    with pytest.raises(BundleError, match=message) as caught:
        bert_bundle.load(bundle)
    assert time.process_time() - started < 0.5
    assert caught.type is error
    assert caught.value.place.startswith(place)
    assert state(bundle) == before
    assert not HEAVY & set(sys.modules)


@pytest.mark.parametrize("given", [{"Evil": object}, {"Evil": print, "Dense2": object}])
def test_a_given_custom_class_is_checked_after_every_file(bundle: Path, given: dict[str, Any]) -> None:
    custom("class", "Evil")(bundle)
    with pytest.raises(FormatError, match=FINITE):
        bert_bundle.load(bundle, custom_objects=given)
    assert not HEAVY & set(sys.modules)
