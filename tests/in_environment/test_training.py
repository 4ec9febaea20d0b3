"""Training: the steps of a specification repeat to the bit, and a layer called with training=False is not random."""

import json

import numpy as np
import pytest
from support.bundle_files import read_golden
from test_capture import batch
from test_layers import assert_same, make

import bert_bundle
from bert_bundle.classifiers import specification

CALM = {"dropout": 0.0, "attention_dropout": 0.0, "layers": 1}  # nothing is drawn while it trains


@pytest.mark.parametrize("classes", [1, 3])
def test_steps_move_the_predictions_and_repeat_to_the_bit(classes, save, tmp_path):
    def written(name, **changes):
        made = specification.build({**CALM, "classes": classes, **changes})
        return read_golden(str(save(made, tmp_path / name)))

    before, after, again = written("before"), written("after", steps=2), written("again", steps=2)
    name = "probabilities"
    assert np.abs(after.float64_predictions[name] - before.float64_predictions[name]).max() > 1e-3
    np.testing.assert_array_equal(after.predictions[name], again.predictions[name])
    np.testing.assert_array_equal(after.float64_predictions[name], again.float64_predictions[name])


def resting(keras, **passed):
    """Return a model whose two dropouts are called with `passed`, and whose encoder has none."""

    def over(keras, states):
        x = keras.layers.LSTM(6, dropout=0.5, name="lstm")(states, **passed)
        return keras.layers.Dropout(0.5, name="dropout")(x, **passed)

    return make(keras, over, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


def moves(model):
    """Whether the model draws anything when it trains."""
    trained, predicted = (np.asarray(model(batch(), training=training)) for training in (True, False))
    return np.abs(trained - predicted).max() > 0


@pytest.mark.parametrize("passed", [{}, {"training": False}])
def test_a_dropout_that_is_called_with_training_false_rests_in_training_after_loading_too(
    passed, keras, runtime, save, tmp_path
):
    made = resting(keras, **passed)
    path = save(made, tmp_path / "bundle")
    assert moves(made.model) == moves(bert_bundle.load(path).model) == (not passed)
    calls = {
        node.get("layer"): node.get("kwargs", {}) for node in json.loads((path / "graph.json").read_bytes())["nodes"]
    }
    assert calls["lstm"] == calls["dropout"] == passed
    assert_same(made, path, runtime)


@pytest.mark.parametrize("spec", [{}, {"class": "BertForSequenceClassification"}, {"caller": "main_layer"}])
def test_a_loaded_model_is_fitted_for_a_step(spec, save, runtime, tmp_path):
    made = specification.build({**CALM, **spec})
    bundle = bert_bundle.load(save(made, tmp_path / "bundle"))
    texts = made.examples["text"]
    rows = {**bundle.encode(texts), **{name: rows for name, rows in made.examples.items() if name != "text"}}
    before = [variable.numpy() for variable in bundle.model.trainable_weights]
    loss = runtime.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    bundle.model.compile(optimizer=runtime.keras.optimizers.SGD(0.1), loss=loss)
    history = bundle.model.fit(rows, np.arange(len(texts)) % 2, batch_size=len(texts), epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    moved = [not np.array_equal(a, b.numpy()) for a, b in zip(before, bundle.model.trainable_weights)]
    assert sum(moved) > len(moved) / 2  # a bias of attention's keys does not move
