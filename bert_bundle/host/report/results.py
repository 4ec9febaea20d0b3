"""Results of commands that no other room has a record for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """A bundle, and its manifest as JSON data."""

    bundle: Path
    manifest: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """Whether a decision file lets the bundle of the digest `candidate` ship; `objection` is empty if it does."""

    decision_file: Path
    candidate: str
    objection: str
