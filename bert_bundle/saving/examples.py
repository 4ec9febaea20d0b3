"""The examples of a golden: the user's, or probes made for the model's inputs. Runs no model."""

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from bert_bundle.errors import SignatureError
from bert_bundle.graph import signature
from bert_bundle.graph.layers import STRING
from bert_bundle.graph.signature import FEATURE, Slot
from bert_bundle.keras_models.prediction import check_rows
from bert_bundle.loading.documents import Row, in_a_row
from bert_bundle.saving.own_pipeline.given import INPUTS, NOT_GIVEN, PREDICTIONS, OwnPipeline, given_of

LABEL = "label"
_OPEN = 3  # values made for an axis of any size, and texts for a document of any number

# What tokenizers may get wrong: padding, truncation, empty text, unknown and accented letters, other scripts, emoji,
# combining marks, code points newer than the Unicode tables of Python 3.8 (12.1).
PROBES = (
    "my invoice is wrong",
    "",
    "The app crashes every time I open the settings page, and the error message says nothing at all.",
    " ".join(str(n) for n in range(600)),  # shows which end is truncated
    "Señor Müller can't über-log-in; çà et là!",
    "東京の請求書が間違っています",
    "please fix 🙏🏽 the 👩‍👩‍👧 export 🚀",
    "zwölf e\u0301le\u0300ves Z\u0361a\u0334l\u0353go",
    "https://example.org/?q=a&b=%20 <b>bold</b> \t tabs\u00a0and\u200bzero-width",
    "UPPER lower MiXeD 1234567890 3.14 1,000.00 $5 €6",
    "newer than old tables: \U0001fae0 \U0001f9cc \u1b4c \U0001e030",
    "[MASK] [SEP] [UNK] literal special tokens",
)


@dataclass(frozen=True)
class Examples:
    """Columns of equal length: texts (or documents, as lists) by group, and features by input name.

    answers  the true labels as given, or None
    own      what the caller's own pipeline fed and predicted, as given
    """

    texts: Mapping[str, List[object]]
    features: Mapping[str, np.ndarray]
    answers: object
    own: OwnPipeline = NOT_GIVEN

    def __len__(self) -> int:
        return len(next(iter(self.texts.values())))


def read(
    given: Optional[Mapping[str, object]],
    slots: Sequence[Slot],
    probes: Sequence[str] = PROBES,
    strings: Sequence[str] = (),
) -> Examples:
    """Return the user's examples, checked against the model's inputs; without examples, those of `probes`.

    `strings`: what the model's tables have, from which the values of an input of strings are made.

    Raises SignatureError for a column that is missing, unknown, or has another length or shape.
    """
    groups = sorted({s.group for s in slots if s.group})
    features = [s for s in slots if s.role == FEATURE]
    documents = {group: signature.document(slots, group) for group in groups}
    if not groups:
        raise SignatureError(
            "no input of the model is the token ids of an encoder",
            place=", ".join(s.name for s in slots),
            wanted="an input of shape (tokens,) that feeds input_ids, through casts and slices at most",
            fix="make the token ids an input of their own, or name it: inputs={name: 'input_ids'}",
        )
    if given is None:
        rotated = {group: [*probes[turn:], *probes[:turn]] for turn, group in enumerate(groups)}
        made = {group: _as_documents(column, documents[group]) for group, column in rotated.items()}
        return Examples(made, _varied(features, len(probes), strings), None)
    columns: Dict[str, Any] = dict(given)
    answers = columns.pop(LABEL, None) if LABEL not in {s.name for s in features} else None
    own = given_of(columns, [*groups, *(s.name for s in features)])
    fed = own.inputs if isinstance(own.inputs, Mapping) else {}
    columns = {**{s.name: fed[s.name] for s in features if s.name in fed}, **columns}
    texts = {group: _texts(columns.pop(group, None), group, documents[group]) for group in groups}
    rows = check_rows(features, {s.name: columns.pop(s.name) for s in features if s.name in columns})
    if columns:
        raise SignatureError(
            "examples for an input that the model does not have",
            place="examples",
            wanted=", ".join([*groups, *(s.name for s in features), LABEL, PREDICTIONS, INPUTS]),
            found=", ".join(map(str, columns)),
        )
    sizes = {g: len(t) for g, t in texts.items()}
    sizes.update((name, len(array)) for name, array in rows.items())
    columns_of_labels = answers if isinstance(answers, Mapping) else {LABEL: answers}
    sizes.update((str(name), len(column)) for name, column in columns_of_labels.items() if column is not None)
    if len(set(sizes.values())) != 1 or not next(iter(sizes.values())):
        raise SignatureError(
            "columns of the examples differ in length or are empty",
            place="examples",
            wanted="one row per example",
            found=", ".join("{}: {}".format(*item) for item in sorted(sizes.items())),
        )
    return Examples(texts, rows, answers, own)


def _as_documents(probes: List[str], document: Optional[Slot]) -> List[Any]:
    """Return the probes, each the first text of a document of the probes after it if the model reads documents."""
    if document is None:
        return probes
    each = document.shape[0] or _OPEN
    return [[probes[(first + i) % len(probes)] for i in range(each)] for first in range(len(probes))]


def _texts(column: Any, group: str, document: Optional[Slot]) -> List[Any]:
    if column is None or isinstance(column, str):
        raise SignatureError(
            "the examples have no list of texts",
            place="examples[{}]".format(group),
            wanted="a list of texts",
            found="nothing" if column is None else "one text",
            fix="examples={{{!r}: [...], ...}}".format(group),
        )
    place = "examples[{}]".format(group)
    row = Row(list(column), 1) if document is None else in_a_row(column, document.shape[0], place)
    texts = [list(t) if isinstance(t, (list, tuple)) else t for t in row.texts]
    for position, text in enumerate(texts):
        if not all(isinstance(t, str) for t in (text if isinstance(text, list) else [text])):
            raise SignatureError("not a text", place="{}[{}]".format(place, position), found=type(text).__name__)
    return texts if document is None else Row(texts, row.each).documents()


def _varied(features: Sequence[Slot], count: int, strings: Sequence[str]) -> Dict[str, np.ndarray]:
    """Return values that differ between rows and between inputs, so that swapped inputs are noticed."""
    result = {}
    for index, slot in enumerate(features):
        shape: Tuple[int, ...] = (count, *(_OPEN if size is None else size for size in slot.shape))
        random = np.random.RandomState(17 + index)
        whole = slot.dtype in ("bool", "int32", "int64")  # may be an index into a table: small, never negative
        if slot.dtype == STRING:
            known = [text for text in strings if text.strip()] or " ".join(PROBES[:3]).split()
            result[slot.name] = np.asarray(known)[random.randint(0, len(known), shape)]
            continue
        values = random.randint(0, 2, shape) if whole else random.standard_normal(shape) * 3
        result[slot.name] = values.astype(slot.dtype)
    return result
