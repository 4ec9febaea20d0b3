"""Shapes with more than text: numbers, categories, strings and images beside the encoder."""

import numpy as np
import tensorflow as tf

from support.shapes.builders import kit

layers = tf.keras.layers
ROWS = len(kit.TEXTS)
CITIES = ("paris", "rome", "oslo", "", "rome")


def _numbers(columns=4):
    return np.random.RandomState(3).normal(2.0, 3.0, (ROWS, columns)).astype("float32")


def _beside(feature, features, arrays_of_features=None):
    """Return the case of the pooler joined with what was computed of the inputs in `feature`."""
    ids, mask = kit.inputs(*kit.MASKED)
    given, computed = feature
    pooled = layers.Dropout(0.2)(kit.encoder()(ids, attention_mask=mask)[1])
    hidden = layers.Dense(8, activation="relu")(layers.concatenate([pooled, computed]))
    tokens = kit.tokenizer()
    model = kit.noisy(tf.keras.Model([ids, mask, *given], kit.classes(hidden)))
    arrays = kit.arrays(tokens) + list((arrays_of_features or features).values())
    return kit.Case(model, tokens, arrays, features=features)


def _preprocessing(name):
    found = getattr(layers, name, None)
    return found or getattr(layers.experimental.preprocessing, name)


def numbers_beside():
    given = tf.keras.Input((4,), name="meta")
    hidden = layers.BatchNormalization()(layers.Dense(5, activation="relu")(given))
    return _beside(([given], hidden), {"meta": _numbers()})


def normalized_numbers():
    given = tf.keras.Input((4,), name="numeric_features")
    normalization = _preprocessing("Normalization")(axis=-1, name="normalization")
    normalization.adapt(_numbers())
    return _beside(([given], normalization(given)), {"numeric_features": _numbers()})


def embedded_category():
    given = tf.keras.Input((1,), dtype="int32", name="category")
    embedded = layers.Flatten()(layers.Embedding(5, 3, name="category_embedding")(given))
    return _beside(([given], embedded), {"category": np.array([[0], [4], [2], [1], [3]], "int32")})


def _strings():
    return np.array(CITIES, object).reshape(-1, 1)


def looked_up_category():
    given = tf.keras.Input((1,), dtype="string", name="city")
    lookup = _preprocessing("StringLookup")(vocabulary=["paris", "rome"], name="lookup")
    encoding = _preprocessing("CategoryEncoding")
    one_hot = (
        encoding(num_tokens=4) if "num_tokens" in encoding.__init__.__code__.co_varnames else encoding(max_tokens=4)
    )
    return _beside(([given], one_hot(lookup(given))), {"city": _strings()})


def hashed_category():
    given = tf.keras.Input((1,), dtype="string", name="city")
    hashed = _preprocessing("Hashing")(num_bins=6, name="hashing")(given)
    embedded = layers.Flatten()(layers.Embedding(6, 2)(hashed))
    return _beside(([given], embedded), {"city": _strings()})


def words_beside():
    given = tf.keras.Input((1,), dtype="string", name="title")
    vectorization = _preprocessing("TextVectorization")(max_tokens=12, output_sequence_length=4, name="vectorization")
    titles = np.array([["dark mode"], ["The bill!"], [""], ["my app, my bill"], ["mode"]], object)
    vectorization.adapt(tf.constant(titles.astype(str)))
    words = layers.GlobalAveragePooling1D()(layers.Embedding(12, 3)(vectorization(given)))
    return _beside(([given], words), {"title": titles})


def image_beside():
    given = tf.keras.Input((8, 8, 3), name="Image_Input")
    convolved = layers.MaxPooling2D()(layers.Conv2D(4, 3, activation="relu")(given))
    images = np.random.RandomState(4).rand(ROWS, 8, 8, 3).astype("float32")
    return _beside(([given], layers.GlobalAveragePooling2D()(convolved)), {"Image_Input": images})


def gated_numbers():
    given = tf.keras.Input((4,), name="scores")
    gate = layers.Dense(4, activation="sigmoid")(given)
    normed = layers.LayerNormalization()(given * gate + tf.math.log1p(tf.abs(given)))
    computed = tf.concat([normed, tf.one_hot(tf.argmax(given, axis=-1), 4)], axis=-1)
    return _beside(([given], computed), {"scores": _numbers()})


def tags_beside():
    ids, mask = kit.inputs(*kit.MASKED)
    (tags,) = kit.inputs("pos_tags")
    states = kit.encoder()(ids, attention_mask=mask)[0]
    joined = layers.concatenate([states, layers.Embedding(7, 3, name="pos_embedding")(tags)])
    tokens = kit.tokenizer()
    model = kit.noisy(tf.keras.Model([ids, mask, tags], kit.classes(layers.GRU(6)(joined))))
    given = np.random.RandomState(5).randint(0, 7, (ROWS, kit.LENGTH)).astype("int32")
    return kit.Case(model, tokens, [*kit.arrays(tokens), given], features={"pos_tags": given})


def mention_of_a_position():
    ids, mask = kit.inputs(*kit.MASKED)
    position = tf.keras.Input((1,), dtype="int32", name="entity_position")
    states = kit.encoder()(ids, attention_mask=mask).last_hidden_state
    mention = layers.Flatten()(tf.gather_nd(states, position, batch_dims=1))
    tokens = kit.tokenizer()
    model = kit.noisy(tf.keras.Model([ids, mask, position], kit.classes(layers.add([mention, states[:, 0]]))))
    given = np.array([[1], [0], [3], [5], [2]], "int32")
    return kit.Case(model, tokens, [*kit.arrays(tokens), given], features={"entity_position": given})
