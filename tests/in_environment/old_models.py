"""`python tests/in_environment/old_models.py OUT SHAPE[:FORMAT,...]...`: models as this Keras 2 writes them.

Runs inside an environment: Python 3.8. OUT/SHAPE gets one file or folder for each of `WRITERS`, the folder `classifier`
with what `config.save_pretrained` and a tokenizer write, and `noted.npz`: arrays, and what the live model predicts.
"""

import json
import os
import sys
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
import transformers

try:
    import tf_keras as keras
except ImportError:
    keras = tf.keras

LENGTH, FEATURES = 12, 10
FORMATS = ("saved_model", "model.h5", "model.keras")  # of a whole model
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz", "##e", "##s"]
OF_LISTS = ("subclassed_last_four",)  # shapes whose model is called on a list
FROZEN = ("encoder.layer.0", "pooler")


def by_path():
    """Return whether this Keras writes `.weights.h5` by path; before, it is the layout of other HDF5 weights."""
    return tuple(map(int, tf.__version__.split(".")[:2])) >= (2, 13)


def config(layers=1, **fields):
    return transformers.BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=8,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=32,
        **fields,
    )


def inputs():
    return {name: keras.Input((LENGTH,), dtype="int32", name=name) for name in ("input_ids", "attention_mask")}


def classified(tokens, vector, others=()):
    return keras.Model([*tokens.values(), *others], keras.layers.Dense(2, activation="softmax")(vector))


def first_token():
    tokens = inputs()
    return classified(tokens, transformers.TFBertModel(config())(tokens)[0][:, 0, :])


def with_features():
    tokens, features = inputs(), keras.Input((FEATURES,), name="numerical_features")
    vector = transformers.TFBertModel(config())(tokens)[0][:, 0, :]
    return classified(tokens, keras.layers.concatenate([vector, features]), [features])


def frozen():
    tokens, encoder = inputs(), transformers.TFBertModel(config(layers=2), name="my_encoder")
    vector = encoder(tokens)[0][:, 0, :]
    encoder.bert.encoder.layer[0].trainable = False
    encoder.bert.pooler.trainable = False
    return classified(tokens, vector)


def recurrent():
    tokens = inputs()
    sequence = transformers.TFBertModel(config())(tokens)[0]
    return classified(tokens, keras.layers.Bidirectional(keras.layers.LSTM(3))(sequence))


def nested():
    tokens = inputs()
    parts = [keras.layers.Dense(6), keras.layers.BatchNormalization(), keras.layers.LayerNormalization()]
    return classified(tokens, keras.Sequential(parts, name="head")(transformers.TFBertModel(config())(tokens)[1]))


def with_a_head():
    return transformers.TFBertForSequenceClassification(config(num_labels=3))


def family(title, layers="num_hidden_layers", hidden="hidden_size", heads="num_attention_heads", **fields):
    """Return the function that builds the first-token classifier of another family, of BERT's sizes."""

    def build():
        sizes = {layers: 2, hidden: 8, heads: 2, "vocab_size": len(VOCABULARY), "max_position_embeddings": 40}
        encoder = getattr(transformers, "TF{}Model".format(title))
        tokens = inputs()
        made = encoder(getattr(transformers, title + "Config")(**sizes, **(fields or {"intermediate_size": 12})))
        return classified(tokens, made(tokens)[0][:, 0, :])

    return build


FAMILIES = {
    "distilbert": family("DistilBert", "n_layers", "dim", "n_heads", hidden_dim=12),
    "roberta": family("Roberta"),
    "electra": family("Electra", embedding_size=6, intermediate_size=12),
    "albert": family("Albert", embedding_size=6, intermediate_size=12),
    "mpnet": family("MPNet"),
}
SHAPES = {
    function.__name__: function for function in (first_token, with_features, frozen, recurrent, nested, with_a_head)
}


def masked_mean(sequence, mask):
    weights = tf.cast(mask, sequence.dtype)[:, :, tf.newaxis]
    return tf.reduce_sum(sequence * weights, axis=1) / tf.maximum(tf.reduce_sum(weights, axis=1), 1e-9)


