"""Custom layers, subclassed models and Lambdas: traced on symbolic inputs, which gives an equal model."""

import hashlib
import os

import numpy as np
import pytest
from test_capture import LENGTH, batch, tiny_encoder
from test_layers import assert_same, make

import bert_bundle
from bert_bundle import errors
from bert_bundle.capturing import capture
from bert_bundle.classifiers import specification
from bert_bundle.graph import graph_json
from bert_bundle.keras_models import layer_construction

# The code that is traced is the caller's: Keras has run it through AutoGraph when the model was built, and does again
# with what is nested in it when `save` traces it. "control flow for AutoGraph" is refused by Keras itself with it off.
pytestmark = pytest.mark.usefixtures("as_users_build")


def _scaled(keras):
    class Scaled(keras.layers.Layer):
        """Variables of its own: a kernel, a scalar, a list of biases, one that does not train."""

        def build(self, shape):
            self.kernel = self.add_weight(name="kernel", shape=(int(shape[-1]), 5))
            self.temperature = self.add_weight(name="temperature", shape=(), initializer="ones")
            self.biases = [self.add_weight(name="bias", shape=(5,)) for _ in range(2)]
            self.offset = self.add_weight(name="offset", shape=(1, 5), trainable=False)

        def call(self, x, training=None):
            import tensorflow as tf

            x = tf.matmul(x, self.kernel) / self.temperature
            return tf.nn.softmax(x + self.biases[0], axis=-1) * self.biases[1] + tf.expand_dims(self.offset, 0)

    return Scaled


def _own_variables(keras, states):
    return _scaled(keras)(name="scaled")(states)[:, 0]


def _twice(keras, states):
    scaled = _scaled(keras)(name="scaled")
    return keras.layers.Concatenate(name="both")([scaled(states)[:, 0], scaled(states * 2.0)[:, 1]])


def _attentive(keras):
    class Attentive(keras.layers.Layer):
        """Layers within a layer, a mask as an argument, dropout as it is trained."""

        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.score = keras.layers.Dense(1, name="score")
            self.blocks = [keras.layers.Dense(units, activation="tanh", name="block_" + str(i)) for i in range(2)]
            self.dropout = keras.layers.Dropout(0.1, name="dropout")

        def call(self, states, scale=None, training=None):
            import tensorflow as tf

            for block in self.blocks:
                states = self.dropout(block(states), training=training)
            weights = tf.nn.softmax(tf.squeeze(self.score(states), -1), axis=-1)
            return tf.einsum("bt,btf->bf", weights, states) * (1.0 if scale is None else scale)

    return Attentive


def _layers_within(keras, states):
    Attentive = _attentive(keras)
    first = Attentive(6, name="first")(states, scale=states[:, 0, :6])
    return keras.layers.Concatenate(name="both")([first, Attentive(5, name="second")(states)])


