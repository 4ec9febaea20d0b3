"""Models as people write them: captured, saved, loaded, and the same in every respect."""

import hashlib
import json
import os

import numpy as np
import pytest
from support.bundle_files import tree

import bert_bundle
from bert_bundle.capturing import capture
from bert_bundle.classifiers import specification
from bert_bundle.graph import graph_json
from bert_bundle.keras_models import keras2

LENGTH = 12


def tiny_encoder(name="bert_encoder", **changes):
    from transformers import BertConfig, TFBertModel

    sizes = {
        "vocab_size": len(specification.vocabulary()),
        "hidden_size": 12,
        "num_hidden_layers": 1,  # test_families has two, and catches one taken for the other
        "num_attention_heads": 2,
        "intermediate_size": 20,
        "max_position_embeddings": 32,
    }
    return TFBertModel(BertConfig(**{**sizes, **changes}), name=name)


class Builder:
    """One way to write a model: `build(keras, encoder, ids, mask, types)` -> output tensor."""

    def __init__(self, build, **config):
        self.build, self.config = build, config


def _head(keras, x):
    return keras.layers.Dense(3, activation="softmax", name="probabilities")(x)


def _by_list(keras, encoder, ids, mask, types):
    return _head(keras, encoder([ids, mask, types])[0][:, 0])


def _by_dict(keras, encoder, ids, mask, types):
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
    return _head(keras, encoder(inputs)["pooler_output"])


def _by_position(keras, encoder, ids, mask, types):
    return _head(keras, encoder(ids, mask, types)[1])


def _hidden_states(keras, encoder, ids, mask, types):
    states = encoder(ids, attention_mask=mask, token_type_ids=types).hidden_states
    return _head(keras, keras.layers.Average(name="last_two")([states[-1], states[-2]])[:, 0, :])


def _tuple_output(keras, encoder, ids, mask, types):
    return _head(keras, encoder(ids, attention_mask=mask, token_type_ids=types, return_dict=False)[0][:, 0, :])


def _masked_mean(keras, encoder, ids, mask, types):
    import tensorflow as tf

    hidden = encoder(ids, attention_mask=mask, token_type_ids=types).last_hidden_state
    weight = tf.cast(mask[:, :, None], tf.float32)
    return _head(keras, tf.reduce_sum(hidden * weight, axis=1) / tf.maximum(tf.reduce_sum(weight, axis=1), 1e-9))


def _constants(keras, encoder, ids, mask, types):
    import tensorflow as tf

    hidden = encoder(ids, attention_mask=mask, token_type_ids=types).last_hidden_state
    weight = 1.0 - tf.cast(tf.expand_dims(mask, -1), tf.float32)
    longest = tf.reduce_max(tf.where(weight > 0.5, -1e4, hidden), axis=1)
    return _head(keras, 2.0 * longest**2 / (1.0 + longest**2) + np.linspace(-1, 1, 12, dtype="float32"))


def _cast_mask(keras, encoder, ids, mask, types):
    import tensorflow as tf

    outputs = encoder(ids, attention_mask=tf.cast(mask, tf.float32), token_type_ids=types)
    return _head(keras, keras.layers.GlobalMaxPooling1D(name="longest")(outputs.last_hidden_state))


def _lambda(keras, encoder, ids, mask, types):
    outputs = encoder(ids, attention_mask=mask, token_type_ids=types)
    with keras2.autograph("UNSPECIFIED"):  # which runs what is in a Lambda, as it does for users
        first = keras.layers.Lambda(lambda t: t[:, 0] * 2.0, name="first")(outputs.last_hidden_state)
    return _head(keras, first)


def _nested_head(keras, encoder, ids, mask, types):
    layers = keras.layers
    head = keras.Sequential(
        [
            layers.Dense(7, activation="relu", kernel_regularizer="l2", name="dense"),
            layers.Dropout(0.3, name="dropout"),
            layers.Dense(3, activation="softmax", name="probabilities"),
        ],
        name="head",
    )
    return head(encoder(ids, attention_mask=mask, token_type_ids=types).pooler_output)


