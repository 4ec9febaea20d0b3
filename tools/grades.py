"""Makes the table of docs/grades.md: every grade from a real cause in real environments, with its figures.

`python tools/grades.py` prints the table and ends with 1 if a cause has another grade or names another first layer.
With `--write` it puts the table into the page. Each verdict is that of an audit. A fault is one of
tests/support/reader_faults.py, planted in a live reader; the rows without a fault are its control.
"""

import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil

from bert_bundle.format.golden import Golden, from_bundle
from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.host.config.matrix_file import FILE_NAME, Matrix, read_matrix
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.locks import FOLDER, specification_digest
from bert_bundle.host.environments.prepare import PreparedEnvironment, prepare
from bert_bundle.host.report.numbers import figure
from bert_bundle.host.runs import run
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.host.runs.verdict import MEANING, CellGrade, Verdict
from bert_bundle.host.workers.worker import Worker
from bert_bundle.progress import Progress

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from support.entries import reader_fault

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "grades.md"
BLOCK = re.compile(r"(<!-- measured: causes -->\n)(.*?)(<!-- end -->)", re.DOTALL)
HEADERS = (
    "grade",
    "cause",
    "classifier",
    "reader",
    "float64",
    "float32",
    "noise floor",
    "labels changed",
    "first layer",
    "reason",
)

WRITER = "tf2.18-hf4.48-py3.12"
NEWER = "tf2.19-hf4.53-py3.12"
BROKEN = "hf4.57-py3.13-tensorflow-missing"
NOWHERE = "tf2.18-hf4.48-py3.99"  # the writer's row, with a Python that does not exist

# A wide head makes a classifier certain: at probabilities near 0 and 1 softmax passes on little of a change.
SPECIFICATIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "float32": {},
        "certain": {"head": [{"layer": "Dense", "config": {"units": 256, "activation": "relu"}}], "seed": 1},
        "hidden": {"head": [{"layer": "Dense", "config": {"units": 256, "activation": "relu"}}] * 2, "seed": 1},
        "mixed_float16": {"pooling": "average", "policy": "mixed_float16"},
    }
)
GELU = "3 bert_encoder hidden_states.1"  # the output of the first layer, after the first GELU
EMBEDDINGS = "3 bert_encoder hidden_states.0"


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What is done to a replay, and the grade and the first layer that its verdict must have.

    `fault` is planted in the reader. `killed`: its process is killed once it builds the model. `options` are set in the
    run's `RunOptions`. `hidden`: the replay in the model's own precision must stay within the noise floor.
    """

    grade: CellGrade
    what: str
    classifier: str = "float32"
    reader: str = NEWER
    fault: str = ""
    killed: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    layer: str | None = None
    hidden: bool = False


CAUSES = (
    Cause(grade="bitwise", what="its own writer reads it", reader=WRITER),
    Cause(grade="identical", what="the next release, whose GELU rounds another constant to float32"),
    Cause(grade="identical", what="that release, a classifier that is certain", classifier="certain"),
    Cause(grade="identical", what="that release, half precision", classifier="mixed_float16"),
    Cause(grade="drift", what="GELU by tanh", fault="tanh GELU", layer=GELU),
    Cause(
        grade="drift",
        what="GELU by tanh, hidden in float32 by a head that is certain",
        classifier="certain",
        fault="tanh GELU",
        layer=GELU,
        hidden=True,
    ),
    Cause(
        grade="drift",
        what="GELU by tanh, hidden in float64 too by a head of two wide layers",
        classifier="hidden",
        fault="tanh GELU",
        layer=GELU,
        hidden=True,
    ),
    Cause(
        grade="drift",
        what="GELU by tanh, hidden by half precision",
        classifier="mixed_float16",
        fault="tanh GELU",
        layer=GELU,
        hidden=True,
    ),
    Cause(grade="flip", what="the encoder's layers in reverse", fault="layers in reverse", layer=GELU),
    Cause(grade="retokenized", what="a tokenizer that keeps capitals", fault="lower-casing lost", layer=EMBEDDINGS),
    Cause(grade="reconfigured", what="a dropout rate that is lost", fault="a dropout rate lost"),
    Cause(grade="refused", what="a reader without TensorFlow", reader=BROKEN),
    Cause(grade="crashed", what="a reader that is killed while it builds the model", killed=True),
    Cause(grade="timeout", what="one second, in which no reader imports TensorFlow", options={"time_limit": 1.0}),
    Cause(grade="not run", what="an environment whose Python is nowhere", reader=NOWHERE),
)


def missed(cause: Cause, verdict: Verdict, floor: float) -> str:
    """Return how a verdict differs from what its cause must give, or "". `floor` is the bundle's noise floor."""
    if verdict.grade != cause.grade:
        return f"wanted {cause.grade}, found {verdict.grade}: {verdict.reason}"
    if verdict.first_layer != cause.layer:
        return f"wanted {cause.layer} as the first layer, found {verdict.first_layer}"
    if cause.hidden and (verdict.native_difference is None or verdict.native_difference > floor):
        return f"wanted float32 within {floor:.1e}, found {verdict.native_difference}"
    return ""


