"""A classifier for every way to write one: the same in every environment and either runtime, by name.

Each is a function that puts a model together with a `Kit`, which says in one way what the two runtimes say in two.
Owns the models; weights, texts and specifications are those of `classifiers`.
"""

from typing import Any, Callable, Dict, List, Mapping

import numpy as np

from bert_bundle.classifiers import heads, vocabularies
from bert_bundle.classifiers.kit import LENGTH, RuntimeBuilder
from bert_bundle.classifiers.specification import BuiltClassifier, randomize
from bert_bundle.encoders import families
from bert_bundle.keras_models import runtime as keras_runtime

Builder = Callable[[RuntimeBuilder], Any]


def specifications() -> List[Dict[str, Any]]:
    """One specification for each way to write a classifier."""
    return [{"name": name, "catalogue": name, "seed": seed} for seed, name in enumerate(BUILDERS)]


def build(specification: Mapping[str, Any], runtime: str = keras_runtime.AUTO) -> BuiltClassifier:
    """The classifier of that name in this environment's Keras; `save` makes its own probes for it."""
    kit, name = RuntimeBuilder(runtime), specification["catalogue"]
    model = BUILDERS[name](kit)
    randomize(model, kit.encoders, specification["seed"])
    family = kit.runtime.encoders.family_of(kit.encoders[0])
    assert family is not None
    tokenizer = vocabularies.tokenizer_of(family.model_type, runtime=kit.runtime.name)
    return BuiltClassifier(model, kit.encoders[0], tokenizer, (), {}, 16 if name == "length_left_open" else LENGTH)


def _hidden(kit: RuntimeBuilder, feeds: Mapping[str, Any], **options: Any) -> Any:
    return kit.call(kit.encoder(**options), feeds)["last_hidden_state"]


def _after_hidden_states(put: Callable[[RuntimeBuilder, Any], Any]) -> Builder:
    """A model whose head is what `put` makes of the last hidden state."""

    def builder(kit: RuntimeBuilder) -> Any:
        feeds = kit.tokens()
        return kit.model(list(feeds.values()), kit.head(put(kit, _hidden(kit, feeds))))

    return builder


def _family(family: str, head: str = "") -> Builder:
    def builder(kit: RuntimeBuilder) -> Any:
        feeds = kit.tokens()
        outputs = kit.call(kit.encoder(family, head), feeds)
        if head == "ForQuestionAnswering":
            results: Any = {"start": outputs["start_logits"], "end": outputs["end_logits"]}
        elif head:
            results = kit.layers.Softmax(name="probabilities")(outputs["logits"])
        else:
            results = kit.head(outputs["last_hidden_state"][:, 0, :])
        used = families.BY_MODEL_TYPE[family].arguments
        return kit.model([tensor for name, tensor in feeds.items() if name in used], results)

    return builder


def _by_itself(head: str) -> Builder:
    def builder(kit: RuntimeBuilder) -> Any:
        encoder = kit.encoder("bert", head)
        if kit.native:  # where an encoder is a layer, not a model
            feeds = kit.tokens()
            return kit.keras.Model(list(feeds.values()), kit.call(encoder, feeds)["logits"], name=encoder.name)
        kit.call(encoder, {"input_ids": kit.runtime.dialect.tensor(np.ones((1, LENGTH), "int32"))})  # makes its weights
        return encoder

    return builder


def _called(form: str) -> Builder:
    def builder(kit: RuntimeBuilder) -> Any:
        feeds, encoder = kit.tokens(), kit.encoder()
        if form == "list" and not kit.native:
            hidden = encoder(list(feeds.values()))[0]
        elif form == "dict" and not kit.native:
            hidden = encoder(feeds)["last_hidden_state"]
        elif form == "tuple" and not kit.native:
            hidden = encoder(feeds["input_ids"], **_without(feeds, "input_ids"), return_dict=False)[0]
        else:
            hidden = encoder(*feeds.values())["last_hidden_state"]
        return kit.model(list(feeds.values()), kit.head(hidden[:, 0]))

    return builder


def _without(feeds: Mapping[str, Any], name: str) -> Dict[str, Any]:
    return {key: tensor for key, tensor in feeds.items() if key != name}


def _pooler(kit: RuntimeBuilder) -> Any:
    feeds = kit.tokens()
    return kit.model(list(feeds.values()), kit.head(kit.call(kit.encoder(), feeds)["pooler_output"]))


def _last_four(kit: RuntimeBuilder) -> Any:
    feeds, wanted = kit.tokens(), "hidden_states"
    outputs = kit.call(kit.encoder(num_hidden_layers=4, wanted=wanted), feeds, wanted)
    return kit.model(list(feeds.values()), kit.head(heads.pool(kit, "last_four", outputs, feeds["attention_mask"])))


def _masked(kind: str) -> Builder:
    def builder(kit: RuntimeBuilder) -> Any:
        feeds = kit.tokens()
        outputs = kit.call(kit.encoder(), feeds)
        return kit.model(list(feeds.values()), kit.head(heads.pool(kit, kind, outputs, feeds["attention_mask"])))

    return builder


