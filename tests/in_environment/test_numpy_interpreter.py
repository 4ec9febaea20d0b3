"""Each op of a SavedModel as NumPy computes it, against TensorFlow: one module with an output for each op."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bert_bundle.keras_files import saved_model
from bert_bundle.keras_files.checkpoint import Checkpoint
from bert_bundle.numpy_interpreter import serving

BATCH = 3
RANDOM = np.random.RandomState(0)
X = RANDOM.normal(size=(BATCH, 4, 5)).astype("float32")
IDS = RANDOM.randint(0, 5, (BATCH, 4)).astype("int32")
KERNEL = RANDOM.normal(size=(3, 5, 2)).astype("float32")
IMAGE = RANDOM.normal(size=(3, 3, 1, 2)).astype("float32")

OPS = {
    **{
        name: getattr(tf.math, name)
        for name in "abs ceil cos erf exp expm1 floor negative rint round sigmoid sign sin softplus "
        "softsign square tanh cumsum".split()
    },
    **{name: getattr(tf.nn, name) for name in "relu relu6 elu selu leaky_relu softmax log_softmax l2_loss".split()},
    **{
        name: lambda x, name=name: getattr(tf.math, name)(x, axis=[1], keepdims=True)
        for name in "reduce_sum reduce_mean reduce_max reduce_min reduce_prod".split()
    },
    "logarithms": lambda x: tf.math.log(tf.abs(x) + 1) + tf.math.log1p(tf.abs(x)),
    "roots": lambda x: tf.math.rsqrt(tf.abs(x) + 1) * tf.sqrt(tf.abs(x)),
    "powers": lambda x: tf.pow(tf.abs(x), 1.5) / (tf.math.reciprocal(tf.abs(x) + 1)),
    "integers": lambda x: tf.cast(tf.cast(x * 10, "int32") // 3 % 4, "float32"),
    "compared": lambda x: tf.cast((x > 0.1) & ~(x >= 1.0) | tf.equal(x, 0.0), "float32"),
    "chosen": lambda x: tf.where(x > 0, x, -x) + tf.compat.v1.where(x[:, 0, 0] > 0, x[:, 0], x[:, 1])[:, None],
    "clipped": lambda x: tf.clip_by_value(x, -0.5, 0.5),
    "divided": lambda x: tf.math.divide_no_nan(x, tf.nn.relu(x)),
    "all_and_any": lambda x: tf.cast(tf.reduce_any(x > 1, 1) | tf.reduce_all(x > -1, 1), "float32"),
    "sliced": lambda x: x[:, 1:, ::2][..., tf.newaxis] + x[:, -1, 0][:, None, None, None],
    "sliced_from_the_end": lambda x: x[:, ::-1, -2:],
    "slice": lambda x: tf.slice(x, [0, 1, 0], [-1, 2, 3]),
    "gathered": lambda x: tf.gather(x, [2, 0], axis=1) + tf.gather(x, tf.cast(x[:, :2, 0] > 0, "int32"), batch_dims=1),
    "gathered_in_two_axes": lambda x: tf.gather_nd(x, [[0, 1], [2, 3]]),
    "joined": lambda x: tf.concat([x, tf.zeros_like(x), tf.ones_like(x)], 2),
    "stacked": lambda x: tf.stack(tf.unstack(x, axis=1)[::-1], 2),
    "split": lambda x: tf.split(x, [1, 3], 1)[1] + tf.split(x, 2, 1)[0][:, :1],
    "padded": lambda x: tf.pad(tf.pad(x, [[0, 0], [1, 2], [0, 1]]), [[0, 0], [0, 0], [2, 0]], constant_values=-1.0),
    "tiled": lambda x: tf.tile(x, [1, 2, 1]) + tf.broadcast_to(x[:, :1], [BATCH, 8, 5]),
    "reversed": lambda x: tf.reverse(x, [1]) + tf.reverse_sequence(x, [1, 2, 4], seq_axis=1),
    "moved": lambda x: tf.transpose(tf.reshape(x, [-1, 2, 10]), [0, 2, 1]),
    "squeezed": lambda x: tf.squeeze(tf.expand_dims(x, 1), [1]),
    "largest": lambda x: tf.math.top_k(x, 2)[0] + tf.cast(tf.math.top_k(x, 2)[1], "float32"),
    "largest_place": lambda x: tf.cast(tf.argmax(x, -1) + tf.argmin(x, -1), "float32"),
    "one_hot": lambda x: tf.one_hot(tf.cast(x > 0, "int32"), 2, 0.5, -0.5, axis=1),
    "range": lambda x: x + tf.range(5.0) + tf.fill([4, 5], 2.0) + tf.cast(tf.rank(x) + tf.size(x), "float32"),
    "matmul": lambda x: (
        tf.matmul(x, x, transpose_b=True) + tf.matmul(tf.matmul(x, x, transpose_b=True), np.eye(4, dtype="float32"))
    ),
    "einsum": lambda x: tf.einsum("bij,bkj->bik", x, x),
    "conv1d": lambda x: tf.nn.conv1d(x, KERNEL, 1, "SAME") + tf.nn.conv1d(x, KERNEL, 1, "VALID", dilations=1)[:, :1],
    "conv1d_dilated": lambda x: tf.nn.conv1d(x, KERNEL[:2], 1, "SAME", dilations=2),
    "conv2d": lambda x: tf.nn.conv2d(x[..., None], IMAGE, 2, "SAME"),
    "depthwise": lambda x: tf.nn.depthwise_conv2d(x[..., None], IMAGE, [1, 1, 1, 1], "VALID"),
    "max_pool": lambda x: tf.nn.max_pool2d(x[..., None], 2, 2, "SAME"),
    "average_pool": lambda x: tf.nn.avg_pool2d(x[..., None], 2, 2, "SAME"),
    "normalized": lambda x: tf.compat.v1.nn.fused_batch_norm(
        x[:, None], tf.ones(5), tf.zeros(5), tf.zeros(5), tf.ones(5) * 2, 1e-3, is_training=False
    )[0],
    "loop": lambda x: tf.while_loop(lambda i, s: i < 4, lambda i, s: (i + 1, s + x[:, i]), (0, x[:, 0]))[1],
    "scanned": lambda x: tf.map_fn(lambda row: row * 2 + 1, x),
    "branch": lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: x + 1, lambda: x - 1),
    "band": lambda x: tf.linalg.band_part(tf.matmul(x, x, transpose_b=True), 1, 0),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return the folder of a module that computes every op, and what TensorFlow gives."""
    module = tf.Module()
    module.table = tf.Variable(RANDOM.normal(size=(5, 6)).astype("float32"), name="table")

    @tf.function(input_signature=[tf.TensorSpec([None, 4, 5], name="x"), tf.TensorSpec([None, 4], "int32", name="ids")])
    def serve(x, ids):
        found = {name: tf.identity(op(x)) for name, op in OPS.items()}
        return {**found, "embedded": tf.gather(module.table, ids), "read": tf.matmul(x, module.table)}

    module.serve = serve
    folder = tmp_path_factory.mktemp("module")
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serve})
    return folder, {name: value.numpy() for name, value in serve(X, IDS).items()}


@pytest.fixture(scope="module")
def computed(saved):
    folder, _ = saved
    tensors = Checkpoint(Path(folder) / saved_model.VARIABLES)
    variables = {name: tensors.read(keys[0]) for name, keys in tensors.keys_by_name().items()}
    model = saved_model.read(Path(folder))
    return [serving.outputs(model, variables, {"x": X, "ids": IDS}, float64=float64) for float64 in (False, True)]


@pytest.mark.parametrize("name", [*OPS, "embedded", "read"])
def test_numpy_computes_what_tensorflow_computes(name, saved, computed):
    for found in computed:
        wanted = saved[1][name]
        assert found[name].shape == wanted.shape
        np.testing.assert_allclose(found[name], wanted, rtol=0, atol=2e-5 * max(1.0, np.abs(wanted).max()))


def test_float64_is_computed_in_float64(computed):
    assert all(array.dtype == np.float64 for array in computed[1].values())
