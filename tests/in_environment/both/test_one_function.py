"""Two runtimes beside each other: what the TensorFlow classes of transformers compute, our Keras 3 encoders compute."""

import os
import pathlib

import numpy as np
import pytest
from test_families import CASES

import bert_bundle
from bert_bundle import numerics, replay
from bert_bundle.format import golden as goldens
from bert_bundle.format.digest import sha256
from bert_bundle.format.proven import open_bundle
from bert_bundle.loaded import read_parts
from bert_bundle.model import capture, graph_json
from bert_bundle.model import keras as keras_runtime
from bert_bundle.model.encoders import blocks
from bert_bundle.testing import classifiers

# Where float64 comes from two programs: the sum's order, and a constant that TensorFlow's classes round to float32, the
# root of a head's size.
CLOSE = 3e-8


@pytest.fixture(scope="module")
def native():
    return keras_runtime.bind("native")


@pytest.fixture(scope="module", params=CASES)
def case(request, family_bundle):
    """(name, the bundle of a partly frozen model of transformers' classes)."""
    return request.param, family_bundle(request.param)


def figures(path, runtime):
    bundle = open_bundle(str(path))
    return numerics.judge(goldens.from_bundle(bundle), replay.observe(bundle, runtime, lambda _: None))


def test_every_family_and_head_is_the_same_function_layer_by_layer(case, native):
    _, path = case
    bundle = open_bundle(str(path))
    golden, parts = goldens.from_bundle(bundle), read_parts(bundle)
    seen = replay.observe(bundle, "native", lambda _: None)
    assert numerics.judge(golden, seen).grade == numerics.IDENTICAL
    layers = {layer: np.asarray(values) for layer, values in seen["layers"]}
    assert len(layers) == len(golden.layers) > 0
    for layer, values in golden.layers:
        assert numerics.difference(layers[layer], np.asarray(values), np.asarray(values)) <= CLOSE, layer
    assert set(parts.encoders) == set(parts.configs)


def test_names_flags_weights_and_graph_come_back_as_the_same_bytes(case, native):
    _, path = case
    parts = read_parts(open_bundle(str(path)))
    rebuilt = parts.build(native)
    again = capture.capture(rebuilt.model, native)
    assert graph_json.to_bytes(again.graph) == graph_json.to_bytes(parts.graph)
    for folder, encoder in again.encoders.items():
        found = native.encoders.tensors(encoder)
        assert sorted(found) == sorted(parts.encoders[folder])
        for tensor, array in found.items():
            np.testing.assert_array_equal(array, parts.encoders[folder][tensor], tensor)


@pytest.mark.parametrize("number", range(6))
def test_one_specification_makes_one_bundle_whichever_runtime_builds_it(number, save, tmp_path):
    specification = classifiers.specifications(6, seed=7)[number]
    shape, weights = {}, {}
    for runtime in keras_runtime.RUNTIMES:
        made = classifiers.build(specification, runtime=runtime)
        path = save(made, tmp_path / runtime)
        assert bert_bundle.inspect(path).runtime == runtime
        for reader in keras_runtime.RUNTIMES:
            assert figures(path, reader).grade == (numerics.BITWISE if reader == runtime else numerics.IDENTICAL)
        files = sorted(os.path.join(f, n) for f, _, names in os.walk(str(path)) for n in names)
        digests = {os.path.relpath(f, str(path)): sha256(pathlib.Path(f).read_bytes()) for f in files}
        shape[runtime] = {f: d for f, d in digests.items() if f == "graph.json" or f.startswith("tokenizer")}
        weights[runtime] = {f: d for f, d in digests.items() if f.startswith("encoders") or f == "weights.safetensors"}
    assert shape["transformers"] == shape["native"]
    assert weights["transformers"] == weights["native"]


FAULTS = {
    "a tanh GELU": ("activate", lambda honest: lambda name, x: honest("gelu_new" if name == "gelu" else name, x)),
    "an epsilon": ("Normalization", lambda honest: lambda size, epsilon, dtype: honest(size, 1e-3, dtype)),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_native_encoder_that_computes_something_else_drifts_at_the_encoder(fault, classic_bundle, monkeypatch):
    name, change = FAULTS[fault]
    monkeypatch.setattr(blocks, name, change(getattr(blocks, name)))
    found = figures(classic_bundle, "native")
    assert found.grade in (numerics.DRIFT, numerics.FLIP)
    assert "bert_encoder last_hidden_state" in found.first_layer
