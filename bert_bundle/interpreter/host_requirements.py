"""What the host needs of an interpreter: a Python that is new enough, and the packages of the extra `matrix`."""

import sys
from importlib import util
from typing import Optional, Sequence, Tuple

from bert_bundle.errors import ConfigError

INSTALL = "pip install 'bert-bundle[matrix]'"
OLDEST_PYTHON = (3, 11)

# What the packages of the extra `matrix` are imported as.
EXTRA = (
    "click", "filelock", "hypothesis", "junitparser", "packaging", "platformdirs", "psutil", "pydantic", "pyfive",
    "rich", "uv", "yaml",
)  # fmt: skip


def obstacle_here(what: str) -> Optional[ConfigError]:
    """Return why `what` cannot run in this interpreter; None if it can. Imports none of the packages."""
    return obstacle(what, sys.version_info[:2], [name for name in EXTRA if util.find_spec(name) is None])


def obstacle(what: str, python: Tuple[int, ...], missing: Sequence[str]) -> Optional[ConfigError]:
    """Return why `what` cannot run in this Python without these modules; None if it can."""
    if python < OLDEST_PYTHON:
        return ConfigError(
            what + " needs Python 3.11 or newer; the library works here",
            found="Python {}.{}".format(*python),
            fix="use `import bert_bundle` here, or in Python 3.11 or newer: " + INSTALL,
        )
    if missing:
        return ConfigError(
            what + " needs packages that are not installed; the library works here",
            wanted="the extra `matrix`",
            found="no {}".format(", ".join(missing)),
            fix=INSTALL,
        )
    return None
