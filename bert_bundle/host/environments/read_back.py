"""The packages that an interpreter has, read from inside. Imports none of them, and writes nothing."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

_SECONDS = 60

# Runs inside the environment, so in Python 3.8 syntax. A list, because a damaged environment may have a package twice.
_PROGRAM = """
import importlib.metadata, json, platform, sys
packages = [
    [d.metadata["Name"] or "", d.version or "", d.read_text("direct_url.json") is not None]
    for d in importlib.metadata.distributions()
]
python = platform.python_version() if sys.implementation.name == "cpython" else sys.implementation.name
print(json.dumps({"python": python, "packages": packages}))
"""


@dataclass(frozen=True, kw_only=True)
class InstalledPackages:
    """What is installed: the version of Python, the packages as (canonical name, version), sorted.

    `direct` has the names of those that came from an address or a folder, and not from a package index.
    """

    python: str
    packages: tuple[tuple[str, str], ...]
    direct: frozenset[str] = frozenset()


def read_back(python: Path) -> InstalledPackages:
    """Return the packages of an interpreter.

    Raises OSError or subprocess.SubprocessError if it does not run, ValueError if it answers something else.
    """
    # -I, so that neither PYTHONPATH nor the user's site-packages are counted; -B, so that no .pyc is written.
    done = subprocess.run(
        [python, "-I", "-B", "-c", _PROGRAM],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    found = json.loads(done.stdout)
    named = [(canonicalize_name(name), version, direct) for name, version, direct in found["packages"]]
    return InstalledPackages(
        python=found["python"],
        packages=tuple(sorted((name, version) for name, version, _ in named)),
        direct=frozenset(name for name, _, direct in named if direct),
    )
