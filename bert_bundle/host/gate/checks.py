"""The checks of a gate, each a function from facts to a `Check`: owns how facts become a status with reasons.

Reads no file and runs nothing. The reasons of a check that passed are remarks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from bert_bundle.errors import printable
from bert_bundle.format.manifest import Manifest
from bert_bundle.grading.grades import SAME
from bert_bundle.host.config.gate_policy import Card, Labels, allowed
from bert_bundle.host.environments.prepare import FailedEnvironment, PreparedEnvironment
from bert_bundle.host.gate.label_changes import Behaviour, Kind
from bert_bundle.host.gate.load_times import LoadTimes
from bert_bundle.host.runs.run import Run
from bert_bundle.host.runs.verdict import FIRST_LAYER, Verdict

Status = Literal["passed", "failed", "not run", "not asked for"]
CheckName = Literal["bundle", "verify", "audit", "behaviour", "size", "load", "card"]
ASKS = MappingProxyType[CheckName, str](
    {
        "bundle": "was its save proven? (a damaged file is an error, exit code 5)",
        "verify": "does it replay as recorded in the environment nearest to the one that wrote it?",
        "audit": "does it replay as recorded, within the policy's bounds, in each environment of the policy?",
        "behaviour": "on the examples that both recorded, which labels differ from the baseline's, and are they right?",
        "size": "how large is it, compared with the baseline?",
        "load": "how long does it take to load, compared with the baseline?",
        "card": "does its metadata have the fields that the policy requires?",
    }
)
NAMES: tuple[CheckName, ...] = tuple(ASKS)

NO_BASELINE = "no --baseline was given"
NO_BUDGET = "the policy does not set this budget"

_WORDS = MappingProxyType[Kind, str](
    {
        "broke": "were right and are now wrong",
        "changed": "changed without a recorded true label, or from one wrong label to another",
    }
)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number that a check looked at, and its bound; None if it was not measured, or is not bounded."""

    name: str
    value: float | None
    bound: float | None = None


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question about a release, and the answer."""

    name: CheckName
    status: Status
    reasons: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()


def not_asked(name: CheckName, reason: str) -> Check:
    """Return a check that neither the policy nor the command asked for."""
    return Check(name=name, status="not asked for", reasons=(reason,))


def not_run(name: CheckName, reason: str) -> Check:
    """Return a check that was asked for and has no answer."""
    return Check(name=name, status="not run", reasons=(reason,))


def bundle(manifest: Manifest) -> Check:
    """Check that the save was proven. That no file is damaged was checked before: damage is an error."""
    faults = (
        []
        if manifest.proof.get("proven") is True
        else ["it was saved with prove=False, so nothing has loaded it since: save it with prove=True"]
    )
    return _judge("bundle", faults, Figure(name="files", value=len(manifest.files)))


def verify(verdict: Verdict) -> Check:
    """Check the replay in the environment nearest to the writer. The matrix file's exceptions do not count here."""
    if verdict.grade == "not run":
        return not_run("verify", _line(verdict))
    figures = (
        Figure(name="float64", value=verdict.float64_difference),
        Figure(name="float32", value=verdict.native_difference),
        Figure(name="labels changed", value=verdict.labels_changed),
    )
    status: Status = "passed" if verdict.grade in SAME else "failed"
    return Check(name="verify", status=status, reasons=(_line(verdict),), figures=figures)


def audit(run: Run) -> Check:
    """Check the replays in the environments of the policy."""
    figures = (
        Figure(name="environments", value=run.summary.cells),
        Figure(name="as expected", value=run.summary.as_expected),
    )
    failed = {e.id: could_not_be_made(e) for e in run.environments if isinstance(e, FailedEnvironment)}
    unexpected = [failed.get(v.reader) or _line(v) for v in run.verdicts if not v.as_expected]
    known = [_line(v) for v in run.verdicts if v.as_expected and v.grade not in SAME]
    if run.summary.unexpected:
        status: Status = "failed"
    elif run.summary.not_run:
        status = "not run"
    elif not any(v.grade in SAME for v in run.verdicts):
        status = "not run"
        unexpected = ["it was replayed in no environment of the policy: name some that can load a bundle"]
    else:
        status = "passed"
    widened = [run.tolerances.widened] if run.tolerances.widened else []
    return Check(name="audit", status=status, reasons=(*unexpected, *known, *widened), figures=figures)


