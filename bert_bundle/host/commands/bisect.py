"""The command that finds the upgrade which changed the predictions."""

from __future__ import annotations

from pathlib import Path

import click

from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.options import Options, common, discarding, remembering
from bert_bundle.host.commands.travel.bundle_argument import BUNDLE


@click.command()
@click.argument("bundle", type=BUNDLE)
@click.option("--good", required=True, metavar="ENV", help="The environment in which the predictions are as recorded.")
@click.option("--bad", required=True, metavar="ENV", help="The environment in which they are not.")
@click.option(
    "--tolerance",
    type=float,
    metavar="BOUND",
    help="The largest float64 difference that counts as good, such as 1e-9; default: that of the matrix file's policy.",
)
@click.option(
    "--releases", is_flag=True, help="Then search for the first release of the package that changes the predictions."
)
@click.option("--keep-environments", "keep", is_flag=True, help="Leave the environments that are made in the cache.")
@discarding
@remembering
@common
def bisect(
    options: Options, bundle: Path, good: str, bad: str, tolerance: float | None, releases: bool, keep: bool
) -> CommandResult:
    """Find the package upgrade that changed the predictions.

    Finds the smallest set of upgrades from --good to --bad that changes the predictions of BUNDLE. It makes mixtures of
    the two environments from their locks, each with about half of the upgrades that are still in question, replays the
    bundle in each and deletes it. Packages that can only be upgraded together count as one upgrade. A mixture that
    cannot be made, refuses the bundle, crashes or ends with a third grade is unresolved: neither good nor bad. Ends
    with 3 if several upgrades cannot be told apart because of such mixtures.

    \b
    Examples:
      bert-bundle bisect ticket-router --good tf2.18-hf4.48-py3.12 --bad tf2.19-hf4.53-py3.12 --tolerance 1e-9
      bert-bundle bisect ticket-router --good tf2.18-hf4.48-py3.12 --bad tf2.21-hf4.57-py3.13 --releases
    """
    from bert_bundle.host.operations import bisect as operation
    from bert_bundle.host.report.documents import runs as documents
    from bert_bundle.host.report.text import bisect as text

    found = operation.bisect(options, bundle, good=good, bad=bad, tolerance=tolerance, releases=releases, keep=keep)
    return options.result(found, document=documents.bisection, text=text.bisection, exit_code=found.exit_code)
