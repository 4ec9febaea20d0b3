"""The part of a model between the encoder and the outputs, from plain data: poolings, layers, blocks.

Everything is built with a `ModelBuilder`, so that both runtimes build the same model.
"""

from typing import Any, Callable, List, Mapping, Tuple

from bert_bundle.classifiers.model_builder import ModelBuilder

Hidden = Mapping[str, Any]  # outputs of an encoder by name
Pooling = Callable[[ModelBuilder, Hidden, Any], Any]  # (builder, outputs, attention mask) -> (n, features)


def pool(builder: ModelBuilder, name: str, outputs: Hidden, mask: Any) -> Any:
    """Reduce an encoder's outputs to one state per text, (n, features); the mask is (n, length)."""
    return POOLINGS[name](builder, outputs, mask)


def stack(builder: ModelBuilder, x: Any, items: List[Any], prefix: str = "dense") -> Any:
    """Apply `items` in order to (n, features).

    A number is a Dense layer with that many units. An object has one key: `layer` (a Keras class, with its `config`),
    `op` (the keras.ops name of an op with one operand), or the name of a block in `BLOCKS` with its argument.
    """
    for index, item in enumerate(items):
        name = "{}_{}".format(prefix, index)
        if isinstance(item, int):
            x = builder.layers.Dense(item, activation="relu", name=name)(x)
        elif "layer" in item:
            x = getattr(builder.layers, item["layer"])(name=name, **item.get("config", {}))(x)
        elif "op" in item:
            x = builder.op(item["op"], x=x)
        else:
            ((block, argument),) = item.items()
            x = BLOCKS[block](builder, x, argument, name)
    return x


def _weight(builder: ModelBuilder, mask: Any) -> Any:
    return builder.op("cast", x=builder.op("expand_dims", x=mask, axis=-1), dtype="float32")


def _mean(builder: ModelBuilder, outputs: Hidden, mask: Any) -> Any:
    hidden, weight = outputs["last_hidden_state"], _weight(builder, mask)
    count = builder.op("maximum", x1=builder.op("sum", x=weight, axis=1), x2=1e-9)
    return builder.op("sum", x=hidden * weight, axis=1) / count


def _max(builder: ModelBuilder, outputs: Hidden, mask: Any) -> Any:
    return builder.op("max", x=outputs["last_hidden_state"] - (1.0 - _weight(builder, mask)) * 1e4, axis=1)


def _last_four(builder: ModelBuilder, outputs: Hidden, mask: Any) -> Any:
    states = list(outputs["hidden_states"][-4:])
    return builder.layers.Average(name="last_four")(states)[:, 0, :]


def _by(layer: Callable[[ModelBuilder], Any]) -> Pooling:
    return lambda builder, outputs, mask: layer(builder)(outputs["last_hidden_state"])


def _attention(builder: ModelBuilder, outputs: Hidden, mask: Any) -> Any:
    hidden = outputs["last_hidden_state"]
    attended = builder.layers.MultiHeadAttention(2, 5, name="attention")(hidden, hidden)
    return builder.layers.GlobalAveragePooling1D(name="mean")(attended)


def _convolution(builder: ModelBuilder, outputs: Hidden, mask: Any) -> Any:
    x = builder.layers.Conv1D(6, 2, padding="same", activation="relu", name="conv")(outputs["last_hidden_state"])
    return builder.layers.GlobalMaxPooling1D(name="longest")(x)


POOLINGS: Mapping[str, Pooling] = {
    "first_token": lambda builder, outputs, mask: outputs["last_hidden_state"][:, 0, :],
    "pooler": lambda builder, outputs, mask: outputs["pooler_output"],
    "two_tokens": lambda builder, outputs, mask: (
        outputs["last_hidden_state"][:, 0] + outputs["last_hidden_state"][:, 1] * 0.5
    ),
    "mean": _mean,
    "max": _max,
    "last_four": _last_four,
    "average": _by(lambda builder: builder.layers.GlobalAveragePooling1D(name="average")),
    "longest": _by(lambda builder: builder.layers.GlobalMaxPooling1D(name="longest")),
    "gru": _by(lambda builder: builder.layers.GRU(6, name="gru")),
    "lstm": _by(lambda builder: builder.layers.LSTM(5, name="lstm")),
    "both_ways": _by(
        lambda builder: builder.layers.Bidirectional(builder.layers.LSTM(4, name="lstm"), name="both_ways")
    ),
    "convolution": _convolution,
    "attention": _attention,
    "lambda": _by(lambda builder: builder.layers.Lambda(lambda t: t[:, 0] * 0.5 - t[:, 1], name="first_two")),
}


