"""The command that replays a bundle in several environments."""

from __future__ import annotations

from pathlib import Path

import click

from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.options import (
    Options,
    common,
    discarding,
    existing,
    remembering,
    selection,
    with_report_files,
)
from bert_bundle.host.commands.travel.bundle_argument import BUNDLE


@click.command()
@click.argument("bundle", type=BUNDLE)
@selection
@click.option(
    "--with",
    "upgrades",
    multiple=True,
    metavar="PACKAGES",
    help="Also audit the environment that an upgrade to these packages would give, such as "
    "'tensorflow==2.21.0 transformers==4.57.6'; may be repeated.",
)
@click.option(
    "--upgrade-from",
    "source",
    metavar="ENV",
    help="The environment that is upgraded; default: the one nearest to the requested packages.",
)
@discarding
@existing
@with_report_files
@remembering
@common
def audit(
    options: Options,
    bundle: Path,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    upgrades: tuple[str, ...],
    source: str | None,
    interpreters: tuple[Path, ...],
) -> CommandResult:
    """Replay a bundle in several environments and grade each.

    Without --env, --groups, --with and --python it takes the environments of the group ci if the matrix file has
    it, else all that are not expected to be refused.

    With --python, BUNDLE is replayed in an environment that is there already, such as the one that serves it. It is
    not changed, and its replay is computed each time.

    With --with, BUNDLE is replayed in the environment that an upgrade would give, and for comparison in the environment
    of today: that of --upgrade-from, or else the one nearest to the bundle's writer. --env and --groups add others. An
    upgrade starts from the lock of an environment and changes only what the resolver requires; the result lists these
    changes. An upgrade that gives the packages of a row of the matrix is that row. Nothing is written beside the matrix
    file.

    \b
    Examples:
      bert-bundle audit ticket-router
      bert-bundle audit ticket-router --env 'tf2.1*' --json
      bert-bundle audit ticket-router --report junit=audit.xml,markdown=audit.md
      bert-bundle audit ticket-router --python /srv/venv/bin/python
      bert-bundle audit ticket-router --with "tensorflow==2.21.0 transformers==4.57.6"
      bert-bundle audit ticket-router --with numpy==2.0.2 --upgrade-from tf2.16-hf4.41-py3.12
    """
    from bert_bundle.host.operations import audit as operation
    from bert_bundle.host.report.reports import AuditReport

    found = operation.audit(
        options, bundle, names=names, groups=groups, upgrades=upgrades, source=source, interpreters=interpreters
    )
    return options.reported(AuditReport(run=found), found.exit_code)
