"""Will this environment work, and if not why: the known breakages that its packages have. Owns the answer's shape.

Asks versions alone, of this interpreter or of a lock; makes no environment, starts no process, imports nothing heavy.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bert_bundle.interpreter import known_breakages

if TYPE_CHECKING:
    from bert_bundle.host.config.matrix_file import Environment, Expectation

HERE = "this interpreter"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A known breakage that is there: the rule, and the packages that it is about, as they are."""

    runtime: str
    rule: str
    why: str
    found: str
    fix: str
    see: str


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What is known of one environment.

    asked     the runtimes that it is asked for: a row's own, or of this interpreter every one
    works     those of them that no rule speaks against
    findings  what speaks against the others
    known     why the matrix file expects that it is refused; empty where it does not
    """

    id: str
    asked: tuple[str, ...]
    works: tuple[str, ...]
    findings: tuple[Finding, ...]
    known: str = ""

    @property
    def as_expected(self) -> bool:
        """Whether it works in some runtime, or is known not to."""
        return bool(self.works) != bool(self.known)


def here() -> Diagnosis:
    """Of what is installed beside this interpreter, for either runtime."""
    return _checkup(HERE, known_breakages.RUNTIMES, known_breakages.installed_versions())


def of_row(row: Environment, locks: Path, expect: tuple[Expectation, ...] = ()) -> Diagnosis:
    """Of a row of the matrix, by its lock, which is all that its environment holds.

    Raises ConfigError for a lock that is missing or stale.
    """
    from bert_bundle.host.config.matrix_file import known_exception
    from bert_bundle.host.environments.locks import read_lock

    known = known_exception(expect, row.id)
    reason = known.reason if known is not None and known.outcome == "refused" else ""
    versions = {known_breakages.PYTHON: row.python, **read_lock(row, locks).pins}
    return _checkup(row.id, (row.runtime,), versions, reason)


def _checkup(
    name: str, asked: tuple[str, ...], versions: known_breakages.InstalledVersions, known: str = ""
) -> Diagnosis:
    against = {runtime: known_breakages.broken_rules(runtime, versions) for runtime in asked}
    return Diagnosis(
        id=name,
        asked=asked,
        works=tuple(runtime for runtime, found in against.items() if not found),
        findings=tuple(
            Finding(runtime=runtime, rule=rule.id, why=rule.why, found=rule.found(versions), fix=rule.fix, see=rule.see)
            for runtime, found in against.items()
            for rule in found
        ),
        known=known,
    )
