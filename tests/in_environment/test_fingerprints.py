"""Fingerprints of what nested models compute: a name for every node of every call, in the order of computation."""

import numpy as np
import pytest
from support.bundle_files import read_golden
from test_capture import LENGTH, tiny_encoder

from bert_bundle.classifiers import specification

TEXTS = {"left": ["my invoice", "why?", ""], "right": ["the app crashes", "invoice", "dark mode"]}


@pytest.fixture(scope="module")
def siamese(keras):
    """Return a model that holds an encoder and a Sequential model, called by name on two texts."""
    encoder, layers = tiny_encoder(), keras.layers
    top = keras.Sequential([keras.Input((12,)), layers.Dense(5, name="dense"), layers.Dropout(0.1, name="drop")], "top")
    inner = [keras.Input((LENGTH,), dtype="int32", name=name) for name in ("z_ids", "a_mask")]
    state = encoder(inner[0], attention_mask=inner[1]).pooler_output
    body = keras.Model(dict(zip(("z_ids", "a_mask"), inner)), top(state) * 2.0, name="body")
    sides = []
    for side in TEXTS:
        ids, mask = (keras.Input((LENGTH,), dtype="int32", name=side + kind) for kind in ("", "_mask"))
        sides.append(({"z_ids": ids, "a_mask": mask}, [ids, mask]))
    both = layers.Concatenate(name="both")([body(given) for given, _ in sides])
    output = layers.Dense(2, activation="softmax", name="probabilities")(both)
    model = keras.Model([tensor for _, inputs in sides for tensor in inputs], output, name="siamese")
    specification.randomize(model, encoder, seed=5)
    return specification.BuiltClassifier(model, encoder, specification.tokenizer(), ("no", "yes"), {"text": []}, LENGTH)


@pytest.fixture(scope="module")
def layers(siamese, save, tmp_path_factory):
    """Name -> fingerprint, in order, as the golden has them."""
    return dict(read_golden(str(save(siamese, tmp_path_factory.mktemp("s") / "bundle", examples=TEXTS))).layers)


def test_every_node_of_every_call_has_a_name_in_the_order_of_computation(layers):
    encoded = ["hidden_states.0", "hidden_states.1", "last_hidden_state", "pooler_output"]
    expected = []
    for call in ("4", "5"):
        expected += [call + ".2 body/bert_encoder " + output for output in encoded]
        expected += [call + ".3.1 body/top/dense", call + ".3.2 body/top/drop", call + ".3 body/top"]
        expected += [call + ".4 body/multiply", call + " body"]
    assert list(layers) == [*expected, "6 both", "7 probabilities"]


def test_what_a_nested_model_returns_is_what_its_last_node_makes(layers):
    for call in ("4", "5"):
        assert layers[call + ".4 body/multiply"] == layers[call + " body"]
        assert layers[call + ".3.2 body/top/drop"] == layers[call + ".3 body/top"]


def test_two_calls_are_told_apart(layers):
    assert not np.allclose(layers["4.2 body/bert_encoder pooler_output"], layers["5.2 body/bert_encoder pooler_output"])
