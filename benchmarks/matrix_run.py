"""Measures a run of all writers and readers: time, processes, memory and disk. Prints figures, asserts nothing.

`python benchmarks/matrix_run.py --groups full --examples 5`; see benchmarks/README.md.
"""

import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
import psutil

from bert_bundle.classifiers.strategies import draw
from bert_bundle.host.config.matrix_file import read_matrix
from bert_bundle.host.config.matrix_location import default_matrix_path
from bert_bundle.host.environments.locks import FOLDER
from bert_bundle.host.environments.prepare import prepare
from bert_bundle.host.report import wording
from bert_bundle.host.runs.job import Job, JobResult
from bert_bundle.host.runs.job_limit import DEFAULT_JOBS
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.run import Run, cross
from bert_bundle.host.runs.run_job import JobContext
from bert_bundle.host.runs.run_options import RunOptions

T = TypeVar("T")

BETWEEN_LOOKS = 0.2  # seconds; a worker runs many times longer


class Watched(Local):
    """A local executor that counts the processes of each environment and kind of job."""

    def __init__(self, jobs: int) -> None:
        super().__init__(jobs)
        self.processes: Counter[tuple[str, str]] = Counter()

    def gather(self, jobs: Sequence[Job[T]], context: JobContext) -> list[JobResult[T]]:
        results = super().gather(jobs, context)
        for job, result in zip(jobs, results, strict=True):
            self.processes[result.environment.id, type(job).__name__] += result.processes
        return results


@dataclass
class Peak:
    """The peak of the resident memory of this process and its descendants together, in bytes."""

    memory: int = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Sample the memory every `BETWEEN_LOOKS` seconds while the block runs."""
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(over,), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def _watch(self, over: threading.Event) -> None:
        host = psutil.Process()
        while not over.wait(BETWEEN_LOOKS):
            total = 0
            for process in (host, *host.children(recursive=True)):
                with suppress(psutil.Error):
                    total += process.memory_info().rss
            self.memory = max(self.memory, total)


@click.command()
@click.option("--env", "names", multiple=True, metavar="GLOB", help="Environments by id; may be repeated.")
@click.option("--groups", multiple=True, metavar="GROUP", help="Environments by group; may be repeated.")
@click.option("--examples", default=5, show_default=True, help="Generated classifiers per writer.")
@click.option("--jobs", default=DEFAULT_JOBS, show_default=True, help="Workers at a time.")
def main(names: tuple[str, ...], groups: tuple[str, ...], examples: int, jobs: int) -> None:
    """Run every writer and reader and print the figures; end with the exit code of `bert-bundle matrix run`."""
    path = default_matrix_path()
    matrix = read_matrix(path)
    rows = matrix.select(groups=groups, names=names)
    able = {row.id for row in matrix.loading}
    started = time.monotonic()
    places = prepare(rows, path.parent / FOLDER, progress=_say)
    made = time.monotonic() - started
    options, executor, peak = RunOptions(expect=matrix.expect, tolerances=matrix.policy), Watched(jobs), Peak()
    with tempfile.TemporaryDirectory(prefix="bert-bundle-") as folder, peak.watching():
        found = cross(
            [place for place in places if place.id in able],
            places,
            draw(examples, matrix.properties.seed),
            folder=Path(folder),
            executor=executor,
            progress=_say,
            options=options,
        )
    print("\n".join(figures(found, executor.processes, peak, made)))
    sys.exit(found.exit_code)


def figures(found: Run, starts: Counter[tuple[str, str]], peak: Peak, making: float) -> Iterator[str]:
    """Yield one line for each figure, with its target if there is one."""
    yield f"{wording.sentence(found.summary)}"
    yield f"environments made or found in the cache    {making:8.0f} s"
    yield f"run                                        {found.summary.seconds / 60:8.1f} min   (under 30)"
    yield f"most workers of one environment and role   {max(starts.values(), default=0):8d}       (at most 1)"
    yield f"most memory, host and workers together     {peak.memory / 1e9:8.1f} GB    (under 8)"
    yield f"disk of the environments, each whole       {found.disk / 1e9:8.1f} GB"
    yield from (f"  {count} x {name} ({role})" for (name, role), count in starts.items() if count > 1)


def _say(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