def _normalised(keras, encoder, ids, mask, types):
    x = encoder(ids, attention_mask=mask, token_type_ids=types).pooler_output
    x = keras.layers.LayerNormalization(epsilon=1e-5, name="layer_norm")(x)
    x = keras.layers.BatchNormalization(name="batch_norm")(x)
    return _head(keras, keras.layers.Activation("tanh", name="tanh")(x))


def _frozen(keras, encoder, ids, mask, types):
    outputs = encoder(ids, attention_mask=mask, token_type_ids=types)
    encoder.bert.embeddings.trainable = False
    encoder.bert.encoder.layer[0].trainable = False
    encoder.bert.encoder.layer[0].attention.trainable = True
    return _head(keras, outputs.pooler_output)


def _not_training(keras, encoder, ids, mask, types):
    outputs = encoder(ids, attention_mask=mask, token_type_ids=types, training=False)
    return _head(keras, outputs.last_hidden_state[:, 0, :])


def _nested_by_name(keras, encoder, ids, mask, types):
    inner_mask = keras.Input((LENGTH,), dtype="int32", name="a_mask")
    inner_ids = keras.Input((LENGTH,), dtype="int32", name="z_ids")
    inner_types = keras.Input((LENGTH,), dtype="int32", name="m_types")
    state = encoder(inner_ids, attention_mask=inner_mask, token_type_ids=inner_types).pooler_output
    body = keras.Model({"z_ids": inner_ids, "a_mask": inner_mask, "m_types": inner_types}, state, name="body")
    return _head(keras, body({"z_ids": ids, "a_mask": mask, "m_types": types}))


def _op_head(keras, encoder, ids, mask, types):
    import tensorflow as tf

    return tf.nn.softmax(keras.layers.Dense(3, name="logits")(encoder(ids, mask, types).pooler_output))


def _transposed(keras, encoder, ids, mask, types):
    import tensorflow as tf

    hidden = tf.transpose(encoder(ids, mask, types).last_hidden_state, [0, 2, 1])
    return _head(keras, tf.squeeze(hidden[:, :, :1], axis=-1))


def _no_head(keras, encoder, ids, mask, types):
    return encoder(ids, mask, types).pooler_output


def _lambda_of_two(keras, encoder, ids, mask, types):
    hidden = encoder(ids, mask, types).last_hidden_state
    with keras2.autograph("UNSPECIFIED"):
        _, last = keras.layers.Lambda(lambda t: [t[:, 0], t[:, -1] * 2.0], name="ends")(hidden)
    return _head(keras, last)


MODELS = {
    "a list": Builder(_by_list),
    "a dict": Builder(_by_dict),
    "positions": Builder(_by_position),
    "hidden states": Builder(_hidden_states, output_hidden_states=True, num_hidden_layers=2),
    "a tuple": Builder(_tuple_output),
    "masked mean": Builder(_masked_mean),
    "constants": Builder(_constants),
    "a mask cast to float": Builder(_cast_mask),
    "a Lambda": Builder(_lambda),
    "a nested Sequential head": Builder(_nested_head),
    "normalisation": Builder(_normalised),
    "frozen parts": Builder(_frozen, num_hidden_layers=2),
    "training=False": Builder(_not_training),
    "relu and a large epsilon": Builder(_by_position, hidden_act="relu", layer_norm_eps=1e-3),
    "three token types": Builder(_by_position, type_vocab_size=3),
    "a nested model called by name": Builder(_nested_by_name),
    "an op as the head": Builder(_op_head),
    "a transposition and a squeeze": Builder(_transposed),
    "no weights but the encoder's": Builder(_no_head),
    "one output of a Lambda": Builder(_lambda_of_two),
}


def build(keras, builder, **names):
    encoder = tiny_encoder(**dict(builder.config, **names))
    ids, mask, types = (keras.Input((LENGTH,), dtype="int32") for _ in range(3))
    model = keras.Model([ids, mask, types], builder.build(keras, encoder, ids, mask, types), name="classifier")
    specification.randomize(model, encoder, seed=5)
    tokenizer = specification.tokenizer()
    labels = tuple("abcdefghijkl"[: model.output_shape[-1]])
    return specification.BuiltClassifier(model, encoder, tokenizer, labels, {"text": ["my invoice", "why?"]}, LENGTH)