def behaviour(found: Behaviour, policy: Labels) -> Check:
    """Check labels and accuracy against the baseline's, on the examples that both recorded."""
    if not found.examples:
        return not_run(
            "behaviour", "no example is in both bundles: save the candidate with the examples of the baseline"
        )
    if found.unlike:
        words = ", ".join(map(printable, found.unlike))
        return _judge("behaviour", [f"outputs that only one bundle has, or that have another shape: {words}"])
    if not found.outputs:
        return not_run("behaviour", "no output has one label per example: run the gate without --baseline")
    limits: dict[Kind, int] = {
        "broke": allowed(policy.broke, found.examples),
        "changed": allowed(policy.changed, found.examples),
    }
    faults = [
        f"{found.count(kind)} of {found.examples} examples {_WORDS[kind]}; the limit is {limit}"
        for kind, limit in limits.items()
        if found.count(kind) > limit
    ]
    remarks = []
    missing = f"{found.before - found.examples} of {found.before} examples of the baseline are not in the candidate"
    if found.examples < policy.shared * found.before:
        faults.append(f"{missing}; a share of {policy.shared:g} is required")
    elif found.examples < found.before:
        remarks.append(missing)
    before, after = found.accuracy or (None, None)
    drop = None if before is None or after is None else before - after
    if drop is not None and drop > policy.accuracy_drop + 1e-12:  # 0.9 - 0.8 is above 0.1
        faults.append(f"accuracy fell from {before:.2%} to {after:.2%}; the limit is {policy.accuracy_drop:.2%}")
    remarks += [f"output {printable(name)} does not have labels and was not compared" for name in found.unlabelled]
    if found.answers_differ:
        remarks.append(f"{found.answers_differ} true labels differ from the baseline's, which were used")
    return _judge(
        "behaviour",
        faults,
        Figure(name="examples", value=found.examples),
        Figure(name="answers known", value=found.answered),
        Figure(name="answers that differ", value=found.answers_differ),
        Figure(name="broke", value=found.count("broke"), bound=limits["broke"]),
        Figure(name="changed", value=found.count("changed"), bound=limits["changed"]),
        Figure(name="fixed", value=found.count("fixed")),
        Figure(name="accuracy before", value=before),
        Figure(name="accuracy", value=after),
        Figure(name="accuracy drop", value=drop, bound=policy.accuracy_drop),
        remarks=remarks,
    )


def size(candidate: Manifest, baseline: Manifest, bound: float) -> Check:
    """Check the bytes on disk against the baseline's."""
    ratio = bytes_of(candidate) / bytes_of(baseline)
    faults = [f"{ratio:.3f} times the size of the baseline; the limit is {bound:g}"] if ratio > bound else []
    return _judge("size", faults, Figure(name="ratio", value=ratio, bound=bound))


def load(found: LoadTimes, bound: float) -> Check:
    """Check the time to load against the baseline's."""
    faults = [f"{found.ratio:.2f} times the load time of the baseline; the limit is {bound:g}"]
    return _judge(
        "load",
        faults if found.ratio > bound else [],
        Figure(name="ratio", value=found.ratio, bound=bound),
        Figure(name="least of a turn", value=min(found.turns)),
        Figure(name="most of a turn", value=max(found.turns)),
        Figure(name="turns", value=len(found.turns)),
    )


def card(manifest: Manifest, policy: Card) -> Check:
    """Check the metadata fields that the policy requires."""
    if not policy.required:
        return not_asked("card", "the policy does not require any field")
    missing = [name for name in policy.required if _is_empty(manifest.metadata.get(name))]
    return _judge(
        "card",
        [f"metadata has no {printable(name)}: save it with metadata={{...}}" for name in missing],
        Figure(name="required", value=len(policy.required)),
        Figure(name="lacking", value=len(missing), bound=0),
    )


def bytes_of(manifest: Manifest) -> int:
    """Return the size of the whole bundle on disk."""
    return sum(file.size for file in manifest.files.values()) + len(manifest.to_bytes())


def could_not_be_made(environment: FailedEnvironment) -> str:
    """Return a reason without a path of this machine, so that a decision is the same on every machine."""
    return f"{environment.id} could not be made: {environment.error.message}"


def any_failed(environments: Sequence[PreparedEnvironment]) -> bool:
    """Return whether an environment could not be made."""
    return any(isinstance(environment, FailedEnvironment) for environment in environments)


def _judge(name: CheckName, faults: Sequence[str], *figures: Figure, remarks: Sequence[str] = ()) -> Check:
    return Check(name=name, status="failed" if faults else "passed", reasons=(*faults, *remarks), figures=figures)


def _line(verdict: Verdict) -> str:
    layer = f", {FIRST_LAYER}: {verdict.first_layer}" if verdict.first_layer else ""
    return printable(f"{verdict.reader}: {verdict.grade}: {verdict.reason}{layer}")


def _is_empty(value: object) -> bool:
    return value in (None, [], {}) or (isinstance(value, str) and not value.strip())
