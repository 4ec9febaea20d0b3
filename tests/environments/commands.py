"""The command line in a process of its own, as a user has it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SAME = {"bitwise", "identical"}
SECONDS = 1500


def bert_bundle(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """(exit code, JSON document) of a command."""
    command = [sys.executable, "-m", "bert_bundle.cli", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)
