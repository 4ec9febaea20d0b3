"""Workers in their two roles: a writer saves bundles, a reader replays them.

Both return how it ended; neither raises for what its worker does.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bert_bundle.errors import BundleError, WorkerError
from bert_bundle.host.config.matrix_file import Tolerances
from bert_bundle.host.runs.outcome import Crashed, NotRun, Refused, Replayed, TimedOut, sentence
from bert_bundle.host.runs.replay_grade import Recorded, grade_replay, recorded
from bert_bundle.host.workers.worker import Worker
from bert_bundle.progress import Progress


@dataclass(frozen=True, kw_only=True)
class SavedBundle:
    """A bundle that a worker saved: what it recorded, and the worker's answer."""

    recorded: Recorded
    answer: dict[str, Any]


def saved_by_worker(worker: Worker, task: str, target: Path, *, progress: Progress, **arguments: object) -> SavedBundle:
    """Have the task save a bundle to `target`, and read back what it recorded.

    The task publishes with `bert_bundle.save`: the bundle is staged beside `target`, and one that is already there is
    exchanged in one step. A worker that crashes leaves what was there. Raises the errors of `Worker.ask`, and
    BundleError for a bundle that cannot be read back.
    """
    target = target.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    answer = worker.ask(task, progress, target=str(target), **arguments)
    return SavedBundle(recorded=recorded(target), answer=answer)


class Writer:
    """A worker that saves bundles of classifiers in `runtime`."""

    def __init__(self, worker: Worker, runtime: str) -> None:
        self._worker, self._runtime = worker, runtime

    def write(self, path: Path, specification: Mapping[str, object], *, progress: Progress) -> Recorded | NotRun:
        """Save the classifier of `specification` to `path`; return what it recorded, or why there is no bundle."""
        arguments = {"specification": specification, "runtime": self._runtime}
        try:
            return saved_by_worker(self._worker, "generate", path, progress=progress, **arguments).recorded
        except (WorkerError, BundleError) as error:
            return NotRun(reason=f"not written: {sentence(error)}")


class Reader:
    """A worker that replays bundles in `runtime`, each `Recorded.replay_key` once.

    Environments that build the same classifier write the same bytes of graph, weights, tokenizer and inputs
    (docs/matrix.md). Their replays are the same too; only what each writer recorded is compared separately.
    """

    def __init__(self, worker: Worker, runtime: str) -> None:
        self._worker, self._runtime = worker, runtime
        self._replays: dict[str, tuple[Path, dict[str, object]]] = {}

    def observe(
        self, bundle: Path, against: Recorded, *, tolerances: Tolerances, progress: Progress
    ) -> Replayed | Refused | Crashed | TimedOut:
        """Replay `bundle` and grade it within `tolerances`."""
        started = time.monotonic()
        try:
            shares, observation = self._observation(bundle, against.replay_key, progress)
        except WorkerError as error:
            failed = TimedOut if error.outcome == "timeout" else Crashed
            return failed(error=error, seconds=time.monotonic() - started)
        except BundleError as error:
            return Refused(error=error, seconds=time.monotonic() - started)
        figures = grade_replay(against, observation, tolerances)
        return Replayed(figures=figures, seconds=time.monotonic() - started, shares=shares)

    def replay_of(self, replay_key: str) -> dict[str, object] | None:
        """Return the worker's answer to a replay of a bundle with this key; None if it gave none."""
        _, replay = self._replays.get(replay_key, (None, None))
        return replay

    def _observation(self, bundle: Path, replay_key: str, progress: Progress) -> tuple[Path | None, dict[str, object]]:
        arguments = {"bundle": str(bundle), "runtime": self._runtime}
        if replay_key in self._replays:
            self._worker.ask("check", progress, **arguments)
            return self._replays[replay_key]
        observation = self._worker.ask("replay", progress, **arguments)
        self._replays[replay_key] = bundle, observation
        return None, observation
