"""The demo's recipes made smaller, or wrong: what a training by them gives is for others to see. Trains nothing."""

from typing import Any, Dict

Recipe = Dict[str, Any]


def smaller(recipe: Recipe, *, train: int, held_out: int, epochs: int) -> Recipe:
    """The recipe with the first of its rows, and fewer epochs."""
    rows = {
        part: {column: values[:count] for column, values in recipe[part].items()}
        for part, count in (("train", train), ("held_out", held_out))
    }
    return {**recipe, **rows, "epochs": epochs}


def mislabelled(recipe: Recipe) -> Recipe:
    """The recipe with every label of its training taken for the next one, as when a file's columns are mixed up.

    The held-out rows, which become the golden's examples and answers, are as they were.
    """
    labels = [(label + 1) % len(recipe["labels"]) for label in recipe["train"]["label"]]
    return {**recipe, "train": {**recipe["train"], "label": labels}}