def _dense_stack(kit: RuntimeBuilder) -> Any:
    feeds, layers = kit.tokens(), kit.layers
    x = layers.SpatialDropout1D(0.1, name="spatial")(_hidden(kit, feeds))
    x = layers.GlobalMaxPooling1D(name="longest")(x)
    x = layers.Dense(14, kernel_regularizer="l2", bias_constraint="non_neg", name="first")(x)
    x = layers.BatchNormalization(name="batch")(x)
    x = layers.Activation("relu", name="relu")(x)
    x = layers.Dropout(0.3, name="dropout")(x)
    x = layers.Dense(10, activation="tanh", kernel_constraint="max_norm", name="second")(x)
    x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    x = layers.GaussianNoise(0.1, name="noise")(layers.GaussianDropout(0.1, name="gaussian")(x))
    return kit.model(list(feeds.values()), kit.head(x))


def _several_outputs(kit: RuntimeBuilder) -> Any:
    feeds = kit.tokens()
    x = _hidden(kit, feeds)[:, 0, :]
    tags = kit.layers.Dense(5, activation="sigmoid", name="tags")(x)
    score = kit.layers.Dense(1, name="score")(x)
    return kit.model(list(feeds.values()), [kit.head(x), tags, score])


def _one_number(activation: str) -> Builder:
    def builder(kit: RuntimeBuilder) -> Any:
        feeds = kit.tokens()
        return kit.model(list(feeds.values()), kit.head(_hidden(kit, feeds)[:, 0, :], 1, activation))

    return builder


def _two_encoders(kit: RuntimeBuilder) -> Any:
    feeds = kit.tokens()
    first = kit.call(kit.encoder(name="one"), feeds)["pooler_output"]
    second = kit.call(kit.encoder(name="two", hidden_size=20, num_hidden_layers=1), feeds)["pooler_output"]
    joined = kit.layers.Concatenate(name="both")([first, second])
    return kit.model(list(feeds.values()), kit.head(joined))


def _siamese(kit: RuntimeBuilder) -> Any:
    left, right, encoder = kit.tokens("left_"), kit.tokens("right_"), kit.encoder()
    a, b = (kit.call(encoder, feeds)["pooler_output"] for feeds in (left, right))
    joined = kit.layers.Concatenate(name="pair")([a, b, kit.op("absolute", x=a - b)])
    return kit.model([*left.values(), *right.values()], kit.head(joined))


def _image(kit: RuntimeBuilder) -> Any:
    feeds, layers = kit.tokens(), kit.layers
    image = kit.keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    x = layers.GlobalAveragePooling2D(name="pool")(layers.MaxPooling2D(2, name="max")(x))
    joined = layers.Concatenate(name="with_image")([_hidden(kit, feeds)[:, 0, :], x])
    return kit.model([*feeds.values(), image], kit.head(joined))


def _nested(kit: RuntimeBuilder) -> Any:
    feeds, layers = kit.tokens(), kit.layers
    inner = kit.tokens("inner_")
    named = dict(zip(feeds, inner.values()))
    state = layers.Dense(9, name="dense")(_hidden(kit, named)[:, 0, :])  # `dense`, as in the head
    body = kit.keras.Model(list(inner.values()), state, name="body")
    top = kit.keras.Sequential(name="top")
    for layer in (
        kit.keras.Input((9,)),
        layers.Dense(7, activation="relu", name="dense"),
        layers.Dropout(0.2, name="drop"),
    ):
        top.add(layer)
    return kit.model(list(feeds.values()), kit.head(top(body(list(feeds.values())))))


def _unnamed(kit: RuntimeBuilder) -> Any:
    ids, mask = (kit.keras.Input((LENGTH,), dtype="int32") for _ in range(2))
    hidden = _hidden(kit, {"input_ids": ids, "attention_mask": mask})
    return kit.model([ids, mask], kit.head(hidden[:, 0, :]))


def _length_left_open(kit: RuntimeBuilder) -> Any:
    feeds = kit.tokens(length=None)
    pooled = kit.layers.GlobalAveragePooling1D(name="mean")(_hidden(kit, feeds))
    return kit.model(list(feeds.values()), kit.head(pooled))


def _frozen(kit: RuntimeBuilder) -> Any:
    feeds, encoder = kit.tokens(), kit.encoder()
    model = kit.model(list(feeds.values()), kit.head(kit.call(encoder, feeds)["pooler_output"]))
    kit.freeze(encoder, "bert.embeddings", "bert.encoder.layer.0", "bert.encoder.layer.1.output")
    return model


def _shared(kit: RuntimeBuilder) -> Any:
    feeds, dense = kit.tokens(), kit.layers.Dense(16, activation="tanh", name="shared")
    hidden = _hidden(kit, feeds)
    return kit.model(list(feeds.values()), kit.head(dense(dense(hidden[:, 0, :])) + dense(hidden[:, 1, :])))


