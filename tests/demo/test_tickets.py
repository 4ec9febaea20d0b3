"""The demo's tickets are many, distinct, mixed and readable, and their split can be repeated.

Each check of the text set is a small function here, so that a planted fault can show that it catches something.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations, groupby
from statistics import median

import pytest

from bert_bundle.demo.tickets import COLUMNS, FEATURES, LABELS, Tickets, parse, read, split
from bert_bundle.errors import BertBundleError, ConfigError

ALIKE = 0.8  # Jaccard similarity of two texts' sets of words above which one is a copy of the other
HEADER = ",".join(COLUMNS)


@pytest.fixture(scope="module")
def tickets() -> Tickets:
    return read()


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def near_duplicates(texts: Iterable[str]) -> list[tuple[str, str]]:
    """Every pair of texts more similar than `ALIKE`; two texts without any word are the same text."""
    sets = [(text, frozenset(words(text))) for text in texts]
    return [(a, b) for (a, x), (b, y) in combinations(sets, 2) if len(x & y) > ALIKE * len(x | y) or x == y]


def column(tickets: Tickets, feature: str, label: str) -> list[float]:
    index = FEATURES.index(feature)
    return [row[index] for row, of in zip(tickets.features, tickets.labels, strict=True) if of == label]


def longest_run(labels: Sequence[str]) -> int:
    return max(len(list(run)) for _, run in groupby(labels))


def test_every_label_has_at_least_110_tickets(tickets: Tickets) -> None:
    counts = Counter(tickets.labels)
    assert set(counts) == set(LABELS)
    assert min(counts.values()) >= 110
    assert len(tickets) == len(tickets.labels) == len(tickets.features) == sum(counts.values()) >= 440


def test_no_text_is_there_twice_or_under_two_labels(tickets: Tickets) -> None:
    assert [text for text, count in Counter(tickets.texts).items() if count > 1] == []


def test_no_two_texts_say_the_same_in_nearly_the_same_words(tickets: Tickets) -> None:
    assert near_duplicates(tickets.texts) == []


def test_a_planted_near_duplicate_is_found(tickets: Tickets) -> None:
    original = next(text for text in tickets.texts if len(set(words(text))) > 12)
    copy = original.upper() + " Thanks!"
    assert near_duplicates([*tickets.texts, copy]) == [(original, copy)]


def test_texts_are_three_to_thirty_five_words_long_without_stray_blanks(tickets: Tickets) -> None:
    lengths = [len(text.split()) for text in tickets.texts]
    assert (min(lengths), max(lengths)) == (3, 35)
    assert [text for text in tickets.texts if text != " ".join(text.split())] == []


def test_texts_hold_accents_and_emoji(tickets: Tickets) -> None:
    # what a tokenizer gets wrong first; a file saved in the wrong encoding would have lost them
    assert sum(any("\u00c0" <= c <= "\u024f" for c in text) for text in tickets.texts) >= 20
    assert sum(any(c >= "\U0001f300" for c in text) for text in tickets.texts) >= 10


def test_labels_are_mixed_throughout_the_file(tickets: Tickets) -> None:
    assert longest_run(tickets.labels) <= 4
    assert longest_run(sorted(tickets.labels)) >= 110  # the check sees a grouped file


def test_every_feature_is_finite_and_not_negative(tickets: Tickets) -> None:
    for row in tickets.features:
        assert len(row) == len(FEATURES)
        assert all(isinstance(value, float) and math.isfinite(value) and value >= 0 for value in row)


def test_nobody_paid_before_the_account_was_opened(tickets: Tickets) -> None:
    age, paid = FEATURES.index("account_age_days"), FEATURES.index("days_since_payment")
    assert [row for row in tickets.features if row[paid] > row[age]] == []


@pytest.mark.parametrize(
    ("feature", "label", "sign"),
    [
        ("account_age_days", "access", -1),
        ("seats", "feature_request", 1),
        ("tickets_last_month", "bug", 1),
        ("days_since_payment", "billing", 1),
    ],
)
def test_a_feature_leans_towards_its_label_and_overlaps_the_others(
    tickets: Tickets, feature: str, label: str, sign: int
) -> None:
    own = [sign * value for value in column(tickets, feature, label)]
    for other in set(LABELS) - {label}:
        theirs = [sign * value for value in column(tickets, feature, other)]
        assert median(own) > median(theirs)
        assert min(own) <= median(theirs)
        assert max(theirs) > median(own)


@pytest.mark.parametrize("held_out_every", [2, 4, 5, 10_000])
def test_a_split_is_repeatable_disjoint_complete_and_keeps_every_label(tickets: Tickets, held_out_every: int) -> None:
    train, test = split(tickets, held_out_every=held_out_every)
    assert (train, test) == split(read(), held_out_every=held_out_every)
    assert set(train.texts).isdisjoint(test.texts)
    assert set(train.texts) | set(test.texts) == set(tickets.texts)
    assert set(train.labels) == set(test.labels) == set(LABELS)


def test_a_split_holds_out_the_same_share_of_every_label(tickets: Tickets) -> None:
    counts = Counter(tickets.labels)
    _, test = split(tickets, held_out_every=4)
    assert Counter(test.labels) == {label: math.ceil(count / 4) for label, count in counts.items()}


def test_a_split_keeps_each_text_with_its_own_label_and_features(tickets: Tickets) -> None:
    whole = set(zip(tickets.texts, tickets.labels, tickets.features, strict=True))
    for part in split(tickets, held_out_every=4):
        assert len(part) == len(part.labels) == len(part.features)
        assert set(zip(part.texts, part.labels, part.features, strict=True)) < whole


@pytest.mark.parametrize("held_out_every", [1, 0, -4])
def test_a_split_that_leaves_nothing_to_train_on_is_refused(tickets: Tickets, held_out_every: int) -> None:
    with pytest.raises(ConfigError, match=r"^held_out_every is too small: .* @ held_out_every\n  wanted: 2"):
        split(tickets, held_out_every=held_out_every)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (b"", r"row 1\n  wanted: text,label,.*\n  found: nothing"),
        (b"text,label\n", r"row 1\n  wanted: text,label,account_age_days,.*\n  found: text,label\n"),
        (HEADER.encode() + b"\nHello there you,bug,1,2,3\n", r"row 2\n  wanted: 6 columns\n  found: 5"),
        (HEADER.encode() + b"\n ,bug,1,2,3,4\n", r"row 2, text\n  wanted: a sentence\n  found: nothing"),
        (HEADER.encode() + b"\nHello,spam,1,2,3,4\n", r"row 2, label\n  wanted: access or .*\n  found: spam"),
        (
            HEADER.encode() + b"\nHello,bug,1,2,3,-4\n",
            r"row 2, days_since_payment\n  wanted: a non-negative whole number\n  found: -4",
        ),
        (
            HEADER.encode() + b"\nHello,bug,1,nan,3,4\n",
            r"row 2, seats\n  wanted: a non-negative whole number\n  found: nan",
        ),
        (HEADER.encode() + "\nHello,bug,²,2,3,4\n".encode(), r"row 2, account_age_days\n  wanted: .*\n  found: ²"),
        (HEADER.encode() + b'\n"Hello,bug,1,2,3,4\n', r"quoting\n  wanted: CSV\n  found: unexpected end of data"),
        (HEADER.encode() + "\nfaçade,bug,1,2,3,4\n".encode("latin-1"), r"byte \d+\n  wanted: UTF-8"),
    ],
)
def test_a_damaged_file_is_refused_with_its_row_and_column(rows: bytes, message: str) -> None:
    with pytest.raises(BertBundleError, match=r"^the demo's tickets are damaged @ tickets\.csv, " + message):
        parse(rows)