class Pooled(keras.Model):
    """The mean of all tokens, a dropout, two Dense layers."""

    def __init__(self):
        super().__init__()
        self.bert = transformers.TFBertModel(config(), name="encoder")
        self.dropout = keras.layers.Dropout(0.3)
        self.hidden = keras.layers.Dense(6, activation="gelu")
        self.out = keras.layers.Dense(2)

    def call(self, inputs, training=False):
        sequence = self.bert(inputs["input_ids"], attention_mask=inputs["attention_mask"], training=training)[0]
        vector = self.dropout(masked_mean(sequence, inputs["attention_mask"]), training=training)
        return tf.nn.softmax(self.out(self.hidden(vector)))


class PooledWithFeatures(Pooled):
    def call(self, inputs, training=False):
        sequence = self.bert(inputs["input_ids"], attention_mask=inputs["attention_mask"], training=training)[0]
        features = tf.math.log1p(tf.abs(inputs["numerical_features"])) * tf.sign(inputs["numerical_features"])
        return tf.nn.softmax(self.out(self.hidden(tf.concat([sequence[:, 0], features], axis=-1))))


class Recurrent(keras.Model):
    def __init__(self):
        super().__init__()
        self.bert = transformers.TFBertModel(config())
        self.recurrent = keras.layers.Bidirectional(keras.layers.LSTM(3))
        self.out = keras.layers.Dense(2, activation="softmax")

    def call(self, inputs):
        sequence = self.bert(inputs["input_ids"], attention_mask=inputs["attention_mask"])[0]
        return self.out(self.recurrent(sequence))


class MaskedRecurrent(Recurrent):
    def call(self, inputs):
        mask = tf.cast(inputs["attention_mask"], tf.bool)
        sequence = self.bert(inputs["input_ids"], attention_mask=inputs["attention_mask"])[0]
        return self.out(self.recurrent(sequence, mask=mask))


class LastFour(keras.Model):
    """The last four hidden states of the first token, concatenated; called on a list."""

    def __init__(self):
        super().__init__()
        self.bert = transformers.TFBertModel(config(layers=4, output_hidden_states=True))
        self.out = keras.layers.Dense(2, activation="softmax")

    def call(self, inputs):
        states = self.bert(inputs[0], attention_mask=inputs[1]).hidden_states
        return self.out(tf.concat([state[:, 0] for state in states[-4:]], axis=-1))


