"""Faults planted in a live reader, by name: a library that computes something else, or a step that is left out.

`replay` takes the place of the task of that name: it replays while one fault is in force, and takes the change back.
All faults are for the transformers runtime; those in an encoder are for a BERT of two layers. Python 3.8 syntax:
`faulty_worker.py` imports it.
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

Original = Callable[..., Any]
Change = Callable[[Any], Any]  # changes a result in place, or returns the replacement of a function
Fault = Callable[[], ContextManager[None]]

_PACKAGE = "bert_bundle."
_ENCODERS = _PACKAGE + "encoders.transformers"
_FLOAT64 = "float64"
_SECOND = "encoder.layer.1."


def replay(
    *, progress: Any, bundle: str, fault: str, runtime: str = AUTO, where: Mapping[str, str] = MappingProxyType({})
) -> Dict[str, Any]:
    """Replay as `tasks.replay` does, with `fault` in force if the packages of `where` have these versions."""
    planted = all(installed.version(name) == version for name, version in where.items())
    with FAULTS[fault]() if planted else contextlib.nullcontext():
        return observe(open_bundle(bundle), runtime, progress)


@contextlib.contextmanager
def replaced(module: str, name: str, by: Change) -> Iterator[None]:
    """Replace `name` of a module by what `by` returns for it, while the context lasts."""
    owner = importlib.import_module(module)
    original = getattr(owner, name)
    setattr(owner, name, by(original))
    try:
        yield
    finally:
        setattr(owner, name, original)


def _in_package(module: str, name: str, by: Change) -> Fault:
    return lambda: replaced(_PACKAGE + module, name, by)


def _result(change: Change) -> Change:
    """Wrap a function so that its result is changed in place."""

    def by(original: Original) -> Original:
        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            made = original(*args, **kwargs)
            change(made)
            return made

        return wrapper

    return by


def _arguments(**changes: Change) -> Change:
    """Wrap a function so that named arguments are changed; one that is not given is passed as None to its change."""

    def by(original: Original) -> Original:
        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return original(*args, **{**kwargs, **{name: change(kwargs.get(name)) for name, change in changes.items()}})

        return wrapper

    return by


# Encoders, after they are built.


def _encoder(change: Change) -> Fault:
    return lambda: replaced(_ENCODERS, "build", _result(change))


def _part(encoder: Any, path: str) -> Any:
    part = encoder.bert
    for name in path.split("."):
        part = part[int(name)] if name.isdigit() else getattr(part, name)
    return part


def _called(path: str, by: Change) -> Fault:
    """Wrap the call of a part of the encoder, named by its attributes."""

    def change(encoder: Any) -> None:
        part = _part(encoder, path)
        part.call = by(part.call)

    return _encoder(change)


def _set(path: str, value: Any) -> Fault:
    """Set an attribute of a part of the encoder."""
    holder, _, name = path.rpartition(".")
    return _encoder(lambda encoder: setattr(_part(encoder, holder), name, value))


def _configured(name: str, value: Any) -> Fault:
    """Set a field of the encoder's configuration."""
    return _encoder(lambda encoder: setattr(encoder.config, name, value))


def _tanh_gelu(encoder: Any) -> None:
    """Compute GELU by tanh although the configuration says GELU by erf."""
    from transformers.activations_tf import get_tf_activation

    for layer in encoder.submodules:
        for name in ("intermediate_act_fn", "activation"):
            if "gelu" in getattr(getattr(layer, name, None), "__name__", ""):
                setattr(layer, name, get_tf_activation("gelu_new"))


def _reversed(encoder: Any) -> None:
    encoder.bert.encoder.layer = encoder.bert.encoder.layer[::-1]


def _shortened(encoder: Any) -> None:
    encoder.bert.encoder.layer = encoder.bert.encoder.layer[:-1]


def _backwards(original: Original) -> Original:
    return functools.wraps(original)(lambda states: original(states[:, ::-1]))


def _one_further(_: Any) -> Any:
    return np.arange(1, 17)[None]  # of 16 tokens


# Weights, while they are loaded.


def _named(change: Callable[[str, bool], Any]) -> Fault:
    """Change the name and the layout that a variable has in a checkpoint."""

    def by(original: Original) -> Original:
        return lambda name, family: change(*original(name, family))

    return _in_package("encoders.checkpoint_names", "to_pytorch", by)


