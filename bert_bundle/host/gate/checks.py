"""The checks of a release, each a function from facts to a `Check`: owns how facts become a status and its reasons.

Reads no file and runs nothing. A reason of a check that passed is a remark.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from bert_bundle.errors import printable
from bert_bundle.format.manifest import Manifest
from bert_bundle.grading.grades import SAME
from bert_bundle.host.config.gate_policy import Card, Labels, allowed
from bert_bundle.host.environments.prepare import FailedEnvironment, PreparedEnvironment
from bert_bundle.host.gate.label_changes import Behaviour, Kind
from bert_bundle.host.gate.load_times import LoadTimes
from bert_bundle.host.runs.run import Run
from bert_bundle.host.runs.verdict import Verdict

Status = Literal["passed", "failed", "not run", "not asked for"]
CheckName = Literal["bundle", "verify", "audit", "behaviour", "size", "load", "card"]
ASKS = MappingProxyType[CheckName, str](
    {
        "bundle": "is every file what was written, and was the save proven? (damage is an error, exit code 5)",
        "verify": "does it predict what was recorded, in the environment nearest to the one that wrote it?",
        "audit": "does it in each environment of the policy, within the policy's bounds?",
        "behaviour": "which labels differ from the baseline's on the examples that both recorded, and were they right?",
        "size": "how many times the bytes of the baseline is it?",
        "load": "how many times the load time of the baseline does it take?",
        "card": "does its metadata have the fields that the policy requires?",
    }
)
NAMES: tuple[CheckName, ...] = tuple(ASKS)

NO_BASELINE = "no --baseline was given"
NO_BUDGET = "the policy has no such budget"

_WORDS = MappingProxyType[Kind, str](
    {
        "broke": "were right and are wrong",
        "changed": "have another label without a known answer, or another wrong one",
    }
)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number that a check looked at, and the most it may be; None where it is not measured, or not bounded."""

    name: str
    value: float | None
    bound: float | None = None


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question about a release and its answer."""

    name: CheckName
    status: Status
    reasons: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()


def not_asked(name: CheckName, reason: str) -> Check:
    """The policy, or the command, did not ask."""
    return Check(name=name, status="not asked for", reasons=(reason,))


def not_run(name: CheckName, reason: str) -> Check:
    """It was asked, and there is no answer."""
    return Check(name=name, status="not run", reasons=(reason,))


def bundle(manifest: Manifest) -> Check:
    """Of a bundle all of whose files are what was written (a damaged one is an error): whether its save was proven."""
    faults = [] if manifest.proof.get("proven") is True else [
        "it was saved with prove=False: nothing has loaded it again since; save it with prove=True"
    ]  # fmt: skip
    return _judged("bundle", faults, Figure(name="files", value=len(manifest.files)))


def verify(verdict: Verdict) -> Check:
    """The replay in the environment nearest to the writer; no exception of the matrix file counts here."""
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
    """The replays in the environments of the policy."""
    figures = (
        Figure(name="environments", value=run.summary.cells),
        Figure(name="as expected", value=run.summary.as_expected),
    )
    unmade = {place.id: could_not_be_made(place) for place in run.environments if isinstance(place, FailedEnvironment)}
    surprises = [unmade.get(v.reader) or _line(v) for v in run.verdicts if not v.as_expected]
    known = [_line(v) for v in run.verdicts if v.as_expected and v.grade not in SAME]
    if run.summary.unexpected:
        status: Status = "failed"
    elif run.summary.not_run:
        status = "not run"
    elif not any(v.grade in SAME for v in run.verdicts):
        status = "not run"
        surprises = ["no environment of the policy has replayed it: name some that can load a bundle"]
    else:
        status = "passed"
    widened = [run.policy.widened] if run.policy.widened else []
    return Check(name="audit", status=status, reasons=(*surprises, *known, *widened), figures=figures)


def behaviour(found: Behaviour, policy: Labels) -> Check:
    """Labels and accuracy beside the baseline's, over the examples that both recorded."""
    if not found.examples:
        return not_run(
            "behaviour", "no example is in both bundles: save the candidate with the examples of the baseline"
        )
    if found.unlike:
        words = ", ".join(map(printable, found.unlike))
        return _judged("behaviour", [f"outputs that only one has, or of another shape: {words}"])
    if not found.outputs:
        return not_run("behaviour", "no output has a label for each example: gate it without --baseline")
    limits: dict[Kind, int] = {
        "broke": allowed(policy.broke, found.examples),
        "changed": allowed(policy.changed, found.examples),
    }
    faults = [
        f"{found.count(kind)} of {found.examples} examples {_WORDS[kind]}, at most {limit} may"
        for kind, limit in limits.items()
        if found.count(kind) > limit
    ]
    remarks = []
    missing = f"{found.before - found.examples} of {found.before} examples of the baseline are not in the candidate"
    if found.examples < policy.shared * found.before:
        faults.append(f"{missing}; a share of {policy.shared:g} must be")
    elif found.examples < found.before:
        remarks.append(missing)
    before, after = found.accuracy or (None, None)
    drop = None if before is None or after is None else before - after
    if drop is not None and drop > policy.accuracy_drop + 1e-12:  # 0.9 - 0.8 is above 0.1
        faults.append(f"accuracy fell from {before:.2%} to {after:.2%}; it may fall by {policy.accuracy_drop:.2%}")
    remarks += [f"output {printable(name)} has no labels and was not compared" for name in found.unlabelled]
    if found.answers_differ:
        remarks.append(f"{found.answers_differ} answers are not the baseline's, whose count")
    return _judged(
        "behaviour", faults,
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
    )  # fmt: skip