class HeadInside(keras.Model):
    def __init__(self):
        super().__init__()
        self.classifier = transformers.TFBertForSequenceClassification(config(num_labels=2))

    def call(self, inputs):
        return tf.nn.softmax(self.classifier(inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits)


class Attentive(keras.layers.Layer):
    """A layer around an encoder, with weights of its own: attention over the tokens."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.bert = transformers.TFBertModel(config(layers=2))
        self.project = keras.layers.Dense(5, activation="tanh", name="dense")

    def build(self, shape):
        self.query = self.add_weight(name="query", shape=(5, 1), initializer="glorot_uniform")
        self.offset = self.add_weight(name="offset", shape=(1,), initializer="zeros", trainable=False)

    def call(self, inputs):
        ids, mask = inputs
        sequence = self.bert(ids, attention_mask=mask)[0]
        scores = tf.squeeze(tf.matmul(self.project(sequence), self.query), -1) + self.offset
        scores += (1.0 - tf.cast(mask, scores.dtype)) * -1e9
        return tf.einsum("ij,ijk->ik", tf.nn.softmax(scores, axis=-1), sequence)


def subclassed():
    return Pooled()


def subclassed_with_features():
    return PooledWithFeatures()


def subclassed_recurrent():
    return Recurrent()


def subclassed_masked_recurrent():
    return MaskedRecurrent()


def subclassed_last_four():
    return LastFour()


def subclassed_around_a_head():
    return HeadInside()


def custom_layer():
    tokens = inputs()
    return classified(tokens, Attentive()([tokens["input_ids"], tokens["attention_mask"]]))


def with_a_lambda():
    tokens = inputs()
    encoder = transformers.TFBertModel(config(), name="my_encoder")
    encoder.bert.pooler.trainable = False
    return classified(tokens, keras.layers.Lambda(lambda x: x[0][:, 0, :])(encoder(tokens)))


def with_two_lambdas():
    tokens = inputs()
    sequence = keras.layers.Lambda(lambda x: x[0])(transformers.TFBertModel(config())(tokens))
    mean = keras.layers.Lambda(lambda x, weight: masked_mean(*x) * weight, arguments={"weight": 0.25})
    vector = mean([sequence, tokens["attention_mask"]])
    return classified(tokens, keras.layers.Dropout(0.2)(vector))


OF_CODE = {
    function.__name__: function
    for function in (
        subclassed,
        subclassed_with_features,
        subclassed_recurrent,
        subclassed_masked_recurrent,
        subclassed_last_four,
        subclassed_around_a_head,
        custom_layer,
        with_a_lambda,
        with_two_lambdas,
    )
}


def arrays(name):
    random = np.random.RandomState(0)
    lengths = np.array([[LENGTH], [5], [3], [9]])
    found = {
        "input_ids": random.randint(5, len(VOCABULARY), (4, LENGTH)).astype("int32"),
        "attention_mask": (np.arange(LENGTH) < lengths).astype("int32"),
    }
    if name.endswith("with_features"):
        found["numerical_features"] = random.normal(size=(4, FEATURES)).astype("float32")
    return found


class Holder(keras.Model):
    """A subclassed model that holds another, as transformers' own classes are used in a training script."""

    def __init__(self, held):
        super().__init__(name="holder")
        self.held = held

    def call(self, inputs, training=False):
        return self.held(inputs, training=training)


def inside_of_another(model, path):
    """Save a class that was built inside of a subclassed model, whose name its weights have from then on."""
    held = type(model)(model.config)
    holder = Holder(held)
    given = arrays("with_a_head")
    holder(given)
    held.set_weights(model.get_weights())
    held.save_pretrained(path)


WRITERS = {
    "saved_model": lambda model, path: model.save(path, save_format="tf"),
    "model.h5": lambda model, path: model.save(path),
    "model.keras": lambda model, path: model.save(path),
    "legacy.h5": lambda model, path: model.save_weights(path),
    "model.weights.h5": lambda model, path: model.save_weights(path),
    "ckpt": lambda model, path: tf.train.Checkpoint(model=model).write(path),
    "exported": lambda model, path: model.export(path),  # TensorFlow 2.13 and later
    "served": lambda model, path: tf.saved_model.save(model, path),
    "hugging_face": lambda model, path: model.save_pretrained(path),
    "safetensors": lambda model, path: model.save_pretrained(path, safe_serialization=True),
    "inside": inside_of_another,
    "sharded": lambda model, path: model.save_pretrained(path, max_shard_size="1KB"),
    "sharded_safetensors": lambda model, path: model.save_pretrained(
        path, max_shard_size="1KB", safe_serialization=True
    ),
}


def write(name, folder, formats):
    """Build, change every weight, train for a step, note the predictions, save."""
    keras.backend.clear_session()
    model, given, random = {**SHAPES, **FAMILIES, **OF_CODE}[name](), arrays(name), np.random.RandomState(1)
    given = list(given.values()) if name in OF_LISTS else given
    model(given)
    for weight in model.weights:
        noise = random.normal(size=weight.shape).astype("float32")
        weight.assign(weight * 1.3 if "variance" in weight.name else weight + 0.05 * noise)
    if name != "with_a_head":
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(given, np.array([0, 1, 0, 1]), verbose=0)
    predictions = model.predict(given, verbose=0)
    if not isinstance(predictions, np.ndarray):
        predictions = predictions["logits"] if isinstance(predictions, dict) else predictions.logits
    folder.mkdir(parents=True)
    np.savez(str(folder / "noted.npz"), predictions=predictions, **arrays(name))
    classifier = folder / "classifier"
    config(layers=2 if name == "frozen" else 1).save_pretrained(str(classifier))
    (classifier / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 32}
    (classifier / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    for file in formats:
        try:
            WRITERS[file](model, str(folder / file))
        except NotImplementedError:  # a class without get_config, or a model that is not functional
            if (folder / file).exists():  # nothing but a header
                (folder / file).unlink()


if __name__ == "__main__":
    for argument in sys.argv[2:]:
        shape, _, given = argument.partition(":")
        write(shape, Path(sys.argv[1]) / shape, given.split(",") if given else FORMATS)
