"""The recipe of the demo as plain data, which a worker trains by. Imports no TensorFlow."""

import random

from bert_bundle.demo import tickets
from bert_bundle.host.demo import downloads
from bert_bundle.progress import Progress

SEED = 7
HELD_OUT_EVERY = 5  # one ticket in five of each label is held out
TRAINED, HELD_OUT = 1200, 240  # review snippets: few enough for two cores
CLEAR = 0.5  # the absolute mean rating (-4 to 4) from which a snippet counts as positive or negative


def recipe(encoder: str, progress: Progress) -> dict[str, object]:
    """Return the recipe for `encoder`, "tiny" (support tickets) or "minilm" (movie reviews)."""
    return _tiny() if encoder == "tiny" else _minilm(progress)


def _tiny() -> dict[str, object]:
    train, held_out = tickets.split(tickets.read(), held_out_every=HELD_OUT_EVERY)
    return {
        "encoder": {"kind": "fresh", "vocabulary": 600, "hidden": 64, "layers": 2, "heads": 4, "intermediate": 160},
        "labels": list(tickets.LABELS),
        "features": "numerical_features",
        "max_length": 40,
        "learning_rate": 5e-4,
        "epochs": 7,
        "seed": SEED,
        "train": _columns(train),
        "held_out": _columns(held_out),
        "about": "support tickets with account age, seats, tickets last month and days since payment",
    }


def _columns(rows: tickets.Tickets) -> dict[str, object]:
    return {
        "text": list(rows.texts),
        "label": [tickets.LABELS.index(label) for label in rows.labels],
        "features": [list(row) for row in rows.features],
    }


def _minilm(progress: Progress) -> dict[str, object]:
    folder = downloads.minilm(progress)
    rows = [(text, int(rating > 0)) for rating, text in downloads.reviews(progress) if abs(rating) >= CLEAR]
    random.Random(SEED).shuffle(rows)  # noqa: S311  not a secret
    train, held_out = rows[:TRAINED], rows[TRAINED : TRAINED + HELD_OUT]
    return {
        "encoder": {"kind": "checkpoint", "folder": str(folder)},
        "labels": ["negative", "positive"],
        "features": None,
        "max_length": 48,
        "learning_rate": 1e-3,
        "epochs": 12,
        "seed": SEED,
        "train": {"text": [t for t, _ in train], "label": [n for _, n in train]},
        "held_out": {"text": [t for t, _ in held_out], "label": [n for _, n in held_out]},
        "about": "movie-review snippets rated by people; the encoder is all-MiniLM-L6-v2, frozen",
    }
