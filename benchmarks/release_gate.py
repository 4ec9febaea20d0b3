"""Measures three gates on a trained classifier: trained again, trained on wrong labels, and with a missing environment.

`python benchmarks/release_gate.py --encoder minilm`; see benchmarks/README.md. Prints the result of each gate, and ends
with 1 if one of them ends with another exit code than it should.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import click
import yaml

from bert_bundle.errors import AS_EXPECTED, NO_ENVIRONMENT, NOT_AS_EXPECTED
from bert_bundle.host.cli import main
from bert_bundle.host.config.matrix_file import FILE_NAME, read_matrix
from bert_bundle.host.config.matrix_location import default_matrix_path
from bert_bundle.host.demo.recipe import recipe
from bert_bundle.host.environments.environment import make
from bert_bundle.host.environments.locks import FOLDER, read_lock, specification_digest
from bert_bundle.host.workers.worker import Worker

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from support.demo_recipes import mislabelled

TRAINER = "tf2.15-hf4.40-py3.11"
SPOILED = "tf2.10-hf4.25-py3.9"  # in a copy of the matrix


def train(folder: Path, encoder: str) -> None:
    """Train three bundles named "release", in the folders first, again and wrong of `folder`."""
    (row,) = read_matrix(default_matrix_path()).select(names=[TRAINER])
    made = make(row, read_lock(row, default_matrix_path().parent / FOLDER), progress=say)
    todo = recipe(encoder, say)
    with Worker(made, "trainer") as worker:
        for name, one in {"first": todo, "again": todo, "wrong": mislabelled(todo)}.items():
            started = time.monotonic()
            done = worker.ask("train", say, recipe=one, target=str(folder / name / "release"))
            say(f"{name}: accuracy {done['accuracy']:.1%} in {time.monotonic() - started:.0f} s")


def spoil(folder: Path) -> Path:
    """Return a copy of the matrix file in which one environment needs a Python that does not exist."""
    matrix = default_matrix_path()
    shutil.copytree(matrix.parent / FOLDER, folder / FOLDER)
    (row,) = read_matrix(matrix).select(names=[SPOILED])
    lock = folder / FOLDER / f"{row.id}.txt"
    nowhere = specification_digest(row.model_copy(update={"python": "3.99"}))
    lock.write_text(lock.read_text("utf-8").replace(specification_digest(row), nowhere), "utf-8")
    document = yaml.safe_load(matrix.read_text("utf-8"))
    document["environments"][row.id]["python"] = "3.99"
    (folder / FILE_NAME).write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    return folder / FILE_NAME


def say(text: str) -> None:
    click.echo(text, err=True)


@click.command()
@click.option("--encoder", type=click.Choice(["tiny", "minilm"]), default="minilm", show_default=True)
@click.option("--groups", default="demo", show_default=True, help="Environments that the policy names.")
def run(encoder: str, groups: str) -> None:
    """Train, run the gates, and print what each one took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train(folder, encoder)
        policy = folder / "gate.yaml"
        policy.write_text(f"version: 1\nenvironments: {{groups: [{groups}]}}\nbaseline: required\n", "utf-8")
        baseline = ["--baseline", str(folder / "first" / "release"), "--policy", str(policy), "--no-color"]
        spoiled = ["--matrix", str(spoil(folder))]
        ended: list[bool] = []
        for what, candidate, more, wanted in (
            ("the same texts and seed", "again", [], AS_EXPECTED),
            ("trained on the wrong labels", "wrong", [], NOT_AS_EXPECTED),
            ("an environment that cannot be made", "again", spoiled, NO_ENVIRONMENT),
        ):
            print(f"\n== {what}", flush=True)
            started = time.monotonic()
            out = ["--out", str(folder / f"{len(ended)}.json")]
            code = main(["gate", str(folder / candidate / "release"), *baseline, *out, *more])
            print(f"== exit code {code} after {time.monotonic() - started:.0f} s, {wanted} wanted", flush=True)
            ended.append(code == wanted)
    sys.exit(0 if all(ended) else 1)


if __name__ == "__main__":
    run()