def _nested(builder: ModelBuilder, x: Any, items: Any, name: str) -> Any:
    inside = builder.keras.Input((int(x.shape[-1]),), name="state")
    return builder.keras.Model(inside, stack(builder, inside, items), name=name)(x)


def _sequential(builder: ModelBuilder, x: Any, items: Any, name: str) -> Any:
    model = builder.keras.Sequential(name=name)
    model.add(builder.keras.Input((int(x.shape[-1]),), name="state"))
    for index, units in enumerate(items):
        layer_name = "dense_{}".format(index)  # `stack` uses the same names outside of this model
        model.add(builder.layers.Dense(units, activation="tanh", name=layer_name))
    return model(x)


def _residual(builder: ModelBuilder, x: Any, activation: Any, name: str) -> Any:
    return x + builder.layers.Dense(int(x.shape[-1]), activation=activation, name=name)(x)


def _shared(builder: ModelBuilder, x: Any, activation: Any, name: str) -> Any:
    layer = builder.layers.Dense(int(x.shape[-1]), activation=activation, name=name)
    return layer(layer(x))


def _lambda(builder: ModelBuilder, x: Any, factor: Any, name: str) -> Any:
    return builder.layers.Lambda(lambda t: 1.0 - t * factor, name=name)(x)


def _custom(builder: ModelBuilder, x: Any, units: Any, name: str) -> Any:
    class Scaled(builder.keras.layers.Layer):  # type: ignore[misc,name-defined]
        """A user-defined layer with a weight, an inner layer and plain arithmetic."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.inner = builder.layers.Dense(units, activation="tanh", name="inner")

        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(name="scale", shape=(int(shape[-1]),), initializer="ones")
            self.inner.build((None, int(shape[-1])))
            super().build(shape)

        def call(self, states: Any) -> Any:
            return self.inner(states * self.scale)

    return Scaled(name=name)(x)


BLOCKS: Mapping[str, Callable[[ModelBuilder, Any, Any, str], Any]] = {
    "nested": _nested,
    "sequential": _sequential,
    "residual": _residual,
    "shared": _shared,
    "lambda": _lambda,
    "custom": _custom,
}


def token_scores(builder: ModelBuilder, hidden: Any, name: str) -> Any:
    """Return the probability of each token, (n, tokens), from a column that a Dense layer makes of hidden states."""
    column = builder.layers.Dense(1, use_bias=False, name=name + "_column")(hidden)
    return builder.layers.Softmax(name=name)(builder.layers.Flatten(name=name + "_flat")(column))


def _image_features(builder: ModelBuilder, tensor: Any, name: str) -> Any:
    """Reduce (n, height, width, channels) to (n, 3)."""
    x = builder.layers.Conv2D(3, 2, activation="relu", name=name + "_conv")(tensor)
    return builder.layers.GlobalAveragePooling2D(name=name + "_pool")(x)


def extra_input(builder: ModelBuilder, record: Mapping[str, Any]) -> Tuple[Any, Any]:
    """Return an input beside the text, and its features (n, features)."""
    name, shape, dtype = record["name"], tuple(record["shape"]), record["dtype"]
    tensor = builder.keras.Input(shape, dtype=dtype, name=name)
    if len(shape) == 3:
        return tensor, _image_features(builder, tensor, name)
    if dtype == "int32":
        table = builder.layers.Embedding(5, 3, name=name + "_table")(tensor)
        return tensor, builder.layers.Flatten(name=name + "_flat")(table)
    return tensor, tensor
