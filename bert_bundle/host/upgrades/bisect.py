"""Which upgrade changed the predictions: owns the order of the work, from two environments to the smallest set of
upgrades that turns one into the other, as far as a bundle can tell. Knows nothing of how it is shown.

    good, bad -> replayed in both -> units of upgrades -> mixtures made, replayed, removed -> culprits -> (release)
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from packaging.version import Version

from bert_bundle import errors
from bert_bundle.errors import ConfigError
from bert_bundle.host.runs.verdict import Verdict
from bert_bundle.host.upgrades import package_differences, upgrade
from bert_bundle.host.upgrades.delta_debugging import TestAnswer, smallest_failing_set
from bert_bundle.host.upgrades.package_differences import PackageChange, Unit
from bert_bundle.host.upgrades.trials import BisectTrials, TrialResult
from bert_bundle.host.upgrades.upgrade import LockedEnvironment
from bert_bundle.interpreter.known_breakages import PYTHON


@dataclass(frozen=True, kw_only=True)
class FirstRelease:
    """Between which two releases of a package the verdict changes; they are neighbours where `exact`.

    `package_changes` is what else differs between the environments of the two: what had to move with the first bad one.
    """

    package: str
    last_good: str
    first_bad: str
    exact: bool
    package_changes: tuple[PackageChange, ...]
    steps: tuple[TrialResult, ...]


@dataclass(frozen=True, kw_only=True)
class Bisection:
    """What was found.

    units    what differs, in units that can be upgraded by themselves
    culprits all of these together change the verdict; a group of several could not be told apart
    needed   what they cannot be upgraded without, and changes nothing
    """

    bundle: Path
    tolerance: float
    good: Verdict
    bad: Verdict
    units: tuple[Unit, ...]
    steps: tuple[TrialResult, ...]
    culprits: tuple[tuple[Unit, ...], ...]
    needed: tuple[Unit, ...]
    exact: bool
    exhausted: bool
    release: FirstRelease | None = None

    @property
    def changes(self) -> int:
        """Packages that differ."""
        return sum(len(unit.changes) for unit in self.units)

    @property
    def environments(self) -> int:
        """How many were asked, the two ends among them; what could not be made, or need not be, is not counted."""
        tried = [*self.steps, *(self.release.steps if self.release else ())]
        return 2 + sum(step.verdict.grade != "not run" for step in tried)

    @property
    def exit_code(self) -> int:
        """Whether the culprit was found, or something that did not run is in the way."""
        found = self.exact and (self.release is None or self.release.exact)
        return errors.AS_EXPECTED if found else errors.NOT_RUN


def bisect(
    good: LockedEnvironment, bad: LockedEnvironment, bench: BisectTrials, *, releases: bool = False
) -> Bisection:
    """The smallest set of upgrades from `good` to `bad` that changes the verdict on the bundle.

    Raises BundleError for a bundle that is damaged, EnvironmentNotMadeError where one of the two cannot be made, and
    ConfigError where there is nothing to bisect.
    """
    if good.environment.runtime != bad.environment.runtime:
        raise ConfigError(
            "the two environments are of different runtimes: no upgrade leads from one to the other",
            wanted=good.environment.runtime, found=bad.environment.runtime, fix="name two of one runtime",
        )  # fmt: skip
    (made_good, before), (made_bad, after) = bench.ends(good, bad)
    sides = package_differences.side(made_good), package_differences.side(made_bad)
    first = [*good.environment.pins, *bad.environment.pins]
    wheels = upgrade.wheels((good, sides[0]), (bad, sides[1]))
    units = {
        u.name: u
        for u in package_differences.units(
            package_differences.changes(*sides), package_differences.needs(*sides, wheels), first
        )
    }
    total = sum(len(unit.changes) for unit in units.values())
    bench.progress(f"{before.grade} -> {after.grade}: {total} packages differ, in {len(units)} units")
    steps: list[TrialResult] = []

    def test(chosen: frozenset[str], left: int) -> TestAnswer:
        upgraded = [unit for unit in units.values() if unit.name in chosen]
        names = [unit.name for unit in upgraded]
        digest = hashlib.sha256(" ".join(names).encode()).hexdigest()[:8]
        name = f"mixed-{len(names)}-of-{len(units)}-{digest}"
        mixture = partial(upgrade.mixture, good, bad, upgraded, name)
        steps.append(bench.step(len(steps) + 1, left, after, names, mixture))
        return steps[-1].answer

    found = smallest_failing_set(list(units), {name: unit.needs for name, unit in units.items()}, test)
    culprits = tuple(tuple(units[name] for name in group) for group in found.culprits)
    needed = tuple(units[name] for name in found.needed)
    return Bisection(
        bundle=bench.bundle,
        tolerance=bench.terms.policy.double,
        good=before,
        bad=after,
        units=tuple(units.values()),
        steps=tuple(steps),
        culprits=culprits,
        needed=needed,
        exact=found.exact,
        exhausted=found.exhausted,
        release=_release(good, bad, culprits, needed, bench, after) if releases and found.exact else None,
    )


def _release(
    good: LockedEnvironment,
    bad: LockedEnvironment,
    culprits: Sequence[Sequence[Unit]],
    needed: Sequence[Unit],
    bench: BisectTrials,
    after: Verdict,
) -> FirstRelease | None:
    """The first bad release of the package that the only culprit is called after; None where there is none to name."""
    change = _leading(culprits[0][0]) if len(culprits) == 1 else None
    if change is None or change.before is None or change.after is None:
        bench.progress("no release to name: not one package is to blame that both environments have")
        return None
    base = upgrade.mixture(good, bad, needed, "needed-alone")
    between = upgrade.releases(base.environment, change.package, change.before, change.after)
    if Version(change.before) > Version(change.after):
        between.reverse()
    versions = [change.before, *between, change.after]
    bench.progress(f"{len(between)} releases of {change.package} between {change.before} and {change.after}")
    pins = {
        change.before: base.lock.pins,
        change.after: upgrade.mixture(good, bad, [*needed, *culprits[0]], "culprit").lock.pins,
    }
    steps: list[TrialResult] = []

    def locked(version: str) -> LockedEnvironment:
        made = upgrade.with_release(base, change.package, version, f"{change.package}-{version}")
        pins[version] = made.lock.pins
        return made

    def test(chosen: frozenset[int], left: int) -> TestAnswer:
        version = versions[len(chosen)]
        upgraded = [f"{change.package}=={version}"]
        steps.append(bench.step(len(steps) + 1, left, after, upgraded, partial(locked, version)))
        return steps[-1].answer

    ladder = {rung: frozenset(range(rung)) for rung in range(len(versions) - 1)}
    found = smallest_failing_set(list(ladder), ladder, test)
    rungs = [rung for group in found.culprits for rung in group]
    last_good, first_bad = versions[rungs[0]], versions[rungs[-1] + 1]
    return FirstRelease(
        package=change.package,
        last_good=last_good,
        first_bad=first_bad,
        exact=found.exact,
        package_changes=package_differences.package_changes(pins[last_good], pins[first_bad], but=[change.package]),
        steps=tuple(steps),
    )


def _leading(unit: Unit) -> PackageChange | None:
    """The change of the package that a unit is called after; an interpreter has no releases here."""
    return next((c for c in unit.changes if c.package == unit.name != PYTHON), None)
