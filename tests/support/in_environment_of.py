"""`python -m support.in_environment_of ROW [pytest's arguments]`, in tests/: runs the in-environment suite of a row.

Makes the environment if it is not in the cache, and becomes the suite. A process of its own from the start: the tests
that run beside it change the variables, the folder and the standard output of theirs.
"""

import os
import sys

from bert_bundle.interpreter import launch
from support.environments import environment
from support.paths import ROOT

NICE = 5  # the tests beside it have time limits


def main(row_id: str, *arguments: str) -> None:
    python = str(environment(row_id).python)
    sys.stdout.flush()
    os.nice(NICE)
    os.chdir(ROOT)
    os.execve(python, [python, "tests/in_environment", *arguments], launch.environment())


if __name__ == "__main__":
    main(*sys.argv[1:])
