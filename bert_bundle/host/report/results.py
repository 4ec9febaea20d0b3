"""Results of commands that no other room has a record for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bert_bundle.host.config.matrix_file import Environment
    from bert_bundle.host.environments.cache import CacheEntry


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """A bundle, and its manifest as JSON data."""

    bundle: Path
    manifest: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class RescuedBundle:
    """A bundle made of a file of Keras: where it comes from, what was found there, what the original predicted."""

    source: Path
    kind: str
    versions: dict[str, str]
    bundle: Path
    environment: str
    digest: str
    findings: list[str]
    witness: dict[str, object] | None


@dataclass(frozen=True, kw_only=True)
class FirstMatrix:
    """A matrix file that was written for a project, with its environments and every file that was written.

    `left_out` are packages of today's environment that no package index has.
    """

    matrix: Path
    environments: tuple[Environment, ...]
    files: tuple[Path, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CacheContent:
    """Entries of the cache at `root`, or those that were `removed` from it."""

    root: Path
    entries: tuple[CacheEntry, ...]
    removed: bool

    @property
    def size(self) -> int:
        """Return the bytes of all entries together."""
        return sum(entry.size for entry in self.entries)


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """Whether a decision file lets the bundle of the digest `candidate` ship; `objection` is empty if it does."""

    decision_file: Path
    candidate: str
    objection: str


@dataclass(frozen=True, kw_only=True)
class PushedBundle:
    """A bundle that was pushed: the address of its commit, and what an earlier bundle had there that it has not."""

    bundle: Path
    address: str
    digest: str
    removed: list[str]


@dataclass(frozen=True, kw_only=True)
class PulledBundle:
    """A bundle that was pulled from the commit at `address`."""

    address: str
    bundle: Path
    digest: str


@dataclass(frozen=True, kw_only=True)
class WrittenCard:
    """The card of a bundle, and whether it was written to README.md."""

    bundle: Path
    digest: str
    card: str
    written: bool
