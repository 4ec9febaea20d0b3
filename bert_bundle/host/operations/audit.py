"""The audit of a bundle: which environments are made for it, today's and those that upgrades would give."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bert_bundle import api
from bert_bundle.errors import AS_EXPECTED, ConfigError
from bert_bundle.host.environments.existing import existing_environments
from bert_bundle.host.environments.nearest import written_by
from bert_bundle.host.operations.chosen_environments import environments_of, resolve_upgrades, rows_of
from bert_bundle.host.operations.records import contents, plain_document
from bert_bundle.host.operations.setup import Setup
from bert_bundle.host.report import wording
from bert_bundle.host.report.documents import runs as documents
from bert_bundle.host.runs import run
from bert_bundle.host.upgrades.audit import UpgradeAudit, with_upgrades


@dataclass(frozen=True, kw_only=True, repr=False)
class Audit(UpgradeAudit):
    """One bundle in several environments: `summary`, and in `verdicts` one `Verdict` for each environment."""

    def __repr__(self) -> str:
        return f"Audit({wording.sentence(self.summary)})"

    @property
    def ok(self) -> bool:
        """Return whether every environment was made, ran, and is as expected."""
        return self.exit_code == AS_EXPECTED

    def to_json(self) -> dict[str, Any]:
        """Return docs/schema/run.json, what `bert-bundle audit --json` prints."""
        return plain_document(documents.run(self))


def audit(
    setup: Setup,
    bundle: Path,
    *,
    names: Sequence[str] = (),
    groups: Sequence[str] = (),
    upgrades: Sequence[str] = (),
    source: str | None = None,
    interpreters: Sequence[Path] = (),
) -> Audit:
    """Replay a bundle in the environments that are selected and those that `upgrades` would give.

    upgrades  pinned packages, separated by spaces
    source    the environment that they start from; by default the one nearest to the requested packages
    interpreters  those of environments that are there already, which are audited as they are

    Raises ConfigError for a selection or an upgrade that means nothing, BundleError for a bundle that is refused.
    """
    if source and not upgrades:
        raise ConfigError("--upgrade-from needs --with", place="--upgrade-from", wanted="--with PACKAGES beside it")
    selected = bool(groups or names or not (upgrades or interpreters))
    rows = setup.matrix.select_or_default(groups=groups, names=names) if selected else ()
    packages, _ = written_by(api.inspect(str(bundle)))  # a damaged bundle is refused before environments are made
    there = existing_environments(interpreters)
    resolved = resolve_upgrades(setup, packages, [text.split() for text in upgrades], source)
    today = [row for row in setup.matrix.environments if row.id in {upgrade.instead_of for upgrade in resolved}]
    needed = [*(row for row in today if row not in rows), *rows]
    upgraded = [
        (each.locked.environment, each.locked.lock) for each in resolved if each.locked.environment not in needed
    ]
    environments = [*there, *environments_of(setup, [*rows_of(setup, needed), *upgraded])]
    found = run.audit(bundle, environments, executor=setup.executor, progress=setup.progress, options=setup.run_options)
    return Audit(**contents(with_upgrades(found, resolved)))