def _one_kernel_not_transposed(name: str, transposed: bool) -> Any:
    return name, transposed and name != _SECOND + "attention.self.key.weight"


def _gamma_for_beta(name: str, transposed: bool) -> Any:
    others = {"embeddings.LayerNorm.weight": "bias", "embeddings.LayerNorm.bias": "weight"}
    return name.rpartition(".")[0] + "." + others[name] if name in others else name, transposed


def _weights(change: Callable[[str, str, Any], Any]) -> Fault:
    """Change every tensor of an encoder: `change` takes the encoder's dtype, the tensor's name and its array."""

    def by(original: Original) -> Original:
        def assign(encoder: Any, weights: Mapping[str, Any], *args: Any) -> None:
            original(encoder, {name: change(encoder.dtype, name, array) for name, array in weights.items()}, *args)

        return assign

    return lambda: replaced(_ENCODERS, "assign", by)


def _as_float16(array: Any) -> Any:
    return array.astype(np.float16).astype(array.dtype)


def _statistics_lost(original: Original) -> Original:
    def assign(layers: Any, tensors: Mapping[str, Any], *args: Any) -> None:
        original(
            layers, {n: np.ones_like(a) if n.endswith("moving_variance") else a for n, a in tensors.items()}, *args
        )

    return assign


def _made(class_name: str, change: Change) -> Fault:
    """Change the layers of a class after they are made."""

    def by(original: Original) -> Original:
        def make(keras: Any, kind: str, *args: Any) -> Any:
            layer = original(keras, kind, *args)
            if kind == class_name:
                change(layer)
            return layer

        return make

    return _in_package("keras_models.layer_construction", "make", by)


def _on(layer: Any) -> None:
    layer.call = _arguments(training=lambda _: True)(layer.call)


def _along_examples(layer: Any) -> None:
    from tensorflow import nn

    if layer.name == "probabilities":
        original = layer.call
        layer.call = functools.wraps(original)(lambda x: nn.softmax(nn.bias_add(x @ layer.kernel, layer.bias), 0))


def _frozen(rebuilt: Any) -> None:
    rebuilt.layers["probabilities"].trainable = False


def _without_mixed_precision(original: Original) -> Original:
    return lambda keras, kind, name, config, policy, float64: original(
        keras, kind, name, config, policy.replace("mixed_float16", "float32"), float64
    )


def _second_token(original: Original) -> Original:
    def apply(name: str, arguments: Any, floating: str) -> Any:
        key = {"key": [slice(None), 1, slice(None)]} if name == "getitem" else {}
        return original(name, {**arguments, **key}, floating)

    return apply


def _tokenizer(change: Change) -> Fault:
    return _in_package("tokenizer.transformers", "read", _result(change))


def _cased(tokenizer: Any) -> None:
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    state["normalizer"].update(lowercase=False, strip_accents=False)
    tokenizer._tokenizer = type(tokenizer.backend_tokenizer).from_str(json.dumps(state))


def _bare(tokenizer: Any) -> None:
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    tokenizer._tokenizer = type(tokenizer.backend_tokenizer).from_str(json.dumps({**state, "post_processor": None}))


