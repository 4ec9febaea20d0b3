"""User code that Keras cannot run on its symbolic tensors: run in a function's graph, which gives an equal model."""

import pytest
from test_capture import LENGTH
from test_layers import assert_same, make

from bert_bundle import errors
from bert_bundle.capturing import symbolic_replay
from bert_bundle.graph.ops import NestedOp

pytestmark = pytest.mark.usefixtures("as_users_build")


def _highway(keras, decorate):
    class Highway(keras.layers.Layer):
        """Variables with a regularizer and a constraint, a layer and a user-defined layer inside, dropout."""

        def build(self, shape):
            size = int(shape[-1])
            self.kernel = self.add_weight(name="kernel", shape=(size, size), regularizer=keras.regularizers.L2(0.01))
            self.bias = self.add_weight(name="bias", shape=(size,), constraint="non_neg", initializer="ones")
            self.dense, self.scaled = keras.layers.Dense(size, name="dense"), Scaled(name="scaled")
            self.dropout = keras.layers.Dropout(0.2, name="dropout")

        @decorate
        def call(self, x, training=False):
            import tensorflow as tf

            gate = tf.sigmoid(keras.backend.bias_add(keras.backend.dot(x, self.kernel), self.bias))
            return gate * self.dropout(tf.nn.relu(self.dense(x)), training=training) + (1.0 - gate) * self.scaled(x)

    class Scaled(keras.layers.Layer):
        def build(self, shape):
            self.factor = self.add_weight(name="factor", shape=(), initializer="ones")

        @decorate
        def call(self, x):
            return x * self.factor

    return Highway


def _in_a_function(keras, states):
    import tensorflow as tf

    return _highway(keras, tf.function)(name="highway")(states)[:, 0]


def _capsules(keras, states):
    k = keras.backend

    class Capsules(keras.layers.Layer):
        """Routing by agreement (Sabour et al. 2017) over positions, with one kernel for all."""

        def build(self, shape):
            self.kernel = self.add_weight(name="kernel", shape=(1, int(shape[-1]), 6))

        def call(self, x):
            import tensorflow as tf

            votes = k.permute_dimensions(k.reshape(k.conv1d(x, self.kernel), (-1, LENGTH, 2, 3)), (0, 2, 1, 3))
            logits = k.zeros_like(votes[:, :, :, 0])
            for _ in range(2):
                weights = k.softmax(logits, 1)
                pooled = tf.einsum("bcl,bclf->bcf", weights, votes)
                lengths = k.sum(k.square(pooled), -1, keepdims=True) + k.epsilon()
                pooled = k.sqrt(lengths) / (0.5 + lengths) * pooled
                logits = tf.einsum("bcf,bclf->bcl", pooled, votes)
            return tf.reshape(pooled, (-1, 6))

    return Capsules(name="capsules")(states)


def _composite_ops(keras, states):
    import tensorflow as tf

    unit, length = tf.linalg.normalize(states[:, 0], axis=-1)
    mean, variance = tf.nn.moments(states, axes=[1])
    normed = tf.nn.batch_normalization(states[:, 1], mean[0], variance[0], None, 1.5, 1e-3)
    first, rest = tf.split(states[:, 2], [5, 7], axis=-1)
    return tf.concat([unit, length, mean, variance, normed, first * rest[:, 2:]], axis=-1)


def _trimmed(keras, states):
    import tensorflow as tf

    longest = tf.cast(tf.reduce_max(tf.abs(states)) * 0.0, tf.int32) + 4
    kept = keras.layers.Dense(3, name="kept")(states[:, :longest])
    return keras.layers.Flatten(name="flat")(
        keras.layers.Reshape((LENGTH, 3), name="whole")(tf.pad(kept, [[0, 0], [0, LENGTH - longest], [0, 0]]))
    )


CASES = {
    "a tf.function with layers and variables": _in_a_function,
    "capsules": _capsules,
    "ops that consist of others": _composite_ops,
    "a batch trimmed by a tensor": _trimmed,
}


@pytest.mark.parametrize("case", list(CASES))
def test_user_code_in_a_graph_is_the_same_after_loading(case, keras, runtime, save, tmp_path):
    made = make(keras, CASES[case])
    assert_same(made, save(made, tmp_path / "bundle"), runtime)


def _operands_exchanged(translate):
    def faulty(op):
        step = translate(op)
        if isinstance(step, NestedOp) and step.name == "subtract":
            return NestedOp("subtract", {"x1": step.arguments["x2"], "x2": step.arguments["x1"]})
        return step

    return faulty


def test_an_op_that_is_translated_wrongly_is_caught_before_anything_is_written(keras, save, tmp_path, monkeypatch):
    """Planted fault: the operands of a difference are exchanged."""
    monkeypatch.setattr(symbolic_replay, "translate", _operands_exchanged(symbolic_replay.translate))
    made = make(keras, _in_a_function)
    with pytest.raises(errors.ModelError, match="the captured graph does not compute what the model computes"):
        save(made, tmp_path / "bundle")
    assert not list(tmp_path.iterdir())


def test_user_code_that_no_graph_represents_is_refused_by_the_op(keras, save, tmp_path):
    import tensorflow as tf

    made = make(keras, lambda keras, states: tf.roll(states, shift=1, axis=1)[:, 0])
    with pytest.raises(errors.ModelError, match="a tensor op that a bundle cannot represent") as caught:
        save(made, tmp_path / "bundle")
    assert (caught.value.place, caught.value.found) == ("tf.roll", "tf.raw_ops.Roll")


def test_tracing_in_a_graph_leaves_the_layers_as_they_were(keras, save, tmp_path):
    made = make(keras, _in_a_function)
    base, before = keras.layers.Layer, keras.layers.Layer.__call__
    weights = [id(variable) for variable in made.model.weights]
    save(made, tmp_path / "bundle")
    assert base.__call__ is before
    assert [id(variable) for variable in made.model.weights] == weights
