"""How long two bundles take to load, beside each other: owns the turns they take, knows nothing of a budget.

A load time is of one machine at one moment. Two that take turns in one process have both in common, so their ratio says
something of the bundles.
"""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.host.workers.worker import Progress

TURNS = 5  # odd, so that a median is one that was measured


@dataclass(frozen=True, kw_only=True)
class LoadTimes:
    """Seconds from opening a bundle to a live model, turn by turn."""

    candidate: tuple[float, ...]
    baseline: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Of the medians, candidate to baseline."""
        return median(self.candidate) / median(self.baseline)

    @property
    def turns(self) -> tuple[float, ...]:
        """The ratio of each turn: how far they lie apart says what the ratio is worth."""
        return tuple(one / other for one, other in zip(self.candidate, self.baseline, strict=True))


def measure_load_times(
    candidate: Path, baseline: Path, made: ReadyEnvironment, *, progress: Progress, terms: RunOptions
) -> LoadTimes:
    """Both loaded `TURNS` times in one worker, after once each that is not counted: it pays for the imports.

    Raises WorkerError or BundleError when one of them is not loaded.
    """
    candidates, baselines = list[float](), list[float]()
    order = [(baseline, baselines), (candidate, candidates)]
    with terms.worker(made, "loader") as worker:
        for turn in range(TURNS + 1):
            progress(f"{worker.name}: loading both, turn {turn} of {TURNS}")
            for path, seconds in order:
                done = worker.ask("load", bundle=str(path.absolute()), runtime=made.runtime)
                seconds.append(done["seconds"])
    return LoadTimes(candidate=tuple(candidates[1:]), baseline=tuple(baselines[1:]))
