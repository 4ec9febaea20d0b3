"""Whether work goes on: a function that work of minutes asks again and again. Does not know who stops it."""

from collections.abc import Callable

INTERRUPTED = "the run was interrupted"

Cancelled = Callable[[], bool]


def never() -> bool:
    """Return False: the work is not cancelled."""
    return False
