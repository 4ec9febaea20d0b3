"""Shapes of what is predicted: several labels, tokens, spans, numbers, several heads."""

import tensorflow as tf
import transformers

from support.shapes.builders import kit

layers = tf.keras.layers


def several_labels():
    def head(outputs, mask):
        return kit.classes(layers.Dropout(0.2)(outputs.pooler_output), 6, "sigmoid")

    return kit.on_encoder(head, save={"labels": ["toxic", "severe", "obscene", "threat", "insult", "hate"]})


def several_label_heads():
    def head(outputs, mask):
        return [kit.classes(outputs[0][:, 0], 1, "sigmoid") for _ in range(3)]

    return kit.on_encoder(head, save={})


def label_of_every_token():
    def head(outputs, mask):
        states = layers.Dropout(0.1)(outputs.last_hidden_state)
        return layers.TimeDistributed(layers.Dense(5, activation="softmax"), name="tags")(states)

    return kit.on_encoder(head, save={"labels": ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]})


def spans_by_convolutions():
    ids, mask, types = (tf.keras.Input((kit.LENGTH,), dtype=tf.int32) for _ in range(3))
    states = kit.encoder("Roberta", type_vocab_size=1)(ids, attention_mask=mask, token_type_ids=types)[0]

    def head():
        hidden = layers.Conv1D(6, 2, padding="same")(layers.Dropout(0.1)(states))
        scores = layers.Dense(1)(layers.Conv1D(4, 2, padding="same")(layers.LeakyReLU()(hidden)))
        return layers.Activation("softmax")(layers.Flatten()(scores))

    tokens = kit.tokenizer("roberta")
    model = kit.noisy(tf.keras.Model([ids, mask, types], [head(), head()]))
    ids_, mask_ = kit.arrays(tokens)
    return kit.Case(model, tokens, [ids_, mask_, 0 * ids_], save={})


def spans_of_int64():
    named = {name: tf.keras.Input((kit.LENGTH,), dtype=tf.int64, name=name) for name in kit.ALL}
    logits = layers.Dense(2, name="logits")(kit.encoder()(named).last_hidden_state)
    start, end = (tf.squeeze(each, axis=-1) for each in tf.split(logits, 2, axis=-1))
    tokens = kit.tokenizer()
    model = kit.noisy(tf.keras.Model(list(named.values()), [layers.Softmax()(start), layers.Softmax()(end)]))
    arrays = [array.astype("int64") for array in kit.arrays(tokens, kit.ALL, pairs=kit.PAIRS)]
    return kit.Case(model, tokens, arrays, pairs=kit.PAIRS, save={})


def spans_of_trimmed_batches():
    ids, mask = (tf.keras.Input((kit.LENGTH,), dtype=tf.int32) for _ in range(2))
    padding = tf.cast(tf.equal(ids, 1), tf.int32)
    longest = tf.reduce_max(kit.LENGTH - tf.reduce_sum(padding, -1))
    states = kit.encoder("Roberta")(ids[:, :longest], attention_mask=mask[:, :longest])[0]
    scores = layers.Activation("softmax")(layers.Flatten()(layers.Dense(1)(states)))
    padded = tf.pad(scores, [[0, 0], [0, kit.LENGTH - longest]], constant_values=0.0)
    tokens = kit.tokenizer("roberta")
    return kit.Case(kit.noisy(tf.keras.Model([ids, mask], padded)), tokens, kit.arrays(tokens), save={})


def one_number():
    def head(outputs, mask):
        return layers.Dense(1, activation="linear")(layers.GlobalAveragePooling1D()(outputs[0]))

    return kit.on_encoder(head, kind="DistilBert", save={})


def scaled_number():
    def head(outputs, mask):
        return layers.Lambda(lambda x: x * 4.0 + 1.0)(kit.classes(outputs[1], 1, "sigmoid"))

    return kit.on_encoder(head, save={})


def heads_by_name():
    named = dict(zip(kit.MASKED, kit.inputs(*kit.MASKED)))
    pooled = layers.Dropout(0.1, name="pooled_output")(kit.encoder(name="bert")(named)[1], training=False)
    heads = {"issue": layers.Dense(3, name="issue")(pooled), "product": layers.Dense(4, name="product")(pooled)}
    tokens = kit.tokenizer()
    model = kit.noisy(tf.keras.Model(inputs=named, outputs=heads, name="two_heads"))
    return kit.Case(model, tokens, kit.named_arrays(tokens, kit.MASKED), save={})


def class_with_a_head_inside():
    ids, mask = kit.inputs(*kit.MASKED)
    classifier = transformers.TFBertForSequenceClassification(kit.config(num_labels=3))
    logits = classifier(ids, attention_mask=mask)[0]
    tokens = kit.tokenizer()
    model = kit.noisy(tf.keras.Model([ids, mask], layers.Activation("softmax")(logits)))
    return kit.Case(model, tokens, kit.arrays(tokens))


def logits_of_a_class_with_a_head():
    model = transformers.TFDistilBertForSequenceClassification(kit.config("DistilBert", num_labels=3))
    tokens = kit.tokenizer("distilbert")
    return kit.subclassed(_Logits(model), kit.named_arrays(tokens, kit.MASKED), tokens, save={"max_length": kit.LENGTH})


class _Logits(tf.keras.Model):
    """What a training loop of tutorials predicts with: the logits of a class with a head."""

    def __init__(self, classifier):
        super().__init__()
        self.classifier = classifier

    def call(self, inputs):
        return tf.nn.softmax(self.classifier(inputs).logits, axis=-1)


def attentions_beside():
    def head(outputs, mask):
        return [kit.classes(outputs.pooler_output), outputs.attentions[-1]]

    return kit.on_encoder(head, save={}, output_attentions=True)


def one_of_several_choices():
    choices = tuple((text, text[:9], "please help") for text in kit.TEXTS)
    tokens = kit.tokenizer()
    flat = kit.named_arrays(tokens, texts=[text for each in choices for text in each])
    given = {key: array.reshape(-1, 3, kit.LENGTH) for key, array in flat.items()}
    model = _Logits(transformers.TFBertForMultipleChoice(kit.config()))
    return kit.subclassed(model, given, tokens, texts=choices, save={"max_length": kit.LENGTH})
