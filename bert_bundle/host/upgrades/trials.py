"""Where a bundle is replayed in one derived environment after another: made, replayed in, removed. Owns what an answer
is; knows nothing of what is searched for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bert_bundle.errors import ConfigError, EnvironmentNotMadeError
from bert_bundle.grading.grades import GRADES, SAME
from bert_bundle.host.environments.environment import ReadyEnvironment, make
from bert_bundle.host.environments.prepare import FailedEnvironment, TemporaryEnvironment, opened
from bert_bundle.host.runs.executor import Executor
from bert_bundle.host.runs.outcome import sentence
from bert_bundle.host.runs.run import audit
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.host.runs.verdict import Verdict
from bert_bundle.host.upgrades.delta_debugging import TestAnswer
from bert_bundle.host.upgrades.upgrade import LockedEnvironment
from bert_bundle.host.workers.worker import Progress
from bert_bundle.interpreter import known_breakages


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """One environment that was tried: what was upgraded in it, and what came of that."""

    upgraded: tuple[str, ...]
    answer: TestAnswer
    verdict: Verdict


class BisectTrials:
    """Where a bundle is replayed in one environment after another."""

    def __init__(self, bundle: Path, *, executor: Executor, progress: Progress, terms: RunOptions, keep: bool) -> None:
        self.bundle, self.terms, self.progress = bundle, terms, progress
        self._executor, self._keep = executor, keep
        self._of_the_ends: set[known_breakages.Rule] = (
            set()
        )  # what speaks against a row does not speak against a mixture alone

    def ends(
        self, good: LockedEnvironment, bad: LockedEnvironment
    ) -> tuple[tuple[ReadyEnvironment, Verdict], tuple[ReadyEnvironment, Verdict]]:
        """Both rows, made to stay, and the verdicts on them.

        Raises EnvironmentNotMadeError; and ConfigError where the verdicts are not those of a good and a bad one.
        """
        for locked in (good, bad):
            self._of_the_ends.update(known_breakages.broken_rules(locked.environment.runtime, locked.lock.pins))
        made = [self._made(locked) for locked in (good, bad)]
        found = self._audit(made)
        before, after = found
        if before.grade not in SAME or after.grade in SAME or after.grade not in GRADES:
            raise ConfigError(
                "there is nothing to bisect",
                place=self.bundle,
                wanted=f"--good: {' or '.join(SAME)}; --bad: one of {', '.join(g for g in GRADES if g not in SAME)}",
                found="; ".join(f"{v.reader}: {v.grade}, {v.reason}" for v in found),
                fix="name other environments, or another bound with --tolerance",
            )
        return (made[0], before), (made[1], after)

    def step(
        self, number: int, left: int, bad: Verdict, upgraded: Sequence[str], locked: Callable[[], LockedEnvironment]
    ) -> TrialResult:
        """The answer of one more environment; `left` more at most, it among them. What cannot be made has none."""
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
        """On a derived environment, made for it and removed after it; "not run" where it could not be made."""
        runtime, pins = locked.environment.runtime, locked.lock.pins
        against = [rule for rule in known_breakages.broken_rules(runtime, pins) if rule not in self._of_the_ends]
        if against:
            return self._not_run(locked.environment.id, f"known not to work: {against[0].why}")
        fleeting = TemporaryEnvironment(environment=locked.environment, lock=locked.lock, kept=self._keep)
        with opened(fleeting, self.progress) as place:
            if isinstance(place, FailedEnvironment):
                return self._not_run(place.id, sentence(place.error))
            return self._audit([place])[0]

    def _not_run(self, reader: str, reason: str) -> Verdict:
        return Verdict(
            bundle=self.bundle, writer="", reader=reader, grade="not run", as_expected=False, reason=reason
        )  # fmt: skip

    def _audit(self, places: Sequence[ReadyEnvironment]) -> Sequence[Verdict]:
        return audit(
            self.bundle, places, executor=self._executor, progress=self.progress, terms=self.terms
        ).verdicts  # fmt: skip

    def _made(self, locked: LockedEnvironment) -> ReadyEnvironment:
        return make(locked.environment, locked.lock, progress=self.progress)
