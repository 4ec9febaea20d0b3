"""`python -m support.in_environment_of ID [pytest's arguments]`, in tests/: the in-environment suite there.

A process of its own from the start: the session that runs it beside its tests has one `os.environ`, one folder and one
standard output, and its tests change all three.
"""

import os
import sys

from conftest import environment

from bert_bundle.interpreter import launch
from support.paths import ROOT


def main(name: str, *arguments: str) -> None:
    """Makes the environment (or finds it in the cache), and becomes the suite, with a higher nice value."""
    python = str(environment(name).python)
    sys.stdout.flush()
    os.nice(10)
    os.execve(python, [python, str(ROOT / "tests" / "in_environment"), *arguments], launch.environment())


if __name__ == "__main__":
    main(*sys.argv[1:])
