"""One (bundle, writer, reader) and what came of it: owns the outcomes, knows nothing of what was expected.

`Outcome` is closed: each of its five classes has exactly the fields that such an end leaves behind.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from bert_bundle.errors import BertBundleError, BundleError, WorkerError
from bert_bundle.format.golden import Golden
from bert_bundle.matrix.process import Progress, Worker
from bert_bundle.numerics import Figures, judge


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A bundle, the environment that saved it, the environment that is to load it."""

    bundle: Path
    writer: str
    reader: str


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """The reader loaded the bundle and replayed its golden; `seconds` of wall clock, imports included."""

    figures: Figures
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The reader would not load it, and said why."""

    error: BertBundleError
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Crashed:
    """The reader died, grew too large or raised what nobody planned."""

    error: WorkerError
    seconds: float


@dataclass(frozen=True, kw_only=True)
class TimedOut:
    """The reader did not answer within the time limit."""

    error: WorkerError
    seconds: float


@dataclass(frozen=True, kw_only=True)
class NotRun:
    """Nothing was tried: there was no reader, or no bundle."""

    reason: str


Outcome = Replayed | Refused | Crashed | TimedOut | NotRun


def observe(
    cell: Cell, worker: Worker, golden: Golden, *, task: str, runtime: str, double: float, progress: Progress
) -> Replayed | Refused | Crashed | TimedOut:
    """Has the reader's `worker` replay the golden of the cell's bundle; never raises for what the reader does.

    `task` is the worker's task that replays, `runtime` what it is asked to replay in. `double` is the policy's largest
    difference between float64 replays, in units of the output's scale.
    """
    started = time.monotonic()
    try:
        observation = worker.ask(task, progress, bundle=str(cell.bundle), runtime=runtime)
    except WorkerError as error:
        ended = TimedOut if error.outcome == "timeout" else Crashed
        return ended(error=error, seconds=time.monotonic() - started)
    except BundleError as error:
        return Refused(error=error, seconds=time.monotonic() - started)
    return Replayed(figures=judge(golden, observation, double=double), seconds=time.monotonic() - started)
