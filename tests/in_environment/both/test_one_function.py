"""Both runtimes in one environment: the native encoders compute what transformers' TensorFlow classes compute."""

import math
import os
import pathlib

import numpy as np
import pytest
from op_table import CASES as CASES_OF_OPS
from op_table import Feeds, arrays
from test_families import CASES, FAMILIES, LENGTH, batch, build
from test_layers import make
from test_operations import OPERATIONS
from test_training import moves, resting

import bert_bundle
from bert_bundle.capturing import capture
from bert_bundle.classifiers import specification, strategies
from bert_bundle.encoders import configuration, native_layers
from bert_bundle.format import golden as goldens
from bert_bundle.format.files import sha256
from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.grading import differences as differences_
from bert_bundle.grading import grades
from bert_bundle.graph import graph_json
from bert_bundle.keras_models import runtime as keras_runtime
from bert_bundle.loading import replay
from bert_bundle.loading.parts import read_parts

CLOSE = 1e-13  # of an output's scale in float64: what the order of sums leaves
# The constants that TensorFlow's GELU rounds to float32. What it divides by up to 2.18 it multiplies by from 2.19 on.
ROOT, HALF, CUBIC = (float(np.float32(value)) for value in (np.sqrt(2), np.sqrt(0.5), 0.044715))
ROUNDED = {"the root of two": lambda x: x / ROOT, "the root of a half": lambda x: x * HALF}


@pytest.fixture(scope="module")
def native():
    return keras_runtime.bind("native")


@pytest.fixture(scope="module", params=CASES)
def case(request, keras, family_bundle):
    """Return (a partly frozen model of transformers' classes, its bundle)."""
    return build(keras, request.param), family_bundle(request.param)


def figures(path, runtime):
    bundle = open_bundle(str(path))
    return grades.judge(goldens.from_bundle(bundle), replay.observe(bundle, runtime, lambda _: None))


def outputs(bound, made, path):
    """Return the outputs of the embeddings, each layer and the head, as that runtime computes them in float64."""
    parts, wanted = read_parts(open_bundle(str(path))), frozenset(["hidden_states.0"])
    ((folder, config),) = parts.configs.items()
    family, roles = configuration.of_config(config), ("input_ids", "attention_mask", "token_type_ids")
    with bound.dialect.compute_context(True), bound.dialect.precision(bound.keras, "float64"):
        given = {role: bound.dialect.tensor(array) for role, array in zip(roles, batch(made.encoder))}
        encoder = bound.encoders.build(family, config, folder, wanted)
        bound.encoders.call(encoder, given, wanted)  # that makes the weights of transformers' classes
        bound.encoders.assign(encoder, parts.encoders[folder], bound.keras, folder)
        found = bound.encoders.call(encoder, {**given, "training": False}, wanted)
    return [bound.dialect.array(value) for value in [*found["hidden_states"], *(found[n] for n in family.always)]]


def largest(found, wanted):
    assert len(found) == len(wanted) > 1
    assert {array.dtype for array in found + wanted} == {np.dtype("float64")}
    return max(differences_.difference(a, b, of=b) for a, b in zip(found, wanted))


def gelu(native, scaled, cubic):
    """`blocks.activate` with GELU of Hendrycks and Gimpel 2016: `scaled` is x / sqrt(2), `cubic` stands before x^3."""
    ops, honest = native.keras.ops, native_layers.activate

    def activate(name, x):
        if name == "gelu":
            return 0.5 * x * (1.0 + ops.erf(scaled(x)))
        if name == "gelu_new":
            return 0.5 * x * (1.0 + ops.tanh(np.sqrt(2 / np.pi) * (x + cubic * x * x * x)))
        return honest(name, x)

    return activate


def rounded(runtime):
    """Which constant the GELU of the TensorFlow at hand rounds, by what it computes."""
    x = np.linspace(-3, 3, 61)
    found = runtime.keras.activations.gelu(runtime.dialect.tensor(x))
    differences = {}
    for name, scaled in ROUNDED.items():
        exact = [0.5 * value * (1 + math.erf(scaled(value))) for value in x]
        differences[name] = np.abs(np.asarray(found) - exact).max()
    nearest, other = sorted(differences, key=differences.get)
    assert differences[nearest] < 1e-15 < 1e-9 < differences[other]
    return nearest


def test_every_family_and_head_computes_the_same_layer_by_layer(case, native, runtime):
    assert largest(outputs(native, *case), outputs(runtime, *case)) <= CLOSE


@pytest.mark.parametrize("family", list(FAMILIES))
def test_tensorflow_s_constants_of_gelu_are_all_that_it_has_of_its_own(
    family, native, runtime, save, tmp_path, monkeypatch
):
    """Planted: GELU with no constant rounded, as other backends have it, and as the TensorFlow of the other side."""
    made = build(runtime.keras, family + " Model")
    path, own = save(made, tmp_path / "bundle"), rounded(runtime)
    (other,) = set(ROUNDED) - {own}
    wanted, found = outputs(runtime, made, path), {}
    exact = gelu(native, lambda x: x / np.sqrt(2), 0.044715)
    for name, activate in {"": exact, **{n: gelu(native, f, CUBIC) for n, f in ROUNDED.items()}}.items():
        with monkeypatch.context() as patched:
            patched.setattr(native_layers, "activate", activate)
            found[name] = largest(outputs(native, made, path), wanted)
    assert found[own] <= CLOSE
    config = runtime.encoders.config(made.encoder, "x")
    seen = {"gelu": ["", other], "gelu_new": [""], "relu": []}[config.get("hidden_act", config.get("activation"))]
    assert [name for name, off in sorted(found.items()) if off > CLOSE] == seen
    assert found[""] < 1e-8


