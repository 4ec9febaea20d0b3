"""How texts become arrays, with transformers' TensorFlow classes: the cases of `text_inputs`."""

import numpy as np
import pytest
import text_inputs
from text_inputs import *  # noqa: F403

from bert_bundle import errors
from bert_bundle.classifiers import specification
from bert_bundle.classifiers.model_builder import ModelBuilder
from bert_bundle.keras_models import layer_construction


@pytest.fixture
def builder():
    return ModelBuilder("transformers")


def fitted(keras, form):
    """Return a class with a head that was fitted on its three arrays: a list in a tokenizer's order, or a dict."""
    from test_families import make

    model, rows = make("bert ForSequenceClassification"), np.ones((4, 8), "int32")
    arrays = dict.fromkeys(("input_ids", "token_type_ids", "attention_mask"), rows)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss=loss)
    model.fit(arrays if form == "dict" else list(arrays.values()), np.zeros(4), epochs=1, verbose=0)
    specification.randomize(model, model, 3)
    return model


def test_a_class_with_a_head_that_was_fitted_on_a_list_is_asked_for_its_order(builder, keras, tmp_path):
    model = fitted(keras, "list")
    with pytest.raises(errors.SignatureError, match="a class that was fed a list of arrays, whose order is not known"):
        text_inputs.saved(builder, model, tmp_path / "bundle")
    swap = {"attention_mask": "token_type_ids", "token_type_ids": "attention_mask"}
    bundle = text_inputs.saved(builder, model, tmp_path / "bundle", max_length=16, inputs=swap)
    arrays = text_inputs.tokenized(builder)
    ids, mask, types = (builder.runtime.dialect.tensor(arrays[role]) for role in text_inputs.TOKENS)
    wanted = model({"input_ids": ids, "attention_mask": types, "token_type_ids": mask}, training=False)
    text_inputs.close(bundle.predict(text_inputs.TEXTS), wanted["logits"].numpy())


def test_one_that_was_fitted_on_a_dict_is_not(builder, keras, tmp_path):
    bundle = text_inputs.saved(builder, fitted(keras, "dict"), tmp_path / "bundle")
    assert [entry.get("given") for entry in bundle.manifest.signature["inputs"]] == [None] * 3


def test_a_model_that_is_called_for_each_text_of_a_document_reads_documents(builder, tmp_path):
    if layer_construction.release_of(builder.keras) < (2, 13):
        with pytest.raises(NotImplementedError, match="compute_output_shape"):  # Keras itself builds no such model
            text_inputs.called_for_each_text(builder)
    else:
        text_inputs.check_called_for_each_text(builder, tmp_path)
