"""One (bundle, writer, reader) and what came of it: owns the outcomes, knows nothing of what was expected.

`Outcome` is closed: each of its five classes has exactly the fields that such an end leaves behind.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bert_bundle.errors import BertBundleError, BundleError, WorkerError
from bert_bundle.format.golden import Golden, from_bundle, replay_key
from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.grading.grades import Figures, judge
from bert_bundle.host.config.matrix_file import Tolerances
from bert_bundle.host.workers.worker import Progress, Worker


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What is held against a replay, and the digest of what a replay computes from."""

    golden: Golden
    replay_key: str


def recorded(bundle: Path) -> Recorded:
    """Of the bundle at `bundle`. Raises BundleError when it is damaged."""
    opened = open_bundle(str(bundle))
    golden = from_bundle(opened)
    return Recorded(golden=golden, replay_key=replay_key(opened, golden))


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A bundle, the environment that saved it, the environment that is to load it."""

    bundle: Path
    writer: str
    reader: str


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """The reader loaded the bundle and replayed its golden; `seconds` of wall clock, imports included.

    `shares` is the bundle whose replay this is, where what both compute from is the same to the byte; None where the
    replay is the bundle's own.
    """

    figures: Figures
    seconds: float
    shares: Path | None = None


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


def sentence(error: BertBundleError) -> str:
    """An error on one line, without what to do about it: a table's reason."""
    return ", ".join(line.strip() for line in str(error).splitlines() if not line.startswith("  fix: "))


Outcome = Replayed | Refused | Crashed | TimedOut | NotRun


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """The worker's tasks: `generate` a bundle, `replay` one, `check` one of which a replay is known, `load` one.

    `arguments` are more of the replay's. Planted faults put other tasks in the place of the usual ones.
    """

    generate: str = "generate"
    replay: str = "replay"
    check: str = "check"
    load: str = "load"
    arguments: Mapping[str, Any] = field(default_factory=dict)


class Writer:
    """A worker that writes bundles of classifiers in `runtime`."""

    def __init__(self, worker: Worker, runtime: str, tasks: Tasks) -> None:
        self._worker, self._runtime, self._task = worker, runtime, tasks.generate

    def write(self, path: Path, specification: Mapping[str, Any], *, progress: Progress) -> Recorded | NotRun:
        """What the bundle at `path` recorded, or why there is none; never raises for what the writer does."""
        path.parent.mkdir(parents=True, exist_ok=True)
        asked = {"specification": specification, "target": str(path), "runtime": self._runtime}
        try:
            self._worker.ask(self._task, progress, **asked)
            return recorded(path)
        except (WorkerError, BundleError) as error:
            return NotRun(reason=f"not written: {sentence(error)}")


class Reader:
    """A worker that reads bundles in `runtime`, and replays each replay_key once.

    Environments that build the same classifier write the same graph, weights, tokenizer and inputs, to the byte
    (docs/matrix.md): what a reader makes of them is the same too, and is held against what each writer recorded.
    """

    def __init__(self, worker: Worker, runtime: str, tasks: Tasks) -> None:
        self._worker, self._runtime, self._tasks = worker, runtime, tasks
        self._known: dict[str, tuple[Path, dict[str, Any]]] = {}

    def observe(
        self, bundle: Path, against: Recorded, *, policy: Tolerances, progress: Progress
    ) -> Replayed | Refused | Crashed | TimedOut:
        """What came of one bundle, by the bounds of `policy`; never raises for what the reader does."""
        started = time.monotonic()
        try:
            shares, observation = self._observation(bundle, against.replay_key, progress)
        except WorkerError as error:
            ended = TimedOut if error.outcome == "timeout" else Crashed
            return ended(error=error, seconds=time.monotonic() - started)
        except BundleError as error:
            return Refused(error=error, seconds=time.monotonic() - started)
        figures = judge(against.golden, observation, float64_tolerance=policy.double, noise_tolerance=policy.noise)
        return Replayed(figures=figures, seconds=time.monotonic() - started, shares=shares)

    def _observation(self, bundle: Path, replay_key: str, progress: Progress) -> tuple[Path | None, dict[str, Any]]:
        if replay_key in self._known:
            self._worker.ask(self._tasks.check, progress, bundle=str(bundle), runtime=self._runtime)
            return self._known[replay_key]
        asked = {"bundle": str(bundle), "runtime": self._runtime, **self._tasks.arguments}
        observation = self._worker.ask(self._tasks.replay, progress, **asked)
        self._known[replay_key] = bundle, observation
        return None, observation
