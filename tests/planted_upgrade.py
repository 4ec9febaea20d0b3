"""A fault planted in one upgrade among all that lie between two real rows, and the bisection that has to name it.

    python tests/planted_upgrade.py

Rows of TensorFlow 2.18 and 2.19, which differ in 36 packages; transformers computes GELU by tanh where the upgraded
typing-extensions is installed. Two minutes with the rows made and the packages in uv's cache.
"""

import sys
import tempfile
from pathlib import Path

from conftest import ROOT, environment

from bert_bundle.matrix.bench import Bench
from bert_bundle.matrix.bisect import Bisection, bisect
from bert_bundle.matrix.cells import Tasks
from bert_bundle.matrix.derived import Locked
from bert_bundle.matrix.executors.local import Local
from bert_bundle.matrix.locks import FOLDER, read_lock
from bert_bundle.matrix.process import Progress, Worker
from bert_bundle.matrix.run import Terms
from bert_bundle.matrix.spec import FILE_NAME, read_matrix
from bert_bundle.testing import classifiers

GOOD, BAD, CULPRIT = "tf2.18-hf4.48-py3.12", "tf2.19-hf4.53-py3.12", "typing-extensions"


def locked(name: str) -> Locked:
    """A row of the matrix with its lock."""
    (row,) = read_matrix(ROOT / FILE_NAME).select(names=[name])
    return Locked(environment=row, lock=read_lock(row, ROOT / FOLDER))


def written(folder: Path) -> Path:
    """The classic classifier, saved in GOOD."""
    with Worker(environment(GOOD), "writer") as worker:
        worker.ask("generate", specification=classifiers.CLASSIC, target=str(folder / "classic"))
    return folder / "classic"


def planted(bundle: Path, good: Locked, bad: Locked, progress: Progress) -> Bisection:
    """The bisection, where readers that have the CULPRIT of `bad` compute something else."""
    where = {CULPRIT: bad.lock.pins[CULPRIT]}
    tasks = Tasks(replay="fault.replay", arguments={"fault": "tanh GELU", "where": where})
    bench = Bench(bundle, executor=Local(2), progress=progress, terms=Terms(tasks=tasks), keep=False)
    return bisect(good, bad, bench)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        found = planted(written(Path(made)), locked(GOOD), locked(BAD), lambda text: print(text, file=sys.stderr))
    names = [unit.name for group in found.culprits for unit in group]
    print(f"found {', '.join(names)} among {found.changes} packages after {found.environments} environments")
    sys.exit(0 if names == [CULPRIT] and found.environments <= 12 and found.changes >= 30 else 1)
