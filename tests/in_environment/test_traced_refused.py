"""Code that cannot be traced: refused at save with the name, the place and what to write instead."""

import os

import pytest
from test_layers import make

import bert_bundle
from bert_bundle import errors

pytestmark = pytest.mark.usefixtures("as_users_build")  # as in test_traced


def _layer(keras, call, build=None):
    """Return a custom layer of one `call`, and of one `build`."""

    class Custom(keras.layers.Layer):
        pass

    Custom.call = call
    if build is not None:
        Custom.build = build
    return Custom(name="custom", dynamic=False)


def _branches(keras, states):
    def call(self, x):
        return x[:, 0] * 2.0 if float(x[0, 0, 0]) > 0 else x[:, 0]

    layer = _layer(keras, lambda self, x: x[:, 0])
    x = layer(states)
    layer.call = call.__get__(layer)  # Keras itself would refuse it when the model is built
    return x


def _branches_for_autograph(keras, states):
    import tensorflow as tf

    def call(self, x):
        return tf.reshape(x[:, 0] * 2.0 if tf.reduce_sum(x) > 0.0 else x[:, 0], (-1, 12))

    return _layer(keras, call)(states)


def _py_function(keras, states):
    import tensorflow as tf

    def call(self, x):
        return tf.reshape(tf.py_function(lambda t: t * 2.0, [x[:, 0]], tf.float32), (-1, 12))

    return _layer(keras, call)(states)


def _trains(keras, states):
    return _layer(keras, lambda self, x, training=None: x[:, 0])(states, training=True)


def _adds_a_loss(keras, states):
    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(12,), regularizer="l2")
        self.add_loss(lambda: 0.0)

    return _layer(keras, lambda self, x: x[:, 0] * self.kernel, build)(states)


def _constrained_by_a_function(keras, states):
    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(12,), constraint=lambda weight: weight * 2.0)

    return _layer(keras, lambda self, x: x[:, 0] * self.kernel, build)(states)


def _hidden(keras, states):
    class Box:
        """An object that Keras does not search for variables."""

    def build(self, shape):
        self.box = Box()
        self.box.kernel = self.add_weight(name="kernel", shape=(12,))

    return _layer(keras, lambda self, x: x[:, 0] * self.box.kernel, build)(states)


def _counts(keras, states):
    def build(self, shape):
        self.calls = self.add_weight(name="calls", shape=(), dtype="int32", trainable=False, initializer="ones")

    def call(self, x):
        import tensorflow as tf

        return x[:, 0] * tf.cast(self.calls, x.dtype)

    return _layer(keras, call, build)(states)


def _unused(keras, states):
    layer = _layer(keras, lambda self, x: x[:, 0])
    layer.spare = keras.layers.Dense(3, name="spare")
    layer.spare.build((None, 4))
    return layer(states)


REFUSED = {
    "Python control flow": (_branches, "a custom layer that cannot be traced", "custom"),
    "control flow for AutoGraph": (_branches_for_autograph, "a custom layer that cannot be traced", "custom"),
    "py_function": (
        _py_function,
        "a (tensor op that a bundle cannot represent|custom layer that cannot be traced)",
        "",
    ),
    "training=True": (_trains, "a layer that is always in training mode", "custom"),
    "a loss of its own": (_adds_a_loss, "a custom layer that adds a loss", "custom"),
    "a constraint of its own": (
        _constrained_by_a_function,
        "a function that a bundle cannot represent",
        "custom.kernel weight_constraint",
    ),
    "a variable out of sight": (_hidden, "a variable used outside the layer that owns it", ""),
    "a counter": (_counts, "a variable that is not floating-point", "custom calls"),
    "a weight without a use": (_unused, "a weight that tracing did not find", "custom"),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_code_that_cannot_be_traced_is_refused_with_what_to_write_instead(case, keras, save, tmp_path):
    over, message, place = REFUSED[case]
    made = make(keras, over)
    with pytest.raises(errors.ModelError, match=message) as caught:
        save(made, tmp_path / "bundle")
    assert place in caught.value.place
    assert caught.value.fix
    assert os.listdir(str(tmp_path)) == []


def test_a_subclassed_model_that_was_never_called_is_refused(keras, classic, tmp_path):
    class Never(keras.Model):
        def call(self, inputs):
            return classic.model(inputs)

    with pytest.raises(errors.ModelError, match="a subclassed model that was never called"):
        bert_bundle.save(Never(name="never"), tmp_path / "bundle", tokenizer=classic.tokenizer, prove=False)


def test_rows_taken_out_by_their_values_are_refused_with_the_line_that_keeps_them(keras, save, tmp_path):
    def over(keras, states):
        import tensorflow as tf

        return tf.boolean_mask(states, states[:, :, 0] > 0.0)

    made = make(keras, over)
    with pytest.raises(errors.ModelError, match="a tensor op that a bundle cannot represent") as caught:
        save(made, tmp_path / "bundle")
    assert caught.value.found == "tf.raw_ops.Where"
    assert "instead of tf.boolean_mask(x, mask) write x * tf.cast(mask, x.dtype)" in caught.value.fix
