"""The golden of a model that is being saved: what it predicts, what noise moves, and that a rebuilt model agrees.

Does not know: files, or how a bundle is written.
"""

import functools
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from bert_bundle import tokenizer as tokenizers
from bert_bundle.errors import ModelError, TokenizerError
from bert_bundle.format import golden as goldens
from bert_bundle.format import layout
from bert_bundle.format.files import sha256
from bert_bundle.format.golden import Golden
from bert_bundle.format.tensors import check_finite
from bert_bundle.grading import differences
from bert_bundle.graph.signature import Slot
from bert_bundle.keras_models import prediction
from bert_bundle.keras_models.runtime import Runtime
from bert_bundle.loading.encoding import encode
from bert_bundle.loading.float64 import Float64Model
from bert_bundle.loading.parts import Parts
from bert_bundle.loading.recipes import Recipes
from bert_bundle.saving.examples import Examples
from bert_bundle.saving.interchangeable_inputs import interchangeable_pairs

ROWS_RUN_ALONE = 16  # examples that are also run one at a time, to measure what batching moves

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class CapturedModel:
    """A live model and what was captured of it: everything that computes a prediction from token ids and features."""

    model: Any
    runtime: Runtime
    parts: Parts
    slots: List[Slot]

    @functools.cached_property
    def float64(self) -> Float64Model:
        """Return the same model rebuilt in float64, once."""
        return Float64Model(self.parts, self.runtime)

    def predict(self, model: Any, arrays: Arrays, batch: int = goldens.BATCH) -> Dict[str, Any]:
        """Return output name -> array of `model`: the live one, or one rebuilt from the same parts."""
        return prediction.predict(self.runtime, model, self.parts.graph, self.slots, arrays, batch=batch)


def record_golden(
    captured: CapturedModel,
    recipes: Recipes,
    tokenizer: Any,
    examples: Examples,
    labels: Sequence[str],
    shape_files: Mapping[str, bytes],
) -> Golden:
    """Return the golden: the model's predictions for the examples in both precisions, and the noise measured here.

    shape_files  path -> bytes of graph.json and every config.json

    Raises ModelError for a model that does not run, predicts NaN or infinity, or is not what was captured,
    TokenizerError for a tokenizer whose files give other token ids.
    """
    parts, slots = captured.parts, captured.slots
    _check_weights(parts)
    token_ids = encode(tokenizer, recipes, slots, examples.texts).arrays
    _check_tokenizer(captured, recipes, tokenizer, examples, token_ids)
    arrays = {**token_ids, **examples.features}
    predictions = _live_predictions(captured, arrays)
    some = {name: array[:ROWS_RUN_ALONE] for name, array in arrays.items()}
    one_by_one = captured.predict(captured.model, some, batch=1)
    again = captured.predict(parts.build(captured.runtime).model, arrays)
    float64 = captured.float64.predict(arrays)
    measured: Dict[str, Dict[str, float]] = {goldens.EXACT: {}, goldens.ALONE: {}}
    for name, array in predictions.items():
        _check_numbers(name, array)
        _check_rebuilt(name, differences.difference(again[name], array, float64[name]))
        _check_numbers(name, one_by_one[name])
        padded = np.concatenate([one_by_one[name], array[len(one_by_one[name]) :]])
        measured[goldens.EXACT][name] = differences.difference(array, float64[name], float64[name])
        measured[goldens.ALONE][name] = differences.difference(padded, array, float64[name])
    least = differences.least_noise(layer.policy for _, layer in parts.graph.walk())
    types = min((c["type_vocab_size"] for c in parts.configs.values() if "type_vocab_size" in c), default=0)
    return Golden(
        texts=examples.texts,
        features=examples.features,
        answers=None,  # they are read by the tasks of the outputs, which are read from this golden
        token_ids=token_ids,
        predictions=predictions,
        float64_predictions=float64,
        noise={n: differences.noise_floor([moved[n] for moved in measured.values()], least) for n in predictions},
        measured=measured,
        layers=captured.float64.fingerprints(arrays),
        architecture={path: sha256(data) for path, data in shape_files.items()},
        labels=tuple(labels),
        inputs=tuple((s.name, s.role, s.dtype, s.shape) for s in slots),
        interchangeable=interchangeable_pairs(slots, arrays, float64, captured.float64.predict, types),
    )


