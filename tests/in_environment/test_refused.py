"""What cannot be saved or loaded here is refused with place, wanted, found and fix, and nothing is left behind."""

import os
import shutil

import numpy as np
import pytest

import bert_bundle
from bert_bundle import errors
from bert_bundle.format.digest import tree
from bert_bundle.testing import classifiers


def _no_encoder(made, keras):
    inputs = keras.Input((4,), name="numbers")
    return {"model": keras.Model(inputs, keras.layers.Dense(2, name="dense")(inputs), name="plain")}


def _custom_layer(made, keras):
    class Doubled(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 2.0

    x = Doubled(name="doubled")(made.model.output)
    return {"model": keras.Model(made.model.inputs, x, name="custom")}


def _python_lambda(made, keras):
    def decide(tensor):
        return tensor * 2.0 if float(tensor.shape[0]) > 1 else tensor

    x = keras.layers.Lambda(lambda t: t, name="decide")(made.model.output)
    model = keras.Model(made.model.inputs, x, name="lambda")
    model.get_layer("decide").function = decide  # Keras itself would refuse it when the model is built
    return {"model": model}


def _unknown_op(made, keras):
    import tensorflow as tf

    x = tf.math.lgamma(made.model.output + 2.0)
    return {"model": keras.Model(made.model.inputs, x, name="gamma")}


def _large_vocabulary(made, keras):
    tokenizer = classifiers.tokenizer()
    tokenizer.add_tokens(["newword{}".format(i) for i in range(9)])
    return {"tokenizer": tokenizer}


def _nan_weight(made, keras):
    copy = classifiers.build({"seed": 4})
    copy.model.layers[-1].weights[0].assign(np.full((42, 2), np.nan, "float32"))
    return {"model": copy.model}


TEXTS = ["why?", "help"]
ROWS = [[0.5] * 10] * 2

# name: (changes to the arguments of save, error, message, place)
REFUSED = {
    "a model with no encoder": (_no_encoder, errors.ModelError, "the model has no encoder", "plain"),
    "a custom layer": (_custom_layer, errors.ModelError, "a layer that a bundle cannot represent", "doubled"),
    "a Lambda that reads values": (_python_lambda, errors.ModelError, "a Lambda that cannot be traced", "decide"),
    "an op outside the vocabulary": (
        _unknown_op,
        errors.ModelError,
        "a tensor op that a bundle cannot represent",
        "tf.math.lgamma",
    ),
    "something that is no model": ({"model": object()}, errors.ModelError, "not a model of the Keras", "object"),
    "a weight that is no number": (_nan_weight, errors.FormatError, "a weight that is no finite number", "kernel"),
    "a tokenizer larger than the encoder": (
        _large_vocabulary,
        errors.TokenizerError,
        "the tokenizer's vocabulary is larger than the encoder's",
        "encoders/bert_encoder/config.json#/vocab_size",
    ),
    "no tokenizer": ({"tokenizer": None}, errors.TokenizerError, "no tokenizer", "tokenizer"),
    "a tokenizer of another kind": (
        {"tokenizer": str},
        errors.TokenizerError,
        "a tokenizer that a bundle",
        "tokenizer",
    ),
    "too few labels": ({"labels": ["one"]}, errors.SignatureError, "the labels do not fit the head", "labels"),
    "too many labels": ({"labels": ["a", "b", "c"]}, errors.SignatureError, "the labels do not fit the head", "labels"),
    "a label twice": ({"labels": ["a", "a"]}, errors.SignatureError, "the labels do not fit the head", "labels"),
    "features of the wrong width": (
        {"examples": {"text": TEXTS, "numerical_features": [[1.0] * 9] * 2}},
        errors.SignatureError,
        "values of the wrong shape",
        "numerical_features",
    ),
    "examples without features": (
        {"examples": {"text": TEXTS}},
        errors.SignatureError,
        "an input without values",
        "numerical_features",
    ),
    "examples without texts": (
        {"examples": {"numerical_features": ROWS}},
        errors.SignatureError,
        "no texts",
        r"examples\[text\]",
    ),
    "columns of different lengths": (
        {"examples": {"text": TEXTS[:1], "numerical_features": ROWS}},
        errors.SignatureError,
        "columns of the examples differ in length",
        "examples",
    ),
    "examples for an unknown input": (
        {"examples": {"text": TEXTS, "numerical_features": ROWS, "colour": ["red", "red"]}},
        errors.SignatureError,
        "examples for an input that the model does not have",
        "examples",
    ),
    "a text that is no text": (
        {"examples": {"text": ["why?", 3], "numerical_features": ROWS}},
        errors.SignatureError,
        "not a text",
        r"examples\[text\]\[1\]",
    ),
    "a true label that is no label": (
        {"examples": {"text": TEXTS, "numerical_features": ROWS, "label": ["class 0", "maybe"]}},
        errors.SignatureError,
        "a true label that is no label",
        r"examples\[label\]\[1\]",
    ),
    "another max_length than the inputs fix": (
        {"max_length": 8},
        errors.SignatureError,
        "max_length does not fit the model",
        "max_length",
    ),
    "custom objects": (
        {"custom_objects": {"Mine": object}},
        errors.ModelError,
        "custom objects cannot be kept yet",
        "custom_objects",
    ),
}


@pytest.mark.parametrize("case", list(REFUSED))
@pytest.mark.parametrize("target", ["new", "a bundle"])
def test_a_refused_save_names_its_cause_and_leaves_the_target_as_before(
    case, target, classic, classic_bundle, keras, save, tmp_path
):
    changes, error, message, place = REFUSED[case]
    changes = changes(classic, keras) if callable(changes) else dict(changes)
    if target == "a bundle":
        shutil.copytree(str(classic_bundle), str(tmp_path / "bundle"))
    before = tree(str(tmp_path))
    arguments = {
        "model": classic.model,
        "tokenizer": classic.tokenizer,
        "labels": classic.labels,
        "examples": classic.examples,
        "prove": False,
        "overwrite": True,
    }
    arguments.update(changes)
    with pytest.raises(error, match=message) as caught:
        bert_bundle.save(path=tmp_path / "bundle", **arguments)
    assert type(caught.value) is error
    assert caught.match(" @ .*" + place)
    assert any((caught.value.wanted, caught.value.found, caught.value.fix))
    assert tree(str(tmp_path)) == before
    assert sorted(os.listdir(str(tmp_path))) == (["bundle"] if target == "a bundle" else [])


def test_an_existing_bundle_is_replaced_only_when_asked(classic, classic_bundle, save, tmp_path):
    path = tmp_path / "bundle"
    shutil.copytree(str(classic_bundle), str(path))
    with pytest.raises(errors.ConflictError, match="the target exists") as caught:
        save(classic, path)
    assert caught.value.fix == "pass overwrite=True"
    save(classic, path, overwrite=True, labels=["x", "y"])
    assert bert_bundle.inspect(path).labels == ("x", "y")


def test_a_fault_between_model_and_bundle_is_caught_by_the_proof(classic, save, tmp_path, monkeypatch):
    """Planted: the writer mislays one bias after the golden was recorded; nothing may be published."""
    from bert_bundle import draft

    honest = draft._weight_files

    def faulty(parts):
        parts.weights["probabilities/bias"] = parts.weights["probabilities/bias"] + np.float32([1.5, 0])
        return honest(parts)

    monkeypatch.setattr(draft, "_weight_files", faulty)
    with pytest.raises(errors.ProofError, match="does not give the model's predictions again") as caught:
        save(classic, tmp_path / "bundle", prove=True)
    assert "probabilities" in caught.value.place
    assert os.listdir(str(tmp_path)) == []


def test_predicting_without_features_says_which(classic_bundle):
    bundle = bert_bundle.load(classic_bundle)
    with pytest.raises(errors.SignatureError, match="an input without values @ numerical_features"):
        bundle.predict(["why?"])


def test_one_text_in_place_of_a_list_says_what_to_write(classic_bundle):
    with pytest.raises(errors.SignatureError, match="texts do not fit the model") as caught:
        bert_bundle.load(classic_bundle).predict("why?")
    assert caught.value.fix == "predict([text])"


def test_the_native_runtime_is_refused_by_name(classic_bundle):
    with pytest.raises(errors.RuntimeUnavailableError, match="a runtime that this bert_bundle does not have"):
        bert_bundle.load(classic_bundle, runtime="native")
