"""Whether an environment can work, by the known breakages of its packages.

Looks only at versions, of this interpreter or in a lock. Makes no environment and starts no process.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bert_bundle.interpreter import known_breakages

if TYPE_CHECKING:
    from bert_bundle.host.config.matrix_file import Environment, Expectation

THIS_INTERPRETER = "this interpreter"  # the id of the running interpreter


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A known breakage that was found: the rule, and the versions of the packages that it is about."""

    runtime: str
    rule: str
    why: str
    found: str
    fix: str
    see: str


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The diagnosis of one environment.

    asked     the runtimes that were checked: the one of a row, or all for this interpreter
    works     those of them that break no rule
    findings  the rules that the others break
    known     why the matrix file expects a refusal; empty if it does not
    """

    id: str
    asked: tuple[str, ...]
    works: tuple[str, ...]
    findings: tuple[Finding, ...]
    known: str = ""

    @property
    def as_expected(self) -> bool:
        """Return whether it works in some runtime, or is expected not to."""
        return bool(self.works) != bool(self.known)


def diagnose_interpreter() -> Diagnosis:
    """Diagnose the running interpreter, for both runtimes."""
    return _diagnose(THIS_INTERPRETER, known_breakages.RUNTIMES, known_breakages.installed_versions())


def diagnose_row(row: Environment, locks: Path, expect: tuple[Expectation, ...] = ()) -> Diagnosis:
    """Diagnose a row of the matrix by its lock.

    Raises ConfigError for a lock that is missing or stale.
    """
    from bert_bundle.host.config.matrix_file import known_exception
    from bert_bundle.host.environments.locks import read_lock

    known = known_exception(expect, row.id)
    reason = known.reason if known is not None and known.outcome == "refused" else ""
    versions = {known_breakages.PYTHON: row.python, **read_lock(row, locks).pins}
    return _diagnose(row.id, (row.runtime,), versions, reason)


def _diagnose(
    name: str, asked: tuple[str, ...], versions: known_breakages.InstalledVersions, known: str = ""
) -> Diagnosis:
    broken = {runtime: known_breakages.broken_rules(runtime, versions) for runtime in asked}
    return Diagnosis(
        id=name,
        asked=asked,
        works=tuple(runtime for runtime, rules in broken.items() if not rules),
        findings=tuple(
            Finding(runtime=runtime, rule=rule.id, why=rule.why, found=rule.found(versions), fix=rule.fix, see=rule.see)
            for runtime, rules in broken.items()
            for rule in rules
        ),
        known=known,
    )
