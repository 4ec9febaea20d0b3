"""Releases forged for the gate's tests: bundles that say what they are told to, judged in the host's own Python."""

import dataclasses
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from bert_bundle.host.config.gate_policy import GatePolicy
from bert_bundle.host.config.matrix_file import Environment, Expectation
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.locks import NEEDED, specification_digest
from bert_bundle.host.environments.nearest import this_interpreter
from bert_bundle.host.environments.prepare import PreparedEnvironment
from bert_bundle.host.gate.gate import CheckedBundle, Gate, gate, read_checked_bundle
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.host.workers.worker import silent
from support.entries import FAKE
from support.fake_bundles import fake_generate

LABELS = ("access", "billing", "bug")
TEXTS = [f"ticket {number}" for number in range(10)]
RIGHT = [number % 3 for number in range(10)]

# A row that no machine can make, for there is no such Python, and uv says so at once.
NOWHERE = Environment(
    id="nowhere", python="3.99", as_of=date(2026, 1, 1), packages=("jax==0.4.1", "keras==3.15.1"), runtime="native",
    groups=("ci",),
)  # fmt: skip


def row(environment: Environment) -> dict[str, Any]:
    """What a matrix file says of it, under its id."""
    fields = environment.model_dump(exclude={"id"})
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}


def lock_nowhere(locks: Path) -> None:
    """A lock that fits the row, of releases that there may be or not."""
    pins = [*NOWHERE.packages, *(f"{name}==1.0" for name in NEEDED)]
    lines = [f"# specification: {specification_digest(NOWHERE)}", *(f"{pin} --hash=sha256:{'0' * 64}" for pin in pins)]
    (locks / f"{NOWHERE.id}.txt").write_text("\n".join(lines) + "\n")


def but(says: Sequence[int], **changed: int) -> list[int]:
    """`says`, where `at_4=2` puts label 2 in place 4."""
    moved = list(says)
    for place, label in changed.items():
        moved[int(place.removeprefix("at_"))] = label
    return moved


def release(folder: Path, name: str, **specification: Any) -> CheckedBundle:
    """A proven bundle that labels ten tickets, all of them right unless it is told otherwise."""
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
    """The gate's answer, in one environment unless others are given."""
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
        terms=RunOptions(expect=expect, policy=read.bounds, time_limit=5, entry=FAKE),
    )


def statuses(found: Gate) -> dict[str, str]:
    """Check -> status."""
    return {check.name: check.status for check in found.checks}


def reasons(found: Gate, name: str) -> tuple[str, ...]:
    """Of one check."""
    (check,) = (check for check in found.checks if check.name == name)
    return check.reasons


def figures(found: Gate, name: str) -> dict[str, float | None]:
    """Of one check, by name."""
    (check,) = (check for check in found.checks if check.name == name)
    return {figure.name: figure.value for figure in check.figures}
