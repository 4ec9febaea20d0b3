"""A user-defined layer in a separate module, for TensorFlow, whose code cannot be traced."""

import tensorflow as tf


class Weighted(tf.keras.layers.Layer):
    """Attention pooling: layers in a list, a variable that does not train, a branch that reads values."""

    def __init__(self, units, temperature=1.0, initializer="glorot_uniform", sizes=(1, 2), **kwargs):
        super().__init__(**kwargs)
        self.units, self.temperature, self.sizes = units, temperature, sizes
        self.initializer = tf.keras.initializers.get(initializer)
        self.blocks = [tf.keras.layers.Dense(units, activation="tanh"), tf.keras.layers.Dense(1)]

    def build(self, shape):
        self._scale = self.add_weight(name="s", shape=(), initializer="ones", trainable=False)
        super().build(shape)

    def call(self, states, power=None):
        if tf.reduce_max(tf.abs(states)) > 1e6:
            states = states / 2.0
        weights = tf.nn.softmax(self.blocks[1](self.blocks[0](states)) / self.temperature, axis=1)
        pooled = tf.reduce_sum(weights * states, axis=1) * self._scale
        return {"pooled": pooled if power is None else pooled**power, "first": states[:, 0]}

    def get_config(self):
        own = {"units": self.units, "temperature": self.temperature, "sizes": self.sizes}
        return {**super().get_config(), **own, "initializer": tf.keras.initializers.serialize(self.initializer)}
