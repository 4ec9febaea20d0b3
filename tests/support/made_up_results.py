"""Runs made up by hand: a report is a pure function of them."""

from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bert_bundle.errors import EnvironmentNotMadeError
from bert_bundle.format.golden import Golden
from bert_bundle.format.manifest import Manifest
from bert_bundle.host.config.gate_policy import GatePolicy
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.locks import Lock
from bert_bundle.host.environments.prepare import FailedEnvironment, PreparedEnvironment
from bert_bundle.host.gate.checks import Check, Figure
from bert_bundle.host.gate.gate import CheckedBundle, Gate
from bert_bundle.host.gate.label_changes import LabelChange
from bert_bundle.host.runs.needs import LeftOut
from bert_bundle.host.runs.run import Run
from bert_bundle.host.runs.verdict import Summary, Verdict
from bert_bundle.host.upgrades.audit import with_upgrades
from bert_bundle.host.upgrades.bisect import Bisection, FirstRelease
from bert_bundle.host.upgrades.package_differences import Need, PackageChange, Unit
from bert_bundle.host.upgrades.trials import TrialResult
from bert_bundle.host.upgrades.upgrade import LockedEnvironment, Upgrade

PACKAGES = {"tensorflow-cpu": "2.10.1", "transformers": "4.25.1"}


def made(name: str) -> ReadyEnvironment:
    return ReadyEnvironment(
        id=name, python=Path("python"), lock_digest="0" * 64, packages=PACKAGES, python_version="3.9.18"
    )


def not_made(name: str) -> FailedEnvironment:
    return FailedEnvironment(id=name, error=EnvironmentNotMadeError("no interpreter", place=name, wanted="3.9"))


def verdict(writer: str, reader: str, **parts: Any) -> Verdict:
    usual: dict[str, Any] = {
        "bundle": Path("models/router"),
        "grade": "identical",
        "as_expected": True,
        "reason": "same function",
        "float64_difference": 3.1e-15,
        "native_difference": 2e-7,
        "labels_changed": 0,
        "seconds": 12.34,
    }
    return Verdict(writer=writer, reader=reader, **{**usual, **parts})


def run(verdicts: list[Verdict], *places: PreparedEnvironment) -> Run:
    return Run(environments=places, verdicts=verdicts, summary=Summary.of(verdicts, 41.4))


def with_needs() -> Run:
    """Return a run in which environment b can neither read nor write `hashing`, and cannot write `deberta`."""
    refused = {"grade": "refused", "reason": "known: needs tensorflow; refused: none", "float64_difference": None}
    hashing, left_out = {"bundle": Path("a/1-hashing")}, partial(LeftOut, writer="b", cells=2)
    verdicts = [verdict("a", "a"), verdict("a", "b"), verdict("a", "a", **hashing)]
    verdicts += [verdict("a", "b", **refused, **hashing), verdict("b", "a"), verdict("b", "b")]
    return replace(
        run(verdicts, made("a"), made("b")),
        left_out=[
            left_out(bundle=Path("b/1-hashing"), needs="needs tensorflow"),
            left_out(bundle=Path("b/2-deberta"), needs="needs transformers>=4.25"),
        ],
    )


def audit() -> Run:
    """Six environments, two of them not as expected, one not made."""
    names = [f"tf2.{minor}-hf4.25-py3.9" for minor in (6, 10, 13, 15, 18, 21)]
    drift = {
        "grade": "drift",
        "as_expected": False,
        "float64_difference": 2.4e-4,
        "first_layer": "encoder/layer_3/intermediate",
        "reason": "the function changed",
    }
    missing = {"float64_difference": None, "native_difference": None, "labels_changed": None, "seconds": 0.0}
    not_run = {"grade": "not run", "as_expected": False, "reason": "no reader: no interpreter", **missing}
    parts: list[dict[str, Any]] = [{}, {"grade": "bitwise", "float64_difference": 0.0}, drift, {}, not_run, {}]
    verdicts = [verdict("tf2.10.1-hf4.25.1-py3.9", name, **part) for name, part in zip(names, parts, strict=True)]
    return run(verdicts, *(not_made(name) if name == names[4] else made(name) for name in names))


def release(name: str) -> CheckedBundle:
    manifest = Manifest(
        writer={}, runtime="transformers", signature={}, labels=("no", "yes"), tokenizer={}, encoders={}, proof={},
        metadata={"name": name}, files={},
    )  # fmt: skip
    predictions = {"p": np.array([[0.1, 0.9]])}
    golden = Golden(
        texts={"text": ["a"]}, features={}, answers=None, token_ids={}, predictions=predictions,
        float64_predictions=predictions,
        noise={"p": 1e-6}, measured={}, layers=(), architecture={}, labels=("no", "yes"), inputs=(), interchangeable=(),
    )  # fmt: skip
    return CheckedBundle(path=Path("models", name), manifest=manifest, golden=golden)


