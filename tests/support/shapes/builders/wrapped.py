"""Shapes of Keras 3 with transformers 4: its TFBertModel is of tf_keras, so it is wrapped in a layer of Keras 3."""

import keras
import tensorflow as tf
from keras import layers

from support.shapes.builders import kit


class Wrapped(layers.Layer):
    """The advice of Keras' maintainers: call the model inside a layer of one's own."""

    def __init__(self, encoder, size=16, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.size = encoder, size

    def call(self, inputs):
        ids, mask = inputs
        return self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state

    def compute_output_shape(self, shapes):
        return (shapes[0][0], shapes[0][1], self.size)


def _inputs():
    return [keras.Input((kit.LENGTH,), dtype="int32", name=name) for name in kit.MASKED]


def _built(kind="Bert"):
    encoder = kit.encoder(kind)
    encoder(tf.constant([[1, 2]]))
    return kit.noisy(encoder)


def wrapped_encoder():
    given = _inputs()
    states = Wrapped(_built(), name="bert_layer")(given)
    predictions = layers.Dense(3, activation="softmax")(layers.Dropout(0.1)(states[:, 0, :]))
    tokens = kit.tokenizer()
    return kit.Case(keras.Model(given, predictions), tokens, kit.arrays(tokens))


def wrapped_pooled_encoder():
    class Pooled(Wrapped):
        def call(self, inputs, training=False):
            return self.encoder(inputs[0], attention_mask=inputs[1], training=training).pooler_output

        def compute_output_shape(self, shapes):
            return (shapes[0][0], self.size)

    given = _inputs()
    encoder = _built()
    encoder.trainable = False
    hidden = layers.Dense(8, activation="gelu")(Pooled(encoder, name="pooled")(given))
    tokens = kit.tokenizer()
    model = keras.Model(given, layers.Dense(1, activation="sigmoid")(hidden))
    return kit.Case(model, tokens, kit.arrays(tokens), save={})


def wrapped_in_a_lambda():
    given, encoder = _inputs(), _built("DistilBert")
    states = layers.Lambda(
        lambda pair: encoder(pair[0], attention_mask=pair[1])[0], output_shape=(kit.LENGTH, 16), name="distilbert"
    )(given)
    predictions = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(states))
    tokens = kit.tokenizer("distilbert")
    return kit.Case(keras.Model(given, predictions), tokens, kit.arrays(tokens))


def wrapped_in_a_model():
    class Classifier(keras.Model):
        def __init__(self, encoder, **kwargs):
            super().__init__(**kwargs)
            self.bert = Wrapped(encoder, name="bert")
            self.norm = layers.LayerNormalization()
            self.head = layers.Dense(3, activation="softmax")

        def call(self, inputs):
            states = self.bert([inputs["input_ids"], inputs["attention_mask"]])
            return self.head(self.norm(keras.ops.mean(states, axis=1)))

    tokens = kit.tokenizer()
    arrays = kit.named_arrays(tokens, kit.MASKED)
    model = Classifier(_built(), name="classifier")
    model(arrays)
    return kit.Case(model, tokens, arrays)