def _layer_in_layer(keras, states):
    Scaled = _scaled(keras)

    class Outer(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.parts = {"left": Scaled(name="scaled"), "right": Scaled(name="scaled")}

        def call(self, x):
            return {"sum": self.parts["left"](x) + self.parts["right"](x), "left": x}

    return Outer(name="outer")(states)["sum"][:, 0]


def _frozen(keras, states):
    layer = _attentive(keras)(4, name="pool")
    x = layer(states)
    layer.trainable = False
    layer.score.trainable = True
    return x


def _lambda(keras, states):
    return keras.layers.Lambda(lambda t: [t[:, 0] * 2.0, t], name="first")(states)[0]


CUSTOM = {
    "variables of its own": (_own_variables, "70f2325799cff188"),
    "one layer called twice": (_twice, "c465be653b94abb8"),
    "layers within a layer": (_layers_within, "5fc927c2075026f1"),
    "custom layers within one": (_layer_in_layer, "a54f5395cdfc6eab"),
    "frozen in part": (_frozen, "10452b895b274675"),
    "a Lambda": (_lambda, "9300ebd6f914bd08"),
}


@pytest.mark.parametrize("case", list(CUSTOM))
def test_a_custom_layer_is_traced_to_the_layers_and_ops_inside_it(case, keras, runtime, save, tmp_path):
    over, digest = CUSTOM[case]
    made = make(keras, over)
    assert assert_same(made, save(made, tmp_path / "bundle"), runtime) == digest


def _classifier(keras, inputs):
    """Return a subclassed model around an encoder, as it is written: mean pooling in ops, dropout, a head."""

    class Classifier(keras.Model):
        def __init__(self, encoder, **kwargs):
            super().__init__(**kwargs)
            self.bert = encoder
            self.dropout = keras.layers.Dropout(0.1, name="dropout")
            self.head = keras.layers.Dense(3, activation="softmax", name="probabilities")
            self.scale = self.add_weight(name="scale", shape=(12,), initializer="ones")

        def call(self, inputs, training=None):
            import tensorflow as tf

            ids, mask = (inputs["input_ids"], inputs["attention_mask"]) if isinstance(inputs, dict) else inputs
            hidden = self.bert(ids, attention_mask=mask, training=training).last_hidden_state
            weight = tf.cast(mask[:, :, None], hidden.dtype)
            mean = tf.reduce_sum(hidden * weight, axis=1) / tf.maximum(tf.reduce_sum(weight, axis=1), 1e-9)
            return self.head(self.dropout(mean * self.scale, training=training))

    encoder = tiny_encoder(type_vocab_size=1)
    model = Classifier(encoder, name="classifier")
    model(inputs)
    specification.randomize(model, encoder, seed=5)
    return specification.BuiltClassifier(
        model, encoder, specification.tokenizer(), ("a", "b", "c"), {"text": ["my bill", "why?"]}, LENGTH
    )


def _arrays(form):
    ids, mask, _ = batch()
    return {"input_ids": ids, "attention_mask": mask} if form == "dict" else [ids, mask]


SUBCLASSED = {"dict": "b2f3e892ab4a7011", "list": "c57d1b880ead644f"}


@pytest.mark.parametrize("form", list(SUBCLASSED))
def test_a_subclassed_model_loads_as_a_functional_one_that_trains_the_same(form, keras, runtime, save, tmp_path):
    import tensorflow as tf

    arrays = tf.nest.map_structure(tf.constant, _arrays(form))
    made = _classifier(keras, arrays)
    path = save(made, tmp_path / "bundle")
    bundle = bert_bundle.load(path)
    assert bundle.model.name == "classifier"
    np.testing.assert_array_equal(
        np.asarray(bundle.model(arrays, training=False)), np.asarray(made.model(arrays, training=False))
    )
    assert np.abs(np.asarray(bundle.model(arrays, training=True)) - np.asarray(bundle.model(arrays))).max() > 1e-3
    assert len(bundle.model.trainable_weights) == len(made.model.trainable_weights)
    roles = {entry["name"]: entry["role"] for entry in bundle.manifest.signature["inputs"]}
    names = ("input_ids", "attention_mask") if form == "dict" else ("input_1", "input_2")
    assert roles == dict(zip(names, ("input_ids", "attention_mask")))
    graph = (path / "graph.json").read_bytes()
    assert graph_json.to_bytes(capture.capture(bundle.model, runtime).graph) == graph
    assert hashlib.sha256(graph).hexdigest()[:16] == SUBCLASSED[form]


@pytest.mark.parametrize("number", [2, 3])
def test_encoders_of_one_name_in_a_subclassed_model_are_saved_each_with_its_own_weights(number, keras, save, tmp_path):
    class Ensemble(keras.Model):
        def __init__(self, encoders, **kwargs):
            super().__init__(**kwargs)
            self.encoders = encoders
            self.heads = [keras.layers.Dense(3, name="head") for _ in encoders]

        def call(self, inputs):
            states = [encoder(inputs[0], attention_mask=inputs[1])[0][:, 0] for encoder in self.encoders]
            return sum(head(state) for head, state in zip(self.heads, states))

    encoders = [tiny_encoder(type_vocab_size=1).layers[0] for _ in range(number)]
    model, arrays = Ensemble(encoders, name="ensemble"), _arrays("list")
    model(arrays)
    for seed, encoder in enumerate(encoders):
        specification.randomize(encoder, encoder, seed=seed)
    names = [encoder.name for encoder in encoders]
    assert len(set(names)) == 1
    save(
        specification.BuiltClassifier(model, encoders[0], specification.tokenizer(), (), {"text": ["why?"]}, LENGTH),
        tmp_path / "bundle",
    )
    assert [encoder.name for encoder in encoders] == names
    bundle = bert_bundle.load(tmp_path / "bundle")
    numbered = [names[0], "ensemble." + names[0], "ensemble.{}_1".format(names[0])]
    assert sorted(encoder.name for encoder in bundle.encoders.values()) == sorted(numbered[:number])
    np.testing.assert_array_equal(np.asarray(bundle.model(arrays)), np.asarray(model(arrays)))


def test_a_subclassed_model_inside_a_functional_one_is_traced(keras, runtime, save, tmp_path):
    def over(keras, states):
        class Head(keras.Model):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.dense = keras.layers.Dense(4, activation="relu", name="dense")

            def call(self, inputs):
                return self.dense(inputs[:, 0]) * 2.0

        return Head(name="head")(states)

    made = make(keras, over)
    assert_same(made, save(made, tmp_path / "bundle"), runtime)


def test_a_functional_model_that_adds_to_its_graph_is_traced(classic, keras, runtime, save, tmp_path):
    class Doubled(keras.Model):
        def call(self, inputs, training=None, mask=None):
            return super().call(inputs, training=training, mask=mask) * 2.0

    model = Doubled(classic.model.inputs, classic.model.outputs, name="doubled")
    bert_bundle.save(
        model, tmp_path / "bundle", tokenizer=classic.tokenizer, examples=classic.examples, max_length=16, prove=False
    )
    arrays = [np.asarray(a) for a in bert_bundle.load(tmp_path / "bundle").encode(["why?"]).values()]
    arrays.append(np.zeros((1, 10), "float32"))
    loaded = bert_bundle.load(tmp_path / "bundle").model(arrays)
    np.testing.assert_array_equal(np.asarray(loaded), 2.0 * np.asarray(classic.model(arrays)))


def test_a_traced_variable_is_a_weight_and_trains(keras, save, tmp_path):
    made = make(keras, _own_variables)
    model = bert_bundle.load(save(made, tmp_path / "bundle")).model
    trainable = {layer.name: layer.trainable for layer in model.layers if layer.name.startswith("scaled.")}
    assert trainable == {
        "scaled.kernel": True,
        "scaled.temperature": True,
        "scaled.biases.0": True,
        "scaled.biases.1": True,
        "scaled.offset": False,
    }
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = model.get_layer("scaled.kernel").get_weights()[0]
    model.fit(batch(), np.array([0, 1, 2]), verbose=0)
    assert np.abs(model.get_layer("scaled.kernel").get_weights()[0] - before).max() > 0


def test_a_traced_layer_in_half_precision_loads_in_half_precision(keras, runtime, save, tmp_path):
    def over(keras, states):
        return _scaled(keras)(name="scaled", dtype=keras.mixed_precision.Policy("mixed_float16"))(states)[:, 0]

    made = make(keras, over)
    path = save(made, tmp_path / "bundle")
    assert_same(made, path, runtime)
    kernel = bert_bundle.load(path).model.get_layer("scaled.kernel")
    assert (kernel._dtype_policy.name, kernel.weights[0].dtype) == ("mixed_float16", "float32")


def test_tracing_leaves_the_model_as_it_was(keras, save, tmp_path):
    made = make(keras, _layers_within)

    def state():
        layers = list(made.model._flatten_layers())
        nodes = [(layer.name, len(layer._inbound_nodes), len(layer._outbound_nodes)) for layer in layers]
        return nodes, [id(v) for v in made.model.weights], made.model.get_layer("first").dropout.name

    before = state()
    save(made, tmp_path / "bundle")
    assert state() == before


def test_a_wrong_trace_is_caught_before_anything_is_written(keras, save, tmp_path, monkeypatch):
    """Planted fault: tracing swaps two variables of the same shape."""
    made = make(keras, _own_variables)
    first, second = made.model.get_layer("scaled").biases
    honest = layer_construction.hold

    def faulty(keras, name, variable, policy, **settings):
        exchanged = {"scaled.biases.0": second, "scaled.biases.1": first}
        return honest(keras, name, exchanged.get(name, variable), policy, **settings)

    monkeypatch.setattr(layer_construction, "hold", faulty)
    with pytest.raises(errors.ModelError, match="the captured graph does not compute what the model computes"):
        save(made, tmp_path / "bundle")
    assert os.listdir(str(tmp_path)) == []
