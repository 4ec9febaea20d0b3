"""An audit that includes upgraded environments: a run, with the upgrades that gave some of its environments."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from bert_bundle.host.runs.run import Run
from bert_bundle.host.upgrades.upgrade import Upgrade


@dataclass(frozen=True, kw_only=True)
class UpgradeAudit(Run):
    """A run whose readers include the environments of `upgrades`."""

    upgrades: Sequence[Upgrade] = ()


def with_upgrades(run: Run, upgrades: Sequence[Upgrade]) -> UpgradeAudit:
    """Return `run` with the upgrades that gave some of its environments."""
    return UpgradeAudit(**{field.name: getattr(run, field.name) for field in fields(run)}, upgrades=upgrades)


def upgrades_of(run: Run) -> Sequence[Upgrade]:
    """Return the upgrades of a run; none for one that is not an audit of upgrades."""
    return run.upgrades if isinstance(run, UpgradeAudit) else ()
