"""Folders that the processes of one pytest run share, each written by whichever needs it first."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def folder(factory: pytest.TempPathFactory, name: str, write: Callable[[Path], None]) -> Path:
    """Return the folder `name` of this run, after `write` has filled it once; processes of pytest-xdist wait for it.

    If `write` raises, the next process begins again in an empty folder.
    """
    # Each process of pytest-xdist has its own folder below that of the run.
    root = factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else factory.getbasetemp()
    with FileLock(root / f"{name}.lock"):
        done = root / name
        if not done.exists():
            draft = factory.mktemp(name)
            write(draft)
            os.replace(draft, done)
    return done
