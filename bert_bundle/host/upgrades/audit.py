"""A run that also replayed a bundle in the environments that upgrades would give."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from bert_bundle.host.runs.run import Run
from bert_bundle.host.upgrades.upgrade import Upgrade


@dataclass(frozen=True, kw_only=True)
class UpgradeAudit(Run):
    """A run, and the upgrades whose environments were among its readers."""

    upgrades: Sequence[Upgrade] = ()


def with_upgrades(run: Run, upgrades: Sequence[Upgrade]) -> UpgradeAudit:
    """Return `run` together with the upgrades that made some of its environments."""
    return UpgradeAudit(**{field.name: getattr(run, field.name) for field in fields(run)}, upgrades=upgrades)


def upgrades_of(run: Run) -> Sequence[Upgrade]:
    """Return the upgrades of a run; empty for a run without any."""
    return run.upgrades if isinstance(run, UpgradeAudit) else ()
