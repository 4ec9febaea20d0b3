"""Runs made up by hand: a report is a pure function of them."""

from pathlib import Path
from typing import Any

from bert_bundle.errors import EnvironmentNotMadeError
from bert_bundle.matrix.environment import Made
from bert_bundle.matrix.places import NotMade, Place
from bert_bundle.matrix.run import Run
from bert_bundle.matrix.verdict import Summary, Verdict

PACKAGES = {"tensorflow-cpu": "2.10.1", "transformers": "4.25.1"}


def made(name: str) -> Made:
    return Made(id=name, python=Path("python"), lock_digest="0" * 64, packages=PACKAGES, python_version="3.9.18")


def not_made(name: str) -> NotMade:
    return NotMade(id=name, error=EnvironmentNotMadeError("no interpreter", place=name, wanted="3.9"))


def verdict(writer: str, reader: str, **parts: Any) -> Verdict:
    usual: dict[str, Any] = {
        "bundle": Path("models/router"),
        "grade": "identical",
        "as_expected": True,
        "reason": "same function",
        "double": 3.1e-15,
        "single": 2e-7,
        "labels_changed": 0,
        "seconds": 12.34,
    }
    return Verdict(writer=writer, reader=reader, **{**usual, **parts})


def run(verdicts: list[Verdict], *places: Place) -> Run:
    return Run(environments=places, verdicts=verdicts, summary=Summary.of(verdicts, 41.4))


def audit() -> Run:
    """Six environments, two of them not as expected, one not made."""
    names = [f"tf2.{minor}-hf4.25-py3.9" for minor in (6, 10, 13, 15, 18, 21)]
    drift = {
        "grade": "drift",
        "as_expected": False,
        "double": 2.4e-4,
        "first_layer": "encoder/layer_3/intermediate",
        "reason": "the function changed",
    }
    missing = {"double": None, "single": None, "labels_changed": None, "seconds": 0.0}
    not_run = {"grade": "not run", "as_expected": False, "reason": "no reader: no interpreter", **missing}
    parts: list[dict[str, Any]] = [{}, {"grade": "bitwise", "double": 0.0}, drift, {}, not_run, {}]
    verdicts = [verdict("tf2.10.1-hf4.25.1-py3.9", name, **part) for name, part in zip(names, parts, strict=True)]
    return run(verdicts, *(not_made(name) if name == names[4] else made(name) for name in names))
