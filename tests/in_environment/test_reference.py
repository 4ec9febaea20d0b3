"""TensorFlow encoders compared with the reference: every family and head, output by output, in float64."""

import against_reference
import numpy as np
import pytest
from support import numpy_reference
from test_families import CASES, batch, build, swapped

from bert_bundle.interpreter import known_breakages

MODELS = [case for case in CASES if case.endswith("Model")]


@pytest.fixture(scope="module", params=CASES)
def case(request, runtime):
    """(family, configuration, tensors, batch by argument) of a class whose weights are drawn."""
    live = build(runtime.keras, request.param).encoder
    given = dict(zip(("input_ids", "attention_mask", "token_type_ids"), batch(live)))
    encoders = runtime.encoders
    return encoders.family_of(live), encoders.config(live, "x"), encoders.tensors(live), given


def test_a_float64_encoder_computes_what_the_papers_say_output_by_output(case, runtime):
    found, right = against_reference.outputs(runtime, *case), against_reference.wanted(*case[1:])
    distances = against_reference.distances(found, right)
    assert max(distances.values()) < numpy_reference.ROUNDED, distances
    assert distances["hidden_states.0"] < numpy_reference.EXACT  # before any activation or head


def test_the_constants_of_gelu_are_all_that_it_computes_otherwise(case, runtime):
    rounded = numpy_reference.as_in_tensorflow(
        known_breakages.version_numbers(known_breakages.installed_versions(), "tensorflow-cpu", "tensorflow")
    )
    found, right = against_reference.outputs(runtime, *case), against_reference.wanted(*case[1:], rounded)
    distances = against_reference.distances(found, right)
    assert max(distances.values()) < numpy_reference.EXACT, distances


@pytest.mark.parametrize("case", [case for case in MODELS if "deberta" not in case], indirect=True)
def test_a_text_that_is_masked_out_entirely_shows_what_a_mask_adds(case, runtime, monkeypatch):
    family, config, tensors, given = case
    given = dict(given, attention_mask=0 * given["attention_mask"])
    found = against_reference.outputs(runtime, family, config, tensors, given)
    distances = against_reference.distances(found, against_reference.wanted(config, tensors, given))
    assert max(distances.values()) < numpy_reference.ROUNDED, distances
    for name in ("MASK", "DISTILBERT_MASK"):  # planted: each other's
        monkeypatch.setattr(numpy_reference, name, 1e34 / getattr(numpy_reference, name))
    distances = against_reference.distances(found, against_reference.wanted(config, tensors, given))
    assert max(distances.values()) > 1e-3


def renamed(config, name):
    """Return what the configuration calls a field of BERT's."""
    own = {"hidden_act": "activation", "num_attention_heads": "n_heads"}
    return name if name in config else own[name]


def with_field(name, change):
    return lambda config, tensors: (dict(config, **{renamed(config, name): change(config)}), tensors)


def one_head(config, tensors):
    changed = dict(config, **{renamed(config, "num_attention_heads"): 1})
    # A table of distances has a column for each head.
    return changed, {n: t[:, :1] if "relative_attention_bias" in n else t for n, t in tensors.items()}


def with_names(change):
    return lambda config, tensors: (config, {change(name): tensor for name, tensor in tensors.items()})


def with_positions(change):
    def changed(config, tensors):
        parts = ("position_embeddings", "rel_embeddings")  # of words and of distances
        return config, {n: change(t) if any(part in n for part in parts) else t for n, t in tensors.items()}

    return changed


# What an encoder might do, as a configuration and tensors that make it do so.
FAULTS = {
    "another number of heads": one_head,
    "another activation": with_field("hidden_act", lambda config: "gelu" if "relu" in config.values() else "relu"),
    "the other layer first": with_names(swapped),
    "positions off by one": with_positions(lambda table: np.roll(table, 1, axis=0)),
}


PLANTED = [
    (fault, case) for case in MODELS for fault in FAULTS if "one block" not in case or "layer" not in fault
]  # one block has no other


@pytest.mark.parametrize(("fault", "case"), PLANTED, indirect=["case"])
def test_an_encoder_that_computes_something_else_is_noticed(fault, case, runtime):
    family, config, tensors, given = case
    found = against_reference.outputs(runtime, family, *FAULTS[fault](config, tensors), given)
    distances = against_reference.distances(found, against_reference.wanted(config, tensors, given))
    assert max(distances.values()) > 10 * numpy_reference.ROUNDED
