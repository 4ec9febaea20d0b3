"""Shapes of heads on the states of an encoder: convolutions, recurrent layers, gates, several dropouts."""

import tensorflow as tf

from support.shapes.builders import kit

layers, backend = tf.keras.layers, tf.keras.backend


def convolutions():
    def head(outputs, mask):
        pooled = [layers.GlobalMaxPooling1D()(layers.Conv1D(6, k, activation="relu")(outputs[0])) for k in (2, 3, 4)]
        return kit.classes(layers.Dropout(0.5)(layers.concatenate(pooled)))

    return kit.on_encoder(head)


def convolutions_of_an_image():
    def head(outputs, mask):
        image = layers.Reshape((kit.LENGTH, 16, 1))(outputs.last_hidden_state)
        pooled = []
        for size in (2, 3):
            found = layers.Conv2D(5, (size, 16), kernel_initializer="normal", activation="elu")(image)
            pooled.append(layers.MaxPool2D((kit.LENGTH - size + 1, 1), strides=(1, 1))(found))
        return kit.classes(layers.Flatten()(layers.Concatenate(axis=1)(pooled)))

    return kit.on_encoder(head)


def recurrent_with_mask():
    def head(outputs, mask):
        present = tf.cast(mask, tf.bool)
        states = layers.SpatialDropout1D(0.2)(outputs[0])
        states = layers.Bidirectional(layers.LSTM(6, return_sequences=True, recurrent_dropout=0.1))(
            states, mask=present
        )
        return kit.classes(layers.GRU(5)(states, mask=present))

    return kit.on_encoder(head)


def recurrent_convolution():
    def head(outputs, mask):
        states = layers.SpatialDropout1D(0.2)(outputs[0])
        left = layers.Lambda(lambda x: backend.concatenate([backend.zeros_like(x[:, :1]), x[:, :-1]], axis=1))(states)
        right = layers.Lambda(lambda x: backend.concatenate([x[:, 1:], backend.zeros_like(x[:, :1])], axis=1))(states)
        context = [layers.GRU(5, return_sequences=True)(left), layers.GRU(5, return_sequences=True)(right), states]
        semantic = layers.Conv1D(6, 1, activation="tanh")(layers.concatenate(context, axis=2))
        return kit.classes(layers.Lambda(lambda x: backend.max(x, axis=1))(semantic))

    return kit.on_encoder(head)


def recurrent_beside_convolution():
    def head(outputs, mask):
        states = layers.SpatialDropout1D(0.2)(outputs[0])
        convolved = layers.GlobalMaxPooling1D()(layers.Conv1D(6, 3, activation="relu")(states))
        recurrent = layers.GlobalMaxPooling1D()(layers.Bidirectional(layers.GRU(4, return_sequences=True))(states))
        return kit.classes(layers.BatchNormalization()(layers.Concatenate()([convolved, recurrent])))

    return kit.on_encoder(head)


def recurrent_and_both_pools():
    def head(outputs, mask):
        states = layers.Bidirectional(layers.GRU(6, return_sequences=True))(outputs.last_hidden_state)
        both = [layers.GlobalAveragePooling1D()(states), layers.GlobalMaxPool1D()(states)]
        return kit.classes(layers.BatchNormalization()(layers.concatenate(both)))

    return kit.on_encoder(head)


class Highway(layers.Layer):
    """A carry gate beside a transformation."""

    def __init__(self, bias=-1, **kwargs):
        super().__init__(**kwargs)
        self.carry = tf.keras.initializers.Constant(bias)

    def build(self, shape):
        size = int(shape[-1])
        self.kernel = self.add_weight(name="W", shape=(size, size))
        self.gate = self.add_weight(name="W_carry", shape=(size, size))
        self.bias = self.add_weight(name="b", shape=(size,), initializer="zeros")
        self.gate_bias = self.add_weight(name="b_carry", shape=(size,), initializer=self.carry)
        super().build(shape)

    def call(self, inputs):
        gate = backend.sigmoid(backend.bias_add(backend.dot(inputs, self.gate), self.gate_bias))
        transformed = backend.relu(backend.bias_add(backend.dot(inputs, self.kernel), self.bias))
        return gate * transformed + (1.0 - gate) * inputs


def highway():
    return kit.on_encoder(lambda outputs, mask: kit.classes(Highway(name="highway")(outputs[1])))


def gelu_by_hand():
    def head(outputs, mask):
        def gelu(x):
            return x * 0.5 * (1.0 + tf.math.erf(x / tf.sqrt(2.0)))

        hidden = gelu(layers.Dense(16)(outputs[1]))
        return kit.classes(layers.LayerNormalization(epsilon=1e-6)(hidden + outputs[1]))

    return kit.on_encoder(head)


def multi_sample_dropout():
    def head(outputs, mask):
        dense = layers.Dense(3, activation="softmax", name="classes")
        samples = [dense(layers.Dropout(0.5)(outputs[1])) for _ in range(3)]
        return layers.Average()(samples)

    return kit.on_encoder(head)


def multi_sample_dropout_of_a_stack():
    def head(outputs, mask):
        dense = layers.Dense(3, name="classes")
        samples = [dense(layers.Dropout(rate)(outputs[0][:, 0])) for rate in (0.1, 0.3, 0.5)]
        return tf.nn.sigmoid(tf.reduce_mean(tf.stack(samples, axis=0), axis=0))

    return kit.on_encoder(head)


def normalized_vector():
    def head(outputs, mask):
        unit, length = tf.linalg.normalize(outputs[1], axis=-1)
        return kit.classes(layers.concatenate([unit, tf.math.log1p(length)]))

    return kit.on_encoder(head)
