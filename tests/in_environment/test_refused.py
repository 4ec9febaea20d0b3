"""What cannot be saved or loaded here is refused with place, wanted, found and fix, and nothing is left behind."""

import os
import shutil

import numpy as np
import pytest
from support.bundle_files import tree

import bert_bundle
from bert_bundle import errors
from bert_bundle.classifiers import specification
from bert_bundle.keras_models import keras2

# Lambdas and subclasses are user code: they are built and saved with AutoGraph on, as it is by default.
pytestmark = pytest.mark.usefixtures("as_users_build")


def _no_encoder(made, keras):
    inputs = keras.Input((4,), name="numbers")
    return {"model": keras.Model(inputs, keras.layers.Dense(2, name="dense")(inputs), name="plain")}


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
    tokenizer = specification.tokenizer()
    tokenizer.add_tokens(["newword{}".format(i) for i in range(9)])
    return {"tokenizer": tokenizer}


def _nan_weight(made, keras):
    copy = specification.build({"seed": 4})
    copy.model.layers[-1].weights[0].assign(np.full((42, 2), np.nan, "float32"))
    return {"model": copy.model}


TEXTS = ["why?", "help"]
ROWS = [[0.5] * 10] * 2

# name: (changes to the arguments of save, error, message, place)
REFUSED = {
    "a model with no encoder": (_no_encoder, errors.ModelError, "the model has no encoder", "plain"),
    "a Lambda that reads values": (_python_lambda, errors.ModelError, "a Lambda that cannot be traced", "decide"),
    "an op outside the vocabulary": (
        _unknown_op,
        errors.ModelError,
        "a tensor op that a bundle cannot represent",
        "tf.math.lgamma",
    ),
    "something that is not a model": ({"model": object()}, errors.ModelError, "not a model of the Keras", "object"),
    "a weight of NaN": (_nan_weight, errors.FormatError, "a weight is NaN or infinity", "kernel"),
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
        "the examples have no list of texts",
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
    "an example's label is not one of the model's labels": (
        {"examples": {"text": TEXTS, "numerical_features": ROWS, "label": ["class 0", "maybe"]}},
        errors.SignatureError,
        "an example's label is not one of the model's labels",
        r"examples\[label\]\[1\]",
    ),
    "another max_length than the inputs fix": (
        {"max_length": 8},
        errors.SignatureError,
        "max_length does not fit the model",
        "max_length",
    ),
    "metadata that is not plain data": (
        {"metadata": {"when": np.float32}},
        errors.SignatureError,
        "not plain data",
        "metadata",
    ),
    "metadata that would not read back": (
        {"metadata": {"name": "\ud800"}},
        errors.SignatureError,
        "not plain data",
        "metadata",
    ),
    "custom objects": (
        {"custom_objects": {"Mine": object}},
        errors.ModelError,
        "a custom object that cannot be stored by name",
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
    """Planted fault: the writer changes a bias after the golden was recorded; nothing may be published."""
    from bert_bundle.saving import draft

    honest = draft._weight_files

    def faulty(parts):
        parts.weights["probabilities/bias"] = parts.weights["probabilities/bias"] + np.float32([1.5, 0])
        return honest(parts)

    monkeypatch.setattr(draft, "_weight_files", faulty)
    with pytest.raises(errors.ProofError, match="does not reproduce the model's predictions") as caught:
        save(classic, tmp_path / "bundle", prove=True)
    assert "probabilities" in caught.value.place
    assert os.listdir(str(tmp_path)) == []


def test_predicting_without_features_says_which(classic_bundle):
    bundle = bert_bundle.load(classic_bundle)
    with pytest.raises(errors.SignatureError, match="an input without values @ numerical_features"):
        bundle.predict(["why?"])


def test_features_that_are_not_by_name_are_refused_with_the_call_of_this_bundle(classic_bundle):
    bundle = bert_bundle.load(classic_bundle)
    rows = np.zeros((1, 10), "float32")
    for features in (rows, rows.tolist()):
        with pytest.raises(errors.SignatureError, match="features is not a mapping @ features") as caught:
            bundle.predict(["why?"], features=features)
        assert caught.value.fix == (
            "predict(texts, features={'numerical_features': rows}), where numerical_features is float32 (1, 10)"
        )
    named = bundle.predict(["why?"], features={"numerical_features": rows}, as_dict=True)
    assert list(named) == ["probabilities"]
    assert named["probabilities"].tolist() == bundle.predict(["why?"], features={"numerical_features": rows}).tolist()


def test_a_bundle_shows_itself_on_one_line(classic_bundle):
    bundle = bert_bundle.load(classic_bundle)
    assert repr(bundle).startswith("Bundle('bundle': BertModel, 2 labels, written by ")
    assert repr(bundle.manifest) == "Manifest({}: {})".format(bundle.manifest.digest[:12], bundle.manifest.in_brief)
    assert "\n" not in repr(bundle) + repr(bundle.manifest)


def test_one_text_in_place_of_a_list_says_what_to_write(classic_bundle):
    with pytest.raises(errors.SignatureError, match="the texts do not match the model's inputs") as caught:
        bert_bundle.load(classic_bundle).predict("why?")
    assert caught.value.fix == "predict([text])"


def test_an_unknown_runtime_is_refused(classic_bundle):
    with pytest.raises(errors.ConfigError, match="no such runtime") as caught:
        bert_bundle.load(classic_bundle, runtime="torch")
    assert caught.value.wanted == "auto, transformers, native"


def relu(x):
    """Return a user function with the name of a Keras function."""
    return x * 0.5


def _namesake_activation(keras, encoder, state):
    return keras.layers.Dense(2, activation=relu, name="probabilities")(state)


def _always_training(keras, encoder, state):
    x = keras.layers.Dropout(0.5, name="dropout")(state, training=True)
    return keras.layers.Dense(2, name="probabilities")(x)


def _one_row_for_all(keras, encoder, state):
    import tensorflow as tf

    return tf.reduce_sum(keras.layers.Dense(2, name="probabilities")(state), axis=0, keepdims=True)


HEADS = {
    "a namesake of a Keras activation": (_namesake_activation, {}, "a function that a bundle cannot represent"),
    "a dropout that is always on": (_always_training, {}, "a layer that is always in training mode"),
    "one row for all examples": (_one_row_for_all, {}, "an output does not have one row per example"),
    "a decoder": (
        lambda keras, encoder, state: keras.layers.Dense(2, name="probabilities")(state),
        {"is_decoder": True},
        "a configuration that a bundle cannot represent",
    ),
}


def _head_model(keras, head, config):
    from transformers import BertConfig, TFBertModel

    sizes = {"vocab_size": 200, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    encoder = TFBertModel(BertConfig(intermediate_size=12, max_position_embeddings=32, **sizes, **config), name="bert")
    ids = keras.Input((16,), dtype="int32", name="ids")
    with keras2.autograph("DISABLED"):
        state = encoder(ids)[0][:, 0, :]
    return keras.Model(ids, head(keras, encoder, state), name="classifier")


@pytest.mark.parametrize("case", list(HEADS))
def test_a_model_that_would_load_as_another_function_is_refused_at_save(case, keras, classic, tmp_path):
    head, config, message = HEADS[case]
    with pytest.raises(errors.ModelError, match=message):
        bert_bundle.save(
            _head_model(keras, head, config), tmp_path / "bundle", tokenizer=classic.tokenizer, prove=False
        )
    assert os.listdir(str(tmp_path)) == []


def test_an_encoder_that_computes_something_else_is_saved_as_what_it_computes(keras, classic, tmp_path):
    from transformers import TFBertModel as Base

    class TFBertModel(Base):
        def call(self, input_ids=None, **kwargs):
            return super().call(input_ids, **kwargs)[0] * 2.0

    encoder = TFBertModel(classic.encoder.config, name="bert")
    ids = keras.Input((16,), dtype="int32", name="ids")
    model = keras.Model(ids, keras.layers.Dense(2, name="d")(encoder(ids)[:, 0]), name="sub")
    bert_bundle.save(model, tmp_path / "bundle", tokenizer=classic.tokenizer, prove=False)
    bundle = bert_bundle.load(tmp_path / "bundle")
    arrays = bundle.encode(["my invoice is wrong"])
    np.testing.assert_array_equal(bundle.predict(["my invoice is wrong"]), np.asarray(model(arrays["ids"])))


def test_a_capture_that_computes_something_else_is_caught_before_anything_is_written(classic, tmp_path, monkeypatch):
    """Planted fault: the rebuild uses GELU with tanh instead of erf, a difference close to rounding noise."""
    from bert_bundle.encoders import transformers

    honest = transformers.build

    def faulty(family, config, name, outputs=frozenset()):
        return honest(family, dict(config, hidden_act="gelu_new"), name, outputs)

    monkeypatch.setattr(transformers, "build", faulty)
    with pytest.raises(errors.ModelError, match="the captured graph does not compute what the model computes"):
        bert_bundle.save(classic.model, tmp_path / "bundle", tokenizer=classic.tokenizer, prove=False)
    assert os.listdir(str(tmp_path)) == []
