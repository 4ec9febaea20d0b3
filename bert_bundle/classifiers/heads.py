"""What stands between an encoder and the outputs, from plain data: poolings, layers, blocks. Owns no encoder.

Each is put together with a `Kit`, so that both runtimes build the same of it.
"""

from typing import Any, Callable, Dict, List, Mapping

from bert_bundle.classifiers.kit import RuntimeBuilder

Hidden = Mapping[str, Any]  # outputs of an encoder by name
Pooling = Callable[[RuntimeBuilder, Hidden, Any], Any]  # (kit, outputs, attention mask) -> (n, features)


def pool(kit: RuntimeBuilder, name: str, outputs: Hidden, mask: Any) -> Any:
    """The state of one text, (n, features), from an encoder's outputs and the mask, (n, length)."""
    return POOLINGS[name](kit, outputs, mask)


def stack(kit: RuntimeBuilder, x: Any, items: List[Any], prefix: str = "dense") -> Any:
    """What `items` make of (n, features), in their order.

    A number is a Dense layer of so many units; an object has one key: `layer` (a class of Keras, with its `config`),
    `op` (of one operand, by its keras.ops name), or the name of a block of `BLOCKS` with its argument.
    """
    for index, item in enumerate(items):
        name = "{}_{}".format(prefix, index)
        if isinstance(item, int):
            x = kit.layers.Dense(item, activation="relu", name=name)(x)
        elif "layer" in item:
            x = getattr(kit.layers, item["layer"])(name=name, **item.get("config", {}))(x)
        elif "op" in item:
            x = kit.op(item["op"], x=x)
        else:
            ((block, argument),) = item.items()
            x = BLOCKS[block](kit, x, argument, name)
    return x


def _weight(kit: RuntimeBuilder, mask: Any) -> Any:
    return kit.op("cast", x=kit.op("expand_dims", x=mask, axis=-1), dtype="float32")


def _mean(kit: RuntimeBuilder, outputs: Hidden, mask: Any) -> Any:
    hidden, weight = outputs["last_hidden_state"], _weight(kit, mask)
    count = kit.op("maximum", x1=kit.op("sum", x=weight, axis=1), x2=1e-9)
    return kit.op("sum", x=hidden * weight, axis=1) / count


def _max(kit: RuntimeBuilder, outputs: Hidden, mask: Any) -> Any:
    return kit.op("max", x=outputs["last_hidden_state"] - (1.0 - _weight(kit, mask)) * 1e4, axis=1)


def _last_four(kit: RuntimeBuilder, outputs: Hidden, mask: Any) -> Any:
    states = list(outputs["hidden_states"][-4:])
    return kit.layers.Average(name="last_four")(states)[:, 0, :]


def _by(layer: Callable[[RuntimeBuilder], Any]) -> Pooling:
    return lambda kit, outputs, mask: layer(kit)(outputs["last_hidden_state"])


def _attention(kit: RuntimeBuilder, outputs: Hidden, mask: Any) -> Any:
    hidden = outputs["last_hidden_state"]
    attended = kit.layers.MultiHeadAttention(2, 5, name="attention")(hidden, hidden)
    return kit.layers.GlobalAveragePooling1D(name="mean")(attended)


def _convolution(kit: RuntimeBuilder, outputs: Hidden, mask: Any) -> Any:
    x = kit.layers.Conv1D(6, 2, padding="same", activation="relu", name="conv")(outputs["last_hidden_state"])
    return kit.layers.GlobalMaxPooling1D(name="longest")(x)


