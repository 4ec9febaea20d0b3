"""May a release ship? Owns the order of the questions and the one answer; each question is in `checks`.

candidate, baseline -> read whole -> comparable -> checks that need no environment -> replays -> load times -> Gate
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bert_bundle import errors
from bert_bundle.errors import BertBundleError, ConfigError
from bert_bundle.format.golden import Golden, from_bundle
from bert_bundle.format.manifest import Manifest
from bert_bundle.format.open_bundle import check_files, open_bundle
from bert_bundle.host.config.gate_policy import GatePolicy
from bert_bundle.host.environments.prepare import FailedEnvironment, PreparedEnvironment, unique
from bert_bundle.host.gate import checks, label_changes
from bert_bundle.host.gate.checks import NO_BASELINE, NO_BUDGET, Check, not_asked, not_run
from bert_bundle.host.gate.label_changes import LabelChange
from bert_bundle.host.gate.load_times import measure_load_times
from bert_bundle.host.runs import run
from bert_bundle.host.runs.executor import Executor
from bert_bundle.host.runs.run import Run
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.host.workers.worker import Progress

Decision = Literal["ships", "refused", "undecided"]


@dataclass(frozen=True, kw_only=True)
class CheckedBundle:
    """A bundle that was read and checked whole."""

    path: Path
    manifest: Manifest
    golden: Golden


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The answer, and all that it rests on.

    checks        one for each name, in the order of `checks.NAMES`
    changes       labels that differ from the baseline's, those that broke first
    run           the audit's
    environments  all that were used, or could not be made
    """

    candidate: CheckedBundle
    baseline: CheckedBundle | None
    policy: GatePolicy
    checks: tuple[Check, ...]
    changes: tuple[LabelChange, ...]
    run: Run
    environments: tuple[PreparedEnvironment, ...]

    @property
    def decision(self) -> Decision:
        """Refused for a check that failed or an environment that could not be made, undecided for one that did not
        run."""
        statuses = {check.status for check in self.checks}
        if "failed" in statuses or checks.unmade(self.environments):
            return "refused"
        return "undecided" if "not run" in statuses else "ships"

    @property
    def exit_code(self) -> int:
        """The worst of what happened: no environment, not run, refused, ships."""
        statuses = {check.status for check in self.checks}
        if checks.unmade(self.environments):
            return errors.NO_ENVIRONMENT
        if "not run" in statuses:
            return errors.NOT_RUN
        return errors.NOT_AS_EXPECTED if "failed" in statuses else errors.AS_EXPECTED


def read_checked_bundle(path: Path) -> CheckedBundle:
    """The bundle at `path`, every digest checked. Raises BundleError for one that is damaged or refused."""
    opened = open_bundle(str(path))
    golden = from_bundle(opened)
    check_files(opened)
    return CheckedBundle(path=path, manifest=opened.manifest, golden=golden)


def check_comparable(candidate: CheckedBundle, baseline: CheckedBundle | None, policy: GatePolicy) -> None:
    """Raises ConfigError where the policy wants a baseline and there is none, or where it labels by other names."""
    if baseline is None:
        if policy.baseline == "required":
            raise ConfigError(
                "the policy requires a baseline",
                wanted="the bundle that is deployed now",
                found="none",
                fix="pass --baseline BUNDLE",
            )
        return
    names, others = candidate.manifest.labels, baseline.manifest.labels
    if names != others:
        raise ConfigError(
            "a baseline with other labels",
            place=baseline.path,
            wanted=", ".join(names) or "no labels",
            found=", ".join(others) or "no labels",
            fix="compare with a release of the same labels in the same order, or gate it without --baseline",
        )


def gate(
    candidate: CheckedBundle,
    baseline: CheckedBundle | None,
    policy: GatePolicy,
    *,
    nearest: PreparedEnvironment,
    environments: Sequence[PreparedEnvironment],
    executor: Executor,
    progress: Progress,
    terms: RunOptions,
) -> Gate:
    """Every question asked, whatever came of those before it.

    nearest       the environment likest to the candidate's writer: where it is verified, and both are loaded
    environments  those of the policy
    terms         as of a run; what they hold replays against is the policy's

    Raises ConfigError as `check_comparable` does and where there is no environment, BundleError for a candidate that is
    damaged since it was read.
    """
    check_comparable(candidate, baseline, policy)
    found = {check.name: check for check in _at_once(candidate, baseline, policy)}
    changes: tuple[LabelChange, ...] = ()
    if baseline is not None:
        moved = label_changes.behaviour(baseline.golden, candidate.golden, candidate.manifest.labels)
        found["behaviour"], changes = checks.behaviour(moved, policy.behaviour), moved.changes
    audited = run.audit(candidate.path, environments, executor=executor, progress=progress, terms=terms)
    found["audit"] = checks.audit(audited)
    verdicts = {verdict.reader: verdict for verdict in audited.verdicts}
    if nearest.id not in verdicts:
        beside = run.audit(candidate.path, [nearest], executor=executor, progress=progress, terms=terms)
        verdicts.update((verdict.reader, verdict) for verdict in beside.verdicts)
    if isinstance(nearest, FailedEnvironment):
        found["verify"] = not_run("verify", checks.could_not_be_made(nearest))
    else:
        found["verify"] = checks.verify(verdicts[nearest.id])
    found["load"] = _loaded(candidate, baseline, policy, nearest, progress, terms)
    return Gate(
        candidate=candidate,
        baseline=baseline,
        policy=policy,
        checks=tuple(found[name] for name in checks.NAMES),
        changes=changes,
        run=audited,
        environments=unique([nearest, *environments]),
    )


def _at_once(candidate: CheckedBundle, baseline: CheckedBundle | None, policy: GatePolicy) -> list[Check]:
    """What needs no environment."""
    known = [checks.bundle(candidate.manifest), checks.card(candidate.manifest, policy.card)]
    if baseline is None:
        return [*known, not_asked("behaviour", NO_BASELINE), not_asked("size", NO_BASELINE)]
    if policy.budgets.size is None:
        return [*known, not_asked("size", NO_BUDGET)]
    return [*known, checks.size(candidate.manifest, baseline.manifest, policy.budgets.size)]


def _loaded(
    candidate: CheckedBundle,
    baseline: CheckedBundle | None,
    policy: GatePolicy,
    nearest: PreparedEnvironment,
    progress: Progress,
    terms: RunOptions,
) -> Check:
    if baseline is None or policy.budgets.load is None:
        return not_asked("load", NO_BASELINE if baseline is None else NO_BUDGET)
    if isinstance(nearest, FailedEnvironment):
        return not_run("load", checks.could_not_be_made(nearest))
    try:
        taken = measure_load_times(candidate.path, baseline.path, nearest, progress=progress, terms=terms)
    except BertBundleError as error:
        return not_run("load", f"one of the two was not loaded: {error.message}")
    return checks.load(taken, policy.budgets.load)
