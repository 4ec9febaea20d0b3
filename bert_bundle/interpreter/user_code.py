"""Import what a user names by module and attribute. Does not know: what it is for."""

import importlib
from typing import Any


def named(module: str, qualified: str) -> Any:
    """Return the attribute `qualified`, such as "Outer.Inner", of a module. Raises whatever its import raises."""
    found: Any = importlib.import_module(module)
    for part in qualified.split("."):
        found = getattr(found, part)
    return found
