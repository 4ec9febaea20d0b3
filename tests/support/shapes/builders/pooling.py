"""Shapes of pooling: how the states of an encoder become one vector."""

import tensorflow as tf

from support.shapes.builders import kit

layers, backend = tf.keras.layers, tf.keras.backend


def average_and_max_pooling():
    def head(outputs, mask):
        states = outputs.last_hidden_state
        both = [layers.GlobalAveragePooling1D()(states), layers.GlobalMaxPooling1D()(states)]
        return kit.classes(layers.Dropout(0.3)(layers.concatenate(both)))

    return kit.on_encoder(head)


def masked_mean():
    def head(outputs, mask):
        weights = tf.cast(tf.expand_dims(mask, -1), tf.float32)
        total = tf.reduce_sum(outputs[0] * weights, axis=1)
        count = tf.clip_by_value(tf.reduce_sum(weights, axis=1), 1e-9, tf.float32.max)
        return kit.classes(tf.math.l2_normalize(total / count, axis=1))

    return kit.on_encoder(head)


def masked_max():
    def head(outputs, mask):
        absent = (1.0 - tf.cast(mask, tf.float32)[:, :, tf.newaxis]) * -1e9
        return kit.classes(tf.reduce_max(outputs.last_hidden_state + absent, axis=1))

    return kit.on_encoder(head)


def masked_global_pooling():
    def head(outputs, mask):
        return kit.classes(layers.GlobalAveragePooling1D()(outputs[0], mask=mask))

    return kit.on_encoder(head)


def last_four_states():
    def head(outputs, mask):
        joined = layers.concatenate([outputs.hidden_states[i] for i in (-1, -2, -3, -4)], axis=-1)
        return kit.classes(layers.Dropout(0.2)(joined[:, 0, :]))

    return kit.on_encoder(head, output_hidden_states=True, num_hidden_layers=4)


def last_four_states_summed():
    def head(outputs, mask):
        stacked = tf.stack(list(outputs[2][-4:]), axis=0)
        return kit.classes(tf.reduce_mean(tf.reduce_sum(stacked, axis=0), axis=1))

    return kit.on_encoder(head, output_hidden_states=True, num_hidden_layers=4)


class WeightedStates(layers.Layer):
    """A softmax over the layers of an encoder."""

    def build(self, shapes):
        self.scores = self.add_weight(name="scores", shape=(len(shapes),), initializer="zeros")
        super().build(shapes)

    def call(self, states):
        weights = tf.nn.softmax(self.scores)
        return tf.tensordot(weights, tf.stack(states, axis=0), axes=[[0], [0]])


def weighted_states():
    def head(outputs, mask):
        return kit.classes(WeightedStates(name="mix")(list(outputs.hidden_states))[:, 0])

    return kit.on_encoder(head, output_hidden_states=True, num_hidden_layers=2)


def first_token_of_every_layer():
    def head(outputs, mask):
        tokens = tf.stack([states[:, 0, :] for states in outputs.hidden_states], axis=1)
        return kit.classes(layers.LSTM(6)(tokens))

    return kit.on_encoder(head, output_hidden_states=True, num_hidden_layers=2)


def first_and_last_averaged():
    def head(outputs, mask):
        pooled = [layers.GlobalAveragePooling1D()(outputs.hidden_states[i]) for i in (1, -1)]
        return kit.classes(layers.Average()(pooled))

    return kit.on_encoder(head, output_hidden_states=True, num_hidden_layers=2)


def lambda_on_the_outputs():
    def head(outputs, mask):
        return kit.classes(layers.Lambda(lambda x: x[0][:, 0, :])(outputs))

    return kit.on_encoder(head)


def lambda_slice():
    def head(outputs, mask):
        return kit.classes(layers.Lambda(lambda x: x[:, 0, :], name="first")(outputs[0]))

    return kit.on_encoder(head)


def squeezed_slice():
    def head(outputs, mask):
        return kit.classes(backend.squeeze(outputs[0][:, 0:1, :], axis=1))

    return kit.on_encoder(head)


def reshaped_states():
    def head(outputs, mask):
        flat = layers.Flatten()(layers.Reshape((kit.LENGTH, 16))(outputs.last_hidden_state))
        return kit.classes(layers.Dense(8, activation="relu", kernel_regularizer="l2")(flat))

    return kit.on_encoder(head)


def pooler_by_name():
    def head(outputs, mask):
        return kit.classes(layers.Dropout(0.1)(outputs["pooler_output"]))

    return kit.on_encoder(head)


def unpacked_tuple():
    ids, mask = kit.inputs(*kit.MASKED)
    states, pooled = kit.encoder()([ids, mask])[:2]
    mean = layers.GlobalAveragePooling1D()(states)
    tokens = kit.tokenizer()
    model = kit.noisy(tf.keras.Model([ids, mask], kit.classes(layers.concatenate([mean, pooled]))))
    return kit.Case(model, tokens, kit.arrays(tokens))


def mask_made_in_the_model():
    (ids,) = kit.inputs("text")
    mask = layers.Lambda(lambda x: backend.cast(backend.not_equal(x, 0), "int32"))(ids)
    states = kit.encoder()(ids, attention_mask=mask)[0]
    tokens = kit.tokenizer()
    model = kit.noisy(tf.keras.Model(ids, kit.classes(layers.GlobalAveragePooling1D()(states))))
    return kit.Case(model, tokens, kit.arrays(tokens, ["input_ids"])[0])
