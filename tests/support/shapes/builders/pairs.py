"""Shapes with more than one text: pairs in one encoder, siamese encoders, two encoders, documents of sentences."""

import numpy as np
import tensorflow as tf

from support.shapes.builders import kit

layers, backend = tf.keras.layers, tf.keras.backend
FOUR = ("ids_1", "mask_1", "ids_2", "mask_2")


def _two_texts(tokens, length=kit.LENGTH, second=kit.LENGTH):
    return [
        *kit.arrays(tokens, length=length),
        *kit.arrays(tokens, texts=kit.PAIRS, length=second),
    ]


def _case(model, tokens, arrays, **rest):
    return kit.Case(kit.noisy(model), tokens, arrays, {"ids_1": kit.TEXTS, "ids_2": kit.PAIRS}, **rest)


def pair_in_one_encoder():
    ids, mask, types = kit.inputs(*kit.ALL)
    states = kit.encoder()(ids, attention_mask=mask, token_type_ids=types).last_hidden_state
    tokens = kit.tokenizer()
    states = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(states)
    both = layers.concatenate([layers.GlobalAveragePooling1D()(states), layers.GlobalMaxPooling1D()(states)])
    model = kit.noisy(tf.keras.Model([ids, mask, types], kit.classes(layers.Dropout(0.3)(both))))
    return kit.Case(model, tokens, kit.arrays(tokens, kit.ALL, pairs=kit.PAIRS), pairs=kit.PAIRS)


def siamese_difference():
    ids_1, mask_1, ids_2, mask_2 = given = kit.inputs(*FOUR)
    bert = kit.encoder(name="bert")
    left, right = bert(ids_1, attention_mask=mask_1)[1], bert(ids_2, attention_mask=mask_2)[1]
    difference = layers.Lambda(lambda pair: backend.abs(pair[0] - pair[1]))([left, right])
    features = layers.concatenate([left, right, difference, layers.multiply([left, right])])
    model = tf.keras.Model(given, kit.classes(layers.Dropout(0.1)(features), 1, "sigmoid"))
    tokens = kit.tokenizer()
    return _case(model, tokens, _two_texts(tokens), save={"labels": ["other", "same"]})


def siamese_by_a_nested_model():
    ids, mask = kit.inputs(*kit.MASKED)
    pooled = layers.GlobalAveragePooling1D()(kit.encoder()(ids, attention_mask=mask)[0])
    tower = tf.keras.Model([ids, mask], pooled, name="tower")
    given = kit.inputs(*FOUR)
    cosine = layers.Dot(axes=-1, normalize=True)([tower(given[:2]), tower(given[2:])])
    tokens = kit.tokenizer()
    return _case(tf.keras.Model(given, cosine), tokens, _two_texts(tokens), save={})


def siamese_cosine_by_hand():
    given = kit.inputs(*FOUR)
    bert = kit.encoder("DistilBert")

    def mean(ids, mask):
        weights = tf.cast(mask[..., tf.newaxis], tf.float32)
        total = tf.reduce_sum(bert(ids, attention_mask=mask)[0] * weights, 1)
        return tf.math.divide_no_nan(total, tf.reduce_sum(weights, 1))

    left, right = mean(*given[:2]), mean(*given[2:])
    product = tf.reduce_sum(left * right, axis=-1, keepdims=True)
    cosine = product / (tf.norm(left, axis=-1, keepdims=True) * tf.norm(right, axis=-1, keepdims=True))
    tokens = kit.tokenizer("distilbert")
    return _case(tf.keras.Model(given, (cosine + 1.0) / 2.0), tokens, _two_texts(tokens), save={})


def euclidean_distance():
    given = kit.inputs(*FOUR)
    bert = kit.encoder()
    shared = layers.Dense(8, activation="relu", name="projection")
    left, right = (shared(bert(given[i], attention_mask=given[i + 1])[0][:, 0]) for i in (0, 2))

    def distance(pair):
        total = backend.sum(backend.square(pair[0] - pair[1]), axis=1, keepdims=True)
        return backend.sqrt(backend.maximum(total, backend.epsilon()))

    tokens = kit.tokenizer()
    return _case(tf.keras.Model(given, layers.Lambda(distance)([left, right])), tokens, _two_texts(tokens), save={})


