"""The golden: recorded inputs and predictions of a bundle. Needs NumPy only. Does not know: grades."""

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from types import MappingProxyType
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple

import numpy as np

from bert_bundle.errors import FormatError
from bert_bundle.format import layout, strict_json, tensors
from bert_bundle.format.files import sha256
from bert_bundle.format.open_bundle import OpenedBundle
from bert_bundle.format.tasks import Task

EXACT, ALONE = "float64", "batches of one"  # what the saving process varies to measure noise
BATCH = 32  # examples per forward pass of a replay: the composition of a batch changes float32 results

STRINGS = "strings"  # the field of golden/inputs.json with the features that are strings

Fingerprint = Tuple[str, Tuple[float, ...]]
Input = Tuple[str, str, str, Tuple[Optional[int], ...]]

# Prefix of a tensor's name in golden/tensors.safetensors -> field of `Golden`.
_ARRAYS = {
    "token_ids": "token_ids",
    "single": "predictions",
    "double": "float64_predictions",
    "features": "features",
}


@dataclass(frozen=True)
class Golden:
    """What the model predicted when it was saved, and for which inputs.

    texts         group ("text") -> one text per example, or (text, pair), or a list of those for a document
    features      input name -> array (examples, ...), of strings too
    answers       true labels, where the examples had them: positions (examples,), 0 or 1 for each class (examples,
                  classes), or positions for each token (examples, tokens) with -1 for none
    token_ids     input name -> int array (examples, tokens), or (examples, texts, tokens) for documents
    predictions   output name -> array in the model's own precision
    float64_predictions  output name -> array of the same model rebuilt in float64
    noise         output name -> how far float32 replays may differ, relative to the output's scale
    measured      what was varied at save -> output name -> how much the float32 predictions changed
    layers        fingerprint of every node's output in float64, in graph order: (name, moments and samples)
    architecture  path -> sha256 of the files that define the function's shape
    labels        names of the classes, in the order of the head's outputs
    inputs        (name, role, dtype, shape without the batch) of every input, in order
    interchangeable  pairs of inputs that can be swapped without changing a prediction; "alike" on disk
    tasks         output name -> what it means, where an output without the field means something else; in the manifest
    output_answers  output name -> true labels as in `answers`, of a model with several outputs
    """

    texts: Mapping[str, List[Any]]
    features: Mapping[str, np.ndarray]
    answers: Optional[np.ndarray]
    token_ids: Mapping[str, np.ndarray]
    predictions: Mapping[str, np.ndarray]
    float64_predictions: Mapping[str, np.ndarray]
    noise: Mapping[str, float]
    measured: Mapping[str, Mapping[str, float]]
    layers: Tuple[Fingerprint, ...]
    architecture: Mapping[str, str]
    labels: Tuple[str, ...]
    inputs: Tuple[Input, ...]
    interchangeable: Tuple[Tuple[str, str], ...]
    tasks: Mapping[str, Task] = dataclass_field(default_factory=dict)
    output_answers: Mapping[str, np.ndarray] = dataclass_field(default_factory=dict)

    @property
    def examples(self) -> int:
        """Return the number of examples."""
        return len(next(iter(self.predictions.values())))

    def answers_of(self, output: str) -> Optional[np.ndarray]:
        """Return the true labels of an output: its own, or those of the examples if it is the only output."""
        return self.output_answers.get(output, self.answers if len(self.predictions) == 1 else None)


def to_files(golden: Golden) -> Dict[str, bytes]:
    """Return the golden's files: path -> bytes."""
    arrays = {}
    for folder, field in _ARRAYS.items():
        for name, array in getattr(golden, field).items():
            if array.dtype.kind != "U":
                arrays["{}/{}".format(folder, name)] = array
    strings = {name: array.tolist() for name, array in golden.features.items() if array.dtype.kind == "U"}
    inputs = {
        "texts": {group: [t if isinstance(t, str) else list(t) for t in ts] for group, ts in golden.texts.items()},
        "answers": _answers_to_json(golden),
        **({STRINGS: strings} if strings else {}),
    }
    return {
        layout.GOLDEN_INPUTS: strict_json.canonical(inputs),
        layout.GOLDEN_FACTS: facts_to_bytes(golden),
        layout.GOLDEN_TENSORS: tensors.to_bytes(arrays),
    }