def _half(kit: RuntimeBuilder) -> Any:
    with kit.runtime.dialect.precision(kit.keras, "mixed_float16"):
        feeds = kit.tokens()
        x = kit.layers.Dense(8, activation="relu", name="dense")(_hidden(kit, feeds)[:, 0, :])
        last = kit.layers.Dense(3, activation="softmax", dtype="float32", name="probabilities")(x)
        return kit.model(list(feeds.values()), last)


def _dict_of_inputs(kit: RuntimeBuilder) -> Any:
    feeds = kit.tokens()
    x = _hidden(kit, feeds)[:, 0, :]
    return kit.model(feeds, {"label": kit.head(x), "length": kit.layers.Dense(1, name="length")(x)})


def _lambda(kit: RuntimeBuilder) -> Any:
    feeds = kit.tokens()
    first = kit.layers.Lambda(lambda t: t[:, 0] * 0.5 + t[:, 1], name="first_two")(_hidden(kit, feeds))
    return kit.model(list(feeds.values()), kit.head(first))


def _custom_layer(kit: RuntimeBuilder, hidden: Any) -> Any:
    class Weighted(kit.keras.layers.Layer):  # type: ignore[misc,name-defined]
        """A layer of the caller's: a weight of its own, a layer within, plain arithmetic."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.inner = kit.layers.Dense(6, activation="tanh", name="inner")

        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(name="scale", shape=(int(shape[-1]),), initializer="ones")
            self.inner.build((None, int(shape[-1])))
            super().build(shape)

        def call(self, states: Any) -> Any:
            return self.inner(states[:, 0, :] * self.scale - states[:, 1, :])

    return Weighted(name="weighted")(hidden)


def _subclassed(kit: RuntimeBuilder) -> Any:
    class Classifier(kit.keras.Model):  # type: ignore[misc,name-defined]
        """A model of the caller's that is no graph: what its `call` does is all there is."""

        def __init__(self, encoder: Any) -> None:
            super().__init__(name="classifier")
            self.encoder = encoder
            self.drop = kit.layers.Dropout(0.2, name="drop")
            self.last = kit.layers.Dense(3, activation="softmax", name="probabilities")

        def call(self, inputs: Any, training: Any = None) -> Any:
            hidden = kit.call(self.encoder, inputs)["last_hidden_state"]
            return self.last(self.drop(hidden[:, 0, :], training=training))

    model = Classifier(kit.encoder())
    if kit.native:  # Keras 3 does not keep what a subclassed model was called on
        feeds = {name: tensor for name, tensor in kit.tokens().items() if name != "token_type_ids"}
        return kit.keras.Model(feeds, model(feeds), name="classifier")
    ones = kit.runtime.dialect.tensor(np.ones((1, LENGTH), "int32"))
    model({"input_ids": ones, "attention_mask": ones})
    return model


def _attention(kit: RuntimeBuilder, hidden: Any) -> Any:
    attended = kit.layers.MultiHeadAttention(2, 5, name="attention")(hidden, hidden)
    return kit.layers.GlobalAveragePooling1D(name="mean")(attended)


def _convolution(kit: RuntimeBuilder, hidden: Any) -> Any:
    x = kit.layers.Conv1D(6, 3, padding="same", activation="relu", name="conv")(hidden)
    return kit.layers.Flatten(name="flat")(kit.layers.MaxPooling1D(2, name="max")(x))


BUILDERS: Mapping[str, Builder] = {
    "called_by_list": _called("list"),
    "called_by_dict": _called("dict"),
    "called_by_position": _called("position"),
    "called_for_a_tuple": _called("tuple"),
    "pooler": _pooler,
    "last_four_hidden_states": _last_four,
    "masked_mean": _masked("mean"),
    "masked_max": _masked("max"),
    "bidirectional_lstm": _after_hidden_states(
        lambda kit, hidden: kit.layers.Bidirectional(kit.layers.LSTM(5, name="lstm"), name="both_ways")(hidden)
    ),
    "gru": _after_hidden_states(lambda kit, hidden: kit.layers.GRU(6, name="gru")(hidden)),
    "convolution": _after_hidden_states(_convolution),
    "multi_head_attention": _after_hidden_states(_attention),
    "dense_stack": _dense_stack,
    "several_outputs": _several_outputs,
    "one_probability": _one_number("sigmoid"),
    "regression": _one_number("linear"),
    "two_encoders": _two_encoders,
    "siamese": _siamese,
    "image_beside_text": _image,
    "nested_models": _nested,
    "unnamed_inputs": _unnamed,
    "length_left_open": _length_left_open,
    "partly_frozen": _frozen,
    "shared_layers": _shared,
    "mixed_float16": _half,
    "dict_of_inputs": _dict_of_inputs,
    "lambda_layer": _lambda,
    "custom_layer": _after_hidden_states(_custom_layer),
    "subclassed_model": _subclassed,
    "class_with_a_head_by_itself": _by_itself("ForSequenceClassification"),
    **{family: _family(family) for family in ("distilbert", "roberta", "xlm-roberta", "electra")},
    **{
        "{}_{}".format(family, head): _family(family, head)
        for family in families.BY_MODEL_TYPE
        for head in families.HEADS
    },
}
