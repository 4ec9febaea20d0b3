"""Runs as JSON documents, one for each command; the schemas are published in docs/schema.

Owns the keys, knows nothing of tables. JSON has no NaN and no infinity: a figure that is not finite is null, and the
verdict's reason says what it was.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bert_bundle.errors import BertBundleError
from bert_bundle.format import strict_json
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.diff import Comparison
from bert_bundle.host.environments.doctor import Diagnosis
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.locks import Lock
from bert_bundle.host.environments.prepare import FailedEnvironment, PreparedEnvironment
from bert_bundle.host.gate import checks
from bert_bundle.host.gate.decision_file import DECISION_FORMAT, DECISION_VERSION
from bert_bundle.host.gate.gate import Gate
from bert_bundle.host.runs.run import Run
from bert_bundle.host.runs.verdict import Verdict, spread
from bert_bundle.host.upgrades.audit import upgrades_of
from bert_bundle.host.upgrades.bisect import Bisection
from bert_bundle.host.upgrades.package_differences import Unit
from bert_bundle.host.upgrades.upgrade import Upgrade
from bert_bundle.version import VERSION


def document(record: Mapping[str, Any]) -> str:
    """`record` as the one document that a command prints."""
    return json.dumps(_plain(record), indent=2, allow_nan=False) + "\n"


# The keys of a verdict's figures in every document, whatever the fields are called.
_KEYS = {"float64_difference": "double", "native_difference": "single"}


def run(found: Run) -> dict[str, Any]:
    """docs/schema/run.json"""
    return {
        "summary": asdict(found.summary),
        "policy": found.policy.model_dump(),
        "disk": found.disk,
        "spread": _spread(found),
        "environments": [_place(place) for place in found.environments],
        "verdicts": [asdict(verdict) for verdict in found.verdicts],
        "reproductions": [asdict(reproduction) for reproduction in found.reproductions],
        "upgrades": [_upgrade(upgrade) for upgrade in upgrades_of(found)],
    }


def verification(verdict: Verdict) -> dict[str, Any]:
    """docs/schema/verify.json"""
    return asdict(verdict)


def demo(bundle: Path, accuracy: float, verdict: Verdict, found: Run) -> dict[str, Any]:
    """docs/schema/demo.json: a run's document with what came before it."""
    return {"bundle": bundle, "accuracy": accuracy, "verification": verification(verdict), **run(found)}


def environments(rows: Sequence[tuple[Environment, bool]]) -> dict[str, Any]:
    """docs/schema/environments.json: the rows of a matrix, each with whether it is locked."""
    return {"environments": [{**row.model_dump(mode="json"), "locked": locked} for row, locked in rows]}


def locks(made: Sequence[tuple[Environment, Lock]]) -> dict[str, Any]:
    """docs/schema/locks.json"""
    return {
        "locks": [
            {"id": row.id, "path": lock.path, "digest": lock.digest, "packages": len(lock.pins)} for row, lock in made
        ]
    }


def comparison(found: Comparison) -> dict[str, Any]:
    """docs/schema/diff.json"""
    return {**asdict(found), "same": found.same}


def gate(found: Gate) -> dict[str, Any]:
    """docs/schema/gate.json, which is verdict.json: keys sorted, and no clock, host name or path in it.

    So the same release, judged again, is the same bytes, but for the ratio of load times and the words of a crash.
    """
    unmade = {p.id: checks.could_not_be_made(p) for p in found.environments if isinstance(p, FailedEnvironment)}
    record = {
        "format": DECISION_FORMAT,
        "format_version": DECISION_VERSION,
        "bert_bundle": VERSION,
        "decision": found.decision,
        "candidate": found.candidate.manifest.digest,
        "baseline": found.baseline.manifest.digest if found.baseline else None,
        "policy": found.policy.digest,
        "checks": [asdict(check) for check in found.checks],
        "changes": [asdict(change) for change in found.changes],
        "environments": [_place_anywhere(place) for place in found.environments],
        "grades": [_grade(verdict, unmade.get(verdict.reader, verdict.reason)) for verdict in found.run.verdicts],
    }
    ordered: dict[str, Any] = json.loads(strict_json.canonical(_plain(record)))
    return ordered


def requirement(verdict: Path, digest: str, against: str) -> dict[str, Any]:
    """docs/schema/require.json: whether a verdict lets the bundle of `digest` ship; empty `against`: it does."""
    return {"verdict": verdict, "candidate": digest, "ships": not against, "reason": against}


def bisection(found: Bisection) -> dict[str, Any]:
    """docs/schema/bisect.json"""
    return {
        "bundle": found.bundle,
        "tolerance": found.tolerance,
        "good": asdict(found.good),
        "bad": asdict(found.bad),
        "changes": found.changes,
        "culprits": [[_unit(unit) for unit in group] for group in found.culprits],
        "needed": [_unit(unit) for unit in found.needed],
        "release": found.release and asdict(found.release),
        "found": found.exit_code == 0,
        "exhausted": found.exhausted,
        "environments": found.environments,
        "steps": [asdict(step) for step in found.steps],
        "units": [_unit(unit) for unit in found.units],
    }


def doctor(found: Sequence[Diagnosis]) -> dict[str, Any]:
    """docs/schema/doctor.json"""
    return {"environments": [{**asdict(checkup), "as_expected": checkup.as_expected} for checkup in found]}


def error(raised: BertBundleError) -> dict[str, Any]:
    """docs/schema/error.json"""
    return {"error": raised.to_json()}


def _spread(found: Run) -> dict[str, Any]:
    doubles = spread(found.verdicts)
    pairs = [{"writer": writer, "reader": reader, "double": d} for (writer, reader), d in doubles.items()]
    return {"largest": max(doubles.values(), default=None), "pairs": pairs}


def _upgrade(upgrade: Upgrade) -> dict[str, Any]:
    parts = {name: part for name, part in asdict(upgrade).items() if name != "locked"}
    return {"id": upgrade.id, **parts, "as_of": upgrade.locked.environment.as_of.isoformat()}


def _unit(unit: Unit) -> dict[str, Any]:
    return {**asdict(unit), "needs": sorted(unit.needs)}


def _place(place: PreparedEnvironment) -> dict[str, Any]:
    if isinstance(place, ReadyEnvironment):
        return {
            "id": place.id,
            "python": place.python_version,
            "packages": place.packages,
            "lock": place.lock_digest,
            "error": None,
        }
    return {"id": place.id, "python": None, "packages": {}, "lock": None, "error": place.error.to_json()}


def _place_anywhere(place: PreparedEnvironment) -> dict[str, Any]:
    """As `_place`, without what an error says of this machine."""
    record = _place(place)
    return record if isinstance(place, ReadyEnvironment) else {**record, "error": place.error.message}


def _grade(verdict: Verdict, reason: str) -> dict[str, Any]:
    names = (
        "grade", "as_expected", "float64_difference", "native_difference", "labels_changed", "first_layer", "accuracy",
    )  # fmt: skip
    return {"environment": verdict.reader, "reason": reason, **{name: getattr(verdict, name) for name in names}}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_KEYS.get(key, key): _plain(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(part) for part in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
