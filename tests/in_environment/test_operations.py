"""Tensor ops on hidden states: captured under keras.ops names, and the same bytes in every release."""

import numpy as np
import pytest
from test_layers import assert_same, make


def _shapes(keras, states):
    import tensorflow as tf

    rows, length = tf.shape(states)[0], tf.shape(states)[1]
    places = tf.cast(tf.range(length), states.dtype) / 4.0
    weighted = tf.einsum("btf,t->bf", states, places)
    flat = tf.reshape(tf.reshape(states, [rows, length * 12]), (-1, 144))
    rest = [tf.ones([rows, 3]), tf.fill([rows, 2], 0.5), tf.zeros(tf.stack([rows, 1])), tf.reshape(states, (-1, 144))]
    wide = tf.broadcast_to(states[:, :1, :2], tf.stack([rows, 3, 2]))
    return tf.concat([weighted, flat, *rest, tf.reshape(wide, (-1, 6)) * tf.ones_like(rest[0][:, :1])], axis=-1)


def _choices(keras, states):
    import tensorflow as tf

    most = tf.math.top_k(states[:, 0], k=3)
    first, second = tf.split(states[:, 1], 2, axis=-1)
    rows = tf.unstack(states[:, :3], axis=1)
    where = tf.one_hot(tf.argmax(states, axis=-1)[:, :4], 12)
    some = tf.gather(states, [0, 5], axis=1)
    ordered = tf.sort(states[:, 2]) + tf.cumsum(states[:, 2], axis=1, name="sums")
    places = tf.cast(most.indices, tf.float32) + tf.cast(tf.argmin(states[:, :3], axis=-1), tf.float32)
    flat = [tf.reshape(where, (-1, 48)), tf.reshape(some, (-1, 24)), ordered, places, most.values, first * second]
    return tf.concat([*flat, rows[0] - rows[2]], axis=1)


def _statistics(keras, states):
    import tensorflow as tf

    spread = tf.math.reduce_std(states, axis=1) + tf.math.reduce_variance(states, 1)
    size = tf.norm(states, axis=-1) + tf.linalg.norm(states, axis=-1, keepdims=True)[:, :, 0]
    some = tf.logical_not(tf.reduce_all(states > 0.0, axis=1))
    large = tf.cast(tf.logical_and(tf.reduce_any(states > 1.0, axis=1), some), tf.float32)
    share = tf.math.divide_no_nan(large, tf.reduce_sum(large, axis=-1, keepdims=True))
    mean = tf.reduce_mean(states, axis=1)
    variance = tf.reduce_mean(tf.math.squared_difference(states, mean[:, None]), axis=1)
    return tf.concat([spread, size, large, share, mean / tf.sqrt(variance + 1e-6)], axis=-1)


def _elements(keras, states):
    import tensorflow as tf

    x = states[:, 0]
    waves = tf.sin(x) * tf.cos(x) + tf.math.expm1(x) - tf.math.log1p(tf.abs(x)) + tf.math.reciprocal(2.0 + x * x)
    steps = tf.floor(x * 3) + tf.math.ceil(x) - tf.round(x * 2.0) + tf.sign(x) + (x // 0.5) + x % 0.75
    whole = tf.cast(tf.cast(x * 10.0, tf.int32) // 3 % 2, tf.float32)
    bent = tf.nn.leaky_relu(x, 0.1) + tf.nn.elu(x) + tf.nn.selu(x) + tf.nn.silu(x) + tf.nn.softsign(x)
    bent = bent + tf.nn.relu6(x * 9.0) + tf.math.log_sigmoid(x) + tf.stop_gradient(x)
    return tf.concat([waves, steps, whole, tf.where(tf.math.is_nan(bent), 0.0, bent)], axis=-1)


def _places(keras, states):
    import tensorflow as tf

    longest = tf.argmax(tf.reduce_sum(states, axis=-1), axis=1, output_type=tf.int32)
    rows = tf.range(tf.shape(states)[0])
    pairs = tf.stack([longest, tf.zeros_like(longest)], axis=1)
    found = [
        tf.gather_nd(states, tf.stack([rows, longest], axis=-1)),
        tf.gather_nd(states, longest[:, None], batch_dims=1),
        tf.gather_nd(states, tf.stack([longest, longest], axis=1), batch_dims=1)[:, None],
        tf.reshape(tf.gather(states, pairs, batch_dims=1), (-1, 24)),
        tf.gather(states, pairs, axis=1, batch_dims=1)[:, 0],
    ]
    return tf.concat(found, axis=-1)


def _attention_by_hand(keras, states):
    import tensorflow as tf

    scores = tf.nn.softmax(tf.matmul(states, states, transpose_b=True) / np.sqrt(12.0), axis=-1)
    x = tf.nn.bias_add(tf.matmul(scores, states), np.linspace(-1, 1, 12, dtype="float32"))
    x = tf.tensordot(x, np.linspace(-1, 1, 36, dtype="float32").reshape(12, 3), axes=1)
    x = tf.pad(tf.reverse(x, axis=[1]), [[0, 0], [1, 0], [0, 0]], constant_values=0.25)
    return tf.reshape(x, (-1, 39))


def _backend(keras, states):
    k = keras.backend
    x = k.concatenate([k.mean(states, axis=1), k.max(states, axis=1), k.l2_normalize(k.sum(states, axis=1), axis=-1)])
    weight = k.softmax(k.sum(k.square(states), axis=-1))
    return x * k.clip(x, -0.5, 0.5) + k.tile(k.batch_dot(k.permute_dimensions(states, (0, 2, 1)), weight), [1, 3])


OPERATIONS = {
    "shapes": (_shapes, "2771430a71582d5a"),
    "choices": (_choices, "f7ce66ef6fee36f5"),
    "places": (_places, "a4c771f9ab23eaba"),
    "statistics": (_statistics, "e8349253eb3b8dc0"),
    "elements": (_elements, "7cb450b58795a40b"),
    "attention by hand": (_attention_by_hand, "c89f84ab564f293f"),
    "the Keras backend": (_backend, "c488ed3de4b7fc21"),
}


@pytest.mark.usefixtures("as_users_build")  # Keras of TF 2.13 fails on tf.linalg.norm without AutoGraph
@pytest.mark.parametrize("case", list(OPERATIONS))
def test_ops_are_the_same_after_loading(case, keras, runtime, save, tmp_path):
    over, digest = OPERATIONS[case]
    made = make(keras, over)
    assert assert_same(made, save(made, tmp_path / "bundle"), runtime) == digest