def size(candidate: Manifest, baseline: Manifest, bound: float) -> Check:
    """Bytes on disk, beside the baseline's."""
    ratio = bytes_of(candidate) / bytes_of(baseline)
    faults = [f"{ratio:.3f} times the bytes of the baseline, at most {bound:g} may be"] if ratio > bound else []
    return _judged("size", faults, Figure(name="ratio", value=ratio, bound=bound))


def load(found: LoadTimes, bound: float) -> Check:
    """Time to load, beside the baseline's."""
    faults = [f"{found.ratio:.2f} times the load time of the baseline, at most {bound:g} may be"]
    return _judged(
        "load", faults if found.ratio > bound else [],
        Figure(name="ratio", value=found.ratio, bound=bound),
        Figure(name="least of a turn", value=min(found.turns)),
        Figure(name="most of a turn", value=max(found.turns)),
        Figure(name="turns", value=len(found.turns)),
    )  # fmt: skip


def card(manifest: Manifest, policy: Card) -> Check:
    """The fields that the policy requires."""
    if not policy.required:
        return not_asked("card", "the policy requires no field")
    lacking = [name for name in policy.required if _says_nothing(manifest.metadata.get(name))]
    return _judged(
        "card",
        [f"metadata says nothing of {printable(name)}: save it with metadata={{...}}" for name in lacking],
        Figure(name="required", value=len(policy.required)),
        Figure(name="lacking", value=len(lacking), bound=0),
    )


def bytes_of(manifest: Manifest) -> int:
    """The whole bundle on disk."""
    return sum(file.size for file in manifest.files.values()) + len(manifest.to_bytes())


def could_not_be_made(place: FailedEnvironment) -> str:
    """In words that hold no path of this machine: a verdict is the same wherever it is given."""
    return f"{place.id} could not be made: {place.error.message}"


def unmade(places: Sequence[PreparedEnvironment]) -> bool:
    """Whether one of them could not be made."""
    return any(isinstance(place, FailedEnvironment) for place in places)


def _judged(name: CheckName, faults: Sequence[str], *figures: Figure, remarks: Sequence[str] = ()) -> Check:
    return Check(name=name, status="failed" if faults else "passed", reasons=(*faults, *remarks), figures=figures)


def _line(verdict: Verdict) -> str:
    layer = f", first layer that differs: {verdict.first_layer}" if verdict.first_layer else ""
    return printable(f"{verdict.reader}: {verdict.grade}: {verdict.reason}{layer}")


def _says_nothing(value: Any) -> bool:
    return value in (None, [], {}) or (isinstance(value, str) and not value.strip())
