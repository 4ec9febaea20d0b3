"""Numbers as text, the same in every format."""

import math


def figure(value: float | None) -> str:
    """Return a difference to two digits; empty if it was not measured."""
    return "" if value is None else "0" if value == 0 else f"{value:.1e}"


def power(value: float | None) -> str:
    """Return the n of the 1e-n that bounds a difference; `=` if it is 0, empty if it was not measured."""
    if value is None or value == 0:
        return "" if value is None else "="
    return str(max(0, math.ceil(-math.log10(value)) - 1)) if math.isfinite(value) else "!"


def share(value: float | None) -> str:
    """Return a share in percent; empty if it is not known."""
    return "" if value is None else f"{value:.1%}"


def count(value: int | None) -> str:
    """Return a number of things; empty if it was not counted."""
    return "" if value is None else str(value)


def seconds(value: float) -> str:
    """Return a time in whole seconds."""
    return f"{value:.0f} s"


def number(value: float) -> str:
    """Return a whole number as it is, any other to three digits."""
    return str(value) if isinstance(value, int) else f"{value:.3g}"
