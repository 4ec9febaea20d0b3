"""Keras layers on top of hidden states: equal after a save and a load, and the same bytes in every release."""

import hashlib

import numpy as np
import pytest
from test_capture import LENGTH, batch, tiny_encoder

import bert_bundle
from bert_bundle import errors
from bert_bundle.capturing import capture
from bert_bundle.classifiers import specification
from bert_bundle.graph import graph_json, layers
from bert_bundle.keras_models import keras2, layer_construction


def _lstm(keras, states):
    x = keras.layers.LSTM(5, return_sequences=True, dropout=0.1, recurrent_dropout=0.2, name="lstm")(states)
    return keras.layers.LSTM(4, go_backwards=True, unit_forget_bias=False, name="last")(x)


def _gru(keras, states):
    x = keras.layers.GRU(5, reset_after=False, return_sequences=True, name="gru")(states)
    _, state = keras.layers.GRU(4, return_sequences=True, return_state=True, name="after")(x)
    return keras.layers.SimpleRNN(4, unroll=True, kernel_regularizer="l2", name="rnn")(x, initial_state=state)


def _bidirectional(keras, states):
    lstm, gru = keras.layers.LSTM(5, return_sequences=True, name="lstm"), keras.layers.GRU(4, name="gru")
    x = keras.layers.Bidirectional(lstm, name="both")(states)
    return keras.layers.Bidirectional(gru, merge_mode="sum", name="sum")(x)


def _two_directions(keras, states):
    forward = keras.layers.LSTM(5, activation="relu", name="there")
    backward = keras.layers.LSTM(5, go_backwards=True, use_bias=False, name="back")
    return keras.layers.Bidirectional(forward, backward_layer=backward, merge_mode="ave", name="both")(states)


def _time_distributed(keras, states):
    dense = keras.layers.Dense(6, activation="swish", bias_regularizer="l1", name="dense")
    x = keras.layers.TimeDistributed(dense, name="each")(states)
    x = keras.layers.TimeDistributed(keras.layers.LayerNormalization(name="norm"), name="norms")(x)
    return keras.layers.Flatten(name="flat")(x)


def _convolutions(keras, states):
    maximum = keras.constraints.MaxNorm(2)
    x = keras.layers.Conv1D(6, 3, padding="causal", activation="relu", kernel_constraint=maximum, name="conv")(states)
    x = keras.layers.SeparableConv1D(5, 2, depth_multiplier=2, padding="same", name="separable")(x)
    x = keras.layers.MaxPooling1D(2, name="pool")(x)
    x = keras.layers.Conv1D(4, 2, dilation_rate=2, use_bias=False, name="dilated")(x)
    return keras.layers.GlobalMaxPooling1D(name="longest")(keras.layers.AveragePooling1D(2, strides=1, name="mean")(x))


def _paddings(keras, states):
    x = keras.layers.ZeroPadding1D((2, 1), name="pad")(states)
    x = keras.layers.Cropping1D((1, 0), name="crop")(x)
    x = keras.layers.UpSampling1D(2, name="twice")(x)
    x = keras.layers.Masking(-1.0, name="masked")(keras.layers.PReLU(shared_axes=[1], name="slopes")(x))
    return keras.layers.LSTM(4, name="lstm")(x)


def _masked(keras, states):
    x = keras.layers.Masking(name="masked")(keras.layers.ReLU(threshold=0.4, name="relu")(states))
    lstm = keras.layers.LSTM(4, return_sequences=True, name="lstm")
    x = keras.layers.Bidirectional(lstm, name="both")(x)
    return keras.layers.GlobalAveragePooling1D(name="mean")(x)


def _slopes(keras, states):
    x = keras.layers.LeakyReLU(0.2, name="leaky")(states)
    x = keras.layers.ReLU(max_value=6.0, negative_slope=0.1, name="relu")(x)
    x = keras.layers.ELU(0.5, name="elu")(keras.layers.PReLU(name="slopes")(x))
    return keras.layers.Flatten(name="flat")(keras.layers.Softmax(axis=1, name="softmax")(x))


def _noises(keras, states):
    x = keras.layers.AlphaDropout(0.1, name="alpha")(keras.layers.GaussianNoise(0.1, name="noise")(states))
    x = keras.layers.SpatialDropout1D(0.2, name="spatial")(keras.layers.GaussianDropout(0.1, name="gaussian")(x))
    return keras.layers.Flatten(name="flat")(keras.layers.Dropout(0.1, noise_shape=[None, 1, 12], name="drop")(x))


