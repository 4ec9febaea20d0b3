"""The predictions of a bundle held against what the caller's own pipeline fed and predicted."""

from dataclasses import dataclass, replace
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from bert_bundle.errors import SignatureError, printable
from bert_bundle.format.golden import BATCH, Golden
from bert_bundle.grading.differences import difference, scale
from bert_bundle.graph.signature import Slot
from bert_bundle.loading.encoding import encode
from bert_bundle.loading.recipes import Recipes
from bert_bundle.saving.golden_recording import CapturedModel
from bert_bundle.saving.own_pipeline.array_differences import first_difference
from bert_bundle.saving.own_pipeline.encoding_variants import Arrays, Encode, Variant, variants
from bert_bundle.saving.own_pipeline.given import OwnPipeline, checked_inputs, checked_predictions

_ROWS_TRIED = 4  # examples that are encoded and predicted in other ways, to explain a difference
_SHOWN = 6  # numbers of a prediction
_LONGEST_TEXT = 60  # characters

Predictions = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class _Gap:
    """Where predictions differ: an output, the examples that differ, and by how much the first does."""

    output: str
    rows: np.ndarray
    by: float
    noise: float

    @property
    def row(self) -> int:
        return int(self.rows[0])


def hold_own_figures(
    own: OwnPipeline, captured: CapturedModel, recipes: Recipes, tokenizer: Any, golden: Golden, longest: int
) -> List[str]:
    """Hold the recorded predictions against what the caller's own pipeline fed and predicted.

    Returns the names of the columns that were given. Two predictions agree if they differ by at most the noise floor
    that was measured for the model. Raises SignatureError, with the first text and the first element of an array that
    differ, if they do not; `longest` is the most tokens that the encoders take.
    """

    def encoded(slots: Sequence[Slot], texts: Mapping[str, List[object]], length: Optional[int]) -> Arrays:
        by_text = {
            text: recipe if length is None else replace(recipe, max_length=length)
            for text, recipe in recipes.by_text.items()
        }
        return encode(tokenizer, replace(recipes, by_text=by_text), slots, texts).arrays

    length = max(recipe.max_length for recipe in recipes.by_text.values())
    return _Comparer(captured, tokenizer, encoded, golden, length, longest).hold(own)