@pytest.fixture(scope="module", params=list(MODELS))
def pair(request, keras, save, tmp_path_factory):
    made = build(keras, MODELS[request.param])
    path = save(made, tmp_path_factory.mktemp("model") / "bundle")
    return made, bert_bundle.load(path), path


def batch():
    random = np.random.RandomState(0)
    ids = random.randint(5, 40, (3, LENGTH)).astype("int32")
    mask = (np.arange(LENGTH) < np.array([[LENGTH], [5], [1]])).astype("int32")
    return [ids, mask, random.randint(0, 2, (3, LENGTH)).astype("int32")]


def test_predictions_are_equal_to_the_bit(pair):
    made, bundle, _ = pair
    np.testing.assert_array_equal(
        np.asarray(bundle.model(batch(), training=False)), np.asarray(made.model(batch(), training=False))
    )


def test_the_float64_replay_agrees_with_the_model(pair):
    assert bert_bundle.verify(pair[2]).figures.grade == "bitwise"


def test_layer_names_and_trainable_weights_are_unchanged(pair):
    made, bundle, _ = pair

    def facts(model):
        kept = [layer for layer in model.layers if not hasattr(layer, "symbol") and type(layer).__name__ != "Lambda"]
        shapes = sorted((v.name.split("/", 1)[-1], tuple(v.shape)) for v in model.trainable_weights)
        return sorted((layer.name, layer.trainable) for layer in kept), shapes

    assert facts(bundle.model) == facts(made.model)


def test_the_loaded_model_saves_as_the_same_graph(pair, runtime):
    _made, bundle, path = pair
    again = graph_json.to_bytes(capture.capture(bundle.model, runtime).graph)
    assert again == (path / "graph.json").read_bytes()


@pytest.mark.parametrize("name", ["encoder", "pooler", "embeddings", "bert"])
def test_an_encoder_may_have_any_name(name, keras, save, tmp_path):
    made = build(keras, MODELS["positions"], name=name)
    bundle = bert_bundle.load(save(made, tmp_path / "bundle"))
    np.testing.assert_array_equal(np.asarray(bundle.model(batch())), np.asarray(made.model(batch())))
    assert bundle.model.layers[3].name == name


def test_a_sequential_classifier_loads_as_sequential(keras, save, tmp_path):
    encoder = tiny_encoder()
    ids = keras.Input((LENGTH,), dtype="int32", name="ids")
    body = keras.Model(ids, encoder(ids).pooler_output, name="body")
    model = keras.Sequential([keras.Input((LENGTH,), dtype="int32", name="ids"), body], name="classifier")
    model.add(keras.layers.Dense(3, activation="softmax", name="probabilities"))
    specification.randomize(model, encoder, seed=5)
    made = specification.BuiltClassifier(
        model, encoder, specification.tokenizer(), ("a", "b", "c"), {"text": ["why?"]}, LENGTH
    )
    bundle = bert_bundle.load(save(made, tmp_path / "bundle"))
    assert type(bundle.model).__name__ == "Sequential"
    assert [layer.name for layer in bundle.model.layers] == ["body", "probabilities"]
    np.testing.assert_array_equal(np.asarray(bundle.model(batch()[0])), np.asarray(model(batch()[0])))


def test_inputs_and_outputs_by_name_stay_dicts(keras, save, tmp_path):
    encoder = tiny_encoder()
    ids = keras.Input((LENGTH,), dtype="int32", name="Text_Input_Ids")
    mask = keras.Input((LENGTH,), dtype="int32", name="b_mask")
    state = encoder(ids, attention_mask=mask).pooler_output
    outputs = {"left": keras.layers.Dense(2, name="l")(state), "right": keras.layers.Dense(4, name="r")(state)}
    model = keras.Model({"Text_Input_Ids": ids, "b_mask": mask}, outputs, name="classifier")
    specification.randomize(model, encoder, seed=5)
    made = specification.BuiltClassifier(model, encoder, specification.tokenizer(), (), {"text": ["why?"]}, LENGTH)
    bundle = bert_bundle.load(save(made, tmp_path / "bundle"))
    found = bundle.predict(["my invoice", "why?"])
    assert {name: array.shape for name, array in found.items()} == {"left": (2, 2), "right": (2, 4)}
    roles = {e["name"]: e["role"] for e in bundle.manifest.signature["inputs"]}
    assert roles == {"Text_Input_Ids": "input_ids", "b_mask": "attention_mask"}


