"""The labelled support tickets that the demo trains on; knows the file, and nothing of models or tokenizers.

Every sentence was written for this project, about a company that does not exist. Some say too little to tell their
label by, so that a classifier has to look at the numerical features as well; these were drawn at random, each leaning
towards one label.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Tuple

from bert_bundle.errors import BertBundleError, ConfigError

LABELS = ("access", "billing", "bug", "feature_request")
# Age and time since payment in days, seats and tickets as counts. They follow the order of the file's columns.
FEATURES = ("account_age_days", "seats", "tickets_last_month", "days_since_payment")
COLUMNS = ("text", "label", *FEATURES)

_FILE = Path(__file__).with_name("tickets.csv")


@dataclass(frozen=True)
class Tickets:
    """One ticket a position: its text, the name of its label, its features in the order of `FEATURES`."""

    texts: Tuple[str, ...]
    labels: Tuple[str, ...]
    features: Tuple[Tuple[float, ...], ...]

    def __len__(self) -> int:
        return len(self.texts)


def read() -> Tickets:
    """The tickets that ship with this package, in the file's order, which mixes the labels.

    Raises `BertBundleError` when the installed file is damaged.
    """
    return parse(_FILE.read_bytes())


def parse(data: bytes) -> Tickets:
    """The tickets in `data`: UTF-8, CSV, headed by `COLUMNS`, every feature a whole number from zero.

    Raises `BertBundleError` naming the row (the header is row 1), what was wanted and what was found.
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
    """(train, test): of each label its first ticket and every `held_out_every`-th after it are the test.

    Counted per label, so that both halves keep every label that has two tickets or more; the order is kept, and no
    chance is involved. Raises `ConfigError` when `held_out_every` is under 2.
    """
    if held_out_every < 2:
        raise ConfigError(
            "no ticket would be left to train on",
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
        # isdigit alone would let through digits that float cannot read, such as a superscript two
        if not (cell.isascii() and cell.isdigit()):
            raise _damaged("{}, {}".format(place, name), "a whole number from zero", cell)


def _damaged(place: str, wanted: str, found: object) -> BertBundleError:
    return BertBundleError(
        "the demo's tickets are damaged",
        place="{}, {}".format(_FILE.name, place),
        wanted=wanted,
        found=found,
        fix="install bert-bundle again",
    )
