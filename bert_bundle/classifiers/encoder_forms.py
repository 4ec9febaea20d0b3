"""Example classifiers that call the encoder in another form than as a model: part of the catalogue.

In the native runtime an encoder has one form, and each of these is a functional model that computes the same.
"""

from typing import Any, Callable, Mapping

import numpy as np

from bert_bundle.classifiers.model_builder import LENGTH, ModelBuilder


def _built(builder: ModelBuilder) -> Any:
    """Return an encoder that has its weights: calls of its main layer create them, but it does not list them."""
    encoder = builder.encoder()
    builder.call(encoder, {"input_ids": builder.runtime.dialect.tensor(np.ones((1, LENGTH), "int32"))})
    return encoder


def _main_layer(builder: ModelBuilder) -> Any:
    encoder, feeds = _built(builder), builder.tokens()
    outputs = builder.call(encoder, feeds) if builder.native else encoder.layers[0](feeds)
    return builder.model(list(feeds.values()), builder.head(outputs["pooler_output"]))


def _without_pooler(builder: ModelBuilder) -> Any:
    feeds = builder.tokens()
    hidden = builder.call(builder.encoder(pooler=False), feeds)["last_hidden_state"]
    return builder.model(list(feeds.values()), builder.head(builder.layers.GlobalMaxPooling1D(name="max")(hidden)))


def _pretrained_subclass(builder: ModelBuilder) -> Any:
    encoder = _built(builder)
    head = builder.layers.Dense(3, activation="softmax", name="probabilities")
    if builder.native:
        feeds = {name: tensor for name, tensor in builder.tokens().items() if name != "token_type_ids"}
        return builder.keras.Model(feeds, head(builder.call(encoder, feeds)["pooler_output"]), name="classifier")
    from transformers import TFBertPreTrainedModel

    class Classifier(TFBertPreTrainedModel):  # type: ignore[misc]
        """A user-defined model class of transformers around a main layer."""

        def __init__(self, config: Any, **kwargs: Any) -> None:
            super().__init__(config, **kwargs)
            self.bert = encoder.layers[0]
            self.drop = builder.layers.Dropout(0.2, name="drop")
            self.classifier = head

        def call(self, inputs: Any, **kwargs: Any) -> Any:
            pooled = self.bert(inputs, **kwargs)[1]
            return self.classifier(self.drop(pooled, training=kwargs.get("training", False)))

    model = Classifier(encoder.config, name="classifier")
    ones = builder.runtime.dialect.tensor(np.ones((1, LENGTH), "int32"))
    model({"input_ids": ones, "attention_mask": ones})
    return model


MODELS: Mapping[str, Callable[[ModelBuilder], Any]] = {
    "main_layer": _main_layer,
    "without_pooler": _without_pooler,
    "pretrained_subclass": _pretrained_subclass,
}
