"""Names and scores of predictions, by the task of an output. Does not know: models, bundles."""

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from bert_bundle.errors import SignatureError
from bert_bundle.format.tasks import BINARY, LOGITS, MULTILABEL, REGRESSION, SPANS, TOKENS, Task

SPAN = "span"


class TextTokens(NamedTuple):
    """The tokens of texts, padded to one length.

    tokens   (texts, tokens): strings
    is_text  (texts, tokens): whether a token is part of a text: neither padding nor special
    offsets  (texts, tokens, 2): the characters that each stands for, in the last text of its row; None if not known
    last     the last text of each row: the pair, where there is one
    """

    tokens: List[List[str]]
    is_text: np.ndarray
    offsets: Optional[np.ndarray]
    last: Sequence[str]


def classified(
    values: np.ndarray, task: Task, names: Sequence[str], threshold: float, text: Optional[TextTokens] = None
) -> List[object]:
    """Return one entry for each row of predictions (rows, ...): names with scores, which are probabilities.

    classes     {"label", "score"}, of the largest
    multilabel  a list of {"label", "score"} of those above the threshold, the largest first
    binary      {"label", "score"}, of the second name if it is above the threshold, else of the first
    tokens      a list of {"label", "score", "token", "position"}, without padding and special tokens; needs `text`
    regression  a number, or a list of them

    An output with more axes has a list of such entries for each row. Spans need two outputs, see `spans`.
    """
    if task.name == REGRESSION:
        return [float(row.reshape(-1)[0]) if row.size == 1 else row.tolist() for row in values]
    scores = probabilities(values, task)
    if task.name == TOKENS and text is not None:
        return [_tokens(row, names, text, at) for at, row in enumerate(scores)]
    return [_entry(row, task, names, threshold) for row in scores]


def entries(
    outputs: Mapping[str, np.ndarray],
    tasks: Mapping[str, Task],
    names: Mapping[str, Sequence[str]],
    threshold: float,
    text: Optional[TextTokens],
) -> Dict[str, List[Any]]:
    """Return output name -> entries; the two outputs of a span have theirs under the name `SPAN`."""
    found: Dict[str, List[Any]] = {}
    pair = _pair_of_spans(tasks)
    if pair is not None and text is not None:
        start, end = (probabilities(outputs[name], tasks[name]) for name in pair)
        found[SPAN] = spans(start, end, text)
    for name, values in outputs.items():
        if tasks[name].name == SPANS and text is not None:
            if pair is None:
                found[name] = _best_tokens(probabilities(values, tasks[name]), text)
        else:
            found[name] = classified(values, tasks[name], names[name], threshold, text)
    return found


def checked_threshold(threshold: Optional[float]) -> float:
    """Return the probability above which a column is a label, by default 0.5. Raises SignatureError."""
    if threshold is None:
        return 0.5
    is_number = isinstance(threshold, (int, float, np.number)) and not isinstance(threshold, bool)
    if not is_number or not 0 <= threshold <= 1:
        raise SignatureError("not a probability", place="threshold", wanted="a number from 0 to 1", found=threshold)
    return float(threshold)


def probabilities(values: np.ndarray, task: Task) -> np.ndarray:
    """Return probabilities: the values themselves, or the sigmoid or softmax of logits."""
    values = np.asarray(values, np.float64)
    if task.scores != LOGITS:
        return values
    if task.name in (MULTILABEL, BINARY):
        return np.asarray(1 / (1 + np.exp(-np.clip(values, -700, 700))))
    exponents = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=-1, keepdims=True))


def spans(start: np.ndarray, end: np.ndarray, text: TextTokens) -> List[Dict[str, object]]:
    """Return the likeliest span of each row, from the probabilities (rows, tokens) that one starts or ends at a token.

    {"answer", "score", "first_token", "last_token"}, and "start" and "end" in characters of the row's last text where
    the tokenizer knows them. A span lies in that text. Rows without a token of it have the answer "" and the score 0.
    """
    return [_span(start[row], end[row], text, row) for row in range(len(start))]


def _entry(scores: np.ndarray, task: Task, names: Sequence[str], threshold: float) -> object:
    """Return the entry of one row; of each of its rows if it has more axes than a label of the task."""
    if task.name == BINARY:
        if scores.size > 1:
            return [_entry(row, task, names, threshold) for row in scores]
        return _one_of_two(float(scores.reshape(-1)[0]), names, threshold)
    if scores.ndim > 1:
        return [_entry(row, task, names, threshold) for row in scores]
    if task.name == MULTILABEL:
        above = [int(column) for column in np.argsort(-scores, kind="stable") if scores[column] > threshold]
        return [_named(names, column, scores[column]) for column in above]
    return _named(names, int(np.argmax(scores)), scores.max())


def _one_of_two(score: float, names: Sequence[str], threshold: float) -> Dict[str, object]:
    both = names if len(names) != 1 else ("not " + names[0], names[0])
    return _named(both, 1, score) if score > threshold else _named(both, 0, 1 - score)


def _tokens(scores: np.ndarray, names: Sequence[str], text: TextTokens, row: int) -> List[Dict[str, object]]:
    found = []
    for position in np.flatnonzero(text.is_text[row]):
        entry = _named(names, int(np.argmax(scores[position])), scores[position].max())
        found.append({**entry, "token": text.tokens[row][position], "position": int(position)})
    return found


def _span(start: np.ndarray, end: np.ndarray, text: TextTokens, row: int) -> Dict[str, object]:
    allowed = _last_run(text.is_text[row])
    if not allowed.size:
        return {"answer": "", "score": 0.0, "first_token": -1, "last_token": -1}
    together = np.triu(np.outer(start[allowed], end[allowed]))
    first, last = (int(allowed[at]) for at in np.unravel_index(int(np.argmax(together)), together.shape))
    found = {"score": float(together.max()), "first_token": first, "last_token": last}
    if text.offsets is None:
        return {"answer": " ".join(text.tokens[row][first : last + 1]), **found}
    begins, ends = int(text.offsets[row, first, 0]), int(text.offsets[row, last, 1])
    return {"answer": text.last[row][begins:ends], **found, "start": begins, "end": ends}


def _last_run(is_text: np.ndarray) -> np.ndarray:
    """Return the positions of the last text of a row: special tokens stand between the two of a pair."""
    positions = np.flatnonzero(is_text)
    gaps = np.flatnonzero(np.diff(positions) > 1)
    return positions[gaps[-1] + 1 :] if gaps.size else positions


def _named(names: Sequence[str], position: int, score: Any) -> Dict[str, Any]:
    """Return a label as the pipelines of transformers name it: by its name, or LABEL_ with its position."""
    name = names[position] if position < len(names) else "LABEL_{}".format(position)
    return {"label": name, "score": float(score)}


def _pair_of_spans(tasks: Mapping[str, Task]) -> Optional[Tuple[str, str]]:
    """Return the names of the outputs for the start and the end of a span; None if there are not two such outputs."""
    found = [name for name, task in tasks.items() if task.name == SPANS]
    if len(found) != 2:
        return None
    swapped = "end" in found[0].lower() and "end" not in found[1].lower()
    return (found[1], found[0]) if swapped else (found[0], found[1])


def _best_tokens(values: np.ndarray, text: TextTokens) -> List[Dict[str, object]]:
    """Return the likeliest token of each row, of an output with spans that is not one of two."""
    rows = [int(np.argmax(np.where(text.is_text[at], row, -np.inf))) for at, row in enumerate(values)]
    return [
        {"score": float(values[at, token]), "token": text.tokens[at][token], "position": token}
        for at, token in enumerate(rows)
    ]
