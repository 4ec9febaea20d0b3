"""A TensorFlow class of transformers inside a layer of Keras 3: saved as the encoder that it is."""

import keras
import numpy as np
import pytest
from test_families import LENGTH, batch, make

import bert_bundle
from bert_bundle import errors
from bert_bundle.capturing import legacy_encoders
from bert_bundle.classifiers import specification

TEXTS = ["my invoice is wrong", "", "why?"]


class Wrapped(keras.layers.Layer):
    """What the Keras team advises: the model of the other Keras is called inside a layer."""

    def __init__(self, encoder, size, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.size = encoder, size

    def call(self, inputs):
        return self.encoder(input_ids=inputs[0], attention_mask=inputs[1]).last_hidden_state

    def compute_output_shape(self, shapes):
        return (*shapes[0], self.size)


class Pooled(Wrapped):
    def call(self, inputs, training=False):
        found = self.encoder(inputs[0], attention_mask=inputs[1], output_hidden_states=True, training=training)
        return found[1] + found.hidden_states[1][:, 0]

    def compute_output_shape(self, shapes):
        return (shapes[0][0], self.size)


def built(layer):
    """Return a model of Keras 3 around `layer`, and the encoder in it, whose embeddings are frozen."""
    encoder = make("bert Model", name="bert")
    encoder(batch(encoder)[0])
    specification.randomize(encoder, encoder, seed=3)
    encoder.bert.embeddings.trainable = False
    inputs = [keras.Input((LENGTH,), dtype="int32", name=name) for name in ("input_ids", "attention_mask")]
    states = layer(encoder, encoder.config.hidden_size, name="wrapped")(inputs)
    x = states[:, 0, :] if len(states.shape) == 3 else states
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="head")(x), name="classifier"), encoder


@pytest.mark.parametrize("layer", [Wrapped, Pooled])
def test_a_wrapped_encoder_is_saved_as_the_encoder_that_it_is(layer, tmp_path):
    model, encoder = built(layer)
    bert_bundle.save(model, tmp_path / "bundle", tokenizer=specification.tokenizer(), prove=False)
    bundle = bert_bundle.load(tmp_path / "bundle", runtime="native")
    arrays = bundle.encode(TEXTS)
    np.testing.assert_allclose(
        bundle.predict(TEXTS), np.asarray(model([arrays["input_ids"], arrays["attention_mask"]])), rtol=0, atol=2e-6
    )
    (saved,) = bundle.encoders.values()
    assert bundle.manifest.encoders == {"bert": {"class": "BertModel", "model_type": "bert"}}
    assert not saved.at("bert/embeddings").trainable
    assert bert_bundle.verify(tmp_path / "bundle", runtime="native").ok
    assert encoder.bert.embeddings.trainable is False


def test_an_encoder_whose_weights_are_not_copied_is_caught(tmp_path, monkeypatch):
    """Planted fault: the encoder of this package keeps its initial weights."""
    model, _ = built(Wrapped)
    monkeypatch.setattr(legacy_encoders.LegacyEncoders, "_copy", lambda *_: None)
    with pytest.raises(errors.ModelError, match="the captured graph does not compute what the model computes"):
        bert_bundle.save(model, tmp_path / "bundle", tokenizer=specification.tokenizer(), prove=False)
    assert not list(tmp_path.iterdir())
