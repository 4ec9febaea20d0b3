"""The child processes of a test session."""

from collections.abc import Iterator
from contextlib import suppress

import psutil

SUITES = "in_environment"  # in the command lines of what tests/conftest.py::suites runs beside the tests


def living_children() -> list[psutil.Process]:
    """Return the children of this process and their children, except for suites beside the tests.

    Without zombies, which nobody has waited for yet.
    """
    return [process for child in psutil.Process().children() for process in _living(child)]


def _living(child: psutil.Process) -> Iterator[psutil.Process]:
    with suppress(psutil.NoSuchProcess):  # of a zombie too, where its command line is read
        if not any(SUITES in part for part in child.cmdline()):
            members = [child, *child.children(recursive=True)]
            yield from (member for member in members if member.status() != psutil.STATUS_ZOMBIE)
