"""`bert-bundle` and `python -m bert_bundle`: the command line, or one error that says why it cannot run here.

Keeps to Python 3.8 syntax, because it is what answers where the command line cannot run.

Layer 13 of the host.
"""

import json
import sys
from importlib import util
from typing import List, Optional, Tuple

from bert_bundle.errors import ConfigError

_INSTALL = "pip install 'bert-bundle[matrix]'"
_OLDEST_PYTHON = (3, 11)

# What the packages of the extra `matrix` are imported as.
EXTRA = (
    "click", "filelock", "hypothesis", "junitparser", "packaging", "platformdirs", "psutil", "pydantic", "pyfive",
    "rich", "uv", "yaml",
)  # fmt: skip


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the command line and return its exit code; 2 with one error where this interpreter cannot run it."""
    given = sys.argv[1:] if arguments is None else arguments
    missing = [name for name in EXTRA if util.find_spec(name) is None]
    reason = obstacle(sys.version_info[:2], missing)
    if reason is None:
        from bert_bundle.host.cli import main as command_line

        return command_line(given)
    if "--json" in given:
        print(json.dumps({"error": reason.to_json()}, indent=2))
    else:
        print(reason, file=sys.stderr)
    return reason.exit_code


def obstacle(python: Tuple[int, ...], missing: List[str]) -> Optional[ConfigError]:
    """Return why the command line cannot run in this Python without these modules; None if it can."""
    if python < _OLDEST_PYTHON:
        return ConfigError(
            "the command line needs Python 3.11 or newer; the library works here",
            found="Python {}.{}".format(*python),
            fix="use `import bert_bundle` here, or in Python 3.11 or newer: " + _INSTALL,
        )
    if missing:
        return ConfigError(
            "the command line needs packages that are not installed; the library works here",
            wanted="the extra `matrix`",
            found="no {}".format(", ".join(missing)),
            fix=_INSTALL,
        )
    return None


if __name__ == "__main__":
    sys.exit(main())
