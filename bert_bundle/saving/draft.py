"""A live model turned into the files of a bundle, all in memory; touches no file, changes none of its arguments."""

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy as np

from bert_bundle import tokenizer as tokenizers
from bert_bundle.encoders import checkpoint_names, configuration
from bert_bundle.errors import BundleError, ModelError, SignatureError, TokenizerError
from bert_bundle.format import golden as goldens
from bert_bundle.format import layout, strict_json, tensors
from bert_bundle.format.files import sha256
from bert_bundle.format.golden import Golden
from bert_bundle.format.layout import encoder_path
from bert_bundle.format.model_card import card
from bert_bundle.format.tensors import check_finite
from bert_bundle.grading import differences
from bert_bundle.graph import graph_json, signature
from bert_bundle.graph.custom_classes import Classes
from bert_bundle.graph.graph import Graph
from bert_bundle.graph.signature import Slot
from bert_bundle.interpreter.installed import writer_facts
from bert_bundle.keras_models import capture, prediction, weights
from bert_bundle.keras_models import runtime as keras
from bert_bundle.keras_models.runtime import Runtime
from bert_bundle.loading.encoding import encode
from bert_bundle.loading.float64 import Float64Model
from bert_bundle.loading.parts import Parts
from bert_bundle.saving.examples import PROBES, Examples
from bert_bundle.saving.examples import read as read_examples
from bert_bundle.saving.interchangeable_inputs import interchangeable_pairs
from bert_bundle.tokenizer import Recipe


@dataclass(frozen=True)
class Draft:
    """Every file of a bundle but the manifest, the manifest's fields, and the golden to prove it against."""

    files: Mapping[str, bytes]
    fields: Mapping[str, Any]
    golden: Golden


def draft(
    model: Any,
    name: str,
    tokenizer: Any,
    labels: Sequence[str],
    examples: Optional[Mapping[str, Any]],
    max_length: Optional[int],
    metadata: Mapping[str, Any],
    classes: Classes,
) -> Draft:
    """The draft of `model`, its layers of `classes` kept as they are.

    Raises ModelError, TokenizerError or SignatureError for what does not fit.
    """
    _check_plain(metadata, "metadata")
    _check_plain(list(dict(examples or {}).get("text", [])), "examples[text]")
    runtime = keras.bind_for(model, classes)
    captured = capture.capture(model, runtime, max_length)
    slots = signature.slots(captured.graph)
    configs = {
        n: runtime.encoders.config(encoder, encoder_path(n, layout.ENCODER_CONFIG))
        for n, encoder in captured.encoders.items()
    }
    tokenizer_files = _tokenizer_files(tokenizer, configs)
    recipe = _recipe(max_length, slots, tokenizer, configs)
    unsteady = tokenizers.varies_by_environment(tokenizer, PROBES)
    columns = read_examples(examples, slots, labels, [p for i, p in enumerate(PROBES) if i not in unsteady])
    parts = Parts(
        graph=captured.graph,
        configs=configs,
        encoders={n: runtime.encoders.tensors(encoder) for n, encoder in captured.encoders.items()},
        weights=weights.collect(captured.layers, runtime),
    )
    shape_files = {layout.GRAPH: graph_json.to_bytes(parts.graph)}
    shape_files.update((encoder_path(n, layout.ENCODER_CONFIG), strict_json.canonical(c)) for n, c in configs.items())
    golden = _golden(model, runtime, parts, slots, recipe, tokenizer, columns, labels, shape_files)
    _check_labels(labels, golden.predictions)
    tokenizer_facts = {
        "fast": bool(getattr(tokenizer, "is_fast", False)),
        "max_length": recipe.max_length,
        "padding": recipe.padding,
        "truncation": recipe.truncation,
    }
    facts = signature.to_json(slots, golden.predictions, parts.graph)
    encoders = {n: {"class": c["architectures"][0], "model_type": c["model_type"]} for n, c in configs.items()}
    writer = writer_facts()
    customs = tuple(sorted({layer.class_name for _, layer in parts.graph.walk() if layer.custom}))
    files = {**shape_files, **tokenizer_files, **_weight_files(parts), **goldens.to_files(golden)}
    files[layout.CARD] = card(
        name, facts, labels, encoders, tokenizer_facts, writer["packages"], golden.examples, customs, golden.alike
    )
    fields = {
        "writer": writer,
        "runtime": runtime.name,
        "signature": facts,
        "labels": tuple(labels),
        "tokenizer": tokenizer_facts,
        "encoders": encoders,
        "custom_objects": customs,
        "metadata": dict(metadata),
    }
    return Draft(files, fields, golden)


