"""Keras 3 on PyTorch: the native encoders compute what AutoModel computes, and their bundles are read elsewhere."""

import dataclasses

import numpy as np
import pytest
import torch
import transformers
from padding import rounding, without_padding
from support.bundle_files import read_golden

import bert_bundle
from bert_bundle.classifiers import specification
from bert_bundle.encoders import configuration, native_layers
from bert_bundle.encoders.families import CLASSES
from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.grading.differences import difference, noise_floor
from bert_bundle.grading.grades import BITWISE, IDENTICAL, judge
from bert_bundle.keras_models import runtime as keras_runtime
from bert_bundle.loading.parts import read_parts

# Keras 3.15 makes arrays of PyTorch's tensors in a manner that NumPy 2.4 has a word about.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

NAME = "bert_encoder"
PYTORCH = 1e-12  # of an output's scale in float64
# The constants that GELU of TensorFlow 2.15 rounds to float32: the root of two, and what stands before x^3.
ROOT, CUBIC = (float(np.float32(value)) for value in (np.sqrt(2), 0.044715))
TENSORFLOW = 3e-8  # the same with PyTorch's own GELU, which rounds none (seen: 1.9e-8)


@pytest.fixture(scope="session")
def native():
    bound = keras_runtime.bind("native")
    assert bound.keras.config.backend() == "torch"
    return bound


def outputs(native, path, dtype, epsilon=None):
    """Return the embeddings, the output of each layer, and the head's; with another `epsilon` if it is given."""
    parts, ids = read_parts(open_bundle(str(path))), read_golden(str(path)).token_ids
    config = parts.configs[NAME]
    family = configuration.of_config(config)
    if epsilon is not None:  # a constant of the family, if its configuration has no such field
        constants = {**family.constants, "layer_norm_eps": epsilon}
        family = dataclasses.replace(family, constants=constants)
        config = {name: epsilon if name == "layer_norm_eps" else value for name, value in config.items()}
    with native.dialect.compute_context(dtype == "float64"), native.dialect.precision(native.keras, dtype):
        encoder = native.encoders.build(family, config, NAME, frozenset(["hidden_states.0"]))
        native.encoders.assign(encoder, parts.encoders[NAME], native.keras, NAME)
        given = {name: native.dialect.tensor(array) for name, array in ids.items()}
        found = native.encoders.call(encoder, {**given, "training": False}, frozenset())
    mask = ids["attention_mask"]
    return [without_padding(native.dialect.array(value), family, mask) for value in flat(found, family)]


def wanted_outputs(name, path, dtype):
    """Return the same from PyTorch's own class."""
    auto = getattr(transformers, "AutoModel" + CLASSES[name].head)
    model = auto.from_pretrained(path / "encoders" / NAME).to(getattr(torch, dtype)).eval()
    ids = read_golden(str(path)).token_ids
    given = {key: torch.tensor(array, dtype=torch.long) for key, array in ids.items()}
    with torch.no_grad():
        found = [value.numpy() for value in flat(model(**given, output_hidden_states=True), CLASSES[name])]
    return [without_padding(value, CLASSES[name], ids["attention_mask"]) for value in found]


def flat(found, family):
    return [*found["hidden_states"], *(found[name] for name in family.always)]


def differences(found, wanted):
    assert len(found) == len(wanted) > 1
    return [difference(a, b, of=b) for a, b in zip(found, wanted, strict=True)]


def test_a_native_encoder_computes_what_auto_model_computes_layer_by_layer(native, written):
    found, wanted = outputs(native, written[1], "float64"), wanted_outputs(*written, "float64")
    assert {str(value.dtype) for value in found} == {"float64"}
    assert max(differences(found, wanted)) < rounding(CLASSES[written[0]], of_others=PYTORCH)


def test_in_single_precision_it_differs_by_the_noise_that_auto_model_has(native, written):
    found, single = outputs(native, written[1], "float32"), wanted_outputs(*written, "float32")
    double = wanted_outputs(*written, "float64")
    assert {str(value.dtype) for value in found} == {"float32"}
    assert len(found) == len(single) == len(double)
    for seen, rounded, exact in zip(found, single, double, strict=True):
        assert difference(seen, rounded, of=exact) <= noise_floor([difference(rounded, exact, exact)])


def test_another_epsilon_is_noticed_from_the_embeddings_on(native, written):
    """Planted: 1e-6 in place of 1e-12."""
    found = outputs(native, written[1], "float64", epsilon=1e-6)
    assert min(differences(found, wanted_outputs(*written, "float64"))) > 1e-8


def test_a_bundle_of_tensorflow_is_the_same_function_on_pytorch_but_for_gelu_s_constants(native, written, monkeypatch):
    figures = bert_bundle.verify(written[1], runtime="native").figures
    assert figures.grade == IDENTICAL
    assert figures.float64_difference < TENSORFLOW
    monkeypatch.setattr(native_layers, "activate", rounded(native.keras.ops))  # of blocks, and of ELECTRA's head
    assert bert_bundle.verify(written[1], runtime="native").figures.float64_difference < PYTORCH


def rounded(ops, honest=native_layers.activate):
    """Our `activate` with the constants of TensorFlow 2.15; tests/in_environment/both measures them."""

    def activate(name, x):
        if name == "gelu":
            return 0.5 * x * (1.0 + ops.erf(x / ROOT))
        if name == "gelu_new":
            return 0.5 * x * (1.0 + ops.tanh(np.sqrt(2 / np.pi) * (x + CUBIC * x * x * x)))
        return honest(name, x)

    return activate


def test_what_keras_3_on_pytorch_saves_tensorflow_reads(native, writer, tmp_path):
    made = specification.build(specification.CLASSIC, runtime="native")
    saved = bert_bundle.save(
        made.model,
        tmp_path / "bundle",
        tokenizer=made.tokenizer,
        labels=made.labels,
        examples=made.examples,
        max_length=made.max_length,
    )
    assert (saved.runtime, saved.proof) == ("native", {"proven": True})
    assert bert_bundle.verify(tmp_path / "bundle", runtime="native").figures.grade == BITWISE
    golden = read_golden(str(tmp_path / "bundle"))
    assert judge(golden, writer.ask("replay", bundle=str(tmp_path / "bundle"))).grade == IDENTICAL
