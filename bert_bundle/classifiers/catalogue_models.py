"""Example classifiers around an encoder of a family, one for each modelling style: the same in both runtimes.

Each is a function that builds a model with a `ModelBuilder`. Does not know: weights, tokenizers, examples.
"""

from typing import Any, Callable, Dict, Mapping

import numpy as np

from bert_bundle.classifiers import encoder_forms, heads
from bert_bundle.classifiers.catalogue_entry import BuildFunction
from bert_bundle.classifiers.model_builder import LENGTH, ModelBuilder
from bert_bundle.encoders import families


def _hidden(builder: ModelBuilder, feeds: Mapping[str, Any], **options: Any) -> Any:
    return builder.call(builder.encoder(**options), feeds)["last_hidden_state"]


def _after_hidden_states(put: Callable[[ModelBuilder, Any], Any]) -> BuildFunction:
    """Return the builder of a model that applies `put` to the last hidden state."""

    def build_model(builder: ModelBuilder) -> Any:
        feeds = builder.tokens()
        return builder.model(list(feeds.values()), builder.head(put(builder, _hidden(builder, feeds))))

    return build_model


def family(model_type: str, head: str = "") -> BuildFunction:
    """Return the builder of a classifier around an encoder of a family, or of a class of it with a head."""

    def build_model(builder: ModelBuilder) -> Any:
        feeds = builder.tokens()
        outputs = builder.call(builder.encoder(model_type, head), feeds)
        if head == "ForQuestionAnswering":
            results: Any = {"start": outputs["start_logits"], "end": outputs["end_logits"]}
        elif head:
            results = builder.layers.Softmax(name="probabilities")(outputs["logits"])
        else:
            results = builder.head(outputs["last_hidden_state"][:, 0, :])
        used = families.BY_MODEL_TYPE[model_type].arguments
        return builder.model([tensor for name, tensor in feeds.items() if name in used], results)

    return build_model


def _by_itself(head: str) -> BuildFunction:
    def build_model(builder: ModelBuilder) -> Any:
        encoder = builder.encoder("bert", head)
        if builder.native:  # there an encoder is a layer, not a model
            feeds = builder.tokens()
            return builder.keras.Model(list(feeds.values()), builder.call(encoder, feeds)["logits"], name=encoder.name)
        builder.call(
            encoder, {"input_ids": builder.runtime.dialect.tensor(np.ones((1, LENGTH), "int32"))}
        )  # creates its weights
        return encoder

    return build_model


def _called(form: str) -> BuildFunction:
    def build_model(builder: ModelBuilder) -> Any:
        feeds, encoder = builder.tokens(), builder.encoder()
        if form == "list" and not builder.native:
            hidden = encoder(list(feeds.values()))[0]
        elif form == "dict" and not builder.native:
            hidden = encoder(feeds)["last_hidden_state"]
        elif form == "tuple" and not builder.native:
            hidden = encoder(feeds["input_ids"], **_without(feeds, "input_ids"), return_dict=False)[0]
        else:
            hidden = encoder(*feeds.values())["last_hidden_state"]
        return builder.model(list(feeds.values()), builder.head(hidden[:, 0]))

    return build_model


def _without(feeds: Mapping[str, Any], name: str) -> Dict[str, Any]:
    return {key: tensor for key, tensor in feeds.items() if key != name}


def _pooler(builder: ModelBuilder) -> Any:
    feeds = builder.tokens()
    return builder.model(list(feeds.values()), builder.head(builder.call(builder.encoder(), feeds)["pooler_output"]))


def _last_four(builder: ModelBuilder) -> Any:
    feeds, wanted = builder.tokens(), "hidden_states"
    outputs = builder.call(builder.encoder(num_hidden_layers=4, wanted=wanted), feeds, wanted)
    return builder.model(
        list(feeds.values()), builder.head(heads.pool(builder, "last_four", outputs, feeds["attention_mask"]))
    )


def _masked(kind: str) -> BuildFunction:
    def build_model(builder: ModelBuilder) -> Any:
        feeds = builder.tokens()
        outputs = builder.call(builder.encoder(), feeds)
        return builder.model(
            list(feeds.values()), builder.head(heads.pool(builder, kind, outputs, feeds["attention_mask"]))
        )

    return build_model


def _dense_stack(builder: ModelBuilder) -> Any:
    feeds, layers = builder.tokens(), builder.layers
    x = layers.SpatialDropout1D(0.1, name="spatial")(_hidden(builder, feeds))
    x = layers.GlobalMaxPooling1D(name="longest")(x)
    x = layers.Dense(14, kernel_regularizer="l2", bias_constraint="non_neg", name="first")(x)
    x = layers.BatchNormalization(name="batch")(x)
    x = layers.Activation("relu", name="relu")(x)
    x = layers.Dropout(0.3, name="dropout")(x)
    x = layers.Dense(10, activation="tanh", kernel_constraint="max_norm", name="second")(x)
    x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    x = layers.GaussianNoise(0.1, name="noise")(layers.GaussianDropout(0.1, name="gaussian")(x))
    return builder.model(list(feeds.values()), builder.head(x))


