"""The commands about the cache of this machine: list, prune, clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.options import Options, common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bert_bundle.host.environments.cache import CacheEntry

UNUSED_DAYS = 30


@click.command("list")
@common
def list_(options: Options) -> CommandResult:
    """List what is in the cache.

    Shows the size of each environment, which row of a matrix file it belongs to, and when it was last used. An
    environment is counted whole, although environments share files: removing one frees less.

    \b
    Examples:
      bert-bundle cache list
      bert-bundle cache list --json | jq .size
    """
    from bert_bundle.host.environments.cache import entries

    return _result(options, entries(), removed=False)


@click.command()
@click.option(
    "--unused-for",
    "days",
    type=click.IntRange(min=0),
    default=UNUSED_DAYS,
    show_default=True,
    metavar="DAYS",
    help="Remove what was not used for so many days.",
)
@click.option(
    "--keep-groups",
    "groups",
    multiple=True,
    metavar="GROUP",
    help="Keep the environments of this group; may be repeated.",
)
@common
def prune(options: Options, days: int, groups: tuple[str, ...]) -> CommandResult:
    """Remove what was not used for a while.

    Removes environments, results of earlier runs and downloads that nothing used for --unused-for days. All of it is
    made again when it is needed.

    \b
    Examples:
      bert-bundle cache prune
      bert-bundle cache prune --unused-for 7 --keep-groups ci
    """
    from datetime import UTC, datetime, timedelta

    from bert_bundle.host.environments.cache import entries, to_prune
    from bert_bundle.host.environments.locks import read_lock

    rows = options.matrix.select(groups=groups) if groups else ()
    kept = {read_lock(row, options.locks).digest[:16] for row in rows}
    chosen = to_prune(entries(), unused_for=timedelta(days=days), kept_locks=kept, now=datetime.now(UTC))
    return _removed(options, chosen)


@click.command()
@common
def clear(options: Options) -> CommandResult:
    """Remove all that is in the cache.

    Removes every environment, result and download, even if another process is using it. All of it is made again when it
    is needed: about 500 MB to download for each environment, unless uv still has the packages.

    \b
    Examples:
      bert-bundle cache clear
    """
    from bert_bundle.host.environments.cache import entries

    return _removed(options, entries())


def _removed(options: Options, chosen: Sequence[CacheEntry]) -> CommandResult:
    from bert_bundle.host.environments.cache import remove

    for entry in chosen:
        options.progress(f"removing {entry.id}")
        remove(entry)
    return _result(options, chosen, removed=True)


def _result(options: Options, found: Sequence[CacheEntry], *, removed: bool) -> CommandResult:
    from bert_bundle.host.environments.environment import cache_root
    from bert_bundle.host.report.documents import environments as documents
    from bert_bundle.host.report.results import CacheContent
    from bert_bundle.host.report.text import environments as text

    content = CacheContent(root=cache_root(), entries=tuple(found), removed=removed)
    return options.result(content, document=documents.cache, text=text.cache)
