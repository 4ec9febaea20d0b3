"""Documents of the gate: its decision, and whether a decision lets a bundle ship."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bert_bundle.format import strict_json
from bert_bundle.host.report.documents.document import plain
from bert_bundle.version import VERSION

if TYPE_CHECKING:
    from bert_bundle.host.environments.prepare import PreparedEnvironment
    from bert_bundle.host.gate.gate import Gate
    from bert_bundle.host.report.results import Requirement
    from bert_bundle.host.runs.verdict import Verdict

_GRADED = ("grade", "as_expected", "double", "single", "labels_changed", "first_layer", "accuracy")


def gate(found: Gate) -> dict[str, Any]:
    """Return docs/schema/gate.json, which is the decision file: keys sorted, without clock, host name or path.

    So the same release, judged again, gives the same bytes, except for the ratio of load times and the message of a
    crash.
    """
    from bert_bundle.host.environments.prepare import FailedEnvironment
    from bert_bundle.host.gate.checks import could_not_be_made
    from bert_bundle.host.gate.decision_file import DECISION_FORMAT, DECISION_VERSION

    failed = {e.id: could_not_be_made(e) for e in found.environments if isinstance(e, FailedEnvironment)}
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
        "environments": [_environment(environment) for environment in found.environments],
        "grades": [_grade(verdict, failed.get(verdict.reader, verdict.reason)) for verdict in found.run.verdicts],
    }
    ordered: dict[str, Any] = json.loads(strict_json.canonical(plain(record)))
    return ordered


def requirement(found: Requirement) -> dict[str, object]:
    """Return docs/schema/require.json."""
    return {
        "verdict": found.decision_file,
        "candidate": found.candidate,
        "ships": not found.objection,
        "reason": found.objection,
    }


def _environment(prepared: PreparedEnvironment) -> dict[str, object]:
    """Return the record of an environment; of an error only the message, which names nothing of this machine."""
    from bert_bundle.host.report.documents.runs import environment

    record = environment(prepared)
    return {**record, "error": record["error"] and record["error"]["message"]}


def _grade(verdict: Verdict, reason: str) -> dict[str, object]:
    from bert_bundle.host.report.documents.runs import verification

    record = verification(verdict)
    return {"environment": verdict.reader, "reason": reason, **{name: record[name] for name in _GRADED}}
