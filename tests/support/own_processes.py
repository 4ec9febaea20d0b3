"""The processes that a test may hold against itself: owns which of this process' children are its own."""

from collections.abc import Iterator

import psutil

SUITES = "in_environment"  # what the session runs beside its tests (conftest.suite_runs), in its command lines


def own() -> list[psutil.Process]:
    """The living children of this process and theirs, but for the suites that the session runs beside its tests."""
    return [process for child in psutil.Process().children() for process in _alive(child)]


def _alive(child: psutil.Process) -> Iterator[psutil.Process]:
    try:
        if SUITES not in " ".join(child.cmdline()):
            yield child
            yield from child.children(recursive=True)
    except psutil.NoSuchProcess:  # a zombie too: whoever waits for it has not come round to it yet
        return
