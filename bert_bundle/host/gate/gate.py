"""The gate of a release: owns the order of the checks and the decision. Each check is in `checks`.

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
from bert_bundle.host.environments.cancellation import INTERRUPTED
from bert_bundle.host.environments.prepare import FailedEnvironment, PreparedEnvironment, TemporaryEnvironment, unique
from bert_bundle.host.gate import checks, label_changes
from bert_bundle.host.gate.checks import NO_BASELINE, NO_BUDGET, Check, not_asked, not_run
from bert_bundle.host.gate.label_changes import LabelChange
from bert_bundle.host.gate.load_times import measure_load_times
from bert_bundle.host.runs import run
from bert_bundle.host.runs.executor import Executor
from bert_bundle.host.runs.run import Run
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.progress import Progress

Decision = Literal["ships", "refused", "undecided"]


@dataclass(frozen=True, kw_only=True)
class CheckedBundle:
    """A bundle of which every file was read and checked."""

    path: Path
    manifest: Manifest
    golden: Golden


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The decision, and everything that it is based on.

    checks        one for each of `checks.NAMES`, in that order
    changes       labels that differ from the baseline's, those that broke first
    run           the audit
    environments  all that were used or could not be made
    interrupted   whether the checks that did not run were cut short
    """

    candidate: CheckedBundle
    baseline: CheckedBundle | None
    policy: GatePolicy
    checks: tuple[Check, ...]
    changes: tuple[LabelChange, ...]
    run: Run
    environments: tuple[PreparedEnvironment, ...]
    interrupted: bool = False

    @property
    def decision(self) -> Decision:
        """Return "refused" if a check failed or an environment was not made, "undecided" if a check did not run."""
        statuses = {check.status for check in self.checks}
        if "failed" in statuses or checks.any_failed(self.environments):
            return "refused"
        return "undecided" if "not run" in statuses else "ships"

    @property
    def exit_code(self) -> int:
        """Return the worst of what happened: interrupted, no environment, not run, refused, ships."""
        if self.interrupted:
            return errors.INTERRUPTED
        statuses = {check.status for check in self.checks}
        if checks.any_failed(self.environments):
            return errors.NO_ENVIRONMENT
        if "not run" in statuses:
            return errors.NOT_RUN
        return errors.NOT_AS_EXPECTED if "failed" in statuses else errors.AS_EXPECTED


def read_checked_bundle(path: Path) -> CheckedBundle:
    """Read the bundle at `path` and check every digest. Raises BundleError for one that is damaged or refused."""
    opened = open_bundle(str(path))
    golden = from_bundle(opened)
    check_files(opened)
    return CheckedBundle(path=path, manifest=opened.manifest, golden=golden)


def check_comparable(candidate: CheckedBundle, baseline: CheckedBundle | None, policy: GatePolicy) -> None:
    """Raise ConfigError if the policy requires a baseline and there is none, or if its labels are different."""
    if baseline is None:
        if policy.baseline == "required":
            raise ConfigError(
                "the policy requires a baseline",
                wanted="the bundle that is deployed now",
                found="none",
                fix="pass --baseline BUNDLE",
            )
        return
    names, others = candidate.manifest.all_labels, baseline.manifest.all_labels
    if names != others:
        raise ConfigError(
            "the baseline has other labels",
            place=baseline.path,
            wanted=", ".join(names) or "no labels",
            found=", ".join(others) or "no labels",
            fix="compare with a release that has the same labels in the same order, or leave out --baseline",
        )


def gate(
    candidate: CheckedBundle,
    baseline: CheckedBundle | None,
    policy: GatePolicy,
    *,
    nearest: PreparedEnvironment,
    environments: Sequence[PreparedEnvironment | TemporaryEnvironment],
    executor: Executor,
    progress: Progress,
    options: RunOptions,
) -> Gate:
    """Run every check, whatever the result of those before it.

    nearest       the environment nearest to the candidate's writer: there it is verified, and both are loaded
    environments  the environments of the policy
    options       the options of the runs, with the policy's bounds

    An interrupt ends it with the checks that were made so far. Raises ConfigError as `check_comparable` does and if
    there is no environment, BundleError for a candidate that was damaged since it was read.
    """
    check_comparable(candidate, baseline, policy)
    found = {check.name: check for check in _without_environment(candidate, baseline, policy)}
    changes: tuple[LabelChange, ...] = ()
    if baseline is not None:
        compared = label_changes.behaviour(
            baseline.golden, candidate.golden, candidate.manifest.labels, candidate.manifest.output_labels
        )
        found["behaviour"], changes = checks.behaviour(compared, policy.behaviour), compared.changes
    audited = replayed = run.audit(candidate.path, environments, executor=executor, progress=progress, options=options)
    found["audit"] = checks.audit(audited)
    verdicts = {verdict.reader: verdict for verdict in audited.verdicts}
    if nearest.id not in verdicts and not audited.interrupted:
        replayed = run.audit(candidate.path, [nearest], executor=executor, progress=progress, options=options)
        verdicts.update((verdict.reader, verdict) for verdict in replayed.verdicts)
    if nearest.id not in verdicts:
        found["verify"] = not_run("verify", INTERRUPTED)
    elif isinstance(nearest, FailedEnvironment):
        found["verify"] = not_run("verify", checks.could_not_be_made(nearest))
    else:
        found["verify"] = checks.verify(verdicts[nearest.id])
    found["load"], interrupted = not_run("load", INTERRUPTED), replayed.interrupted
    if not interrupted:
        try:
            found["load"] = _load(candidate, baseline, policy, nearest, progress, options)
        except KeyboardInterrupt:
            interrupted = True
    return Gate(
        candidate=candidate,
        baseline=baseline,
        policy=policy,
        checks=tuple(found[name] for name in checks.NAMES),
        changes=changes,
        run=audited,
        environments=unique([nearest, *audited.environments]),
        interrupted=interrupted,
    )


def _without_environment(candidate: CheckedBundle, baseline: CheckedBundle | None, policy: GatePolicy) -> list[Check]:
    """Run the checks that need no environment."""
    known = [checks.bundle(candidate.manifest), checks.card(candidate.manifest, policy.card)]
    if baseline is None:
        return [*known, not_asked("behaviour", NO_BASELINE), not_asked("size", NO_BASELINE)]
    if policy.budgets.size is None:
        return [*known, not_asked("size", NO_BUDGET)]
    return [*known, checks.size(candidate.manifest, baseline.manifest, policy.budgets.size)]


def _load(
    candidate: CheckedBundle,
    baseline: CheckedBundle | None,
    policy: GatePolicy,
    nearest: PreparedEnvironment,
    progress: Progress,
    options: RunOptions,
) -> Check:
    if baseline is None or policy.budgets.load is None:
        return not_asked("load", NO_BASELINE if baseline is None else NO_BUDGET)
    if isinstance(nearest, FailedEnvironment):
        return not_run("load", checks.could_not_be_made(nearest))
    try:
        times = measure_load_times(candidate.path, baseline.path, nearest, progress=progress, options=options)
    except BertBundleError as error:
        return not_run("load", f"one of the two could not be loaded: {error.message}")
    return checks.load(times, policy.budgets.load)
