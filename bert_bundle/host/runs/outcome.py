"""The outcome of one cell (a bundle, its writer, a reader).

`Outcome` is a closed union: each of its five classes has exactly the fields that such an end leaves. Does not know what
was expected.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal

from bert_bundle.errors import BertBundleError, WorkerError
from bert_bundle.grading.grades import FailedGrade, Figures

Failure = Literal[FailedGrade, "not run"]

# How a cell ends without a replay, from best to worst.
FAILURE_MEANING: Mapping[Failure, str] = MappingProxyType(
    {
        "refused": "the reader would not load it",
        "crashed": "the reader crashed or raised an unexpected error",
        "timeout": "the reader did not answer in time",
        "not run": "nothing was tried",
    }
)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A bundle, the environment that saved it, and the environment that is to load it."""

    bundle: Path
    writer: str
    reader: str


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """The reader loaded the bundle and replayed its golden; `seconds` of wall clock, imports included.

    `shares` is the bundle whose replay this is, if that one computes from the same bytes; None for a replay of the
    bundle itself. A `remembered` replay was computed in an earlier run.
    """

    figures: Figures
    seconds: float
    shares: Path | None = None
    remembered: bool = False


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The reader refused to load the bundle, with the reason."""

    grade: ClassVar[Failure] = "refused"
    error: BertBundleError
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Crashed:
    """The reader crashed, used too much memory or raised an unexpected error."""

    grade: ClassVar[Failure] = "crashed"
    error: WorkerError
    seconds: float


@dataclass(frozen=True, kw_only=True)
class TimedOut:
    """The reader did not answer within the time limit."""

    grade: ClassVar[Failure] = "timeout"
    error: WorkerError
    seconds: float


@dataclass(frozen=True, kw_only=True)
class NotRun:
    """Nothing was tried: there is no reader, or no bundle."""

    grade: ClassVar[Failure] = "not run"
    reason: str


Outcome = Replayed | Refused | Crashed | TimedOut | NotRun


def sentence(error: BertBundleError) -> str:
    """Return an error on one line, without its fix, as the reason in a table."""
    return ", ".join(line.strip() for line in str(error).splitlines() if not line.startswith("  fix: "))