def facts_to_bytes(golden: Golden) -> bytes:
    """Return golden/facts.json: the one file of the golden that the proof of a save changes."""
    facts = {
        "batch": BATCH,
        "noise": dict(golden.noise),
        "measured": {varied: dict(moved) for varied, moved in golden.measured.items()},
        "recipe": "eager, one op at a time, batches of {}; noise is what was measured, with a margin".format(BATCH),
        "layers": [[name, [v if np.isfinite(v) else None for v in values]] for name, values in golden.layers],
        "architecture": dict(golden.architecture),
        "labels": list(golden.labels),
        "inputs": [[*facts, list(shape)] for *facts, shape in golden.inputs],
        "alike": [list(pair) for pair in golden.interchangeable],
    }
    return strict_json.canonical(facts)


def _answers_to_json(golden: Golden) -> object:
    if golden.output_answers:
        return {name: array.tolist() for name, array in golden.output_answers.items()}
    return None if golden.answers is None else golden.answers.tolist()


def from_bundle(bundle: OpenedBundle) -> Golden:
    """Return the golden of an opened bundle, from verified bytes. Raises FormatError when its parts do not match."""
    needed = {"texts": dict, "answers": (list, dict, type(None))}
    inputs = _document(bundle, layout.GOLDEN_INPUTS, needed, {STRINGS: dict})
    facts = _document(bundle, layout.GOLDEN_FACTS, _FACTS)
    arrays = tensors.from_bytes(bundle.read(layout.GOLDEN_TENSORS), layout.GOLDEN_TENSORS)
    fields: Dict[str, Dict[str, np.ndarray]] = {field: {} for field in _ARRAYS.values()}
    for name, array in arrays.items():
        folder, _, rest = name.partition("/")
        if folder not in _ARRAYS:
            raise FormatError("a tensor that goldens do not have", place=layout.GOLDEN_TENSORS, found=name)
        fields[_ARRAYS[folder]][rest] = array
    for name, rows in inputs.get(STRINGS, {}).items():
        fields["features"][name] = _strings(rows, name)
    answers = inputs["answers"]
    own = {n: _positions(a, "/" + n) for n, a in answers.items()} if isinstance(answers, dict) and answers else {}
    _check_each(inputs["texts"].values(), _is_column, layout.GOLDEN_INPUTS + "#/texts", "texts, pairs or documents")
    for field, (is_right, wanted) in _ENTRIES.items():
        entries = facts[field].values() if isinstance(facts[field], dict) else facts[field]
        _check_each(entries, is_right, "{}#/{}".format(layout.GOLDEN_FACTS, field), wanted)
    golden = Golden(
        texts=inputs["texts"],
        answers=None if own or answers is None else _positions(answers),
        output_answers=own,
        noise=facts["noise"],
        measured=facts["measured"],
        layers=tuple((name, tuple(np.nan if v is None else float(v) for v in vs)) for name, vs in facts["layers"]),
        architecture=facts["architecture"],
        labels=tuple(facts["labels"]),
        inputs=tuple((name, role, dtype, tuple(shape)) for name, role, dtype, shape in facts["inputs"]),
        interchangeable=tuple((one, other) for one, other in facts["alike"]),
        tasks=bundle.manifest.tasks,
        **fields,
    )
    _check(golden)
    return golden


def replay_key(bundle: OpenedBundle, golden: Golden) -> str:
    """Return sha256 over all that a replay computes from: the model, the tokenizer and its recipe, the recorded inputs.

    The recorded predictions and the writer are left out: bundles with one key have the same replay in a reader.
    """
    compared_with = (layout.CARD, layout.GOLDEN_FACTS, layout.GOLDEN_TENSORS)
    record = {
        "files": {path: file.sha256 for path, file in bundle.manifest.files.items() if path not in compared_with},
        "features": {n: [str(a.dtype), list(a.shape), sha256(a.tobytes())] for n, a in golden.features.items()},
        "tokenizer": dict(bundle.manifest.tokenizer),
    }
    return sha256(strict_json.canonical(record))


def _document(
    bundle: OpenedBundle, path: str, fields: Mapping[str, Any], optional: Mapping[str, Any] = MappingProxyType({})
) -> Dict[str, Any]:
    document = strict_json.parse(bundle.read(path), path)
    if not isinstance(document, dict) or set(document) - set(optional) != set(fields):
        raise FormatError("malformed", place=path, wanted="an object with " + ", ".join(sorted(fields)))
    for name, kind in {**fields, **optional}.items():
        if name in document and not isinstance(document[name], kind):
            raise FormatError("malformed", place="{}#/{}".format(path, name), found=type(document[name]).__name__)
    return document


def _check_each(values: Iterable[object], is_right: Callable[[object], bool], place: str, wanted: str) -> None:
    for value in values:
        if not is_right(value):
            raise FormatError("malformed", place=place, wanted=wanted, found=type(value).__name__)


