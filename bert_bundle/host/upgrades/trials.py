"""The trials of a bisection: environments that are made, replayed in and removed, and what counts as good or bad.

Does not know what is searched for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bert_bundle.errors import ConfigError, EnvironmentNotMadeError
from bert_bundle.grading.grades import GRADES, SAME
from bert_bundle.host.environments.environment import ReadyEnvironment, make
from bert_bundle.host.environments.forecast import check_space
from bert_bundle.host.environments.prepare import TemporaryEnvironment, opened
from bert_bundle.host.runs.executor import Executor
from bert_bundle.host.runs.outcome import sentence
from bert_bundle.host.runs.run import audit
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.host.runs.verdict import Verdict
from bert_bundle.host.upgrades.delta_debugging import TestAnswer
from bert_bundle.host.upgrades.upgrade import LockedEnvironment
from bert_bundle.interpreter import known_breakages
from bert_bundle.progress import Progress


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """One environment that was tried: what was upgraded in it, and the result."""

    upgraded: tuple[str, ...]
    answer: TestAnswer
    verdict: Verdict


class BisectTrials:
    """Replays a bundle in one environment after another."""

    def __init__(
        self, bundle: Path, *, executor: Executor, progress: Progress, options: RunOptions, keep: bool
    ) -> None:
        self.bundle, self.options, self.progress = bundle, options, progress
        self._executor, self._keep = executor, keep
        self._broken_at_ends: set[known_breakages.Rule] = set()  # a rule that a row breaks does not rule out mixtures

    def ends(
        self, good: LockedEnvironment, bad: LockedEnvironment
    ) -> tuple[tuple[ReadyEnvironment, Verdict], tuple[ReadyEnvironment, Verdict]]:
        """Make both rows and return them with their verdicts.

        Raises EnvironmentNotMadeError if one cannot be made, ConfigError if they are not one good and one bad.
        """
        for locked in (good, bad):
            self._broken_at_ends.update(known_breakages.broken_rules(locked.environment.runtime, locked.lock.pins))
        check_space([(locked.environment, locked.lock) for locked in (good, bad)], self.progress)
        ends = [make(locked.environment, locked.lock, progress=self.progress) for locked in (good, bad)]
        before, after = found = self._audit(ends)
        if before.grade not in SAME or after.grade in SAME or after.grade not in GRADES:
            raise ConfigError(
                "there is nothing to bisect",
                place=self.bundle,
                wanted=f"--good: {' or '.join(SAME)}; --bad: one of {', '.join(g for g in GRADES if g not in SAME)}",
                found="; ".join(f"{v.reader}: {v.grade}, {v.reason}" for v in found),
                fix="name other environments, or another tolerance with --tolerance",
            )
        return (ends[0], before), (ends[1], after)

    def step(
        self, number: int, left: int, bad: Verdict, upgraded: Sequence[str], locked: Callable[[], LockedEnvironment]
    ) -> TrialResult:
        """Try one more environment, of at most `left`; one that cannot be made is unresolved."""
        what = upgraded[0] if len(upgraded) == 1 else f"{len(upgraded)} upgrades"
        self.progress(f"step {number} of at most {number + left - 1}: {what}")
        try:
            verdict = self._verdict(locked())
        except EnvironmentNotMadeError as error:
            verdict = self._not_run(what, sentence(error))
        answer: TestAnswer = "good" if verdict.grade in SAME else "bad" if verdict.grade == bad.grade else "unresolved"
        self.progress(f"step {number}: {answer}: {verdict.grade}, {verdict.reason}")
        return TrialResult(upgraded=tuple(upgraded), answer=answer, verdict=verdict)

    def _verdict(self, locked: LockedEnvironment) -> Verdict:
        """Replay in a temporary environment; the verdict is "not run" if it could not be made."""
        runtime, pins = locked.environment.runtime, locked.lock.pins
        broken = [rule for rule in known_breakages.broken_rules(runtime, pins) if rule not in self._broken_at_ends]
        if broken:
            return self._not_run(locked.environment.id, f"known not to work: {broken[0].why}")
        temporary = TemporaryEnvironment(environment=locked.environment, lock=locked.lock, kept=self._keep)
        with opened(temporary, self.progress) as environment:
            if environment.error is not None:
                return self._not_run(environment.id, sentence(environment.error))
            return self._audit([environment])[0]

    def _not_run(self, reader: str, reason: str) -> Verdict:
        return Verdict(bundle=self.bundle, writer="", reader=reader, grade="not run", as_expected=False, reason=reason)

    def _audit(self, environments: Sequence[ReadyEnvironment]) -> Sequence[Verdict]:
        run = audit(self.bundle, environments, executor=self._executor, progress=self.progress, options=self.options)
        if run.interrupted:
            raise KeyboardInterrupt
        return run.verdicts