def _several_outputs(builder: ModelBuilder) -> Any:
    feeds = builder.tokens()
    x = _hidden(builder, feeds)[:, 0, :]
    tags = builder.layers.Dense(5, activation="sigmoid", name="tags")(x)
    score = builder.layers.Dense(1, name="score")(x)
    return builder.model(list(feeds.values()), [builder.head(x), tags, score])


def _first_token(units: int, activation: str) -> BuildFunction:
    def build_model(builder: ModelBuilder) -> Any:
        feeds = builder.tokens()
        return builder.model(list(feeds.values()), builder.head(_hidden(builder, feeds)[:, 0, :], units, activation))

    return build_model


def _tagger(builder: ModelBuilder) -> Any:
    feeds = builder.tokens()
    return builder.model(list(feeds.values()), builder.head(_hidden(builder, feeds), 4))


def _spans(builder: ModelBuilder) -> Any:
    feeds = builder.tokens()
    hidden = _hidden(builder, feeds)
    return builder.model(list(feeds.values()), [heads.token_scores(builder, hidden, name) for name in ("start", "end")])


def _two_encoders(builder: ModelBuilder) -> Any:
    feeds = builder.tokens()
    first = builder.call(builder.encoder(name="one"), feeds)["pooler_output"]
    second = builder.call(builder.encoder(name="two", hidden_size=20, num_hidden_layers=1), feeds)["pooler_output"]
    joined = builder.layers.Concatenate(name="both")([first, second])
    return builder.model(list(feeds.values()), builder.head(joined))


def _siamese(builder: ModelBuilder) -> Any:
    left, right, encoder = builder.tokens("left_"), builder.tokens("right_"), builder.encoder()
    a, b = (builder.call(encoder, feeds)["pooler_output"] for feeds in (left, right))
    joined = builder.layers.Concatenate(name="pair")([a, b, builder.op("absolute", x=a - b)])
    return builder.model([*left.values(), *right.values()], builder.head(joined))


def _image(builder: ModelBuilder) -> Any:
    feeds, layers = builder.tokens(), builder.layers
    image = builder.keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    x = layers.GlobalAveragePooling2D(name="pool")(layers.MaxPooling2D(2, name="max")(x))
    joined = layers.Concatenate(name="with_image")([_hidden(builder, feeds)[:, 0, :], x])
    return builder.model([*feeds.values(), image], builder.head(joined))


def _nested(builder: ModelBuilder) -> Any:
    feeds, layers = builder.tokens(), builder.layers
    inner = builder.tokens("inner_")
    named = dict(zip(feeds, inner.values()))
    state = layers.Dense(9, name="dense")(_hidden(builder, named)[:, 0, :])  # the same name as a layer of the head
    body = builder.keras.Model(list(inner.values()), state, name="body")
    top = builder.keras.Sequential(name="top")
    for layer in (
        builder.keras.Input((9,)),
        layers.Dense(7, activation="relu", name="dense"),
        layers.Dropout(0.2, name="drop"),
    ):
        top.add(layer)
    return builder.model(list(feeds.values()), builder.head(top(body(list(feeds.values())))))


def _unnamed(builder: ModelBuilder) -> Any:
    ids, mask = (builder.keras.Input((LENGTH,), dtype="int32") for _ in range(2))
    hidden = _hidden(builder, {"input_ids": ids, "attention_mask": mask})
    return builder.model([ids, mask], builder.head(hidden[:, 0, :]))


def length_left_open(builder: ModelBuilder) -> Any:
    """Return a classifier whose inputs have no fixed number of tokens."""
    feeds = builder.tokens(length=None)
    pooled = builder.layers.GlobalAveragePooling1D(name="mean")(_hidden(builder, feeds))
    return builder.model(list(feeds.values()), builder.head(pooled))


def _frozen(builder: ModelBuilder) -> Any:
    feeds, encoder = builder.tokens(), builder.encoder()
    model = builder.model(list(feeds.values()), builder.head(builder.call(encoder, feeds)["pooler_output"]))
    builder.freeze(encoder, "bert.embeddings", "bert.encoder.layer.0", "bert.encoder.layer.1.output")
    return model


def _shared(builder: ModelBuilder) -> Any:
    feeds, dense = builder.tokens(), builder.layers.Dense(16, activation="tanh", name="shared")
    hidden = _hidden(builder, feeds)
    return builder.model(list(feeds.values()), builder.head(dense(dense(hidden[:, 0, :])) + dense(hidden[:, 1, :])))