def _positions(answers: object, pointer: str = "") -> np.ndarray:
    """Return true labels as an array (examples,) or (examples, labels). Raises FormatError."""
    rows = answers if isinstance(answers, list) and answers else [None]
    sizes = {len(row) if isinstance(row, list) else None for row in rows}
    values = [value for row in rows for value in (row if isinstance(row, list) else [row])]
    least = 0 if sizes <= {None} else -1  # a token may have no label
    if len(sizes) > 1 or not all(type(v) is int and least <= v < 1 << 31 for v in values):
        place = "{}#/answers{}".format(layout.GOLDEN_INPUTS, pointer)
        raise FormatError("malformed", place=place, wanted="positions of labels", found=type(answers).__name__)
    return np.asarray(rows, np.int64)


def _strings(rows: object, name: str) -> np.ndarray:
    """Return nested lists of strings as an array. Raises FormatError if they are not rectangular, or not strings."""
    nested = np.asarray(rows, object)
    if not nested.size or not all(isinstance(text, str) and "\0" not in text for text in nested.ravel()):
        place = "{}#/{}/{}".format(layout.GOLDEN_INPUTS, STRINGS, name)
        raise FormatError("malformed", place=place, wanted="nested lists of strings, of one length")
    return nested.astype(str)


def _is_column(value: object) -> bool:
    return isinstance(value, list) and (all(map(_is_text_or_pair, value)) or all(map(_is_document, value)))


def _is_text_or_pair(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and len(value) == 2 and all(map(_is_text, value)))


def _is_document(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_text_or_pair, value))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1e308


def _is_fingerprint(value: object) -> bool:
    if not (isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], list)):
        return False
    return all(v is None or type(v) is float for v in value[1])


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _are_numbers(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_number, value.values()))


def _is_input(value: object) -> bool:
    if not (isinstance(value, list) and len(value) == 4 and all(map(_is_text, value[:3]))):
        return False
    return isinstance(value[3], list) and all(size is None or type(size) is int for size in value[3])


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_text, value))


_FACTS = {
    "batch": int,
    "noise": dict,
    "measured": dict,
    "recipe": str,
    "layers": list,
    "architecture": dict,
    "labels": list,
    "inputs": list,
    "alike": list,
}
_ENTRIES: Mapping[str, Tuple[Callable[[object], bool], str]] = {
    "noise": (_is_number, "numbers"),
    "measured": (_are_numbers, "numbers by output"),
    "layers": (_is_fingerprint, "[name, numbers]"),
    "architecture": (_is_text, "digests"),
    "labels": (_is_text, "names"),
    "inputs": (_is_input, "[name, role, dtype, shape]"),
    "alike": (_is_pair, "pairs of names"),
}


def _check(golden: Golden) -> None:
    outputs = set(golden.predictions)
    if not outputs or outputs != set(golden.float64_predictions) or outputs != set(golden.noise):
        raise FormatError("the outputs of the golden do not match each other", place=layout.GOLDEN)
    columns = [
        *golden.predictions.values(),
        *golden.float64_predictions.values(),
        *golden.token_ids.values(),
        *golden.features.values(),
    ]
    if any(column.ndim == 0 for column in columns):
        raise FormatError("a column of the golden has no rows", place=layout.GOLDEN_TENSORS)
    count = golden.examples
    lengths = {len(c) for c in columns} | {len(t) for t in golden.texts.values()}
    lengths |= {len(a) for a in (golden.answers, *golden.output_answers.values()) if a is not None}
    if count == 0 or lengths != {count}:
        raise FormatError("the columns of the golden differ in length", place=layout.GOLDEN, found=sorted(lengths))
    for name in outputs:
        if golden.predictions[name].shape != golden.float64_predictions[name].shape:
            raise FormatError("an output has different shapes in its two precisions", place=layout.GOLDEN, found=name)
    for name, task in golden.tasks.items():
        if name not in outputs or not task.fits(golden.predictions[name].shape[1:]):
            raise FormatError("an output does not fit its task", place=layout.GOLDEN, wanted=task.name, found=name)
    _check_answers(golden)


def _check_answers(golden: Golden) -> None:
    given = {**golden.output_answers, **({} if golden.answers is None else {"": golden.answers})}
    for name, answers in given.items():
        outputs = golden.predictions if not name else {n: a for n, a in golden.predictions.items() if n == name}
        shapes = [shape for array in outputs.values() for shape in (array.shape, array.shape[:-1])]
        if not outputs or (answers.ndim > 1 and answers.shape not in shapes):
            place = "{}#/answers{}".format(layout.GOLDEN_INPUTS, name and "/" + name)
            raise FormatError("malformed", place=place, wanted="labels of an output", found=answers.shape)
