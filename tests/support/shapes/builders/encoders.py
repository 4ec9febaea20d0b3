"""Shapes of encoders: main layers, encoders without a pooler, the other families."""

import inspect

import tensorflow as tf
import transformers

from support.shapes.builders import kit

layers = tf.keras.layers


def main_layer_by_attribute():
    ids, mask, types = kit.inputs("input_ids", "attention_masks", "token_type_ids")
    bert = kit.encoder()
    bert.trainable = False
    outputs = bert.bert(ids, attention_mask=mask, token_type_ids=types)
    states = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(outputs.last_hidden_state)
    both = [layers.GlobalAveragePooling1D()(states), layers.GlobalMaxPooling1D()(states)]
    tokens = kit.tokenizer()
    model = tf.keras.Model([ids, mask, types], kit.classes(layers.Dropout(0.3)(layers.concatenate(both))))
    return kit.Case(kit.noisy(model), tokens, kit.arrays(tokens, kit.ALL, pairs=kit.PAIRS), pairs=kit.PAIRS)


def main_layer_by_position():
    bert = kit.encoder(name="m")
    bert(tf.constant([[1, 2]]))
    main = bert.layers[0]
    named = dict(zip(kit.MASKED, kit.inputs(*kit.MASKED)))
    pooled = layers.Dropout(0.1, name="pooled_output")(main(named)[1], training=False)
    tokens = kit.tokenizer()
    model = kit.noisy(tf.keras.Model(named, kit.classes(pooled)))
    return kit.Case(model, tokens, kit.named_arrays(tokens, kit.MASKED))


def main_layer_of_roberta():
    ids, mask = kit.inputs(*kit.MASKED)
    base = kit.encoder("Roberta")
    tokens = kit.tokenizer("roberta")
    model = kit.noisy(tf.keras.Model([ids, mask], kit.classes(base.roberta(ids, attention_mask=mask)[0][:, 0])))
    return kit.Case(model, tokens, kit.arrays(tokens))


def main_layer_of_a_class_with_a_head():
    ids, mask = kit.inputs(*kit.MASKED)
    classifier = transformers.TFDistilBertForSequenceClassification(kit.config("DistilBert", num_labels=2))
    states = classifier.distilbert(ids, attention_mask=mask)[0]
    tokens = kit.tokenizer("distilbert")
    model = kit.noisy(tf.keras.Model([ids, mask], kit.classes(layers.Flatten()(states[:, :1]))))
    return kit.Case(model, tokens, kit.arrays(tokens))


def without_pooler():
    ids, mask = kit.inputs(*kit.MASKED)
    takes = "add_pooling_layer" in inspect.signature(transformers.TFBertModel.__init__).parameters
    cls = transformers.TFBertModel if takes else transformers.TFBertMainLayer  # in transformers 4.5
    bert = cls(kit.config(), add_pooling_layer=False)
    states = bert(ids, attention_mask=mask).last_hidden_state
    tokens = kit.tokenizer()
    model = kit.noisy(tf.keras.Model([ids, mask], kit.classes(layers.GlobalMaxPooling1D()(states))))
    return kit.Case(model, tokens, kit.arrays(tokens))


def roberta_by_convolution():
    ids, mask, types = kit.inputs("input_word_ids", "input_mask", "input_type_ids")
    roberta = kit.encoder("Roberta", type_vocab_size=2)
    states = layers.Dropout(0.1)(roberta(ids, attention_mask=mask, token_type_ids=types)[0])
    tokens = kit.tokenizer("roberta")
    model = kit.noisy(tf.keras.Model([ids, mask, types], kit.classes(layers.Flatten()(layers.Conv1D(1, 1)(states)))))
    ids_, mask_ = kit.arrays(tokens)
    return kit.Case(model, tokens, [ids_, mask_, 0 * ids_])


def distilbert_by_recurrence():
    def head(outputs, mask):
        states = layers.Bidirectional(layers.LSTM(6, return_sequences=True, dropout=0.1))(outputs[0])
        return kit.classes(layers.Dense(8, activation="relu")(layers.GlobalMaxPool1D()(states)))

    return kit.on_encoder(head, kind="DistilBert")


def electra_first_token():
    def head(outputs, mask):
        return kit.classes(layers.Dense(8, activation="gelu" if hasattr(tf.nn, "gelu") else "elu")(outputs[0][:, 0]))

    return kit.on_encoder(head, kind="Electra")


def xlm_roberta_last_four():
    ids, mask = kit.inputs(*kit.MASKED)
    states = kit.encoder("XLMRoberta", output_hidden_states=True, num_hidden_layers=4)([ids, mask])[2]
    hidden = layers.Concatenate()([states[-1], states[-2], states[-3], states[-4]])[:, 0, :]
    tokens = kit.tokenizer("xlm-roberta")
    model = kit.noisy(tf.keras.Model([ids, mask], kit.classes(hidden)))
    return kit.Case(model, tokens, kit.arrays(tokens))


def albert_both_pools():
    def head(outputs, mask):
        both = [layers.GlobalAveragePooling1D()(outputs[0]), layers.GlobalMaxPooling1D()(outputs[0])]
        return kit.classes(layers.concatenate(both))

    return kit.on_encoder(head, kind="Albert")


def camembert_first_token():
    ids, mask = kit.inputs(*kit.MASKED)
    states = kit.encoder("Camembert")(ids, mask)[0][:, 0, :]
    tokens = kit.tokenizer("camembert")
    model = kit.noisy(tf.keras.Model([ids, mask], kit.classes(layers.Dense(8, activation="tanh")(states))))
    return kit.Case(model, tokens, kit.arrays(tokens))


def mpnet_masked_mean():
    def head(outputs, mask):
        weights = tf.cast(tf.expand_dims(mask, -1), tf.float32)
        return kit.classes(tf.reduce_sum(outputs[0] * weights, 1) / tf.maximum(tf.reduce_sum(weights, 1), 1e-9))

    return kit.on_encoder(head, kind="MPNet")
