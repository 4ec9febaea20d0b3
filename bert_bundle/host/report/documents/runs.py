"""Documents of runs and replays: audit, matrix run, demo, verify, bisect."""

from dataclasses import asdict
from typing import Any

from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.prepare import PreparedEnvironment
from bert_bundle.host.report.reports import DemoReport
from bert_bundle.host.runs.run import Reproduction, Run
from bert_bundle.host.runs.verdict import Verdict, spread
from bert_bundle.host.upgrades.audit import upgrades_of
from bert_bundle.host.upgrades.bisect import Bisection, FirstRelease
from bert_bundle.host.upgrades.package_differences import Unit
from bert_bundle.host.upgrades.trials import TrialResult
from bert_bundle.host.upgrades.upgrade import Upgrade

# Keys of the published documents that differ from the field's name.
_KEYS = {"float64_difference": "double", "native_difference": "single"}


def run(found: Run) -> dict[str, object]:
    """Return docs/schema/run.json."""
    return {
        "summary": asdict(found.summary),
        "matrix": found.matrix,
        "policy": found.tolerances.model_dump(),
        "disk": found.disk,
        "spread": _spread(found),
        "environments": [environment(prepared) for prepared in found.environments],
        "verdicts": [verification(verdict) for verdict in found.verdicts],
        "reproductions": [_reproduction(reproduction) for reproduction in found.reproductions],
        "upgrades": [_upgrade(upgrade) for upgrade in upgrades_of(found)],
        "interrupted": found.interrupted,
        "left_out": [asdict(left_out) for left_out in found.left_out],
    }


def verification(verdict: Verdict) -> dict[str, object]:
    """Return docs/schema/verify.json, which is the record of one verdict in every document."""
    return {_KEYS.get(name, name): value for name, value in asdict(verdict).items()}


def demo(report: DemoReport) -> dict[str, object]:
    """Return docs/schema/demo.json: the document of a run with what came before it."""
    return {
        "bundle": report.bundle,
        "accuracy": report.accuracy,
        "verification": verification(report.verification),
        **run(report.run),
    }


def bisection(found: Bisection) -> dict[str, object]:
    """Return docs/schema/bisect.json."""
    return {
        "bundle": found.bundle,
        "tolerance": found.tolerance,
        "good": verification(found.good),
        "bad": verification(found.bad),
        "changes": found.changes,
        "culprits": [[_unit(unit) for unit in group] for group in found.culprits],
        "needed": [_unit(unit) for unit in found.needed],
        "release": found.release and _first_release(found.release),
        "found": found.exit_code == 0,
        "exhausted": found.exhausted,
        "interrupted": found.interrupted,
        "environments": found.environments,
        "steps": [_step(step) for step in found.steps],
        "units": [_unit(unit) for unit in found.units],
    }


def environment(prepared: PreparedEnvironment) -> dict[str, Any]:
    """Return the record of an environment: its versions, or the error if it could not be made."""
    if isinstance(prepared, ReadyEnvironment):
        return {
            "id": prepared.id,
            "python": prepared.python_version,
            "packages": prepared.packages,
            "lock": prepared.lock_digest,
            "error": None,
        }
    return {"id": prepared.id, "python": None, "packages": {}, "lock": None, "error": prepared.error.to_json()}


def _spread(found: Run) -> dict[str, object]:
    largest = spread(found.verdicts)
    pairs = [{"writer": writer, "reader": reader, "double": value} for (writer, reader), value in largest.items()]
    return {"largest": max(largest.values(), default=None), "pairs": pairs}


def _reproduction(reproduction: Reproduction) -> dict[str, object]:
    return {**asdict(reproduction), "verdict": verification(reproduction.verdict)}


def _upgrade(upgrade: Upgrade) -> dict[str, object]:
    parts = {name: part for name, part in asdict(upgrade).items() if name != "locked"}
    as_of = upgrade.locked.environment.as_of
    return {"id": upgrade.id, **parts, "as_of": as_of and as_of.isoformat()}


def _first_release(release: FirstRelease) -> dict[str, object]:
    return {**asdict(release), "steps": [_step(step) for step in release.steps]}


def _step(step: TrialResult) -> dict[str, object]:
    return {**asdict(step), "verdict": verification(step.verdict)}


def _unit(unit: Unit) -> dict[str, object]:
    return {**asdict(unit), "needs": sorted(unit.needs)}