def _half(builder: ModelBuilder) -> Any:
    with builder.runtime.dialect.precision(builder.keras, "mixed_float16"):
        feeds = builder.tokens()
        x = builder.layers.Dense(8, activation="relu", name="dense")(_hidden(builder, feeds)[:, 0, :])
        last = builder.layers.Dense(3, activation="softmax", dtype="float32", name="probabilities")(x)
        return builder.model(list(feeds.values()), last)


def _dict_of_inputs(builder: ModelBuilder) -> Any:
    feeds = builder.tokens()
    x = _hidden(builder, feeds)[:, 0, :]
    return builder.model(feeds, {"label": builder.head(x), "length": builder.layers.Dense(1, name="length")(x)})


def _lambda(builder: ModelBuilder) -> Any:
    feeds = builder.tokens()
    first = builder.layers.Lambda(lambda t: t[:, 0] * 0.5 + t[:, 1], name="first_two")(_hidden(builder, feeds))
    return builder.model(list(feeds.values()), builder.head(first))


def _custom_layer(builder: ModelBuilder, hidden: Any) -> Any:
    class Weighted(builder.keras.layers.Layer):  # type: ignore[misc,name-defined]
        """A user-defined layer with a weight, an inner layer and plain arithmetic."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.inner = builder.layers.Dense(6, activation="tanh", name="inner")

        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(name="scale", shape=(int(shape[-1]),), initializer="ones")
            self.inner.build((None, int(shape[-1])))
            super().build(shape)

        def call(self, states: Any) -> Any:
            return self.inner(states[:, 0, :] * self.scale - states[:, 1, :])

    return Weighted(name="weighted")(hidden)


def _subclassed(builder: ModelBuilder) -> Any:
    class Classifier(builder.keras.Model):  # type: ignore[misc,name-defined]
        """A user-defined subclassed model: it has no graph, only a `call` method."""

        def __init__(self, encoder: Any) -> None:
            super().__init__(name="classifier")
            self.encoder = encoder
            self.drop = builder.layers.Dropout(0.2, name="drop")
            self.last = builder.layers.Dense(3, activation="softmax", name="probabilities")

        def call(self, inputs: Any, training: Any = None) -> Any:
            hidden = builder.call(self.encoder, inputs)["last_hidden_state"]
            return self.last(self.drop(hidden[:, 0, :], training=training))

    model = Classifier(builder.encoder())
    if builder.native:  # Keras 3 does not record the inputs of a subclassed model
        feeds = {name: tensor for name, tensor in builder.tokens().items() if name != "token_type_ids"}
        return builder.keras.Model(feeds, model(feeds), name="classifier")
    ones = builder.runtime.dialect.tensor(np.ones((1, LENGTH), "int32"))
    model({"input_ids": ones, "attention_mask": ones})
    return model


def _attention(builder: ModelBuilder, hidden: Any) -> Any:
    attended = builder.layers.MultiHeadAttention(2, 5, name="attention")(hidden, hidden)
    return builder.layers.GlobalAveragePooling1D(name="mean")(attended)


def _convolution(builder: ModelBuilder, hidden: Any) -> Any:
    x = builder.layers.Conv1D(6, 3, padding="same", activation="relu", name="conv")(hidden)
    return builder.layers.Flatten(name="flat")(builder.layers.MaxPooling1D(2, name="max")(x))


MODELS: Mapping[str, BuildFunction] = {
    "called_by_list": _called("list"),
    "called_by_dict": _called("dict"),
    "called_by_position": _called("position"),
    "called_for_a_tuple": _called("tuple"),
    "pooler": _pooler,
    "last_four_hidden_states": _last_four,
    "masked_mean": _masked("mean"),
    "masked_max": _masked("max"),
    "bidirectional_lstm": _after_hidden_states(
        lambda builder, hidden: builder.layers.Bidirectional(builder.layers.LSTM(5, name="lstm"), name="both_ways")(
            hidden
        )
    ),
    "gru": _after_hidden_states(lambda builder, hidden: builder.layers.GRU(6, name="gru")(hidden)),
    "convolution": _after_hidden_states(_convolution),
    "multi_head_attention": _after_hidden_states(_attention),
    "dense_stack": _dense_stack,
    "several_outputs": _several_outputs,
    "one_probability": _first_token(1, "sigmoid"),
    "regression": _first_token(1, "linear"),
    "logits": _first_token(3, "linear"),
    "multilabel": _first_token(5, "sigmoid"),
    "tagger": _tagger,
    "spans": _spans,
    "two_encoders": _two_encoders,
    "siamese": _siamese,
    "image_beside_text": _image,
    "nested_models": _nested,
    "unnamed_inputs": _unnamed,
    "partly_frozen": _frozen,
    "shared_layers": _shared,
    "mixed_float16": _half,
    "dict_of_inputs": _dict_of_inputs,
    "lambda_layer": _lambda,
    "custom_layer": _after_hidden_states(_custom_layer),
    "subclassed_model": _subclassed,
    "class_with_a_head_by_itself": _by_itself("ForSequenceClassification"),
    **encoder_forms.MODELS,
}
