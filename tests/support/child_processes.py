"""The child processes of a test session."""

from contextlib import suppress

import psutil


def living_children() -> list[psutil.Process]:
    """Return the children of this process and their children, without zombies, which nobody has waited for yet."""
    living = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                living.append(process)
    return living
