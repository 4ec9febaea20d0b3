"""A card as huggingface_hub reads it."""

from typing import Any

from huggingface_hub import ModelCard


def card_of(text: str) -> Any:
    """Return the ModelCard, which has no types of its own. Raises what huggingface_hub raises for a malformed one."""
    return ModelCard(text)


def card_data(text: str) -> dict[str, Any]:
    """Return the front matter."""
    return dict(card_of(text).data.to_dict())
