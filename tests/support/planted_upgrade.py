"""A fault planted in one of the upgrades between two real rows, which a bisection must name.

    PYTHONPATH=tests python -m support.planted_upgrade

The rows of TensorFlow 2.18 and 2.19 differ in 36 packages; transformers computes GELU by tanh if the upgraded
typing-extensions is installed. Takes two minutes if the environments and uv's cache are there.
"""

import sys
import tempfile
from pathlib import Path

from bert_bundle.classifiers import specification
from bert_bundle.host.config.matrix_file import FILE_NAME, read_matrix
from bert_bundle.host.environments.locks import FOLDER, read_lock
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.host.upgrades.bisect import Bisection, bisect
from bert_bundle.host.upgrades.trials import BisectTrials
from bert_bundle.host.upgrades.upgrade import LockedEnvironment
from bert_bundle.host.workers.worker import Worker
from bert_bundle.progress import Progress
from support.entries import reader_fault
from support.environments import environment
from support.paths import ROOT

GOOD, BAD, CULPRIT = "tf2.18-hf4.48-py3.12", "tf2.19-hf4.53-py3.12", "typing-extensions"


def locked(name: str) -> LockedEnvironment:
    """Return a row of the matrix with its lock."""
    (row,) = read_matrix(ROOT / FILE_NAME).select(names=[name])
    return LockedEnvironment(environment=row, lock=read_lock(row, ROOT / FOLDER))


def written(folder: Path) -> Path:
    """Save the classic classifier in GOOD."""
    with Worker(environment(GOOD), "writer") as worker:
        worker.ask("generate", specification=specification.CLASSIC, target=str(folder / "classic"))
    return folder / "classic"


def planted(bundle: Path, good: LockedEnvironment, bad: LockedEnvironment, progress: Progress) -> Bisection:
    """Bisect while readers that have the CULPRIT of `bad` compute something else."""
    where = {CULPRIT: bad.lock.pins[CULPRIT]}
    options = RunOptions(entry=reader_fault("tanh GELU", where=where))
    trials = BisectTrials(bundle, executor=Local(2), progress=progress, options=options, keep=False)
    return bisect(good, bad, trials)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        found = planted(written(Path(made)), locked(GOOD), locked(BAD), lambda text: print(text, file=sys.stderr))
    names = [unit.name for group in found.culprits for unit in group]
    print(f"found {', '.join(names)} among {found.changes} packages after {found.environments} environments")
    sys.exit(0 if names == [CULPRIT] and found.environments <= 12 and found.changes >= 30 else 1)
