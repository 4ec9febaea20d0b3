"""Fake candidates and baselines for tests of the gate, judged in the host's own interpreter."""

import dataclasses
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from bert_bundle.host.config.gate_policy import GatePolicy
from bert_bundle.host.config.matrix_file import Environment, Expectation
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.locks import FOLDER, NEEDED, specification_digest
from bert_bundle.host.environments.nearest import this_interpreter
from bert_bundle.host.environments.prepare import PreparedEnvironment
from bert_bundle.host.gate.gate import CheckedBundle, Gate, gate, read_checked_bundle
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.progress import silent
from support.entries import FAKE
from support.fake_bundles import fake_generate

LABELS = ("access", "billing", "bug")
TEXTS = [f"ticket {number}" for number in range(10)]
RIGHT = [number % 3 for number in range(10)]

# A row that no machine can make: there is no such Python, and uv fails at once.
NOWHERE = Environment(
    id="nowhere",
    python="3.99",
    as_of=date(2026, 1, 1),
    packages=("jax==0.4.1", "keras==3.15.1"),
    runtime="native",
    groups=("ci",),
)


def row(environment: Environment) -> dict[str, Any]:
    """Return the fields of a matrix file's row, without the id."""
    fields = environment.model_dump(exclude={"id"})
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}


def lock_nowhere(locks: Path) -> None:
    """Write a lock that fits NOWHERE; its releases need not exist."""
    pins = [*NOWHERE.packages, *(f"{name}==1.0" for name in NEEDED)]
    lines = [f"# specification: {specification_digest(NOWHERE)}", *(f"{pin} --hash=sha256:{'0' * 64}" for pin in pins)]
    (locks / f"{NOWHERE.id}.txt").write_text("\n".join(lines) + "\n")


def but(labels: Sequence[int], **changed: int) -> list[int]:
    """Return a copy of the labels in which `at_4=2` puts label 2 at position 4."""
    result = list(labels)
    for position, label in changed.items():
        result[int(position.removeprefix("at_"))] = label
    return result


def release(folder: Path, name: str, **specification: Any) -> CheckedBundle:
    """Write a proven fake bundle that labels ten tickets, all correctly unless `specification` changes that."""
    usual = {"labels": LABELS, "texts": TEXTS, "predicted": RIGHT, "answers": RIGHT, "proven": True}
    fake_generate(progress=silent, specification={**usual, **specification}, target=str(folder / name))
    return read_checked_bundle(folder / name)


def made(name: str) -> ReadyEnvironment:
    return dataclasses.replace(this_interpreter(), id=name)


def judged(
    candidate: CheckedBundle,
    baseline: CheckedBundle | None = None,
    *,
    policy: dict[str, Any] | None = None,
    nearest: PreparedEnvironment | None = None,
    environments: Sequence[PreparedEnvironment] | None = None,
    expect: Sequence[Expectation] = (),
) -> Gate:
    """Return the gate's answer, in one environment unless others are given."""
    here = [made("a")] if environments is None else environments
    read = GatePolicy.model_validate({"version": 1, **(policy or {})})
    return gate(
        candidate,
        baseline,
        read,
        nearest=nearest or here[0],
        environments=here,
        executor=Local(2),
        progress=silent,
        options=RunOptions(expect=expect, tolerances=read.bounds, time_limit=5, entry=FAKE),
    )


def statuses(found: Gate) -> dict[str, str]:
    """Return the status of each check by name."""
    return {check.name: check.status for check in found.checks}


def reasons(found: Gate, name: str) -> tuple[str, ...]:
    """Return the reasons of one check."""
    (check,) = (check for check in found.checks if check.name == name)
    return check.reasons


def figures(found: Gate, name: str) -> dict[str, float | None]:
    """Return the figures of one check by name."""
    (check,) = (check for check in found.checks if check.name == name)
    return {figure.name: figure.value for figure in check.figures}


def write_releases(folder: Path) -> None:
    """Write two releases that label alike, and a matrix of one locked environment that no machine can make."""
    matrix = {"version": 1, "environments": {NOWHERE.id: row(NOWHERE)}}
    (folder / "compat_matrix.yaml").write_text(yaml.safe_dump(matrix))
    (folder / FOLDER).mkdir()
    lock_nowhere(folder / FOLDER)
    release(folder, "old")
    release(folder, "new")
