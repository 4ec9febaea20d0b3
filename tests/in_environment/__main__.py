"""`python tests/in_environment [pytest's arguments]`: this suite, with the interpreter of an environment.

Its own pytest.ini and no conftest of the host's: those need a newer Python than the oldest environment has.
"""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[1]))
    sys.exit(pytest.main(["-c", str(HERE / "pytest.ini"), "--confcutdir", str(HERE), str(HERE), *sys.argv[1:]]))
