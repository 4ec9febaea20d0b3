"""The labelled support tickets that the demo trains on. Does not know models or tokenizers.

Every sentence was written for this project, about a company that does not exist. Some texts are too vague to tell their
label, so that a classifier needs the numerical features too; these were drawn at random, with a different distribution
for each label.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Tuple

from bert_bundle.errors import BertBundleError, ConfigError

LABELS = ("access", "billing", "bug", "feature_request")
# In the order of the file's columns: age and time since payment in days, seats and tickets as counts.
FEATURES = ("account_age_days", "seats", "tickets_last_month", "days_since_payment")
COLUMNS = ("text", "label", *FEATURES)

_FILE = Path(__file__).with_name("tickets.csv")


@dataclass(frozen=True)
class Tickets:
    """Parallel columns: the text of each ticket, the name of its label, its features in the order of `FEATURES`."""

    texts: Tuple[str, ...]
    labels: Tuple[str, ...]
    features: Tuple[Tuple[float, ...], ...]

    def __len__(self) -> int:
        return len(self.texts)


def read() -> Tickets:
    """Return the tickets that ship with this package, in the order of the file, in which the labels are mixed.

    Raises BertBundleError if the installed file is damaged.
    """
    return parse(_FILE.read_bytes())


def parse(data: bytes) -> Tickets:
    """Parse tickets: CSV in UTF-8 with the header `COLUMNS`, every feature a non-negative whole number.

    Raises BertBundleError with the row (the header is row 1), what was wanted and what was found.
    """
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))
    except UnicodeDecodeError as error:
        raise _damaged("byte {}".format(error.start), "UTF-8", error.reason) from error
    except csv.Error as error:
        raise _damaged("quoting", "CSV", error) from error
    if not rows or tuple(rows[0]) != COLUMNS:
        raise _damaged("row 1", ",".join(COLUMNS), ",".join(rows[0]) if rows else "nothing")
    for number, row in enumerate(rows[1:], start=2):
        _check(row, "row {}".format(number))
    return Tickets(
        texts=tuple(row[0] for row in rows[1:]),
        labels=tuple(row[1] for row in rows[1:]),
        features=tuple(tuple(float(cell) for cell in row[2:]) for row in rows[1:]),
    )


def split(tickets: Tickets, *, held_out_every: int) -> Tuple[Tickets, Tickets]:
    """Return (train, test): the first ticket of each label and every `held_out_every`-th after it are the test.

    Counted per label, so that both parts have every label with at least two tickets. Keeps the order; deterministic.
    Raises ConfigError if `held_out_every` is less than 2.
    """
    if held_out_every < 2:
        raise ConfigError(
            "held_out_every is too small: no ticket would be left to train on",
            place="held_out_every",
            wanted="2 or more",
            found=held_out_every,
            fix="hold out every fourth ticket: held_out_every=4",
        )
    seen: Dict[str, int] = {}
    train: List[int] = []
    test: List[int] = []
    for index, label in enumerate(tickets.labels):
        count = seen.get(label, 0)
        (train if count % held_out_every else test).append(index)
        seen[label] = count + 1
    return _take(tickets, train), _take(tickets, test)


def _take(tickets: Tickets, indices: List[int]) -> Tickets:
    return Tickets(
        texts=tuple(tickets.texts[i] for i in indices),
        labels=tuple(tickets.labels[i] for i in indices),
        features=tuple(tickets.features[i] for i in indices),
    )


def _check(row: List[str], place: str) -> None:
    if len(row) != len(COLUMNS):
        raise _damaged(place, "{} columns".format(len(COLUMNS)), len(row))
    if not row[0].strip():
        raise _damaged(place + ", text", "a sentence", "nothing")
    if row[1] not in LABELS:
        raise _damaged(place + ", label", " or ".join(LABELS), row[1])
    for name, cell in zip(FEATURES, row[2:]):
        # isdigit alone accepts digits that float cannot parse, such as a superscript two
        if not (cell.isascii() and cell.isdigit()):
            raise _damaged("{}, {}".format(place, name), "a non-negative whole number", cell)


def _damaged(place: str, wanted: str, found: object) -> BertBundleError:
    return BertBundleError(
        "the demo's tickets are damaged",
        place="{}, {}".format(_FILE.name, place),
        wanted=wanted,
        found=found,
        fix="install bert-bundle again",
    )