def wrong(measured: Sequence[tuple[Cause, Verdict, float]]) -> list[str]:
    """Return every cause that gave another result, and every grade that has no cause."""
    found = [f"{cause.what}: {fault}" for cause, v, floor in measured if (fault := missed(cause, v, floor))]
    return found + [f"{grade}: no cause" for grade in MEANING if grade not in {v.grade for _, v, _ in measured}]


def table(measured: Sequence[tuple[Cause, Verdict, float]]) -> str:
    """Return a row for each cause, with its verdict and its bundle's noise floor; reasons without their places."""
    rows = [HEADERS, ("---",) * len(HEADERS)]
    for cause, v, floor in measured:
        rows.append(
            (
                f"`{v.grade}`",
                cause.what,
                cause.classifier,
                f"`{v.reader}`",
                figure(v.float64_difference),
                figure(v.native_difference),
                "" if v.float64_difference is None else figure(floor),
                "" if v.labels_changed is None else str(v.labels_changed),
                f"`{v.first_layer}`" if v.first_layer else "",
                v.reason.split(" @ ")[0].replace("|", "\\|"),
            )
        )
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def measure(folder: Path, say: Progress) -> list[tuple[Cause, Verdict, float]]:
    """Reproduce every cause; return its verdict and the noise floor of the bundle."""
    matrix = read_matrix(ROOT / FILE_NAME)
    places = _places(matrix, folder, say)
    writer = places[WRITER]
    assert isinstance(writer, ReadyEnvironment)
    with Worker(writer, "writer") as worker:
        for name, specification in SPECIFICATIONS.items():
            worker.ask("generate", say, specification=specification, target=str(folder / name))
    goldens = {name: from_bundle(open_bundle(str(folder / name))) for name in SPECIFICATIONS}
    options = RunOptions(expect=matrix.expect, tolerances=matrix.policy)

    def verdict(cause: Cause) -> Verdict:
        given = replace(
            options, entries={cause.reader: reader_fault(cause.fault)} if cause.fault else {}, **cause.options
        )
        progress = _killing(say) if cause.killed else say
        place, bundle = places[cause.reader], folder / cause.classifier
        return run.audit(bundle, [place], executor=Local(1), progress=progress, options=given).verdicts[0]

    return [(cause, verdict(cause), _floor(goldens[cause.classifier])) for cause in CAUSES]


def _places(matrix: Matrix, folder: Path, say: Progress) -> dict[str, PreparedEnvironment]:
    rows = matrix.select(names=(WRITER, NEWER, BROKEN))
    (row,) = matrix.select(names=[WRITER])
    nowhere = row.model_copy(update={"id": NOWHERE, "python": "3.99"})
    lock = (ROOT / FOLDER / f"{WRITER}.txt").read_text("utf-8")
    lock = lock.replace(specification_digest(row), specification_digest(nowhere))
    (folder / f"{NOWHERE}.txt").write_text(lock, "utf-8")
    made = [*prepare(rows, ROOT / FOLDER, progress=say), *prepare([nowhere], folder, progress=say)]
    return {place.id: place for place in made}


def _killing(say: Progress) -> Progress:
    """Return a progress function that kills this process' worker as soon as it reports that it builds the model."""

    def heard(text: str) -> None:
        say(text)
        if text.endswith("building the model"):
            (worker,) = (p for p in psutil.Process().children() if "bert_bundle.worker" in " ".join(p.cmdline()))
            worker.kill()

    return heard


def _floor(golden: Golden) -> float:
    return max(golden.noise.values())


def main(write: bool) -> int:
    """Print the table, and what is wrong with it on standard error; return 1 if anything is."""
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(Path(folder), lambda text: print(text, file=sys.stderr, flush=True))
    print(f"Written in {WRITER}; the bound of float64 is 5e-7.\n\n{table(measured)}", end="")
    faults = wrong(measured)
    print(*faults, sep="\n", file=sys.stderr)
    if write and not faults:
        PAGE.write_text(
            BLOCK.sub(lambda block: block[1] + table(measured) + block[3], PAGE.read_text("utf-8")), "utf-8"
        )
    return int(bool(faults))


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--write"]):
        sys.exit("usage: python tools/grades.py [--write]")
    sys.exit(main(write=bool(sys.argv[1:])))
