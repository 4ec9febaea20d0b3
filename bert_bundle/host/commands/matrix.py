"""The commands that show and lock the environments of the matrix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bert_bundle.errors import ConfigError
from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.options import Options, common, selection

if TYPE_CHECKING:
    from bert_bundle.host.config.matrix_file import Environment


@click.command("list")
@selection
@common
def list_(options: Options, names: tuple[str, ...], groups: tuple[str, ...]) -> CommandResult:
    """List the environments and whether each is locked.

    An environment is locked if its lock file exists and was made from its row of the matrix file, or if the row names
    a lock of your own.

    \b
    Examples:
      bert-bundle matrix list
      bert-bundle matrix list --groups ci --json | jq -r '.environments[].id'
    """
    from bert_bundle.host.report.documents import environments as documents
    from bert_bundle.host.report.text import environments as text

    rows = [(row, _is_locked(row, options.locks)) for row in options.matrix.select(groups=groups, names=names)]
    return options.result(rows, document=documents.environments, text=text.environments)


@click.command()
@selection
@common
def lock(options: Options, names: tuple[str, ...], groups: tuple[str, ...]) -> CommandResult:
    """Resolve environments and write their lock files.

    Each is resolved as on the day that its row names, and its lock file, with hashes, is written to locks/ beside the
    matrix file. A row with a lock of your own is left alone.

    \b
    Examples:
      bert-bundle matrix lock
      bert-bundle matrix lock --env tf2.10-hf4.25-py3.9
    """
    from bert_bundle.host.config.matrix_location import check_not_shipped
    from bert_bundle.host.environments import locks
    from bert_bundle.host.report.documents import environments as documents
    from bert_bundle.host.report.text import environments as text

    check_not_shipped(options.matrix_path)
    written = []
    for row in options.matrix.select(groups=groups, names=names):
        if row.lock is not None:
            options.progress(f"{row.id}: its lock is {row.lock}, which is not written")
            continue
        options.progress(f"{row.id}: resolving as on {row.as_of}")
        written.append((row, locks.lock(row, options.locks.parent)))
    return options.result(written, document=documents.locks, text=text.locks)


def _is_locked(row: Environment, folder: Path) -> bool:
    from bert_bundle.host.environments.locks import read_lock

    try:
        read_lock(row, folder)
    except ConfigError:
        return False
    return True