def _check_weights(parts: Parts) -> None:
    for name, arrays in [(layout.WEIGHTS, parts.weights), *parts.encoders.items()]:
        check_finite(arrays, name)
    for name in parts.encoders:
        parts.check_shapes(name, name)


def _live_predictions(captured: CapturedModel, arrays: Arrays) -> Dict[str, Any]:
    """Return the live model's predictions. Raises ModelError when it does not run, or not with one row per example."""
    count = len(next(iter(arrays.values())))
    try:
        predictions = captured.predict(captured.model, arrays)
        shapes: Dict[str, Tuple[int, ...]] = {name: array.shape for name, array in predictions.items()}
    except Exception as error:  # the user's model, run on the user's examples: TensorFlow raises anything
        raise ModelError(
            "the model does not run on the examples",
            place=captured.model.name,
            found="{}: {}".format(type(error).__name__, error),
            fix="call the model on the examples' arrays yourself; it must take any number of rows",
        ) from error
    for name, shape in shapes.items():
        if not shape or shape[0] != count:
            raise ModelError(
                "an output does not have one row per example",
                place=name,
                wanted="({}, ...)".format(count),
                found=shape,
            )
    return predictions


def _check_numbers(output: str, array: np.ndarray) -> None:
    rows = np.flatnonzero(~np.isfinite(array).all(axis=tuple(range(1, array.ndim))))
    if rows.size:
        raise ModelError(
            "the model predicts NaN or infinity",
            place="{} of example {}".format(output, rows[0]),
            found=array[rows[0]].ravel()[:8].tolist(),
            fix="find the layer that produces it; predictions that are not finite cannot be compared",
        )


def _check_rebuilt(output: str, difference: float) -> None:
    if difference > differences.LEAST_NOISE:
        raise ModelError(
            "the captured graph does not compute what the model computes",
            place=output,
            wanted="a difference of at most {:.1e} of the output's scale".format(differences.LEAST_NOISE),
            found="{:.1e}".format(difference),
            fix="a layer or function has a name from Keras but computes something else: use the one from Keras",
        )


def _check_tokenizer(
    captured: CapturedModel, recipes: Recipes, tokenizer: Any, examples: Examples, token_ids: Arrays
) -> None:
    """Raise TokenizerError unless the tokenizer's files, read back, give the live tokenizer's token ids.

    The texts must be ones that every environment reads alike.
    """
    for texts in examples.texts.values():
        joined = [_joined(text) for text in texts]
        for position, found in tokenizers.varies_by_environment(tokenizer, joined).items():
            raise TokenizerError(
                "a text that this tokenizer does not read alike in every environment",
                place="text of example {}".format(position),
                wanted="characters of Unicode 12.1, letters joined with their marks",
                found=found,
                fix="save the fast tokenizer instead of a slow one, or leave the text out of the examples",
            )
    fast = bool(getattr(tokenizer, "is_fast", False))
    read = tokenizers.from_files(tokenizers.to_files(tokenizer), fast=fast, runtime=captured.runtime.name)
    again = encode(read, recipes, captured.slots, examples.texts).arrays
    for name, wanted in token_ids.items():
        rows = np.flatnonzero(_differing(again[name], wanted))
        if rows.size:
            raise TokenizerError(
                "the saved tokenizer gives other token ids than the live one",
                place="{} of example {}".format(name, rows[0]),
                wanted=wanted[rows[0]].ravel()[:16].tolist(),
                found=again[name][rows[0]].ravel()[:16].tolist(),
                fix='tokenizer.save_pretrained("tokenizer"); tokenizer = {}.from_pretrained("tokenizer"): one that was '
                "changed or constructed directly can treat special tokens inside a text differently after it is "
                "loaded".format(type(tokenizer).__name__),
            )


def _joined(text: Any) -> str:
    """Return the characters of a text, of a pair or of a document as one text."""
    return text if isinstance(text, str) else " ".join(map(_joined, text))


def _differing(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return for each row whether its token ids differ; all of them where the lengths do."""
    if found.shape != wanted.shape:
        return np.ones(len(wanted), bool)
    return np.asarray((found != wanted).any(axis=tuple(range(1, wanted.ndim))))
