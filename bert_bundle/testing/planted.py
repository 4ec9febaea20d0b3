"""Faults planted in a live reader: libraries that compute something else than they say, each by name.

Owns what is changed and takes it back; knows nothing of who should notice. The task `fault.replay` is a replay while
one of them is in force. All are of the transformers runtime; those of an encoder are of a BERT of two layers.
"""

import contextlib
import functools
import importlib
import json
from types import MappingProxyType
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Mapping

import numpy as np

from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.interpreter import installed
from bert_bundle.keras_models.runtime import AUTO
from bert_bundle.loading.replay import observe

Honest = Callable[..., Any]
Change = Callable[[Any], Any]  # of what was made, in place; or of a function, whose replacement it returns
Fault = Callable[[], ContextManager[None]]

_PACKAGE = __package__.rpartition(".")[0] + "."
_ENCODERS = _PACKAGE + "encoders.transformers"
_FLOAT64 = "float64"
_SECOND = "encoder.layer.1."


def replay(
    *, progress: Any, bundle: str, fault: str, runtime: str = AUTO, where: Mapping[str, str] = MappingProxyType({})
) -> Dict[str, Any]:
    """What `tasks.replay` answers where `fault` is in force: where the packages of `where` have these versions."""
    with FAULTS[fault]() if installed.holds(where) else contextlib.nullcontext():
        return observe(open_bundle(bundle), runtime, progress)


@contextlib.contextmanager
def replaced(module: str, name: str, by: Change) -> Iterator[None]:
    """While inside, `name` in a module is what `by` makes of it."""
    owner = importlib.import_module(module)
    honest = getattr(owner, name)
    setattr(owner, name, by(honest))
    try:
        yield
    finally:
        setattr(owner, name, honest)


def _ours(module: str, name: str, by: Change) -> Fault:
    return lambda: replaced(_PACKAGE + module, name, by)


def _then(change: Change) -> Change:
    """A function whose result is changed in place before anybody sees it."""

    def by(honest: Honest) -> Honest:
        @functools.wraps(honest)
        def then(*args: Any, **kwargs: Any) -> Any:
            made = honest(*args, **kwargs)
            change(made)
            return made

        return then

    return by


def _given(**changes: Change) -> Change:
    """A function whose named arguments are changed before it sees them; one that is not given is None."""

    def by(honest: Honest) -> Honest:
        @functools.wraps(honest)
        def given(*args: Any, **kwargs: Any) -> Any:
            return honest(*args, **{**kwargs, **{name: change(kwargs.get(name)) for name, change in changes.items()}})

        return given

    return by


# Encoders, once they are built.


def _encoder(change: Change) -> Fault:
    return lambda: replaced(_ENCODERS, "build", _then(change))


def _part(encoder: Any, path: str) -> Any:
    part = encoder.bert
    for name in path.split("."):
        part = part[int(name)] if name.isdigit() else getattr(part, name)
    return part


def _called(path: str, by: Change) -> Fault:
    """A part of the encoder, by attributes, whose call is what `by` makes of it."""

    def change(encoder: Any) -> None:
        part = _part(encoder, path)
        part.call = by(part.call)

    return _encoder(change)


def _set(path: str, value: Any) -> Fault:
    """An attribute of a part of the encoder."""
    holder, _, name = path.rpartition(".")
    return _encoder(lambda encoder: setattr(_part(encoder, holder), name, value))


def _configured(name: str, value: Any) -> Fault:
    """A field of the configuration that the encoder keeps."""
    return _encoder(lambda encoder: setattr(encoder.config, name, value))


def _tanh_gelu(encoder: Any) -> None:
    """GELU by tanh where the configuration says GELU by erf."""
    from transformers.activations_tf import get_tf_activation

    for layer in encoder.submodules:
        for name in ("intermediate_act_fn", "activation"):
            if "gelu" in getattr(getattr(layer, name, None), "__name__", ""):
                setattr(layer, name, get_tf_activation("gelu_new"))


def _reversed(encoder: Any) -> None:
    encoder.bert.encoder.layer = encoder.bert.encoder.layer[::-1]


def _shortened(encoder: Any) -> None:
    encoder.bert.encoder.layer = encoder.bert.encoder.layer[:-1]


def _backwards(honest: Honest) -> Honest:
    return functools.wraps(honest)(lambda states: honest(states[:, ::-1]))