def _training(original: Original) -> Original:
    def predict(runtime: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        return original(runtime, lambda rows, training: model(rows, training=True), *args, **kwargs)

    return predict


def _other_order(original: Original) -> Original:
    def nested(graph: Any, rows: Any) -> Any:
        first, second, *rest = original(graph, rows)
        return [second, first, *rest]

    return nested


def _native_instead_of_float64(original: Original) -> Original:
    return lambda graph, configs, runtime, float64=False: original(graph, configs, runtime)


def _coarse_erf(original: Original) -> Original:
    """Replace erf by Abramowitz and Stegun 7.1.25, which is accurate to 2.5e-5."""

    def erf(x: Any, *args: Any, **kwargs: Any) -> Any:
        import tensorflow as tf

        t = 1.0 / (1.0 + 0.47047 * tf.abs(x))
        series = t * (0.3480242 + t * (-0.0958798 + t * 0.7478556))
        return tf.sign(x) * (1.0 - series * tf.exp(-x * x))

    return erf


def _coarse_product(original: Original) -> Original:
    """Compute float32 matrix products through bfloat16, as accelerators do."""

    def matmul(a: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
        import tensorflow as tf

        given: List[Any] = [a, b]
        if a.dtype == tf.float32:
            given = [tf.cast(tf.cast(x, tf.bfloat16), tf.float32) for x in given]
        return original(*given, *args, **kwargs)

    return matmul


FAULTS: Mapping[str, Fault] = {
    "tanh GELU": _encoder(_tanh_gelu),
    "an erf good to 2.5e-5": lambda: replaced("tensorflow.python.ops.math_ops", "erf", _coarse_erf),
    "matrix products through bfloat16": lambda: replaced("tensorflow", "matmul", _coarse_product),
    "the mask ignored": _called(_SECOND + "attention.self_attention", _arguments(attention_mask=lambda mask: None)),
    "the mask's constant": _called(
        "encoder.layer.0.attention.self_attention", _arguments(attention_mask=lambda mask: mask * 1e-4)
    ),
    "token types ignored": _called("embeddings", _arguments(token_type_ids=lambda types: None)),
    "positions off by one": _called("embeddings", _arguments(position_ids=_one_further)),
    "attention not scaled": _set(_SECOND + "attention.self_attention.sqrt_att_head_size", 1.0),
    "epsilon of one layer": _set(_SECOND + "attention.dense_output.LayerNorm.epsilon", 1e-3),
    "a residual lost": _called("encoder.layer.0.bert_output", _arguments(input_tensor=lambda x: x * 0)),
    "layers in reverse": _encoder(_reversed),
    "the last layer left out": _encoder(_shortened),
    "the pooler's activation dropped": _set("pooler.dense.activation", lambda x: x),
    "the pooler of the last token": _called("pooler", _backwards),
    "dropout left on": _in_package("keras_models.prediction", "predict", _training),
    "one dropout left on": _made("Dropout", _on),
    "statistics of the batch": _made("BatchNormalization", _on),
    "running variance lost": _in_package("keras_models.weights", "assign", _statistics_lost),
    "softmax over the examples": _made("Dense", _along_examples),
    "a kernel not transposed": _named(_one_kernel_not_transposed),
    "gamma for beta": _named(_gamma_for_beta),
    "a bias not loaded": _weights(lambda _, name, array: array * 0 if name == _SECOND + "output.dense.bias" else array),
    "weights in half precision": _weights(lambda _, name, array: _as_float16(array)),
    "half precision in the native replay": _weights(
        lambda d, name, array: array if d == _FLOAT64 else _as_float16(array)
    ),
    "half precision in the float64 replay": _weights(
        lambda d, name, array: _as_float16(array) if d == _FLOAT64 else array
    ),
    "float32 in the float64 replay": _in_package("keras_models.rebuild", "rebuild", _native_instead_of_float64),
    "two inputs swapped": _in_package("keras_models.prediction", "_nested", _other_order),
    "lower-casing lost": _tokenizer(_cased),
    "cut on the left": _tokenizer(lambda tokenizer: setattr(tokenizer, "truncation_side", "left")),
    "padded on the left": _tokenizer(lambda tokenizer: setattr(tokenizer, "padding_side", "left")),
    "no special tokens": _tokenizer(_bare),
    "another token taken": _in_package("keras_models.keras2", "apply", _second_token),
    "a dropout rate lost": _made("Dropout", lambda layer: setattr(layer, "rate", 0.0)),
    "an encoder's dropout rate lost": _configured("hidden_dropout_prob", 0.0),
    "label names permuted": _configured("id2label", {0: "LABEL_1", 1: "LABEL_0"}),
    "a regulariser lost": _made("Dense", lambda layer: setattr(layer, "kernel_regularizer", None)),
    "a layer renamed": _made("Dropout", lambda layer: setattr(layer, "_name", "dropout_1")),
    "a frozen part thawed": lambda: replaced(_ENCODERS, "set_flags", lambda original: lambda *args: None),
    "a layer frozen": _in_package("keras_models.rebuild", "rebuild", _result(_frozen)),
    "half precision lost": _in_package("keras_models.layer_construction", "make", _without_mixed_precision),
}