POOLINGS: Mapping[str, Pooling] = {
    "first_token": lambda kit, outputs, mask: outputs["last_hidden_state"][:, 0, :],
    "pooler": lambda kit, outputs, mask: outputs["pooler_output"],
    "two_tokens": lambda kit, outputs, mask: (
        outputs["last_hidden_state"][:, 0] + outputs["last_hidden_state"][:, 1] * 0.5
    ),
    "mean": _mean,
    "max": _max,
    "last_four": _last_four,
    "average": _by(lambda kit: kit.layers.GlobalAveragePooling1D(name="average")),
    "longest": _by(lambda kit: kit.layers.GlobalMaxPooling1D(name="longest")),
    "gru": _by(lambda kit: kit.layers.GRU(6, name="gru")),
    "lstm": _by(lambda kit: kit.layers.LSTM(5, name="lstm")),
    "both_ways": _by(lambda kit: kit.layers.Bidirectional(kit.layers.LSTM(4, name="lstm"), name="both_ways")),
    "convolution": _convolution,
    "attention": _attention,
    "lambda": _by(lambda kit: kit.layers.Lambda(lambda t: t[:, 0] * 0.5 - t[:, 1], name="first_two")),
}


def _nested(kit: RuntimeBuilder, x: Any, items: Any, name: str) -> Any:
    inside = kit.keras.Input((int(x.shape[-1]),), name="state")
    return kit.keras.Model(inside, stack(kit, inside, items), name=name)(x)


def _sequential(kit: RuntimeBuilder, x: Any, items: Any, name: str) -> Any:
    model = kit.keras.Sequential(name=name)
    model.add(kit.keras.Input((int(x.shape[-1]),), name="state"))
    for index, units in enumerate(items):
        model.add(kit.layers.Dense(units, activation="tanh", name="dense_{}".format(index)))  # names as outside
    return model(x)


def _residual(kit: RuntimeBuilder, x: Any, activation: Any, name: str) -> Any:
    return x + kit.layers.Dense(int(x.shape[-1]), activation=activation, name=name)(x)


def _shared(kit: RuntimeBuilder, x: Any, activation: Any, name: str) -> Any:
    layer = kit.layers.Dense(int(x.shape[-1]), activation=activation, name=name)
    return layer(layer(x))


def _lambda(kit: RuntimeBuilder, x: Any, factor: Any, name: str) -> Any:
    return kit.layers.Lambda(lambda t: 1.0 - t * factor, name=name)(x)


def _custom(kit: RuntimeBuilder, x: Any, units: Any, name: str) -> Any:
    class Scaled(kit.keras.layers.Layer):  # type: ignore[misc,name-defined]
        """A layer of the caller's: a weight of its own, a layer within, plain arithmetic."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.inner = kit.layers.Dense(units, activation="tanh", name="inner")

        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(name="scale", shape=(int(shape[-1]),), initializer="ones")
            self.inner.build((None, int(shape[-1])))
            super().build(shape)

        def call(self, states: Any) -> Any:
            return self.inner(states * self.scale)

    return Scaled(name=name)(x)


BLOCKS: Mapping[str, Callable[[RuntimeBuilder, Any, Any, str], Any]] = {
    "nested": _nested,
    "sequential": _sequential,
    "residual": _residual,
    "shared": _shared,
    "lambda": _lambda,
    "custom": _custom,
}


def image(kit: RuntimeBuilder, tensor: Any, name: str) -> Any:
    """(n, height, width, channels) -> (n, 3)."""
    x = kit.layers.Conv2D(3, 2, activation="relu", name=name + "_conv")(tensor)
    return kit.layers.GlobalAveragePooling2D(name=name + "_pool")(x)


def beside(kit: RuntimeBuilder, record: Mapping[str, Any]) -> Dict[str, Any]:
    """An input beside the text, and (n, features) of it: {"input": ..., "state": ...}."""
    name, shape, dtype = record["name"], tuple(record["shape"]), record["dtype"]
    tensor = kit.keras.Input(shape, dtype=dtype, name=name)
    if len(shape) == 3:
        return {"input": tensor, "state": image(kit, tensor, name)}
    if dtype == "int32":
        table = kit.layers.Embedding(5, 3, name=name + "_table")(tensor)
        return {"input": tensor, "state": kit.layers.Flatten(name=name + "_flat")(table)}
    return {"input": tensor, "state": tensor}