def _one_further(_: Any) -> Any:
    return np.arange(1, 17)[None]  # of 16 tokens


# Weights, on their way in.


def _named(change: Callable[[str, bool], Any]) -> Fault:
    """A variable's name and layout in a checkpoint, as `change` has them."""

    def by(honest: Honest) -> Honest:
        return lambda name, family: change(*honest(name, family))

    return _ours("encoders.checkpoint_names", "to_pytorch", by)


def _as_it_lies(name: str, transposed: bool) -> Any:
    return name, transposed and name != _SECOND + "attention.self.key.weight"


def _gamma_for_beta(name: str, transposed: bool) -> Any:
    others = {"embeddings.LayerNorm.weight": "bias", "embeddings.LayerNorm.bias": "weight"}
    return name.rpartition(".")[0] + "." + others[name] if name in others else name, transposed


def _weights(change: Callable[[str, str, Any], Any]) -> Fault:
    """Every tensor of an encoder as `change` has it: of the encoder's dtype, the tensor's name and its array."""

    def by(honest: Honest) -> Honest:
        def assign(encoder: Any, weights: Mapping[str, Any], *args: Any) -> None:
            honest(encoder, {name: change(encoder.dtype, name, array) for name, array in weights.items()}, *args)

        return assign

    return lambda: replaced(_ENCODERS, "assign", by)


def _half(array: Any) -> Any:
    return array.astype(np.float16).astype(array.dtype)


def _statistics_lost(honest: Honest) -> Honest:
    def assign(layers: Any, tensors: Mapping[str, Any], *args: Any) -> None:
        honest(layers, {n: np.ones_like(a) if n.endswith("moving_variance") else a for n, a in tensors.items()}, *args)

    return assign


# Layers of the head.


def _made(class_name: str, change: Change) -> Fault:
    """Layers of a class, once they are made."""

    def by(honest: Honest) -> Honest:
        def make(keras: Any, kind: str, *args: Any) -> Any:
            layer = honest(keras, kind, *args)
            if kind == class_name:
                change(layer)
            return layer

        return make

    return _ours("keras_models.layer_construction", "make", by)


def _on(layer: Any) -> None:
    layer.call = _given(training=lambda _: True)(layer.call)


def _along_examples(layer: Any) -> None:
    from tensorflow import nn

    if layer.name == "probabilities":
        honest = layer.call
        layer.call = functools.wraps(honest)(lambda x: nn.softmax(nn.bias_add(x @ layer.kernel, layer.bias), 0))


def _frozen(rebuilt: Any) -> None:
    rebuilt.layers["probabilities"].trainable = False


def _in_single(honest: Honest) -> Honest:
    return lambda keras, kind, name, config, policy, float64: honest(
        keras, kind, name, config, policy.replace("mixed_float16", "float32"), float64
    )


def _second_token(honest: Honest) -> Honest:
    def apply(name: str, arguments: Any, floating: str) -> Any:
        key = {"key": [slice(None), 1, slice(None)]} if name == "getitem" else {}
        return honest(name, {**arguments, **key}, floating)

    return apply


# Texts.


def _tokenizer(change: Change) -> Fault:
    return _ours("tokenizer.transformers", "read", _then(change))


def _cased(tokenizer: Any) -> None:
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    state["normalizer"].update(lowercase=False, strip_accents=False)
    tokenizer._tokenizer = type(tokenizer.backend_tokenizer).from_str(json.dumps(state))


def _bare(tokenizer: Any) -> None:
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    tokenizer._tokenizer = type(tokenizer.backend_tokenizer).from_str(json.dumps({**state, "post_processor": None}))


# Predictions.


