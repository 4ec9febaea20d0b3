"""The three cases that must always work, written as a user would write them."""

import numpy as np
import pytest
from support.bundle_files import read_golden

import bert_bundle
from bert_bundle.classifiers import specification
from bert_bundle.grading import differences
from bert_bundle.keras_models import keras2

pytestmark = pytest.mark.usefixtures("as_users_build")  # nothing here is other than a user's

SENTENCE = "my invoice is wrong, please help"
LENGTH = 16


def encoder_and_tokenizer():
    from transformers import BertConfig, TFBertModel

    tokenizer = specification.tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=40,
        max_position_embeddings=LENGTH,
    )
    return TFBertModel(config), tokenizer


def first_token_classifier(keras, features):
    """Return the author's model: token ids and mask through BERT, the first token's state, softmax over two classes."""
    encoder, tokenizer = encoder_and_tokenizer()
    input_ids = keras.Input(shape=(LENGTH,), dtype="int32", name="input_ids")
    attention_mask = keras.Input(shape=(LENGTH,), dtype="int32", name="attention_mask")
    inputs = [input_ids, attention_mask]
    x = encoder(input_ids, attention_mask=attention_mask)[0][:, 0, :]
    if features:
        numerical = keras.Input(shape=(features,), name="numerical_features")
        inputs.append(numerical)
        x = keras.layers.concatenate([x, numerical])
    output = keras.layers.Dense(2, activation="softmax")(x)
    model = keras.Model(inputs=inputs, outputs=output)
    specification.randomize(model, encoder, seed=3)
    return model, tokenizer


def tokens(tokenizer):
    encoded = tokenizer(SENTENCE, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="np")
    return [encoded["input_ids"].astype("int32"), encoded["attention_mask"].astype("int32")]


@pytest.fixture(scope="module", params=[0, 10], ids=["first token", "first token and ten features"])
def saved(request, keras, tmp_path_factory):
    """(bundle's folder, extra inputs of one example, probabilities of before the save)."""
    with keras2.autograph("UNSPECIFIED"):  # this fixture is made before those of a test
        model, tokenizer = first_token_classifier(keras, request.param)
        extra = [np.linspace(-1, 1, 10, dtype="float32")[None]] if request.param else []
        before = np.asarray(model(tokens(tokenizer) + extra))
        path = tmp_path_factory.mktemp("seed") / "classifier"
        bert_bundle.save(model, path, tokenizer=tokenizer, labels=["no", "yes"])  # proven in a fresh process
    return path, extra, before


def test_a_reloaded_classifier_prints_its_summary(saved, capsys):
    path, extra, _ = saved
    bert_bundle.load(path).model.summary()
    summary = capsys.readouterr().out
    assert "TFBert" in summary  # releases cut names to their column's width
    assert ("numerical" in summary) == bool(extra)
    assert "Total params: " in summary


def test_a_reloaded_classifier_predicts_what_it_predicted_before_the_save(saved):
    path, extra, before = saved
    bundle = bert_bundle.load(path)
    after = np.asarray(bundle.model(tokens(bundle.tokenizer) + extra))
    assert after.shape == (1, 2)
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-6)


def test_predict_takes_the_sentence_itself(saved):
    path, extra, before = saved
    bundle = bert_bundle.load(path)
    features = {"numerical_features": extra[0]} if extra else None
    np.testing.assert_allclose(bundle.predict([SENTENCE], features=features), before, rtol=0, atol=1e-6)
    assert bundle.labels == ("no", "yes")


def test_the_configuration_and_the_tokenizer_are_those_of_before(saved):
    bundle = bert_bundle.load(saved[0])
    (encoder,) = bundle.encoders.values()
    assert (encoder.config.hidden_size, encoder.config.num_attention_heads) == (24, 3)
    assert bundle.tokenizer.get_vocab() == specification.tokenizer().get_vocab()


def test_the_proof_is_recorded_and_a_replay_here_is_bitwise(saved):
    assert bert_bundle.inspect(saved[0]).proof == {"proven": True}
    verification = bert_bundle.verify(saved[0])
    assert verification.ok
    assert verification.figures.grade == "bitwise"


def test_the_noise_floor_follows_from_what_four_ways_of_running_moved(saved):
    golden = read_golden(str(saved[0]))
    ways = {"float64", "batches of one", "one thread, no oneDNN", "every core, default kernels"}
    assert set(golden.measured) == ways
    assert all(moved[name] >= 0 for moved in golden.measured.values() for name in golden.noise)
    # this process is held still like a worker: its proof is bitwise
    assert golden.measured["one thread, no oneDNN"] == dict.fromkeys(golden.noise, 0.0)
    for name, floor in golden.noise.items():
        assert floor == max(differences.LEAST_NOISE, 8 * max(moved[name] for moved in golden.measured.values()))


def test_another_prediction_is_noticed(saved):
    """The comparison of this file catches a fault: one bias moved after loading."""
    path, extra, before = saved
    bundle = bert_bundle.load(path)
    bias = bundle.model.layers[-1].weights[-1]
    bias.assign_add([0.5, 0.0])
    after = np.asarray(bundle.model(tokens(bundle.tokenizer) + extra))
    assert np.abs(after - before).max() > 1e-3