def _check_plain(value: Any, place: str) -> None:
    """Raises SignatureError for what canonical JSON cannot hold or would not read back: NaN, objects, surrogates."""
    try:
        strict_json.parse(strict_json.canonical(value), place)
    except (TypeError, ValueError, BundleError) as error:
        raise SignatureError("no plain data", place=place, wanted="JSON", found=error) from None


def _tokenizer_files(tokenizer: Any, configs: Mapping[str, Mapping[str, Any]]) -> Dict[str, bytes]:
    if tokenizer is None:
        raise TokenizerError("no tokenizer", place="tokenizer", fix="pass the tokenizer that belongs to the encoder")
    files = tokenizers.to_files(tokenizer)
    size = tokenizers.vocabulary_size(tokenizer)
    for name, config in configs.items():
        if size > config["vocab_size"]:
            raise TokenizerError(
                "the tokenizer's vocabulary is larger than the encoder's",
                place=encoder_path(name, layout.ENCODER_CONFIG) + "#/vocab_size",
                wanted="at least {}".format(size),
                found=config["vocab_size"],
                fix="pass the encoder's own tokenizer, or call resize_token_embeddings({})".format(size),
            )
    return files


def _recipe(asked: Optional[int], slots: Sequence[Slot], tokenizer: Any, configs: Mapping[str, Any]) -> Recipe:
    """The length: what was asked, what the model's inputs fix, or the most that tokenizer and encoder take."""
    longest = min(map(configuration.longest, configs.values()))
    fixed = {s.shape[0] for s in slots if s.group and s.shape and s.shape[0] is not None}
    length = asked or next(iter(fixed), None) or min(tokenizer.model_max_length, longest)
    if fixed - {length} or not 1 <= length <= longest:
        raise SignatureError(
            "max_length does not fit the model",
            place="max_length",
            wanted=", ".join(map(str, sorted(fixed))) if fixed else "1 to {}".format(longest),
            found=length,
        )
    return Recipe(int(length))


def _golden(
    model: Any,
    runtime: Runtime,
    parts: Parts,
    slots: List[Slot],
    recipe: Recipe,
    tokenizer: Any,
    columns: Examples,
    labels: Sequence[str],
    shape_files: Mapping[str, bytes],
) -> Golden:
    for name, arrays in [(layout.WEIGHTS, parts.weights), *parts.encoders.items()]:
        check_finite(arrays, name)
    for name, found in parts.encoders.items():
        checkpoint_names.check_shapes(parts.configs[name], {k: v.shape for k, v in found.items()}, name)
    token_ids = encode(tokenizer, recipe, slots, columns.texts)
    _check_tokenizer(runtime, tokenizer, recipe, slots, columns, token_ids)
    arrays = {**token_ids, **columns.features}
    predictions = _predictions(runtime, model, parts.graph, slots, arrays)
    some = {n: a[: replay_rows(len(columns))] for n, a in arrays.items()}
    one_by_one = prediction.predict(runtime, model, parts.graph, slots, some, batch=1)
    again = prediction.predict(runtime, parts.build(runtime).model, parts.graph, slots, arrays, batch=goldens.BATCH)
    exact = Float64Model(parts, runtime)
    float64 = exact.predict(arrays)
    types = min((c["type_vocab_size"] for c in parts.configs.values() if "type_vocab_size" in c), default=0)
    least = differences.least_noise(layer.policy for _, layer in parts.graph.walk())
    measured: Dict[str, Dict[str, float]] = {goldens.EXACT: {}, goldens.ALONE: {}}
    for name, array in predictions.items():
        rows = np.flatnonzero(~np.isfinite(array).all(axis=tuple(range(1, array.ndim))))
        if rows.size:
            raise ModelError(
                "the model predicts what is no number",
                place="{} of example {}".format(name, rows[0]),
                found=array[rows[0]].ravel()[:8].tolist(),
                fix="find the layer that makes it; a release is not gated on predictions that are no numbers",
            )
        count = len(one_by_one[name])
        rebuilt = differences.difference(again[name], array, float64[name])
        if rebuilt > differences.LEAST_NOISE:
            raise ModelError(
                "the captured graph does not compute what the model computes",
                place=name,
                wanted="at most {:.1e} of the output's scale apart".format(differences.LEAST_NOISE),
                found="{:.1e}".format(rebuilt),
                fix="a layer or function of the model is not what its name says: write it with Keras' own",
            )
        padded = np.concatenate([one_by_one[name], array[count:]])
        measured[goldens.EXACT][name] = differences.difference(array, float64[name], float64[name])
        measured[goldens.ALONE][name] = differences.difference(padded, array, float64[name])
    return Golden(
        texts=columns.texts,
        features=columns.features,
        answers=columns.answers,
        token_ids=token_ids,
        predictions=predictions,
        float64_predictions=float64,
        noise={n: differences.noise_floor([moved[n] for moved in measured.values()], least) for n in predictions},
        measured=measured,
        layers=exact.fingerprints(arrays),
        architecture={path: sha256(data) for path, data in shape_files.items()},
        labels=tuple(labels),
        inputs=tuple((s.name, s.role, s.dtype, s.shape) for s in slots),
        alike=interchangeable_pairs(slots, arrays, float64, exact.predict, types),
    )


