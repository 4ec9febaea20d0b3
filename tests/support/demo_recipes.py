"""Variants of the demo recipe for tests: smaller, or with wrong labels."""

from typing import Any, Dict

Recipe = Dict[str, Any]


def smaller(recipe: Recipe, *, train: int, held_out: int, epochs: int) -> Recipe:
    """Return the recipe with the first of its rows, and fewer epochs."""
    rows = {
        part: {column: values[:count] for column, values in recipe[part].items()}
        for part, count in (("train", train), ("held_out", held_out))
    }
    return {**recipe, **rows, "epochs": epochs}


def mislabelled(recipe: Recipe) -> Recipe:
    """Return the recipe with every training label replaced by the next one, as when columns of a file are mixed up.

    The held-out rows, which become the golden's examples and answers, are unchanged.
    """
    labels = [(label + 1) % len(recipe["labels"]) for label in recipe["train"]["label"]]
    return {**recipe, "train": {**recipe["train"], "label": labels}}