def _attention(keras, states):
    attention = keras.layers.MultiHeadAttention(2, 3, value_dim=4, dropout=0.1, name="attention")
    x, scores = attention(states, states[:, :5], return_attention_scores=True)
    other = keras.layers.MultiHeadAttention(2, 3, output_shape=7, attention_axes=1, use_bias=False, name="other")
    x = other(query=x, value=states, key=x)
    flat = [keras.layers.Flatten(name="flat")(x), keras.layers.Flatten(name="scores")(scores)]
    return keras.layers.Concatenate(name="all")(flat)


def _masked_attention(keras, states):
    import tensorflow as tf

    seen = tf.reduce_sum(states, axis=-1, keepdims=True) > -1.0
    attention = keras.layers.MultiHeadAttention(2, 3, name="attention")
    return attention(states, states, attention_mask=seen)[:, 0]


def _older_attentions(keras, states):
    x = keras.layers.Attention(use_scale=True, name="dot")([states, states[:, :4]])
    x = keras.layers.AdditiveAttention(use_scale=True, dropout=0.1, name="additive")([x, states])
    return keras.layers.GlobalAveragePooling1D(name="mean")(x)


def _normalised(keras, states):
    x = keras.layers.BatchNormalization(momentum=0.9, name="batch")(states)
    x = keras.layers.LayerNormalization(axis=[1, 2], name="both")(x)
    return keras.layers.BatchNormalization(axis=1, center=False, name="rows")(x)[:, 0]


def _rescaled(keras, states):
    learned = keras.layers.Normalization(name="learned")
    fixed = keras.layers.Normalization(mean=0.5, variance=2.0, name="fixed")
    return fixed(keras.layers.Rescaling(0.5, offset=0.1, name="rescaled")(learned(states[:, 0])))


LAYERS = {
    "LSTM": (_lstm, "3050c0c15d504950"),
    "GRU and SimpleRNN": (_gru, "6a8efc3823355f6c"),
    "Bidirectional": (_bidirectional, "fd128577db95649f"),
    "Bidirectional of two layers": (_two_directions, "a54a3f7807e99902"),
    "TimeDistributed": (_time_distributed, "24b1399ec8bc73e0"),
    "convolutions": (_convolutions, "65bd06b9cee4cf2f"),
    "paddings": (_paddings, "cc9e80992b110609"),
    "a mask through a BiLSTM": (_masked, "49c0edd9d891b485"),
    "activations": (_slopes, "f885efb6bfaaabbb"),
    "noise": (_noises, "fe196796142045c0"),
    "MultiHeadAttention": (_attention, "db9e3f1780dabccd"),
    "MultiHeadAttention with a mask": (_masked_attention, "2b855b4659d64758"),
    "Attention": (_older_attentions, "ad7e62367a0acfef"),
    "normalisation": (_normalised, "e14c452162ca4c7d"),
}
RESCALED = "83f217b3381b44fc"


def make(keras, over, extra=(), **names):
    encoder = tiny_encoder(**names)
    ids, mask, types = (keras.Input((LENGTH,), dtype="int32", name=n) for n in ("ids", "mask", "types"))
    with keras2.autograph("DISABLED"):  # even where a test leaves it on, for what stands over the encoder
        states = encoder(ids, attention_mask=mask, token_type_ids=types).last_hidden_state
    x = over(keras, states)
    head = keras.layers.Dense(3, activation="softmax", dtype="float32", name="probabilities")
    model = keras.Model([ids, mask, types, *extra], head(x), name="classifier")
    specification.randomize(model, encoder, seed=5)
    for layer in model.layers:
        if layer.name == "learned":
            layer.adapt(np.arange(36, dtype="float32").reshape(3, 12) / 9)
    tokenizer = specification.tokenizer()
    return specification.BuiltClassifier(
        model, encoder, tokenizer, ("a", "b", "c"), {"text": ["my invoice", "why?"]}, LENGTH
    )


def assert_same(made, path, runtime):
    """Predictions to the bit, and the loaded model captured again to the byte."""
    bundle = bert_bundle.load(path)
    arrays = batch() + [np.linspace(-1, 1, 3 * 64, dtype="float32").reshape(3, 8, 8, 1)][: len(made.model.inputs) - 3]
    np.testing.assert_array_equal(
        np.asarray(bundle.model(arrays, training=False)), np.asarray(made.model(arrays, training=False))
    )
    graph = (path / "graph.json").read_bytes()
    assert graph_json.to_bytes(capture.capture(bundle.model, runtime).graph) == graph
    return hashlib.sha256(graph).hexdigest()[:16]


