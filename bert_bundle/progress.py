"""How work in progress is reported: a function that takes one line of text.

Layer 1 of the core.
"""

from typing import Callable

Progress = Callable[[str], None]


def silent(_text: str) -> None:
    """Report nothing."""
