"""The command line in a process of its own, as a user has it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

SAME = {"bitwise", "identical"}
SECONDS = 1500


def bert_bundle(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """(exit code, JSON document) of a command."""
    command = [sys.executable, "-m", "bert_bundle", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of every command there is."""
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found += commands(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]
    return found