def gated(*checks: Check, changes: int = 0, text: str = "my invoice is wrong", **parts: Any) -> Gate:
    """Return a gate over the audit above; `changes` labels that broke."""
    broke = LabelChange(kind="broke", text=text, output="p", before="yes", after="no", answer="yes")
    found = parts.pop("found", None) or audit()
    usual: dict[str, Any] = {
        "candidate": release("new"),
        "baseline": release("old"),
        "policy": GatePolicy(version=1),
        "checks": checks,
        "changes": (broke,) * changes,
        "run": found,
        "environments": tuple(found.environments),
    }
    return Gate(**{**usual, **parts})


PASSED = Check(name="size", status="passed", figures=(Figure(name="ratio", value=1.02, bound=1.1),))
FAILED = Check(name="behaviour", status="failed", reasons=("3 of 8 broke",), figures=(Figure(name="broke", value=3),))
NOT_RUN = Check(
    name="load", status="not run", reasons=("the worker crashed",), figures=(Figure(name="turns", value=None),)
)
NOT_ASKED = Check(name="card", status="not asked for", reasons=("the policy does not require any field",))


def bisection(**parts: Any) -> Bisection:
    """TensorFlow, which cannot move without tf-keras, among three upgrades; its first release that is bad is named."""
    tensorflow = Unit(
        name="tensorflow-cpu",
        changes=tuple(
            PackageChange(package=p, before="2.18.1", after="2.19.1") for p in ("tensorflow-cpu", "tf-keras")
        ),
        together=(Need(package="tf-keras", other="tensorflow-cpu", why="tf-keras 2.19.1 requires tensorflow<2.20"),),
        needs=frozenset({"numpy"}),
    )
    others = [
        Unit(name=n, changes=(PackageChange(package=n, before=b, after="2"),), together=(), needs=frozenset())
        for n, b in (("numpy", "1"), ("hf-xet", None))
    ]
    drift = verdict(
        "w", "x", grade="drift", reason="the function changed", float64_difference=3.5e-8, first_layer="1 encoder"
    )
    unmade = verdict(
        "",
        "y",
        grade="not run",
        reason="no wheel",
        float64_difference=None,
        native_difference=None,
        labels_changed=None,
    )
    usual: dict[str, Any] = {
        "bundle": Path("models/router"),
        "tolerance": 1e-9,
        "good": verdict("w", "tf2.18"),
        "bad": drift,
        "units": (*others, tensorflow),
        "steps": (
            TrialResult(upgraded=("numpy",), answer="good", verdict=verdict("w", "x")),
            TrialResult(upgraded=("hf-xet", "tensorflow-cpu"), answer="unresolved", verdict=unmade),
            TrialResult(upgraded=("numpy", "tensorflow-cpu"), answer="bad", verdict=drift),
        ),
        "culprits": ((tensorflow,),),
        "needed": (others[0],),
        "exact": True,
        "exhausted": False,
        "release": FirstRelease(
            package="tensorflow-cpu", last_good="2.18.1", first_bad="2.19.0", exact=True,
            package_changes=(PackageChange(package="tf-keras", before="2.18.1", after="2.19.0"),),
            steps=(TrialResult(upgraded=("tensorflow-cpu==2.19.0",), answer="bad", verdict=drift),),
        ),
    }  # fmt: skip
    return Bisection(**{**usual, **parts})


def upgraded() -> Run:
    """Return an audit of today's environment, and of what an upgrade would give."""
    row = Environment(
        id="with-numpy-2.0.2",
        python="3.12",
        as_of=date(2025, 4, 1),
        packages=("numpy==2.0.2",),
        runtime="transformers",
    )
    upgrade = Upgrade(
        locked=LockedEnvironment(environment=row, lock=Lock(path=Path("lock"), text="", digest="0" * 64, pins={})),
        source="tf2.18",
        instead_of="tf2.16",
        asked=("numpy==2.0.2",),
        package_changes=(
            PackageChange(package="h5py", before="3.10", after="3.11"),
            PackageChange(package="new", before=None, after="1"),
        ),
        notes=("a is taken as b",),
    )
    flip = {"grade": "flip", "as_expected": False, "reason": "1 of 8 labels changed", "labels_changed": 1}
    verdicts = [verdict("w", "tf2.16"), verdict("w", row.id, **flip)]
    return with_upgrades(run(verdicts, made("tf2.16"), made(row.id)), [upgrade])
