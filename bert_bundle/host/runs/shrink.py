"""The smallest classifier on which a pair of environments still disagrees, searched for with their live workers.

Owns the search and its limits. Does not know how classifiers are drawn, built or shown.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.runs.cell_workers import Reader, Writer
from bert_bundle.host.runs.outcome import Cell, NotRun
from bert_bundle.host.runs.run import Run
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.host.runs.verdict import Verdict, verdict_of
from bert_bundle.progress import Progress, silent

MOST_TRIES = 200  # classifiers built in one search
SECONDS = 300.0

Specification = dict[str, object]
Fails = Callable[[Specification], bool]
Search = Callable[[Fails], Specification | None]  # returns the smallest that fails, as `strategies.smallest_failing`


@dataclass(frozen=True, kw_only=True)
class Smallest:
    """The smallest classifier found, the verdict on it, and how many more were built to find it (`tried`)."""

    specification: Specification
    verdict: Verdict
    tried: int


def shrink(
    found: Run,
    specifications: Sequence[Specification],
    search: Search | None,
    *,
    folder: Path,
    progress: Progress,
    options: RunOptions,
) -> Smallest | None:
    """Return the smallest classifier for the first pair of `found` that is not as expected; None if every pair is.

    `specifications` are those that the run wrote, in the order of its bundles. `search` draws the same ones and then
    smaller ones; without it (they were not drawn) the first that failed is returned. Bundles go to `folder`. Pairs with
    an environment that could not be made are left out.
    """
    ready = {e.id: e for e in found.environments if isinstance(e, ReadyEnvironment)}
    first = next((v for v in found.verdicts if _is_failure(v) and {v.writer, v.reader} <= set(ready)), None)
    if first is None:
        return None
    known = {
        _key(specifications[_number(v)]): v
        for v in found.verdicts
        if (v.writer, v.reader) == (first.writer, first.reader)
    }
    if search is None:
        return Smallest(specification=specifications[_number(first)], verdict=first, tried=0)
    with _Pair(ready[first.writer], ready[first.reader], folder, progress, options, known) as pair:
        specification = search(lambda spec: _kind(pair.verdict(spec)) == _kind(first))
        if specification is None:  # the classic classifier, which is not drawn
            specification = specifications[_number(first)]
        return Smallest(specification=specification, verdict=pair.verdict(specification) or first, tried=pair.tried)


class _Pair:
    """A live writer and a live reader, and the verdicts on them so far."""

    def __init__(
        self,
        writer: ReadyEnvironment,
        reader: ReadyEnvironment,
        folder: Path,
        progress: Progress,
        options: RunOptions,
        known: Mapping[str, Verdict],
    ) -> None:
        self._ids = writer.id, reader.id
        self._folder, self._progress, self._options, self._known = folder, progress, options, dict(known)
        self._workers = options.worker(writer, "writer"), options.worker(reader, "reader")
        self._writer = Writer(self._workers[0], writer.runtime)
        self._reader = Reader(self._workers[1], reader.runtime)
        self._end = time.monotonic() + SECONDS
        self.tried = 0

    def __enter__(self) -> "_Pair":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.close()

    def verdict(self, specification: Specification) -> Verdict | None:
        """Return the verdict on the pair; None if the limits of the search are reached."""
        key = _key(specification)
        if key not in self._known:
            if self.tried >= MOST_TRIES or time.monotonic() > self._end:
                return None
            self.tried += 1
            self._known[key] = self._observed(specification)
        return self._known[key]

    def _observed(self, specification: Specification) -> Verdict:
        path = self._folder / "shrinking" / str(self.tried)
        self._progress(f"{' -> '.join(self._ids)}: smaller, try {self.tried}")
        record = self._writer.write(path, specification, progress=silent)
        cell = Cell(bundle=path, writer=self._ids[0], reader=self._ids[1])
        if isinstance(record, NotRun):
            return verdict_of(cell, record, self._options.expect)
        outcome = self._reader.observe(path, record, tolerances=self._options.tolerances, progress=silent)
        return verdict_of(cell, outcome, self._options.expect)


def _key(specification: Specification) -> str:
    """Return a specification without its name, which only decides where its bundle is."""
    return json.dumps({k: v for k, v in specification.items() if k != "name"}, sort_keys=True)


def _number(verdict: Verdict) -> int:
    """Return the index of the specification a verdict is about: the name of its bundle begins with it."""
    return int(verdict.bundle.name.split("-")[0])


def _is_failure(verdict: Verdict) -> bool:
    return not verdict.as_expected and (verdict.grade != "not run" or verdict.reason.startswith("not written: "))


def _kind(verdict: Verdict | None) -> str:
    """Return what a smaller classifier must show too; a flip counts as drift, because it is a large drift."""
    if verdict is None or not _is_failure(verdict):
        return ""
    return {"flip": "drift"}.get(verdict.grade, verdict.grade)