def test_every_family_and_head_is_the_same_function_by_its_golden(case, native):
    _, path = case
    bundle = open_bundle(str(path))
    golden, parts = goldens.from_bundle(bundle), read_parts(bundle)
    seen = replay.observe(bundle, "native", lambda _: None)
    assert grades.judge(golden, seen).grade == grades.IDENTICAL
    layers = {layer: np.asarray(values) for layer, values in seen["layers"]}
    assert len(layers) == len(golden.layers) > 0
    for layer, values in golden.layers:
        assert differences_.difference(layers[layer], np.asarray(values), np.asarray(values)) <= CLOSE, layer
    assert set(parts.encoders) == set(parts.configs)


@pytest.mark.parametrize("case", list(CASES_OF_OPS))
def test_an_op_computes_the_same_in_both_runtimes(case, native, runtime):
    """But for the dtype of an argmax: int64 in TensorFlow, int32 in Keras 3."""
    found = []
    for bound in (native, runtime):
        feeds = Feeds(bound)
        model = bound.keras.Model(feeds.inputs, feeds.results(case))
        made = model([bound.dialect.tensor(array) for array in arrays()])
        found.append([bound.dialect.array(value) for value in (made if isinstance(made, (list, tuple)) else [made])])
    assert len(found[0]) == len(found[1])
    for ours, theirs in zip(*found):
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype or case.startswith("arg")
        np.testing.assert_allclose(ours, theirs, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("case", list(OPERATIONS))
def test_ops_that_people_write_in_tensorflow_are_the_same_function_and_the_same_bytes(
    case, keras, native, save, tmp_path
):
    path = save(make(keras, OPERATIONS[case][0]), tmp_path / "bundle")
    assert figures(path, "native").grade == grades.IDENTICAL
    rebuilt = read_parts(open_bundle(str(path)), "native").build(native)
    again = capture.capture(rebuilt.model, native)
    assert graph_json.to_bytes(again.graph) == (path / "graph.json").read_bytes()


def test_names_flags_weights_and_graph_are_the_same_in_both_runtimes(case, native):
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


def test_a_call_that_says_training_false_says_so_again_whichever_runtime_saves_it(keras, save, tmp_path):
    made = resting(keras, training=False)
    first = save(made, tmp_path / "first")
    bundle = bert_bundle.load(first, runtime="native")
    again = save(
        specification.BuiltClassifier(bundle.model, None, bundle.tokenizer, (), made.examples, LENGTH),
        tmp_path / "again",
    )
    assert bert_bundle.inspect(again).runtime == "native"
    assert (again / "graph.json").read_bytes() == (first / "graph.json").read_bytes()
    assert not moves(bert_bundle.load(again, runtime="transformers").model)


@pytest.mark.parametrize("policy", ["mixed_float16", "float16"])
@pytest.mark.parametrize("pooling", ["first_token", "average"])
def test_half_precision_adds_no_cast_to_the_graph_of_either_runtime(policy, pooling, save, tmp_path):
    """Keras 3.9 records in its graph that a layer casts its inputs."""
    drawn = {**specification.CLASSIC, "policy": policy, "pooling": pooling, "others": [["kind", 2, "softmax"]]}
    for writer in keras_runtime.RUNTIMES:
        path = save(specification.build(drawn, runtime=writer), tmp_path / writer)
        for reader in keras_runtime.RUNTIMES:
            assert figures(path, reader).grade == (grades.BITWISE if reader == writer else grades.IDENTICAL)


@pytest.mark.parametrize("number", range(6))
def test_one_specification_makes_one_bundle_whichever_runtime_builds_it(number, save, tmp_path):
    # Keras numbers inputs without a name, and transformers names the encoder that a class of the user holds.
    drawn = {**strategies.draw(6, seed=7)[number], "inputs": "plain", "caller": "model"}
    shape, weights = {}, {}
    for runtime in keras_runtime.RUNTIMES:
        made = specification.build(drawn, runtime=runtime)
        path = save(made, tmp_path / runtime)
        assert bert_bundle.inspect(path).runtime == runtime
        for reader in keras_runtime.RUNTIMES:
            assert figures(path, reader).grade == (grades.BITWISE if reader == runtime else grades.IDENTICAL)
        files = sorted(os.path.join(f, n) for f, _, names in os.walk(str(path)) for n in names)
        digests = {os.path.relpath(f, str(path)): sha256(pathlib.Path(f).read_bytes()) for f in files}
        shape[runtime] = {f: d for f, d in digests.items() if f == "graph.json" or f.startswith("tokenizer")}
        weights[runtime] = {f: d for f, d in digests.items() if f.startswith("encoders") or f == "weights.safetensors"}
    assert shape["transformers"] == shape["native"]
    assert weights["transformers"] == weights["native"]


FAULTS = {
    "a tanh GELU": ("activate", 1, lambda honest: lambda name, x: honest("gelu_new" if name == "gelu" else name, x)),
    "an epsilon": ("Normalization", 0, lambda honest: lambda size, epsilon, dtype: honest(size, 1e-3, dtype)),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_native_encoder_that_computes_something_else_drifts_where_it_does(fault, classic_bundle, monkeypatch):
    name, layer, change = FAULTS[fault]
    monkeypatch.setattr(native_layers, name, change(getattr(native_layers, name)))
    found = figures(classic_bundle, "native")
    assert found.grade in (grades.DRIFT, grades.FLIP)
    assert found.first_layer == "3 bert_encoder hidden_states.{}".format(layer)