def test_roles_of_inputs_are_right_when_a_nested_model_is_called_by_name(keras, save, tmp_path):
    made = build(keras, MODELS["a nested model called by name"])
    bundle = bert_bundle.load(save(made, tmp_path / "bundle"))
    roles = [entry["role"] for entry in bundle.manifest.signature["inputs"]]
    assert roles == ["input_ids", "attention_mask", "token_type_ids"]


def test_a_frozen_model_with_a_trainable_head_loads_with_the_same_flags(keras, save, tmp_path):
    made = build(keras, MODELS["positions"])
    made.model.trainable = False
    made.model.get_layer("probabilities").trainable = True
    bundle = bert_bundle.load(save(made, tmp_path / "bundle"))
    assert not bundle.model.trainable
    assert bundle.model.get_layer("probabilities").trainable
    assert len(bundle.model.trainable_weights) == len(made.model.trainable_weights) == 0


def test_a_layer_shared_with_a_nested_model_is_refused(keras, save, tmp_path):
    from bert_bundle import errors

    encoder = tiny_encoder()
    ids = keras.Input((LENGTH,), dtype="int32", name="ids")
    inner = keras.Input((LENGTH,), dtype="int32", name="inner")
    nested = keras.Model(inner, encoder(inner).pooler_output, name="nested")
    both = keras.layers.Concatenate(name="both")([nested(ids), encoder(ids).pooler_output])
    model = keras.Model(ids, _head(keras, both), name="classifier")
    made = specification.BuiltClassifier(
        model, encoder, specification.tokenizer(), ("a", "b", "c"), {"text": ["why?"]}, LENGTH
    )
    with pytest.raises(errors.ModelError, match="a layer shared between a model and a model nested in it"):
        save(made, tmp_path / "bundle")


def test_saving_leaves_the_model_and_the_precision_unchanged(classic, keras, save, tmp_path):
    def state():
        weights = hashlib.sha256(b"".join(w.numpy().tobytes() for w in classic.model.weights)).hexdigest()
        flags = [layer.trainable for layer in classic.model.submodules if hasattr(layer, "trainable")]
        calls = {layer.name: len(layer._inbound_nodes) for layer in classic.model.layers}
        return weights, flags, calls, keras.backend.floatx(), keras.mixed_precision.global_policy().name, os.getcwd()

    before = state()
    save(classic, tmp_path / "bundle")
    assert state() == before


def test_the_same_model_saved_twice_gives_the_same_bytes(classic, classic_bundle, save, tmp_path):
    first, again = tree(str(classic_bundle)), tree(str(save(classic, tmp_path / "bundle")))
    assert first == again


def test_two_loads_in_one_process_have_the_same_names(classic_bundle):
    first, second = bert_bundle.load(classic_bundle), bert_bundle.load(classic_bundle)
    names = [list(first.encoders), [layer.name for layer in first.model.layers if "getitem" not in layer.name]]
    again = [list(second.encoders), [layer.name for layer in second.model.layers if "getitem" not in layer.name]]
    assert names == again


def test_the_graph_of_the_classic_is_the_same_in_every_release(classic_bundle):
    """The digest was written by TensorFlow 2.6 and by 2.21; one that changes means bundles of old releases differ."""
    graph = (classic_bundle / "graph.json").read_bytes()
    assert next(node for node in json.loads(graph)["nodes"] if node.get("op") == "getitem") == {
        "kwargs": {
            "key": [{"slice": [None, None, None]}, 0, {"slice": [None, None, None]}],
            "x": {"node": 3, "output": "last_hidden_state"},
        },
        "op": "getitem",
    }
    assert hashlib.sha256(graph).hexdigest() == CLASSIC_GRAPH


CLASSIC_GRAPH = "e2fff4dd08a61a573b4dec0a5ad1133cd3edab6c924b04ff37c5502df62728c2"
