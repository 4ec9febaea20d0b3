"""The shapes that cannot be saved today, with the message and the reason. A listed shape that works fails."""

from dataclasses import dataclass
from typing import Dict, Optional

from support.shapes.catalogue import Release, Shape


@dataclass(frozen=True)
class Refusal:
    """What the error says, why, and in which releases of TensorFlow: all, or those older than `before`."""

    message: str
    reason: str
    before: Optional[Release] = None


_LOOKUP = Refusal("a layer that a bundle cannot represent", "a layer that computes on strings")

REFUSED: Dict[str, Refusal] = {
    "one_of_several_choices": Refusal("a class of transformers that a bundle cannot represent", "ForMultipleChoice"),
    "normalized_numbers": Refusal("a layer that a bundle cannot represent", "an experimental layer", before=(2, 6)),
    "looked_up_category": _LOOKUP,
    "hashed_category": _LOOKUP,
    "words_beside": _LOOKUP,
}


def refusal(shape: Shape, tensorflow: Release) -> Optional[Refusal]:
    """Return why a shape is refused in a release of TensorFlow, or None if it is saved."""
    found = REFUSED.get(shape.name)
    return found if found and (found.before is None or tensorflow < found.before) else None
