"""`python tests/in_environment_of.py ID [pytest's arguments]`: the in-environment suite, in the environment of that id.

A process of its own from the start: the session that runs it beside its tests has one `os.environ`, one folder and one
standard output, and its tests change all three.
"""

import os
import sys

from conftest import ROOT, environment

from bert_bundle import isolation


def main(name: str, *arguments: str) -> None:
    """Makes the environment (or finds it in the cache), and becomes the suite, with a higher nice value."""
    python = str(environment(name).python)
    sys.stdout.flush()
    os.nice(10)
    os.execve(python, [python, str(ROOT / "tests" / "in_environment"), *arguments], isolation.environment())


if __name__ == "__main__":
    main(*sys.argv[1:])
