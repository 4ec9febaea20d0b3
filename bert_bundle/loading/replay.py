"""Replay the golden of a bundle with a live model. Reports facts as plain data and does not judge them."""

import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Sequence

import numpy as np

from bert_bundle import tokenizer as tokenizers
from bert_bundle.capturing import capture
from bert_bundle.errors import FormatError, SignatureError
from bert_bundle.format import golden as goldens
from bert_bundle.format import layout, strict_json
from bert_bundle.format.files import sha256
from bert_bundle.format.golden import Golden
from bert_bundle.format.layout import encoder_path
from bert_bundle.format.open_bundle import OpenedBundle, check_files
from bert_bundle.graph import custom_classes, graph_json, signature
from bert_bundle.graph.custom_classes import Classes
from bert_bundle.graph.signature import Slot
from bert_bundle.keras_models import prediction, rebuild
from bert_bundle.keras_models import runtime as keras_runtime
from bert_bundle.keras_models.prediction import check_rows
from bert_bundle.keras_models.runtime import Runtime
from bert_bundle.loading.encoding import encode, live_tokenizer
from bert_bundle.loading.float64 import Float64Model
from bert_bundle.loading.inputs import slots_of
from bert_bundle.loading.parts import Parts, read_parts
from bert_bundle.loading.recipes import Recipes, of_manifest


class ReplayInputs(NamedTuple):
    """What a replay computes from, read and checked; nothing is built. `seconds`: how long reading took."""

    bundle: OpenedBundle
    golden: Golden
    parts: Parts
    tokenizer: Mapping[str, bytes]
    recipes: Recipes
    slots: List[Slot]
    features: Mapping[str, np.ndarray]
    seconds: float


def read_for_replay(bundle: OpenedBundle, runtime: str, classes: Classes = custom_classes.NONE) -> ReplayInputs:
    """Verify, parse and check every file of the bundle, each read once. Imports nothing. Raises BundleErrors."""
    started = time.monotonic()
    golden = goldens.from_bundle(bundle)
    check_files(bundle, keep=True)
    parts, files = read_parts(bundle, runtime, classes), tokenizers.read_files(bundle)
    slots = slots_of(bundle.manifest, parts.graph)
    recipes = of_manifest(bundle.manifest, slots)
    features = check_rows([s for s in slots if s.role == signature.FEATURE], golden.features)
    return ReplayInputs(bundle, golden, parts, files, recipes, slots, features, time.monotonic() - started)


def observe(
    bundle: OpenedBundle, runtime: str, progress: Callable[[str], None], classes: Classes = custom_classes.NONE
) -> Dict[str, object]:
    """Read the bundle and replay its golden in this process: `replay` of what `read_for_replay` returns."""
    return replay(read_for_replay(bundle, runtime, classes), runtime, progress, classes)


def replay(
    inputs: ReplayInputs, runtime: str, progress: Callable[[str], None], classes: Classes = custom_classes.NONE
) -> Dict[str, object]:
    """Return what this environment computes: token ids, predictions in both precisions, fingerprints, contract.

    Plain data, float32 values exact. `classes` as of `load`. Raises BundleErrors when the bundle is refused.
    """
    started = time.monotonic()
    parts, slots = inputs.parts, inputs.slots
    bound = keras_runtime.bind(runtime, custom_classes.required_classes(parts.graph, classes))
    progress("building the model")
    rebuilt = parts.build(bound)
    tokenizer = live_tokenizer(inputs.bundle, inputs.tokenizer, bound.name)
    built = time.monotonic()
    token_ids = _token_ids(inputs, tokenizer)
    arrays = {**token_ids, **inputs.features}
    progress("replaying {} examples".format(inputs.golden.examples))
    outputs = prediction.predict(bound, rebuilt.model, parts.graph, slots, arrays, batch=goldens.BATCH)
    replayed = time.monotonic()
    progress("replaying in float64")
    exact = Float64Model(parts, bound)
    float64, layers = exact.predict(arrays), exact.fingerprints(arrays)
    return {
        "token_ids": _lists(token_ids),
        "predictions": _lists(outputs),
        "float64_predictions": _lists(float64),
        "layers": [[name, list(values)] for name, values in layers],
        "labels": inputs.bundle.manifest.all_labels,
        **captured_contract(rebuilt, bound, slots),
        "seconds": {
            "load": inputs.seconds + built - started,
            "predict": replayed - built,
            "float64": time.monotonic() - replayed,
        },
    }


def native_predictions(bundle: OpenedBundle, runtime: str, classes: Classes = custom_classes.NONE) -> Dict[str, object]:
    """Return output name -> predictions for the golden's token ids and features, as nested lists."""
    inputs = read_for_replay(bundle, runtime, classes)
    bound = keras_runtime.bind(runtime, custom_classes.required_classes(inputs.parts.graph, classes))
    arrays = {**inputs.golden.token_ids, **inputs.features}
    model = inputs.parts.build(bound).model
    return _lists(prediction.predict(bound, model, inputs.parts.graph, inputs.slots, arrays, batch=goldens.BATCH))


def captured_contract(rebuilt: rebuild.Rebuilt, runtime: Runtime, slots: Sequence[Slot]) -> Dict[str, object]:
    """Capture the live model again; return sha256 of its graph.json and every config.json by path, and its inputs.

    The roles that `slots` have because they were given are no part of a graph, and are given again.
    """
    again = capture.capture(rebuilt.model, runtime)
    digests = {layout.GRAPH: sha256(graph_json.to_bytes(again.graph))}
    for name, encoder in again.encoders.items():
        path = encoder_path(name, layout.ENCODER_CONFIG)
        digests[path] = sha256(strict_json.canonical(runtime.encoders.config(encoder, path)))
    given = {slot.name: (slot.role, slot.group) for slot in slots if slot.given}
    inputs = [[s.name, s.role, s.dtype, list(s.shape)] for s in signature.slots(again.graph, given)]
    return {"architecture": digests, "inputs": inputs}


def _token_ids(inputs: ReplayInputs, tokenizer: Any) -> Dict[str, np.ndarray]:
    """Return input name -> token array of the golden's texts. Raises FormatError for texts that no save records."""
    try:
        return encode(tokenizer, inputs.recipes, inputs.slots, inputs.golden.texts).arrays
    except SignatureError as error:
        raise FormatError(
            "the texts of the golden do not fit the model's inputs",
            place=layout.GOLDEN_INPUTS + "#/texts",
            wanted=error.wanted,
            found=error.found or error.message,
        ) from error


def _lists(arrays: Mapping[str, np.ndarray]) -> Dict[str, object]:
    return {name: array.tolist() for name, array in arrays.items()}
