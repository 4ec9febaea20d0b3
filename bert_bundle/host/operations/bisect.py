"""The bisection of a bundle: between which environments, and by which tolerance."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bert_bundle import api
from bert_bundle.errors import AS_EXPECTED, ConfigError, printable
from bert_bundle.host.operations.chosen_environments import locked_row
from bert_bundle.host.operations.records import contents, plain_document
from bert_bundle.host.operations.setup import Setup
from bert_bundle.host.report.documents import runs as documents
from bert_bundle.host.upgrades import bisect as bisection
from bert_bundle.host.upgrades.trials import BisectTrials


@dataclass(frozen=True, kw_only=True, repr=False)
class Bisection(bisection.Bisection):
    """The upgrades that changed the predictions: groups of `Unit` in `culprits`, and the `steps` to them."""

    def __repr__(self) -> str:
        groups = ["+".join(unit.name for unit in group) for group in self.culprits]
        return printable(f"Bisection({self.bundle.name}: {', '.join(groups) or 'no culprit'})")

    @property
    def ok(self) -> bool:
        """Return whether the culprit was found, and is told apart from every other upgrade."""
        return self.exit_code == AS_EXPECTED

    def to_json(self) -> dict[str, Any]:
        """Return docs/schema/bisect.json, what `bert-bundle bisect --json` prints."""
        return plain_document(documents.bisection(self))


def bisect(
    setup: Setup,
    bundle: Path,
    *,
    good: str,
    bad: str,
    tolerance: float | None = None,
    releases: bool = False,
    keep: bool = False,
) -> Bisection:
    """Find the upgrades between the environments `good` and `bad` that change the predictions.

    tolerance  the largest float64 difference that counts as good; by default that of the matrix file's policy
    releases   then find the first release of the package that does
    keep       leave the environments that are made in the cache

    Raises ConfigError for a tolerance outside of 0 to 1 and for environments that cannot be bisected, BundleError for a
    bundle that is refused, EnvironmentNotMadeError if one of the two cannot be made.
    """
    if tolerance is not None and not 0 < tolerance < 1:
        raise ConfigError(
            "--tolerance must be between 0 and 1",
            place="--tolerance",
            wanted="a number between 0 and 1",
            found=tolerance,
        )
    tolerances = setup.matrix.policy
    if tolerance is not None:
        tolerances = tolerances.model_copy(update={"double": tolerance})
    ends = locked_row(setup, good, "--good"), locked_row(setup, bad, "--bad")
    for end in ends:
        setup.discard_at_end(end.lock)
    api.inspect(str(bundle))  # a damaged bundle is refused before environments are made
    options = replace(setup.run_options, expect=(), tolerances=tolerances)
    trials = BisectTrials(bundle, executor=setup.executor, progress=setup.progress, options=options, keep=keep)
    return Bisection(**contents(bisection.bisect(*ends, trials, releases=releases)))
