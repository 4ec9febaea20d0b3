"""How long two bundles take to load, measured in turns. Does not know a budget.

A load time depends on the machine and the moment. Two bundles that are loaded in turns in one process have both in
common, so the ratio of their times depends on the bundles.
"""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.progress import Progress

TURNS = 5  # odd, so that the median is one of the measured times


@dataclass(frozen=True, kw_only=True)
class LoadTimes:
    """Seconds from opening each bundle to a live model, turn by turn."""

    candidate: tuple[float, ...]
    baseline: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Return the candidate's median time over the baseline's."""
        return median(self.candidate) / median(self.baseline)

    @property
    def turns(self) -> tuple[float, ...]:
        """Return the ratio of each turn; their range shows how precise `ratio` is."""
        return tuple(one / other for one, other in zip(self.candidate, self.baseline, strict=True))


def measure_load_times(
    candidate: Path, baseline: Path, environment: ReadyEnvironment, *, progress: Progress, options: RunOptions
) -> LoadTimes:
    """Load both `TURNS` times in one worker. A first turn, which pays for the imports, is not counted.

    Raises WorkerError or BundleError if one of them cannot be loaded.
    """
    candidates, baselines = list[float](), list[float]()
    order = [(baseline, baselines), (candidate, candidates)]
    with options.worker(environment, "loader") as worker:
        for turn in range(TURNS + 1):
            progress(f"{worker.name}: loading both, turn {turn} of {TURNS}")
            for path, seconds in order:
                done = worker.ask("load", bundle=str(path.absolute()), runtime=environment.runtime)
                seconds.append(done["seconds"])
    return LoadTimes(candidate=tuple(candidates[1:]), baseline=tuple(baselines[1:]))
