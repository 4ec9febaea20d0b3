"""The training of the demo inside an environment: tokenizer, encoder, head, a few epochs, a proven bundle."""

import json
import os
import random
from typing import Any, Dict, List, Tuple

import numpy as np

from bert_bundle.api import save
from bert_bundle.demo import vocabulary
from bert_bundle.encoders import families, transformers
from bert_bundle.format import tensors
from bert_bundle.keras_models import runtime as keras_runtime
from bert_bundle.progress import Progress
from bert_bundle.tokenizer import from_vocabulary

BATCH = 16


def train_and_save(
    recipe: Dict[str, Any], target: str, progress: Progress, *, overwrite: bool = False
) -> Dict[str, Any]:
    """Train by `recipe` and save to `target` with the held-out rows as examples; return {"digest", "accuracy"}."""
    keras = keras_runtime.bind(keras_runtime.TRANSFORMERS).keras
    import tensorflow as tf

    for seed in (random.seed, np.random.seed, tf.random.set_seed):  # Keras seeds initial weights from the first
        seed(recipe["seed"])
    if recipe["encoder"]["kind"] == "fresh":
        progress("training a WordPiece tokenizer on {} texts".format(len(recipe["train"]["text"])))
        tokens = vocabulary.learn(recipe["train"]["text"], recipe["encoder"]["vocabulary"])
        tokenizer = from_vocabulary(tokens, max_length=recipe["max_length"])
        encoder = _fresh_encoder(recipe, len(tokenizer))
    else:
        progress("reading the pretrained encoder")
        tokenizer, encoder = _pretrained(recipe, keras)
    model, head, pooled = _classifier(recipe, encoder, keras)
    inputs = _inputs(recipe["train"], recipe, tokenizer)
    answers = np.asarray(recipe["train"]["label"])
    if encoder.trainable:
        _fit(model, inputs, answers, recipe, keras, progress)
    else:
        progress("running the frozen encoder over {} texts".format(len(answers)))
        states = keras.Model(model.inputs, pooled).predict(inputs, batch_size=BATCH, verbose=0)
        _fit(head, states, answers, recipe, keras, progress)
    held_out = recipe["held_out"]
    guesses = model.predict(_inputs(held_out, recipe, tokenizer), batch_size=BATCH, verbose=0).argmax(-1)
    accuracy = float((guesses == np.asarray(held_out["label"])).mean())
    examples = {"text": held_out["text"], "label": held_out["label"]}
    if recipe["features"]:
        examples[recipe["features"]] = held_out["features"]
    progress("saving and proving the bundle on {} held-out texts".format(len(held_out["text"])))
    manifest = save(
        model,
        target,
        tokenizer=tokenizer,
        labels=recipe["labels"],
        examples=examples,
        max_length=recipe["max_length"],
        overwrite=overwrite,
        metadata={"about": recipe["about"], "accuracy_held_out": round(accuracy, 4)},
        progress=lambda step: progress(str(step)),
    )
    return {"digest": manifest.digest, "accuracy": accuracy}


def _fresh_encoder(recipe: Dict[str, Any], size: int) -> Any:
    sizes = recipe["encoder"]
    config = dict(
        families.BERT.fields,
        vocab_size=size,
        hidden_size=sizes["hidden"],
        num_hidden_layers=sizes["layers"],
        num_attention_heads=sizes["heads"],
        intermediate_size=sizes["intermediate"],
        max_position_embeddings=recipe["max_length"],
        initializer_range=0.05,  # the default of 0.02 suits hidden sizes ten times as large
    )
    return transformers.build(families.BERT, config, "encoder")


def _pretrained(recipe: Dict[str, Any], keras: Any) -> Tuple[Any, Any]:
    """Return the tokenizer and the frozen encoder of a Hugging Face checkpoint with PyTorch names, without PyTorch."""
    folder = recipe["encoder"]["folder"]
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    with open(os.path.join(folder, "model.safetensors"), "rb") as weights:
        arrays = tensors.from_bytes(weights.read(), "model.safetensors")
    encoder = transformers.build(families.BERT, config, "minilm")
    encoder(encoder.dummy_inputs)  # the first call creates its variables
    transformers.assign(encoder, arrays, keras, "model.safetensors")
    encoder.trainable = False
    with open(os.path.join(folder, "vocab.txt"), encoding="utf-8") as file:
        return from_vocabulary(file.read().splitlines(), max_length=512), encoder


def _classifier(recipe: Dict[str, Any], encoder: Any, keras: Any) -> Tuple[Any, Any, Any]:
    """Return (model, its head as a model, input of the head): masked mean, features, two dense layers."""
    import tensorflow as tf

    length = recipe["max_length"]
    ids = keras.Input((length,), dtype="int32", name="input_ids")
    mask = keras.Input((length,), dtype="int32", name="attention_mask")
    inputs = [ids, mask]
    hidden = encoder(ids, attention_mask=mask).last_hidden_state
    weight = tf.cast(tf.expand_dims(mask, -1), "float32")
    pooled = tf.reduce_sum(hidden * weight, axis=1) / tf.reduce_sum(weight, axis=1)
    if recipe["features"]:
        width = len(recipe["train"]["features"][0])
        features = keras.Input((width,), name=recipe["features"])
        inputs.append(features)
        scaled = keras.layers.BatchNormalization(name="scaled", momentum=0.9)(tf.math.log(features + 1.0))
        pooled = keras.layers.Concatenate(name="text_and_features")([pooled, scaled])
    head = keras.Sequential(
        [
            keras.Input((pooled.shape[-1],), name="pooled"),
            keras.layers.Dense(64, activation="relu", name="hidden"),
            keras.layers.Dropout(0.2, name="dropout"),
            keras.layers.Dense(len(recipe["labels"]), activation="softmax", name="probabilities"),
        ],
        name="head",
    )
    return keras.Model(inputs, head(pooled), name="classifier"), head, pooled


def _inputs(rows: Dict[str, Any], recipe: Dict[str, Any], tokenizer: Any) -> List[np.ndarray]:
    encoded = tokenizer(
        rows["text"], padding="max_length", truncation=True, max_length=recipe["max_length"], return_tensors="np"
    )
    columns = [encoded["input_ids"].astype("int32"), encoded["attention_mask"].astype("int32")]
    return columns + ([np.asarray(rows["features"], "float32")] if recipe["features"] else [])


def _fit(model: Any, inputs: Any, answers: np.ndarray, recipe: Dict[str, Any], keras: Any, progress: Progress) -> None:
    epochs = recipe["epochs"]

    def report(epoch: int, logs: Any) -> None:
        if (epoch + 1) % 5 == 0 or epoch + 1 == epochs:
            figures = "loss {loss:.3f}, accuracy {accuracy:.1%}".format(**logs)
            progress("epoch {} of {}: {}".format(epoch + 1, epochs, figures))

    model.compile(keras.optimizers.Adam(recipe["learning_rate"]), "sparse_categorical_crossentropy", ["accuracy"])
    callback = keras.callbacks.LambdaCallback(on_epoch_end=report)
    model.fit(inputs, answers, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[callback])
