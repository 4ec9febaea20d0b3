"""The command line in its own process, as users run it, and its commands as objects."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

SAME = {"bitwise", "identical"}
SECONDS = 1500


def bert_bundle(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """Return (exit code, JSON document) of a command."""
    command = [sys.executable, "-m", "bert_bundle", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def subcommands(group: click.Group) -> dict[str, click.Command]:
    """Return the commands of a group by name, each imported."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the paths of every command that is not a group."""
    found: list[tuple[str, ...]] = []
    for name, command in subcommands(group).items():
        found += commands(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]
    return found
