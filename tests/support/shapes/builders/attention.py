"""Shapes of attention over the states of an encoder, and capsules routed from them."""

import tensorflow as tf

from support.shapes.builders import kit

layers, backend = tf.keras.layers, tf.keras.backend


class ContextAttention(layers.Layer):
    """Attention with a context vector, written with backend functions and regularized weights."""

    def __init__(self, regularizer="l2", **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.regularizer = tf.keras.regularizers.get(regularizer)

    def build(self, shape):
        size = shape[-1]
        self.kernel = self.add_weight(name="kernel", shape=(size, size), regularizer=self.regularizer)
        self.bias = self.add_weight(name="bias", shape=(size,), initializer="zeros")
        self.context = self.add_weight(name="context", shape=(size,), initializer="normal")
        super().build(shape)

    def compute_mask(self, inputs, mask=None):
        return None

    def call(self, inputs, mask=None):
        hidden = backend.tanh(backend.bias_add(backend.dot(inputs, self.kernel), self.bias))
        scores = backend.exp(backend.squeeze(backend.dot(hidden, backend.expand_dims(self.context)), axis=-1))
        if mask is not None:
            scores *= backend.cast(mask, backend.floatx())
        scores /= backend.cast(backend.sum(scores, axis=1, keepdims=True) + backend.epsilon(), backend.floatx())
        return backend.sum(inputs * backend.expand_dims(scores), axis=1)


def context_attention():
    def head(outputs, mask):
        states = layers.Bidirectional(layers.GRU(5, return_sequences=True))(outputs[0])
        return kit.classes(ContextAttention(name="attention")(states))

    return kit.on_encoder(head)


class StepAttention(layers.Layer):
    """Attention over a fixed number of steps, by reshaped products."""

    def build(self, shape):
        self.steps, self.size = shape[1], shape[-1]
        self.kernel = self.add_weight(name="W", shape=(self.size,), initializer="normal")
        self.bias = self.add_weight(name="b", shape=(self.steps,), initializer="zeros")
        super().build(shape)

    def call(self, inputs):
        flat = backend.reshape(inputs, (-1, self.size))
        scores = backend.reshape(backend.dot(flat, backend.reshape(self.kernel, (self.size, 1))), (-1, self.steps))
        weights = backend.exp(backend.tanh(scores + self.bias))
        weights /= backend.sum(weights, axis=1, keepdims=True) + backend.epsilon()
        return backend.sum(inputs * backend.expand_dims(weights), axis=1)


def step_attention():
    return kit.on_encoder(lambda outputs, mask: kit.classes(StepAttention()(outputs[0])))


def dense_attention():
    def head(outputs, mask):
        states = outputs.last_hidden_state
        scores = layers.Dense(1, activation="tanh")(states)
        weights = layers.Activation("softmax")(layers.Flatten()(scores))
        weights = layers.Permute([2, 1])(layers.RepeatVector(16)(weights))
        return kit.classes(layers.Lambda(lambda x: backend.sum(x, axis=1))(layers.multiply([states, weights])))

    return kit.on_encoder(head)


def dotted_attention():
    def head(outputs, mask):
        weights = layers.Softmax(axis=1)(layers.Dense(1)(layers.Dense(8, activation="tanh")(outputs[0])))
        return kit.classes(layers.Flatten()(layers.Dot(axes=1)([weights, outputs[0]])))

    return kit.on_encoder(head)


def built_in_attention():
    def head(outputs, mask):
        states = outputs[0]
        attended = layers.MultiHeadAttention(num_heads=2, key_dim=8)(states, states)
        queried = layers.Attention()([states, attended])
        return kit.classes(layers.GlobalAveragePooling1D()(layers.concatenate([states, queried])))

    return kit.on_encoder(head)


class Capsules(layers.Layer):
    """Capsules with shared weights and three rounds of routing."""

    def __init__(self, capsules=3, size=4, rounds=3, **kwargs):
        super().__init__(**kwargs)
        self.capsules, self.size, self.rounds = capsules, size, rounds

    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(1, shape[-1], self.capsules * self.size))
        super().build(shape)

    def squash(self, vectors):
        length = backend.sum(backend.square(vectors), -1, keepdims=True)
        return vectors / backend.sqrt(length + backend.epsilon())

    def call(self, inputs):
        batch, steps = backend.shape(inputs)[0], backend.shape(inputs)[1]
        votes = backend.conv1d(inputs, self.kernel)
        votes = backend.reshape(votes, (batch, steps, self.capsules, self.size))
        votes = backend.permute_dimensions(votes, (0, 2, 1, 3))
        logits = backend.zeros_like(votes[:, :, :, 0])
        for number in range(self.rounds):
            weights = backend.softmax(logits, 1)
            found = self.squash(tf.einsum("bcs,bcsd->bcd", weights, votes))
            if number < self.rounds - 1:
                logits = logits + tf.einsum("bcd,bcsd->bcs", found, votes)
        return found


def capsules():
    return kit.on_encoder(lambda outputs, mask: kit.classes(layers.Flatten()(Capsules()(outputs[0]))))


class Block(layers.Layer):
    """One transformer block of the usual tutorial, with layers inside."""

    def __init__(self, size, heads, inner, **kwargs):
        super().__init__(**kwargs)
        self.attention = layers.MultiHeadAttention(num_heads=heads, key_dim=size)
        self.inner = tf.keras.Sequential([layers.Dense(inner, activation="relu"), layers.Dense(size)])
        self.norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
        self.drops = [layers.Dropout(0.1) for _ in range(2)]

    def call(self, inputs, training=None):
        attended = self.norms[0](inputs + self.drops[0](self.attention(inputs, inputs), training=training))
        return self.norms[1](attended + self.drops[1](self.inner(attended), training=training))


def block_on_top():
    def head(outputs, mask):
        return kit.classes(layers.GlobalAveragePooling1D()(Block(16, 2, 20)(outputs[0])))

    return kit.on_encoder(head)
