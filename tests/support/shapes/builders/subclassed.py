"""Shapes of classes: models, layers and pretrained models whose `call` runs the encoder."""

import tensorflow as tf
import transformers

from support.shapes.builders import kit

layers = tf.keras.layers


def model_of_pooler():
    class Classifier(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.bert = kit.encoder()
            self.dropout = layers.Dropout(0.3)
            self.classifier = layers.Dense(3, activation="softmax")

        def call(self, inputs, training=False):
            pooled = self.bert(inputs, training=training)[1]
            return self.classifier(self.dropout(pooled, training=training))

    tokens = kit.tokenizer()
    return kit.subclassed(Classifier(), kit.named_arrays(tokens), tokens)


def model_called_in_a_graph():
    class Classifier(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.bert = kit.encoder()
            self.dropout = layers.Dropout(0.3)
            self.dense = layers.Dense(3)

        @tf.function
        def call(self, inputs, training=False):
            outputs = self.bert(inputs, training=training)
            return self.dense(self.dropout(outputs.pooler_output, training=training))

    tokens = kit.tokenizer()
    return kit.subclassed(Classifier(), kit.named_arrays(tokens, kit.MASKED), tokens)


def model_by_index():
    class Classifier(tf.keras.Model):
        def __init__(self, classes):
            super().__init__(name="multi_label")
            self.encoder = kit.encoder("DistilBert")
            self.hidden = layers.Dense(16)
            self.dropout = layers.Dropout(0.1)
            self.classifier = layers.Dense(classes)

        def call(self, inputs):
            states = self.encoder(input_ids=inputs[0], attention_mask=inputs[1])[0]
            hidden = tf.keras.activations.tanh(self.hidden(states[:, 0]))
            return tf.nn.sigmoid(self.classifier(self.dropout(hidden)))

    tokens = kit.tokenizer("distilbert")
    return kit.subclassed(Classifier(3), kit.arrays(tokens), tokens)


def model_with_keywords():
    class Classifier(tf.keras.Model):
        def __init__(self, classes):
            super().__init__()
            self.bert = kit.encoder(name="bert")
            self.dropout = layers.Dropout(self.bert.config.hidden_dropout_prob)
            start = tf.keras.initializers.TruncatedNormal(0.02)
            self.classifier = tf.keras.Sequential(
                [layers.Dense(8, kernel_initializer=start), layers.ReLU(), layers.Dense(classes, name="logits")]
            )

        def call(self, inputs, attention_mask=None, token_type_ids=None, training=False):
            outputs = self.bert(inputs, attention_mask=attention_mask, token_type_ids=token_type_ids)
            return self.classifier(self.dropout(outputs[1], training=training))

    tokens = kit.tokenizer()
    return kit.subclassed(Classifier(3), kit.named_arrays(tokens), tokens)


def model_of_spans():
    class Reader(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.encoder = kit.encoder(output_hidden_states=True, num_hidden_layers=2)
            self.concat = layers.Concatenate()
            self.spans = layers.Dense(2, name="spans", dtype="float32")

        def call(self, inputs, training=False):
            states = self.encoder(inputs, training=training).hidden_states
            logits = self.spans(self.concat([states[-1], states[-2]]))
            start, end = tf.split(logits, 2, axis=-1)
            return tf.squeeze(start, axis=-1), tf.squeeze(end, axis=-1)

    tokens = kit.tokenizer()
    return kit.subclassed(Reader(), kit.named_arrays(tokens), tokens, save={"max_length": kit.LENGTH})


def model_of_tokens():
    class Tagger(tf.keras.Model):
        def __init__(self, tags):
            super().__init__()
            self.bert = kit.encoder()
            start = tf.keras.initializers.TruncatedNormal(0.02)
            self.classifier = layers.Dense(tags, kernel_initializer=start, name="classifier")

        def call(self, inputs):
            ids, mask, types = inputs
            outputs = self.bert(input_ids=ids, attention_mask=mask, token_type_ids=types)
            return self.classifier(outputs[0])

    tokens = kit.tokenizer()
    return kit.subclassed(Tagger(5), kit.arrays(tokens, kit.ALL), tokens, save={"max_length": kit.LENGTH})


def model_of_two_tasks():
    class Joint(tf.keras.Model):
        def __init__(self):
            super().__init__(name="joint")
            self.bert = kit.encoder()
            self.dropout = layers.Dropout(0.1)
            self.intent = layers.Dense(3, name="intent")
            self.slots = layers.Dense(4, name="slots")

        def call(self, inputs, **kwargs):
            outputs = self.bert(inputs, **kwargs)
            states = self.dropout(outputs[0], training=kwargs.get("training", False))
            return {"slots": self.slots(states), "intent": self.intent(outputs[1])}

    tokens = kit.tokenizer()
    return kit.subclassed(Joint(), kit.named_arrays(tokens), tokens, save={"max_length": kit.LENGTH})


def model_of_masked_mean():
    class Sentence(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.transformer = kit.encoder("Roberta")
            self.head = layers.Dense(3, activation="softmax")

        def pool(self, states, mask):
            weights = tf.cast(tf.broadcast_to(tf.expand_dims(mask, -1), tf.shape(states)), tf.float32)
            return tf.reduce_sum(states * weights, 1) / tf.maximum(tf.reduce_sum(weights, 1), 1e-9)

        def call(self, inputs, training=None):
            states = self.transformer(inputs["input_ids"], attention_mask=inputs["attention_mask"], training=training)[
                0
            ]
            return self.head(tf.nn.l2_normalize(self.pool(states, inputs["attention_mask"]), axis=-1))

    tokens = kit.tokenizer("roberta")
    return kit.subclassed(Sentence(), kit.named_arrays(tokens, kit.MASKED), tokens)


def pretrained_subclass():
    class Multilabel(transformers.TFBertPreTrainedModel):
        def __init__(self, config, *inputs, **kwargs):
            super().__init__(config, *inputs, **kwargs)
            self.bert = transformers.TFBertMainLayer(config, name="bert")
            self.dropout = layers.Dropout(config.hidden_dropout_prob)
            self.classifier = layers.Dense(config.num_labels, activation="sigmoid", name="classifier")

        def call(self, inputs, **kwargs):
            outputs = self.bert(inputs, **kwargs)
            return self.classifier(self.dropout(outputs[1], training=kwargs.get("training", False)))

    tokens = kit.tokenizer()
    model = Multilabel(kit.config(num_labels=3))
    return kit.subclassed(
        model, kit.named_arrays(tokens), tokens, save={"labels": kit.LABELS, "max_length": kit.LENGTH}
    )


class EncoderLayer(layers.Layer):
    """A layer that holds the encoder and returns one vector for each text."""

    def __init__(self, encoder, **kwargs):
        super().__init__(**kwargs)
        self.bert = encoder

    def call(self, inputs):
        ids, mask = inputs
        outputs = self.bert(ids, attention_mask=tf.cast(mask, tf.float32))
        return outputs.last_hidden_state[:, 0, :]


def layer_of_the_encoder():
    ids, mask = kit.inputs("Text_Input_Ids", "Text_Attention_Mask")
    pooled = EncoderLayer(kit.encoder(), name="bert_layer")([ids, mask])
    tokens = kit.tokenizer()
    hidden = layers.Dense(8, activation="relu")(pooled)
    return kit.Case(kit.noisy(tf.keras.Model([ids, mask], kit.classes(hidden))), tokens, kit.arrays(tokens))


class NamedEncoder(layers.Layer):
    """The same with a dict of inputs, which also freezes the encoder."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.transformer = kit.encoder("Electra")
        self.transformer.trainable = False

    def call(self, inputs):
        return self.transformer(**inputs).last_hidden_state


def layer_of_a_dict():
    named = dict(zip(kit.ALL, kit.inputs(*kit.ALL)))
    states = NamedEncoder(name="transformer")(named)
    tokens = kit.tokenizer("electra")
    model = tf.keras.Model(list(named.values()), kit.classes(layers.GlobalAveragePooling1D()(states), 1, "sigmoid"))
    return kit.Case(kit.noisy(model), tokens, kit.arrays(tokens, kit.ALL), save={"labels": ["no", "yes"]})


def functional_inside_a_class():
    class Wrapped(tf.keras.Model):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner
            self.head = layers.Dense(3, activation="softmax")

        def call(self, inputs):
            return self.head(self.inner(inputs))

    ids, mask = kit.inputs(*kit.MASKED)
    inner = tf.keras.Model([ids, mask], kit.encoder()(ids, attention_mask=mask)[0][:, 0], name="inner")
    tokens = kit.tokenizer()
    return kit.subclassed(Wrapped(inner), kit.arrays(tokens), tokens)