def _training(honest: Honest) -> Honest:
    def predict(runtime: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        return honest(runtime, lambda rows, training: model(rows, training=True), *args, **kwargs)

    return predict


def _other_order(honest: Honest) -> Honest:
    def nested(graph: Any, rows: Any) -> Any:
        first, second, *rest = honest(graph, rows)
        return [second, first, *rest]

    return nested


def _not_in_double(honest: Honest) -> Honest:
    return lambda graph, configs, runtime, float64=False: honest(graph, configs, runtime)


def _coarse_erf(honest: Honest) -> Honest:
    """Abramowitz and Stegun 7.1.25, which is good to 2.5e-5."""

    def erf(x: Any, *args: Any, **kwargs: Any) -> Any:
        import tensorflow as tf

        t = 1.0 / (1.0 + 0.47047 * tf.abs(x))
        series = t * (0.3480242 + t * (-0.0958798 + t * 0.7478556))
        return tf.sign(x) * (1.0 - series * tf.exp(-x * x))

    return erf


def _coarse_product(honest: Honest) -> Honest:
    """A matrix product through bfloat16 where it is in single precision, as accelerators have it."""

    def matmul(a: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
        import tensorflow as tf

        given: List[Any] = [a, b]
        if a.dtype == tf.float32:
            given = [tf.cast(tf.cast(x, tf.bfloat16), tf.float32) for x in given]
        return honest(*given, *args, **kwargs)

    return matmul


FAULTS: Mapping[str, Fault] = {
    "tanh GELU": _encoder(_tanh_gelu),
    "an erf good to 2.5e-5": lambda: replaced("tensorflow.python.ops.math_ops", "erf", _coarse_erf),
    "matrix products through bfloat16": lambda: replaced("tensorflow", "matmul", _coarse_product),
    "the mask ignored": _called(_SECOND + "attention.self_attention", _given(attention_mask=lambda mask: None)),
    "the mask's constant": _called(
        "encoder.layer.0.attention.self_attention", _given(attention_mask=lambda mask: mask * 1e-4)
    ),
    "token types ignored": _called("embeddings", _given(token_type_ids=lambda types: None)),
    "positions off by one": _called("embeddings", _given(position_ids=_one_further)),
    "attention not scaled": _set(_SECOND + "attention.self_attention.sqrt_att_head_size", 1.0),
    "epsilon of one layer": _set(_SECOND + "attention.dense_output.LayerNorm.epsilon", 1e-3),
    "a residual lost": _called("encoder.layer.0.bert_output", _given(input_tensor=lambda x: x * 0)),
    "layers in reverse": _encoder(_reversed),
    "the last layer left out": _encoder(_shortened),
    "the pooler's activation dropped": _set("pooler.dense.activation", lambda x: x),
    "the pooler of the last token": _called("pooler", _backwards),
    "dropout left on": _ours("keras_models.prediction", "predict", _training),
    "one dropout left on": _made("Dropout", _on),
    "statistics of the batch": _made("BatchNormalization", _on),
    "running variance lost": _ours("keras_models.weights", "assign", _statistics_lost),
    "softmax over the examples": _made("Dense", _along_examples),
    "a kernel not transposed": _named(_as_it_lies),
    "gamma for beta": _named(_gamma_for_beta),
    "a bias not loaded": _weights(lambda _, name, array: array * 0 if name == _SECOND + "output.dense.bias" else array),
    "weights in half precision": _weights(lambda _, name, array: _half(array)),
    "half precision in the native replay": _weights(lambda d, name, array: array if d == _FLOAT64 else _half(array)),
    "half precision in the float64 replay": _weights(lambda d, name, array: _half(array) if d == _FLOAT64 else array),
    "float32 in the float64 replay": _ours("keras_models.rebuild", "rebuild", _not_in_double),
    "two inputs swapped": _ours("keras_models.prediction", "_nested", _other_order),
    "lower-casing lost": _tokenizer(_cased),
    "cut on the left": _tokenizer(lambda tokenizer: setattr(tokenizer, "truncation_side", "left")),
    "padded on the left": _tokenizer(lambda tokenizer: setattr(tokenizer, "padding_side", "left")),
    "no special tokens": _tokenizer(_bare),
    "another token taken": _ours("keras_models.keras2", "apply", _second_token),
    "a dropout rate lost": _made("Dropout", lambda layer: setattr(layer, "rate", 0.0)),
    "an encoder's dropout rate lost": _configured("hidden_dropout_prob", 0.0),
    "label names permuted": _configured("id2label", {0: "LABEL_1", 1: "LABEL_0"}),
    "a regulariser lost": _made("Dense", lambda layer: setattr(layer, "kernel_regularizer", None)),
    "a layer renamed": _made("Dropout", lambda layer: setattr(layer, "_name", "dropout_1")),
    "a frozen part thawed": lambda: replaced(_ENCODERS, "set_flags", lambda honest: lambda *args: None),
    "a layer frozen": _ours("keras_models.rebuild", "rebuild", _then(_frozen)),
    "half precision lost": _ours("keras_models.layer_construction", "make", _in_single),
}