@pytest.mark.parametrize("case", list(LAYERS))
def test_a_loaded_model_predicts_the_same_and_saves_as_the_same_graph(case, keras, runtime, save, tmp_path):
    over, digest = LAYERS[case]
    made = make(keras, over)
    assert assert_same(made, save(made, tmp_path / "bundle"), runtime) == digest


def test_the_statistics_of_a_normalization_layer_are_restored(keras, runtime, save, tmp_path):
    if layer_construction.release_of(keras) < layers.FIRST_RELEASE["Normalization.mean"]:
        assert not hasattr(keras.layers, "Normalization")
        return
    made = make(keras, _rescaled)
    assert assert_same(made, save(made, tmp_path / "bundle"), runtime) == RESCALED


def _image(keras, image):
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(
        keras.layers.ZeroPadding2D(name="pad")(image)
    )
    x = keras.layers.BatchNormalization(name="batch")(keras.layers.MaxPooling2D(name="pool")(x))
    x = keras.layers.SeparableConv2D(5, 2, name="separable")(keras.layers.SpatialDropout2D(0.1, name="spatial")(x))
    x = keras.layers.DepthwiseConv2D(2, name="depthwise")(keras.layers.UpSampling2D(name="twice")(x))
    x = keras.layers.AveragePooling2D(2, strides=1, name="mean")(keras.layers.Cropping2D(1, name="crop")(x))
    ends = [keras.layers.GlobalAveragePooling2D(name="means")(x), keras.layers.GlobalMaxPooling2D(name="most")(x)]
    return keras.layers.Concatenate(name="ends")(ends)


def test_a_model_may_have_an_image_branch(keras, runtime, save, tmp_path):
    image = keras.Input((8, 8, 1), name="image")
    branch = _image(keras, image)
    made = make(keras, lambda keras, states: keras.layers.Concatenate(name="all")([states[:, 0], branch]), [image])
    made.examples["image"] = np.linspace(0, 1, 2 * 64).reshape(2, 8, 8, 1)
    assert assert_same(made, save(made, tmp_path / "bundle"), runtime) == "4a4d8916cb5da9db"


def _fell_behind(keras, states):
    lstm = keras.layers.LSTM(4, name="lstm")
    x = lstm(states)
    lstm.cell.trainable = False
    return x


def _half_frozen(keras, states):
    attention = keras.layers.MultiHeadAttention(2, 3, name="attention")
    x = attention(states, states)[:, 0]
    attention._query_dense.trainable = False
    return x


@pytest.mark.parametrize("over", [_fell_behind, _half_frozen])
def test_a_partly_frozen_layer_is_refused(over, keras, save, tmp_path):
    with pytest.raises(errors.ModelError, match="a part of a layer whose trainable flag differs from the layer's"):
        save(make(keras, over), tmp_path / "bundle")


def tanh(x):
    """Return a user function with the name of a Keras function."""
    return x * 0.5


def test_a_user_function_named_like_a_keras_function_is_refused_inside_a_wrapper(keras, save, tmp_path):
    def over(keras, states):
        return keras.layers.TimeDistributed(keras.layers.Dense(4, activation=tanh, name="dense"), name="each")(states)[
            :, 0
        ]

    with pytest.raises(errors.ModelError, match="a function that a bundle cannot represent") as caught:
        save(make(keras, over), tmp_path / "bundle")
    assert caught.value.place == "each dense activation"


def test_frozen_layers_load_frozen_with_all_their_parts(keras, save, tmp_path):
    made = make(keras, _bidirectional)
    made.model.get_layer("both").trainable = False
    model = bert_bundle.load(save(made, tmp_path / "bundle")).model
    assert not model.get_layer("both").trainable_weights
    assert len(model.get_layer("sum").trainable_weights) == 6