@dataclass(frozen=True)
class _Comparer:
    """What the caller's figures are held against: a live model, how texts are encoded for it, and its golden."""

    captured: CapturedModel
    tokenizer: Any
    encode: Encode
    golden: Golden
    length: int
    longest: int

    def hold(self, own: OwnPipeline) -> List[str]:
        """Return the names of the columns that were given, if they agree."""
        golden = self.golden
        predicted, fed = None, None
        if own.predictions is not None:
            predicted = checked_predictions(own.predictions, golden.predictions)
        if own.inputs is not None:
            inputs = checked_inputs(own.inputs, self.captured.slots, golden.features, golden.examples)
            fed = self._outputs_of(inputs)
            if predicted is not None:
                self._check_fed(predicted, fed)
            gap = self._gap(fed, golden.predictions)
            if gap is not None:
                where = self._difference({name: array[gap.rows] for name, array in inputs.items()}, gap.rows)
                self._refuse(gap, fed, "the arrays that were fed", where, self._fix(inputs))
        elif predicted is not None:
            gap = self._gap(predicted, golden.predictions)
            if gap is not None:
                where, fix = self._explained(predicted, gap)
                self._refuse(gap, predicted, "the given predictions", where, fix)
        return [name for name, given in (("inputs", fed), ("predictions", predicted)) if given is not None]

    def _outputs_of(self, arrays: Arrays) -> Dict[str, np.ndarray]:
        try:
            return self.captured.predict(self.captured.model, arrays)
        except Exception as error:  # the user's model, run on the user's arrays: TensorFlow raises anything
            raise SignatureError(
                "the model does not run on the given inputs",
                place="examples[inputs]",
                found="{}: {}".format(type(error).__name__, error),
                fix="pass the arrays that the model was called with",
            ) from error

    def _gap(self, theirs: Predictions, ours: Predictions) -> Optional[_Gap]:
        """Return the first output of `theirs` that differs from that of `ours` by more than the noise, or None."""
        for name, values in theirs.items():
            if values.shape != ours[name].shape:
                raise SignatureError(
                    "the model gives outputs of another shape for the given inputs",
                    place="examples[inputs]",
                    wanted="{} of shape {}".format(name, ours[name].shape),
                    found=values.shape,
                    fix="save(max_length={})".format(values.shape[1]) if values.ndim > 1 else "",
                )
            moved = np.abs(np.asarray(values, np.float64) - ours[name]).reshape(len(values), -1)
            by = moved.max(axis=1, initial=0) / scale(self.golden.float64_predictions[name])
            rows = np.flatnonzero(~(by <= self.golden.noise[name]))
            if rows.size:
                return _Gap(name, rows, float(by[rows[0]]), self.golden.noise[name])
        return None

    def _check_fed(self, predicted: Predictions, fed: Predictions) -> None:
        gap = self._gap(predicted, fed)
        if gap is not None:
            raise SignatureError(
                "the model does not give the given predictions for the given inputs",
                place=self._place(gap),
                wanted="{} {}".format(gap.output, _shown(predicted[gap.output][gap.row])),
                found="{}: {}".format(_shown(fed[gap.output][gap.row]), _how_far(gap, self.golden)),
                fix="pass both as they were when this model, with these weights, predicted (training=False)",
            )

    def _refuse(self, gap: _Gap, theirs: Predictions, what: str, where: str, fix: str) -> None:
        ours = self.golden.predictions[gap.output][gap.row]
        raise SignatureError(
            "the bundle would not predict what your pipeline predicts",
            place=self._place(gap),
            wanted="{} {}, by {}".format(gap.output, _shown(theirs[gap.output][gap.row]), what),
            found="{}: {}{}".format(_shown(ours), _how_far(gap, self.golden), "; " + where if where else ""),
            fix=fix,
        )

    def _place(self, gap: _Gap) -> str:
        texts = " | ".join(str(self.golden.texts[group][gap.row]) for group in sorted(self.golden.texts))
        return "example {}: {!r}".format(gap.row, printable(texts, _LONGEST_TEXT))

    def _difference(self, theirs: Arrays, rows: np.ndarray) -> str:
        """Return where the arrays of some examples differ from ours, in words; empty if they do not."""
        ours = {name: array[rows] for name, array in {**self.golden.token_ids, **self.golden.features}.items()}
        return first_difference(self.captured.slots, theirs, ours, [int(row) for row in rows], self.tokenizer)

    def _fix(self, theirs: Arrays) -> str:
        """Return what to write so that the bundle encodes as the caller does, where one of the known ways does."""
        for variant in self._variants():
            if all(np.array_equal(theirs[name], array) for name, array in variant.arrays.items()):
                return "the arrays are those of {}: {}".format(variant.words, variant.fix)
        return "encode as the bundle does when you train and predict, or pass the tokenizer and max_length that you use"

    def _explained(self, predicted: Predictions, gap: _Gap) -> Tuple[str, str]:
        """Return what would explain the caller's predictions: where its arrays differ from ours, and what to write."""
        last_step = _other_numbers(predicted[gap.output], self.golden.predictions[gap.output], gap.noise)
        if last_step:
            return "", last_step
        rows = gap.rows[:_ROWS_TRIED]
        for variant in self._variants():
            arrays = {name: array[rows] for name, array in {**self.golden.features, **variant.arrays}.items()}
            if self._gives(arrays, {name: array[rows] for name, array in predicted.items()}):
                return self._difference(arrays, rows), "they are those of {}: {}".format(variant.words, variant.fix)
        return "", "no known way to encode the texts explains them; pass the arrays that were fed as examples[inputs]"

    def _variants(self) -> Iterator[Variant]:
        return variants(self.encode, self.captured.slots, self.golden.texts, self.length, self.longest)

    def _gives(self, arrays: Arrays, predicted: Predictions) -> bool:
        """Return whether the model predicts these numbers for other arrays of the same examples."""
        try:
            found = self.captured.predict(self.captured.model, arrays, batch=BATCH)
        except Exception:  # an encoding that the model does not take explains nothing
            return False
        return all(
            found[name].shape == values.shape
            and difference(found[name], values, self.golden.float64_predictions[name]) <= self.golden.noise[name]
            for name, values in predicted.items()
        )


def _other_numbers(theirs: np.ndarray, ours: np.ndarray, noise: float) -> str:
    """Return an explanation if predictions are ours after another last step, or in another order of rows."""
    exponents = np.exp(ours - ours.max(axis=-1, keepdims=True))
    for words, values in (
        ("softmax", exponents / exponents.sum(axis=-1, keepdims=True)),
        ("sigmoid", 1 / (1 + np.exp(-np.clip(ours, -700, 700)))),
    ):
        if np.abs(theirs - values).max() <= noise * scale(values):
            return "they are the {} of the model's outputs: pass the outputs themselves".format(words)
    flat = theirs.reshape(len(theirs), -1)
    if all((np.abs(flat - row.ravel()).max(axis=1) <= noise * scale(ours)).any() for row in ours):
        return "they are the model's predictions in another order: pass texts and predictions in the same order"
    return ""


def _shown(values: np.ndarray) -> str:
    flat = np.asarray(values, np.float64).ravel()
    shown = ", ".join("{:.6g}".format(value) for value in flat[:_SHOWN])
    return "[{}{}]".format(shown, ", ..." if flat.size > _SHOWN else "")


def _how_far(gap: _Gap, golden: Golden) -> str:
    return "{:.1e} of the output's scale, where noise is {:.1e}; {} of {} examples differ".format(
        gap.by, gap.noise, len(gap.rows), golden.examples
    )
