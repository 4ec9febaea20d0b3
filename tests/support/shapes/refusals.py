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


REFUSED: Dict[str, Refusal] = {}  # every shape of the catalogue is saved


def refusal(shape: Shape, tensorflow: Release) -> Optional[Refusal]:
    """Return why a shape is refused in a release of TensorFlow, or None if it is saved."""
    found = REFUSED.get(shape.name)
    return found if found and (found.before is None or tensorflow < found.before) else None