def test_a_weight_in_the_wrong_direction_of_a_bilstm_is_noticed(keras, save, tmp_path):
    """The comparison of this file catches a fault: forward and backward weights changed places."""
    made = make(keras, _bidirectional)
    bundle = bert_bundle.load(save(made, tmp_path / "bundle"))
    both = bundle.model.get_layer("both")
    there, back = both.forward_layer.get_weights(), both.backward_layer.get_weights()
    both.forward_layer.set_weights(back)
    both.backward_layer.set_weights(there)
    assert np.abs(np.asarray(bundle.model(batch())) - np.asarray(made.model(batch()))).max() > 1e-4


@pytest.fixture
def policy(request, keras):
    """Yield a dtype policy that is the global one while a test runs, as people set it before they build a model."""
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(request.param)
    yield request.param
    keras.mixed_precision.set_global_policy(before)


def _half(keras, states):
    import tensorflow as tf

    lstm = keras.layers.LSTM(4, return_sequences=True, name="lstm")
    x = keras.layers.Bidirectional(lstm, name="both")(states)
    x = keras.layers.Dense(6, activation="relu", name="dense")(x)
    return tf.reduce_mean(keras.layers.MultiHeadAttention(2, 3, name="attention")(x, x), axis=1)


HALVES = {"mixed_float16": "256d49262000b65d", "mixed_bfloat16": "0305c4c8b2653afb"}


@pytest.mark.parametrize("policy", list(HALVES), indirect=True)
def test_a_model_in_half_precision_loads_in_half_precision(policy, keras, runtime, save, tmp_path):
    try:
        made = make(keras, _half)
    except Exception:  # no such kernels: TensorFlow cannot run the encoder itself in bfloat16
        assert (policy, layer_construction.release_of(keras) < (2, 13)) == ("mixed_bfloat16", True)
        return
    path = save(made, tmp_path / "bundle")
    assert assert_same(made, path, runtime) == HALVES[policy]
    layers_of = {layer.name: layer for layer in bert_bundle.load(path).model.layers}
    assert {layers_of[name]._dtype_policy.name for name in ("bert_encoder", "both", "dense", "attention")} == {policy}
    assert layers_of["probabilities"]._dtype_policy.name == "float32"
    assert bert_bundle.verify(path).figures.grade == "bitwise"


@pytest.mark.parametrize("policy", ["mixed_float16"], indirect=True)
def test_a_model_that_overflows_in_half_precision_is_refused(policy, keras, save, tmp_path):
    def over(keras, states):
        x = states[:, 0] * 60000.0
        return keras.layers.Dense(3, name="dense")(x * 60000.0 - x * 60000.0)

    with pytest.raises(errors.ModelError, match="the model predicts NaN or infinity"):
        save(make(keras, over), tmp_path / "bundle")


def test_a_sequence_length_may_vary_and_inputs_may_have_no_name(keras, runtime, save, tmp_path):
    encoder = tiny_encoder()
    ids, mask = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="int32")
    hidden = encoder([ids, mask])[0]
    x = keras.layers.GRU(4, name="gru")(keras.layers.Conv1D(5, 3, padding="same", name="conv")(hidden))
    model = keras.Model([ids, mask], keras.layers.Dense(3, activation="softmax", name="probabilities")(x), name="any")
    specification.randomize(model, encoder, seed=5)
    made = specification.BuiltClassifier(
        model, encoder, specification.tokenizer(), ("a", "b", "c"), {"text": ["why?"]}, 8
    )
    bundle = bert_bundle.load(save(made, tmp_path / "bundle"))
    for length in (3, LENGTH):
        arrays = [array[:, :length] for array in batch()[:2]]
        np.testing.assert_array_equal(np.asarray(bundle.model(arrays)), np.asarray(model(arrays)))
    assert [entry["role"] for entry in bundle.manifest.signature["inputs"]] == ["input_ids", "attention_mask"]


def test_layers_of_one_name_in_two_nested_models_keep_their_weights(keras, runtime, save, tmp_path):
    def over(keras, states):
        ends = []
        for name in ("left", "right"):
            inner = keras.Input((12,), name="state")
            dense = keras.layers.Dense(4, activation="tanh", kernel_regularizer="l2", name="dense")
            ends.append(keras.Model(inner, dense(inner), name=name)(states[:, 0]))
        return keras.layers.Concatenate(name="both")(ends)

    made = make(keras, over)
    path = save(made, tmp_path / "bundle")
    assert_same(made, path, runtime)
    regularizer = bert_bundle.load(path).model.get_layer("left").get_layer("dense").kernel_regularizer
    assert float(np.asarray(regularizer.get_config()["l2"])) == pytest.approx(0.01)
