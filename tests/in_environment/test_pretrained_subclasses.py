"""User-defined subclasses of transformers' model classes: traced like any other subclassed model."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from test_encoder_forms import assert_same, randomized
from test_families import LENGTH, batch, make

import bert_bundle
from bert_bundle import errors
from bert_bundle.classifiers import specification

# They are user code: built and saved with AutoGraph on, as it is by default.
pytestmark = pytest.mark.usefixtures("as_users_build")


def classes(keras):
    """Return name -> (title of the family, user-defined class over transformers' classes)."""
    import transformers as library

    class Own(library.TFBertPreTrainedModel):
        """A main layer in a model class, called with whatever `call` is given."""

        def __init__(self, config, *inputs, **kwargs):
            super().__init__(config, *inputs, **kwargs)
            self.bert = library.TFBertMainLayer(config, name="bert")
            self.dropout = keras.layers.Dropout(0.4)
            self.classifier = keras.layers.Dense(3, activation="sigmoid", name="classifier")

        def call(self, inputs, **kwargs):
            outputs = self.bert(inputs, **kwargs)
            return self.classifier(self.dropout(outputs[1], training=kwargs.get("training", False)))

    class OwnRoberta(library.TFRobertaPreTrainedModel):
        """A main layer without a pooler, called on a list."""

        def __init__(self, config, *inputs, **kwargs):
            super().__init__(config, *inputs, **kwargs)
            self.roberta = library.TFRobertaMainLayer(config, add_pooling_layer=False, name="roberta")
            self.classifier = keras.layers.Dense(3, name="classifier")

        def call(self, inputs, training=None):
            ids, mask = inputs
            return self.classifier(self.roberta(ids, attention_mask=mask, training=training)[0][:, 0])

    class OwnDistil(library.TFDistilBertPreTrainedModel):
        """A whole model inside."""

        def __init__(self, config, *inputs, **kwargs):
            super().__init__(config, *inputs, **kwargs)
            self.distilbert = library.TFDistilBertModel(config, name="distilbert")
            self.classifier = keras.layers.Dense(3, name="classifier")

        def call(self, inputs, training=False):
            return {"scores": self.classifier(self.distilbert(inputs, training=training).last_hidden_state[:, 0])}

    class OverModel(library.TFBertModel):
        def __init__(self, config, *inputs, **kwargs):
            super().__init__(config, *inputs, **kwargs)
            self.classifier = keras.layers.Dense(3, name="classifier")

        def call(self, inputs, training=None):
            return self.classifier(super().call(inputs, training=training)[1])

    class OverHead(library.TFBertForSequenceClassification):
        def call(self, inputs, training=None):
            return keras.backend.softmax(super().call(inputs, training=training)[0])

    class Unchanged(library.TFBertForTokenClassification):
        """A subclass that adds nothing."""

    return {
        "a main layer": ("bert", Own),
        "a main layer without a pooler": ("roberta", OwnRoberta),
        "a model": ("distilbert", OwnDistil),
        "over a model": ("bert", OverModel),
        "over a model with a head": ("bert", OverHead),
        "over nothing": ("bert", Unchanged),
    }


SUBCLASSES = [
    "a main layer",
    "a main layer without a pooler",
    "a model",
    "over a model",
    "over a model with a head",
    "over nothing",
]


def subclassed(keras, case, length=LENGTH):
    """Return a live model that was called on arrays of this length, and those arrays."""
    family, cls = classes(keras)[case]
    model = cls(make(family + " Model").config, name="own")
    ids, mask = (array[:, :length] for array in batch(model)[:2])
    arrays = [ids, mask] if case.endswith("pooler") else {"input_ids": ids, "attention_mask": mask}
    model(arrays)
    return randomized(model, []), arrays


@pytest.mark.parametrize("case", SUBCLASSES)
def test_a_subclass_of_a_model_class_is_traced(case, keras, runtime, save, tmp_path):
    made, arrays = subclassed(keras, case)
    bundle = assert_same(made, save(made, tmp_path / "bundle"), runtime, arrays)
    assert bundle.model.name == "own"
    assert [tuple(tensor.shape) for tensor in bundle.model.inputs] == [(None, LENGTH)] * 2
    assert [entry["role"] for entry in bundle.manifest.signature["inputs"]] == ["input_ids", "attention_mask"]


def test_a_subclass_that_takes_the_mask_by_keyword_keeps_it(keras, save, tmp_path):
    """Keras keeps the first argument of the first call only."""
    _, cls = classes(keras)["a main layer"]
    model = cls(make("bert Model").config, name="own")
    ids, mask = map(tf.constant, batch(model)[:2])  # transformers 4.12 needs the mask's shape as a tensor has it
    model(ids, attention_mask=mask)
    bundle = bert_bundle.load(save(randomized(model, []), tmp_path / "bundle"))
    texts = ["my invoice", "why? please help"]
    arrays = {name: tf.constant(array) for name, array in bundle.encode(texts).items()}
    wanted = model(arrays["input_ids"], **{name: arrays[name] for name in arrays if name != "input_ids"})
    np.testing.assert_array_equal(bundle.predict(texts), np.asarray(wanted))
    assert np.abs(np.asarray(wanted) - np.asarray(model(arrays["input_ids"]))).max() > 1e-4  # the mask matters


def test_a_model_that_was_called_on_several_arguments_is_refused_and_saved_as_a_functional_one(keras, save, tmp_path):
    class Several(keras.Model):
        def __init__(self, encoder, **kwargs):
            super().__init__(**kwargs)
            self.encoder, self.head = encoder, keras.layers.Dense(3, name="head")

        def call(self, input_ids, attention_mask=None):
            return self.head(self.encoder(input_ids, attention_mask=attention_mask)[1])

    model = Several(make("bert Model"), name="several")
    ids, mask = map(tf.constant, batch(model.encoder)[:2])
    model(ids, attention_mask=mask)
    made = randomized(model, [])
    with pytest.raises(errors.ModelError, match="a subclassed model that was called on several arguments"):
        save(made, tmp_path / "bundle")
    inputs = [keras.Input((LENGTH,), dtype="int32", name=name) for name in ("input_ids", "attention_mask")]
    whole = keras.Model(inputs, model(inputs[0], attention_mask=inputs[1]), name="whole")
    path = save(dataclasses.replace(made, model=whole), tmp_path / "bundle")
    np.testing.assert_array_equal(
        np.asarray(bert_bundle.load(path).model([ids, mask])), np.asarray(model(ids, attention_mask=mask))
    )


def test_a_subclass_takes_the_training_mode_from_its_keywords(keras, save, tmp_path):
    made, arrays = subclassed(keras, "a main layer")
    model = bert_bundle.load(save(made, tmp_path / "bundle")).model
    assert np.abs(np.asarray(model(arrays, training=True)) - np.asarray(model(arrays, training=False))).max() > 1e-3


def test_the_length_of_a_subclass_is_that_of_its_call_and_not_of_its_signature(keras, save, tmp_path):
    made, _ = subclassed(keras, "a main layer", length=7)
    bundle = bert_bundle.load(save(made, tmp_path / "bundle", max_length=None))
    assert bundle.manifest.tokenizer["max_length"] == 7


def test_a_subclass_that_was_called_on_dummy_inputs_has_the_usual_ones(keras, save, tmp_path):
    """Before 4.35, transformers calls a model on dummy inputs when it loads one."""
    _, cls = classes(keras)["a main layer"]
    model = cls(make("bert Model").config, name="own")
    model(model.dummy_inputs if model.dummy_inputs else {"input_ids": np.ones((1, 2), "int32")})
    bundle = bert_bundle.load(save(randomized(model, []), tmp_path / "bundle"))
    assert [entry["name"] for entry in bundle.manifest.signature["inputs"]][:1] == ["input_ids"]


def test_a_subclass_that_was_never_called_is_refused(keras, save, tmp_path):
    _, cls = classes(keras)["a main layer"]
    model = cls(make("bert Model").config, name="own")
    made = specification.BuiltClassifier(model, model, specification.tokenizer(), (), {"text": ["why?"]}, LENGTH)
    with pytest.raises(errors.ModelError, match="a subclassed model that was never called"):
        save(made, tmp_path / "bundle")
