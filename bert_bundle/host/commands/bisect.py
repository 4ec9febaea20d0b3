"""The command that finds the upgrade which changed the predictions."""

from dataclasses import replace
from pathlib import Path

import click

from bert_bundle.api import inspect as read_manifest
from bert_bundle.errors import ConfigError
from bert_bundle.host.commands.environment_options import locked_row
from bert_bundle.host.commands.options import CommandResult, Options, common
from bert_bundle.host.report import json, text
from bert_bundle.host.upgrades import bisect as bisection
from bert_bundle.host.upgrades.trials import BisectTrials


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--good", required=True, metavar="ENV", help="Where the predictions are as recorded.")
@click.option("--bad", required=True, metavar="ENV", help="Where they are not.")
@click.option("--tolerance", type=float, metavar="BOUND", help="In the place of the policy's bound, as in 1e-9.")
@click.option(
    "--releases", is_flag=True, help="Then look for the first release of the package that changes the predictions."
)
@click.option("--keep-environments", "keep", is_flag=True, help="Leave what is made on the way in the cache.")
@common
def bisect(
    options: Options, bundle: Path, good: str, bad: str, tolerance: float | None, releases: bool, keep: bool
) -> CommandResult:
    """Which package upgrade changed the predictions: the smallest set of upgrades from --good to --bad that does.

    Mixtures of the two environments are made from their locks, replayed in and removed, each time about half of the
    upgrades that are still in question. Packages that cannot move without each other are one upgrade. A mixture that
    cannot be made, or that refuses, dies or ends with a third grade, is neither good nor bad. Ends with 3 where
    such mixtures keep several upgrades from being told apart.

    \b
    Examples:
      bert-bundle bisect ticket-router --good tf2.18-hf4.48-py3.12 --bad tf2.19-hf4.53-py3.12 --tolerance 1e-9
      bert-bundle bisect ticket-router --good tf2.18-hf4.48-py3.12 --bad tf2.21-hf4.57-py3.13 --releases
    """
    if tolerance is not None and not 0 < tolerance < 1:
        raise ConfigError("no bound", place="--tolerance", wanted="a number between 0 and 1", found=tolerance)
    policy = options.matrix.policy
    if tolerance is not None:
        policy = policy.model_copy(update={"double": tolerance})
    ends = locked_row(options, good, "--good"), locked_row(options, bad, "--bad")
    read_manifest(str(bundle))  # a damaged bundle is refused before minutes go into environments
    terms = replace(options.terms, expect=(), policy=policy)
    bench = BisectTrials(bundle, executor=options.executor, progress=options.progress, terms=terms, keep=keep)
    found = bisection.bisect(*ends, bench, releases=releases)
    return options.answer(lambda: json.bisection(found), lambda style: text.bisection(found, style), found.exit_code)