def _predictions(
    runtime: Runtime, model: Any, shape: Graph, slots: List[Slot], arrays: Mapping[str, Any]
) -> Dict[str, Any]:
    """What the live model says. Raises ModelError when it does not run, or not with a row for each example."""
    count = len(next(iter(arrays.values())))
    try:
        predictions = prediction.predict(runtime, model, shape, slots, arrays, batch=goldens.BATCH)
        found = {name: array.shape for name, array in predictions.items()}
    except Exception as error:  # the caller's model, run on the caller's examples: TensorFlow raises anything
        raise ModelError(
            "the model does not run on the examples",
            place=model.name,
            found="{}: {}".format(type(error).__name__, error),
            fix="call the model on the examples' arrays yourself; it must take any number of rows",
        ) from error
    for name, size in found.items():
        if not size or size[0] != count:
            raise ModelError(
                "an output without a row for each example", place=name, wanted="({}, ...)".format(count), found=size
            )
    return predictions


def replay_rows(count: int) -> int:
    """How many examples are also run alone to measure what batching moves: at most sixteen."""
    return min(count, 16)


def _check_tokenizer(
    runtime: Runtime,
    tokenizer: Any,
    recipe: Recipe,
    slots: Sequence[Slot],
    columns: Examples,
    ids: Mapping[str, np.ndarray],
) -> None:
    """The files, read back, must give the live tokenizer's ids, for texts that are read alike in every environment."""
    for texts in columns.texts.values():
        joined = [text if isinstance(text, str) else " ".join(text) for text in texts]
        for position, found in tokenizers.varies_by_environment(tokenizer, joined).items():
            raise TokenizerError(
                "a text that this tokenizer does not read alike in every environment",
                place="text of example {}".format(position),
                wanted="characters of Unicode 12.1, letters joined with their marks",
                found=found,
                fix="save the fast tokenizer where this is a slow one, or leave the text out of the examples",
            )
    fast = bool(getattr(tokenizer, "is_fast", False))
    read = tokenizers.from_files(tokenizers.to_files(tokenizer), fast=fast, runtime=runtime.name)
    again = encode(read, recipe, slots, columns.texts)
    for name, wanted in ids.items():
        rows = np.flatnonzero((again[name] != wanted).any(axis=1))
        if rows.size:
            raise TokenizerError(
                "the saved tokenizer gives other token ids than the live one",
                place="{} of example {}".format(name, rows[0]),
                wanted=wanted[rows[0]][:16].tolist(),
                found=again[name][rows[0]][:16].tolist(),
                fix="make it with from_pretrained: one that was changed or constructed directly can read special "
                "tokens in another way than every release does after loading",
            )


def _check_labels(labels: Sequence[str], outputs: Mapping[str, np.ndarray]) -> None:
    classes = {name: array.shape[-1] if array.ndim > 1 else 1 for name, array in outputs.items()}
    fits = [n for n in classes.values() if len(labels) in ((1, 2) if n == 1 else (n,))]
    texts = all(isinstance(label, str) for label in labels)
    if labels and (not fits or not texts or len(set(labels)) != len(labels)):
        raise SignatureError(
            "the labels do not fit the head",
            place="labels",
            wanted="one distinct name for each class of " + ", ".join("{} ({})".format(*c) for c in classes.items()),
            found="{} labels".format(len(labels)),
            fix="pass the names in the order of the head's outputs",
        )


def _weight_files(parts: Parts) -> Dict[str, bytes]:
    files = {layout.WEIGHTS: tensors.to_bytes(parts.weights, {"format": "bert_bundle"})}
    for name, arrays in parts.encoders.items():
        # AutoModel.from_pretrained asks for the framework whose layout the tensors have.
        files[encoder_path(name, layout.ENCODER_WEIGHTS)] = tensors.to_bytes(arrays, {"format": "pt"})
    return files
