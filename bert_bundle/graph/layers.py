"""The table of layers: every class that a graph may name, its fields with their defaults, and which releases have it.

Names, fields and defaults are those of Keras 3 (keras.io/api/layers). A field that has its default is left out of a
graph, so that releases which add or drop fields write the same bytes. Some classes are not those of Keras. A `Variable`
is a weight outside any Keras layer, returned as a tensor. It is called on an input only to have a node in the graph,
and ignores that input. `Lookup`, `Discretization`, `Hashing` and `Words` stand for layers whose arguments and special
tokens differ between releases (`bert_bundle/keras_models/table_layers.py`); each holds its table.
"""

from typing import FrozenSet, Mapping, Tuple

REQUIRED = object()  # a field without a default

MODELS = ("Functional", "Sequential")
FLOATS = ("float16", "float32", "float64")  # the dtypes that a float64 rebuild replaces
STRING = "string"  # the dtype of an input of strings, which NumPy calls str
POLICIES = ("float16", "float32", "float64", "mixed_float16", "bfloat16", "mixed_bfloat16")

_GLOROT = {"class": "GlorotUniform", "config": {}}
_ORTHOGONAL = {"class": "Orthogonal", "config": {}}
_UNIFORM = {"class": "RandomUniform", "config": {}}
_ONES = {"class": "Ones", "config": {}}
_ZEROS = {"class": "Zeros", "config": {}}


def _weight(name: str, initializer: object) -> Mapping[str, object]:
    return {name + "_initializer": initializer, name + "_regularizer": None, name + "_constraint": None}


_BIAS = {"use_bias": True, **_weight("bias", _ZEROS)}
_KERNEL = {**_weight("kernel", _GLOROT), **_BIAS, "activity_regularizer": None}
_ACTIVE = {"activation": "linear", **_KERNEL}
_NORM = {"epsilon": 0.001, "center": True, "scale": True, **_weight("beta", _ZEROS), **_weight("gamma", _ONES)}
_SEQUENCES = {
    "units": REQUIRED,
    "activation": "tanh",
    **_KERNEL,
    **_weight("recurrent", _ORTHOGONAL),
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
    "return_sequences": False,
    "return_state": False,
    "go_backwards": False,
    "unroll": False,
    "zero_output_for_mask": False,
}
_CHANNELS = {"data_format": "channels_last"}
_GLOBAL_POOL = {"keepdims": False, **_CHANNELS}
_POOL = {"pool_size": REQUIRED, "strides": REQUIRED, "padding": "valid", **_CHANNELS}
_TABLE = {"table": REQUIRED, "default": 0, "buckets": 1}
_ATTENTION = {"use_scale": False, "dropout": 0.0}


def _window(dimensions: int) -> Mapping[str, object]:
    ones = [1] * dimensions
    return {"kernel_size": REQUIRED, "strides": ones, "padding": "valid", "dilation_rate": ones, **_CHANNELS}


def _convolution(dimensions: int) -> Mapping[str, object]:
    return {"filters": REQUIRED, **_window(dimensions), "groups": 1, **_ACTIVE}


def _depthwise(dimensions: int) -> Mapping[str, object]:
    weights = {**_weight("depthwise", _GLOROT), **_BIAS}
    fields = {"depth_multiplier": 1, "activation": "linear", "activity_regularizer": None}
    return {**_window(dimensions), **fields, **weights}


def _separable(dimensions: int) -> Mapping[str, object]:
    return {"filters": REQUIRED, **_depthwise(dimensions), **_weight("pointwise", _GLOROT)}


