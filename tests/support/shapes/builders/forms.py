"""Shapes of the whole: how inputs are given and named, nested models, shared and frozen parts, precision."""

import tensorflow as tf

from support.shapes.builders import kit

layers = tf.keras.layers


def _of(given, features, tokens=None, arrays=None, **rest):
    tokens = tokens or kit.tokenizer()
    model = kit.noisy(tf.keras.Model(given, kit.classes(features)))
    return kit.Case(model, tokens, kit.arrays(tokens) if arrays is None else arrays, **rest)


def unnamed_inputs():
    ids, mask = (tf.keras.Input(shape=(kit.LENGTH,), dtype="int32") for _ in range(2))
    return _of([ids, mask], kit.encoder()([ids, mask])[1])


def one_input():
    (ids,) = kit.inputs("input_word_ids")
    tokens = kit.tokenizer()
    return _of(ids, kit.encoder()(ids)[0][:, 0, :], tokens, kit.arrays(tokens, ["input_ids"])[0])


def three_by_position():
    ids, mask, types = kit.inputs("input_idx", "input_masks", "input_segments")
    tokens = kit.tokenizer()
    states = kit.encoder()(ids, mask, types)[0]
    return _of([ids, mask, types], layers.GlobalAveragePooling1D()(states), tokens, kit.arrays(tokens, kit.ALL))


def exchanged_list():
    ids, types, mask = given = kit.inputs("input_ids", "token_type_ids", "attention_mask")
    tokens = kit.tokenizer()
    arrays = kit.named_arrays(tokens, pairs=kit.PAIRS)
    save = {"labels": kit.LABELS, "inputs": {name: name for name in ("token_type_ids", "attention_mask")}}
    return _of(given, kit.encoder()([ids, types, mask])[1], tokens, arrays, pairs=kit.PAIRS, save=save)


def dict_of_inputs():
    named = dict(zip(kit.ALL, kit.inputs(*kit.ALL)))
    tokens = kit.tokenizer()
    return _of(named, kit.encoder()(named)[1], tokens, kit.named_arrays(tokens))


def dict_with_more_keys():
    named = dict(zip(kit.MASKED, kit.inputs(*kit.MASKED)))
    tokens = kit.tokenizer()
    pooled = kit.encoder()(named["input_ids"], attention_mask=named["attention_mask"])[1]
    return _of(named, pooled, tokens, kit.named_arrays(tokens, kit.ALL))


def open_length():
    ids, mask = kit.inputs(*kit.MASKED, length=None)
    tokens = kit.tokenizer()
    encoded = tokens(list(kit.TEXTS), padding=True, truncation=True, max_length=24, return_tensors="np")
    arrays = [encoded[key].astype("int32") for key in kit.MASKED]
    states = kit.encoder()(ids, attention_mask=mask)[0]
    save = {"labels": kit.LABELS, "max_length": 24, "padding": "longest"}
    return _of([ids, mask], layers.GlobalAveragePooling1D()(states), tokens, arrays, save=save)


def open_length_without_padding():
    ids, mask = kit.inputs(*kit.MASKED, length=None)
    tokens = kit.tokenizer()
    encoded = tokens(list(kit.TEXTS), padding="longest", truncation=True, max_length=24, return_tensors="np")
    arrays = [encoded[key].astype("int32") for key in kit.MASKED]
    save = {"labels": kit.LABELS, "max_length": 24}
    return _of([ids, mask], kit.encoder()(ids, attention_mask=mask)[0][:, 0], tokens, arrays, save=save)


def nested_model():
    ids, mask = kit.inputs(*kit.MASKED)
    inner = tf.keras.Model([ids, mask], kit.encoder()(ids, attention_mask=mask)[1], name="text_encoder")
    outer = kit.inputs("ids", "mask")
    return _of(outer, layers.Dropout(0.1)(inner(outer)))


def sequential_around_a_model():
    (ids,) = kit.inputs("input_ids")
    inner = tf.keras.Model(ids, kit.encoder()(ids)[0], name="text_encoder")
    head = tf.keras.Sequential([layers.GlobalMaxPooling1D(), layers.Dense(3, activation="softmax")], name="head")
    tokens = kit.tokenizer()
    model = kit.noisy(tf.keras.Sequential([inner, head], name="classifier"))
    return kit.Case(model, tokens, kit.arrays(tokens, ["input_ids"])[0])


def model_on_top_of_a_model():
    ids, mask = kit.inputs(*kit.MASKED)
    trunk = tf.keras.Model([ids, mask], kit.encoder()(ids, attention_mask=mask)[1])
    hidden = layers.Dense(8, activation="relu", name="added")(trunk.output)
    return _of(trunk.inputs, hidden)


def shared_embeddings():
    ids, mask = kit.inputs(*kit.MASKED)
    bert = kit.encoder()
    first = bert(ids, attention_mask=mask)[0][:, 0]
    masked = bert(ids * mask)[0][:, 0]
    return _of([ids, mask], layers.add([first, masked]))


def frozen_layers():
    ids, mask = kit.inputs("input_token", "masked_token")
    states = kit.encoder("DistilBert")(ids, attention_mask=mask)[0]
    tokens = kit.tokenizer("distilbert")
    case = _of([ids, mask], layers.BatchNormalization()(states[:, 0, :]), tokens)
    for layer in case.model.layers[:3]:
        layer.trainable = False
    return case


def frozen_blocks():
    ids, mask = kit.inputs(*kit.MASKED)
    bert = kit.encoder(num_hidden_layers=2)
    pooled = bert(ids, attention_mask=mask)[1]
    bert.bert.embeddings.trainable = False
    bert.bert.encoder.layer[0].trainable = False
    return _of([ids, mask], pooled)


def called_with_training():
    ids, mask = kit.inputs(*kit.MASKED)
    pooled = kit.encoder()(ids, attention_mask=mask, training=False)[1]
    return _of([ids, mask], layers.Dropout(0.2)(pooled))


def mixed_precision():
    mixed = tf.keras.mixed_precision
    set_policy = getattr(mixed, "set_global_policy", None) or mixed.experimental.set_policy
    set_policy("mixed_float16")
    try:
        ids, mask = kit.inputs(*kit.MASKED)
        pooled = layers.Dense(8, activation="relu")(kit.encoder()(ids, attention_mask=mask)[1])
        predictions = layers.Dense(3, activation="softmax", dtype="float32", name="classes")(pooled)
        tokens = kit.tokenizer()
        return kit.Case(kit.noisy(tf.keras.Model([ids, mask], predictions)), tokens, kit.arrays(tokens))
    finally:
        set_policy("float32")


class Perturbed(tf.keras.Model):
    """A functional model with a training step of its own, as adversarial training is written."""

    def train_step(self, data):
        features, answers = data[:2]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(features, training=True) - answers))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {"loss": loss}


def functional_with_a_training_step():
    ids, mask = kit.inputs(*kit.MASKED)
    predictions = kit.classes(kit.encoder()(ids, attention_mask=mask)[1])
    tokens = kit.tokenizer()
    return kit.Case(kit.noisy(Perturbed(inputs=[ids, mask], outputs=predictions)), tokens, kit.arrays(tokens))