def two_encoders_of_one_text():
    ids, mask = kit.inputs(*kit.MASKED)
    both = [kit.encoder(kind)(ids, attention_mask=mask)[0][:, 0, :] for kind in ("Bert", "DistilBert")]
    tokens = kit.tokenizer()
    model = kit.noisy(tf.keras.Model([ids, mask], kit.classes(layers.Average()(both))))
    return kit.Case(model, tokens, kit.arrays(tokens))


def two_encoders_of_two_lengths():
    tokens, short, long = kit.tokenizer(), 8, 20
    title, body = kit.inputs("ids_1", "mask_1", length=short), kit.inputs("ids_2", "mask_2", length=long)
    left = kit.encoder("DistilBert", name="title")(title[0], attention_mask=title[1])[0][:, 0]
    right = kit.encoder("Bert", name="body")(body[0], attention_mask=body[1])[1]
    model = tf.keras.Model(title + body, kit.classes(layers.concatenate([left, right])))
    return _case(model, tokens, _two_texts(tokens, short, long))


def two_calls_of_two_lengths():
    tokens, short, long = kit.tokenizer(), 8, 20
    first, second = kit.inputs("ids_1", "mask_1", length=short), kit.inputs("ids_2", "mask_2", length=long)
    bert = kit.encoder()
    pooled = [bert(ids, attention_mask=mask).pooler_output for ids, mask in (first, second)]
    model = tf.keras.Model(first + second, kit.classes(layers.subtract(pooled)))
    return _case(model, tokens, _two_texts(tokens, short, long))


def triplet_distances():
    names = ("anchor", "positive", "negative")
    given = kit.inputs(*names)
    bert = kit.encoder()
    anchor, positive, negative = (bert(ids).last_hidden_state[:, 0] for ids in given)
    near = tf.reduce_sum(tf.square(anchor - positive), -1)
    far = tf.reduce_sum(tf.math.squared_difference(anchor, negative), -1)
    model = kit.noisy(tf.keras.Model(given, tf.stack([near, far], axis=1)))
    tokens, texts = kit.tokenizer(), (kit.TEXTS, kit.PAIRS, kit.TEXTS[::-1])
    arrays = [kit.arrays(tokens, ["input_ids"], texts=each)[0] for each in texts]
    return kit.Case(model, tokens, arrays, dict(zip(names, texts)), save={})


SENTENCES = 3
DOCUMENTS = tuple(
    sentences
    for sentences in (
        ("my invoice is wrong", "please help", "why not?"),
        ("", "the app crashes", "refund " * 12),
        ("add dark mode", "", ""),
    )
)


def _documents(tokens, keys=kit.MASKED):
    flat = kit.arrays(tokens, keys, texts=[text for document in DOCUMENTS for text in document])
    return [np.reshape(array, (-1, SENTENCES, kit.LENGTH)) for array in flat]


def document_by_reshape():
    ids, mask = (tf.keras.Input((SENTENCES, kit.LENGTH), dtype="int32", name=name) for name in ("ids", "mask"))
    flat = [tf.reshape(tensor, (-1, kit.LENGTH)) for tensor in (ids, mask)]
    sentences = tf.reshape(kit.encoder()(flat[0], attention_mask=flat[1])[1], (-1, SENTENCES, 16))
    model = tf.keras.Model([ids, mask], kit.classes(layers.Bidirectional(layers.LSTM(5))(sentences)))
    tokens = kit.tokenizer()
    return kit.Case(kit.noisy(model), tokens, _documents(tokens), DOCUMENTS)


def document_by_time_distribution():
    (ids,) = kit.inputs("sentence")
    sentence = tf.keras.Model(ids, kit.encoder()(ids)[0][:, 0], name="sentence_encoder")
    document = tf.keras.Input((SENTENCES, kit.LENGTH), dtype="int32", name="document")
    states = layers.GRU(6)(layers.TimeDistributed(sentence)(document))
    tokens = kit.tokenizer()
    model = kit.noisy(tf.keras.Model(document, kit.classes(states)))
    return kit.Case(model, tokens, _documents(tokens, ["input_ids"])[0], DOCUMENTS)


def encoder_on_an_encoder():
    ids, mask = kit.inputs(*kit.MASKED)
    states = kit.encoder(name="first")(ids, attention_mask=mask).last_hidden_state
    again = kit.encoder(name="second")({"inputs_embeds": states, "attention_mask": mask}).last_hidden_state
    tokens = kit.tokenizer()
    model = kit.noisy(tf.keras.Model([ids, mask], kit.classes(layers.Flatten()(again))))
    return kit.Case(model, tokens, kit.arrays(tokens))