LAYERS: Mapping[str, Mapping[str, object]] = {
    "Activation": {"activation": REQUIRED},
    "ActivityRegularization": {"l1": 0.0, "l2": 0.0},
    "Add": {},
    "AdditiveAttention": {**_ATTENTION, "use_scale": True},
    "AlphaDropout": {"rate": REQUIRED, "noise_shape": None, "seed": None},
    "Attention": {**_ATTENTION, "score_mode": "dot"},
    "Average": {},
    "AveragePooling1D": _POOL,
    "AveragePooling2D": _POOL,
    "BatchNormalization": {
        **_NORM,
        "axis": -1,
        "momentum": 0.99,
        "moving_mean_initializer": _ZEROS,
        "moving_variance_initializer": _ONES,
    },
    "Bidirectional": {"layer": REQUIRED, "merge_mode": "concat", "backward_layer": None},
    "Concatenate": {"axis": -1},
    "Conv1D": _convolution(1),
    "Conv2D": _convolution(2),
    "Cropping1D": {"cropping": [1, 1]},
    "Cropping2D": {"cropping": [[0, 0], [0, 0]], **_CHANNELS},
    "Dense": {"units": REQUIRED, **_ACTIVE},
    "DepthwiseConv1D": _depthwise(1),
    "DepthwiseConv2D": _depthwise(2),
    "Discretization": {"bin_boundaries": REQUIRED, "right": False},
    "Dot": {"axes": REQUIRED, "normalize": False},
    "Dropout": {"rate": REQUIRED, "noise_shape": None, "seed": None},
    "ELU": {"alpha": 1.0},
    "EinsumDense": {"equation": REQUIRED, "output_shape": REQUIRED, "bias_axes": None, **_ACTIVE},
    "Embedding": {
        "input_dim": REQUIRED,
        "output_dim": REQUIRED,
        **_weight("embeddings", _UNIFORM),
        "activity_regularizer": None,
        "mask_zero": False,
    },
    "Flatten": _CHANNELS,
    "GRU": {**_SEQUENCES, "recurrent_activation": "sigmoid", "reset_after": True},
    "GaussianDropout": {"rate": REQUIRED, "seed": None},
    "GaussianNoise": {"stddev": REQUIRED, "seed": None},
    "GlobalAveragePooling1D": _GLOBAL_POOL,
    "GlobalAveragePooling2D": _GLOBAL_POOL,
    "GlobalMaxPooling1D": _GLOBAL_POOL,
    "GlobalMaxPooling2D": _GLOBAL_POOL,
    "GroupNormalization": {**_NORM, "groups": 32, "axis": -1},
    "Hashing": {"num_bins": REQUIRED, "salt": None, "mask_value": None},
    "Identity": {},
    "LSTM": {**_SEQUENCES, "recurrent_activation": "sigmoid", "unit_forget_bias": True},
    "LayerNormalization": {**_NORM, "axis": -1},
    "LeakyReLU": {"negative_slope": 0.3},
    "Lookup": _TABLE,
    "Masking": {"mask_value": 0.0},
    "MaxPooling1D": _POOL,
    "MaxPooling2D": _POOL,
    "Maximum": {},
    "Minimum": {},
    "MultiHeadAttention": {
        "num_heads": REQUIRED,
        "key_dim": REQUIRED,
        "value_dim": None,
        "output_shape": None,
        "attention_axes": None,
        "dropout": 0.0,
        **_KERNEL,
    },
    "Multiply": {},
    "Normalization": {"axis": -1, "mean": None, "variance": None, "invert": False},
    "PReLU": {**_weight("alpha", _ZEROS), "shared_axes": None},
    "Permute": {"dims": REQUIRED},
    "ReLU": {"max_value": None, "negative_slope": 0.0, "threshold": 0.0},
    "RepeatVector": {"n": REQUIRED},
    "Rescaling": {"scale": REQUIRED, "offset": 0.0},
    "Reshape": {"target_shape": REQUIRED},
    "SeparableConv1D": _separable(1),
    "SeparableConv2D": _separable(2),
    "SimpleRNN": _SEQUENCES,
    "Softmax": {"axis": -1},
    "SpatialDropout1D": {"rate": REQUIRED, "seed": None},
    "SpatialDropout2D": {"rate": REQUIRED, "seed": None},
    "Subtract": {},
    "TimeDistributed": {"layer": REQUIRED},
    "UnitNormalization": {"axis": -1},
    "UpSampling1D": {"size": 2},
    "UpSampling2D": {"size": [2, 2], "interpolation": "nearest", **_CHANNELS},
    "Variable": {"shape": REQUIRED, "weight_regularizer": None, "weight_constraint": None},
    "Words": {**_TABLE, "standardize": None, "split": None, "ngrams": None, "length": None, "filling": 0},
    "ZeroPadding1D": {"padding": [1, 1]},
    "ZeroPadding2D": {"padding": [[1, 1], [1, 1]], **_CHANNELS},
}

RECURRENT: FrozenSet[str] = frozenset(["GRU", "LSTM", "SimpleRNN"])
STATEFUL = RECURRENT | {"Bidirectional"}  # classes that may be called with initial states
TABLES: FrozenSet[str] = frozenset(["Discretization", "Hashing", "Lookup", "Words"])  # classes of this package
# Classes of Keras that a graph has as tables and ops.
LOOKUPS: FrozenSet[str] = frozenset(
    "CategoryEncoding Discretization Hashing IntegerLookup StringLookup TextVectorization".split()
)
WRAPPED = ("layer", "backward_layer")  # fields that hold a layer

# Fields that Keras 3 renamed: class -> {name in Keras 3: name in Keras 2}.
KERAS_2_NAMES: Mapping[str, Mapping[str, str]] = {"LeakyReLU": {"negative_slope": "alpha"}}

# The first TensorFlow release whose Keras has a class, or a field of it ("Class.field"). Everything else is in 2.4.
FIRST_RELEASE: Mapping[str, Tuple[int, int]] = {
    "Attention.score_mode": (2, 9),
    "DepthwiseConv1D": (2, 7),
    "EinsumDense": (2, 10),
    "GaussianDropout.seed": (2, 7),
    "GaussianNoise.seed": (2, 7),
    "GlobalAveragePooling1D.keepdims": (2, 6),
    "GlobalAveragePooling2D.keepdims": (2, 6),
    "GlobalMaxPooling1D.keepdims": (2, 6),
    "GlobalMaxPooling2D.keepdims": (2, 6),
    "GroupNormalization": (2, 11),
    "Identity": (2, 12),
    "Normalization.invert": (2, 10),
    "Normalization.mean": (2, 6),
    "UnitNormalization": (2, 9),
}

# What to write instead of a class that some Keras lacks in every release.
REPLACEMENTS: Mapping[str, str] = {
    "ThresholdedReLU": "Keras 3 does not have it: use ReLU(threshold=theta)",
    "SyncBatchNormalization": "use BatchNormalization: the two predict the same",
    "CuDNNLSTM": "use LSTM(units)",
    "CuDNNGRU": "use GRU(units, reset_after=True)",
}


def widened_dtype(name: str, float64: bool) -> str:
    """Return float64 for a floating dtype if `float64`, otherwise the dtype itself."""
    return "float64" if float64 and name in FLOATS else name
