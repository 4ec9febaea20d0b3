"""The bisection: the smallest set of upgrades between two environments that changes the verdict on a bundle.

Owns the order of the work. Does not know how the result is shown.

    good, bad -> replay in both -> units of upgrades -> make, replay in, remove mixtures -> culprits -> (release)
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from packaging.version import Version

from bert_bundle import errors
from bert_bundle.errors import ConfigError
from bert_bundle.host.runs.verdict import Verdict
from bert_bundle.host.upgrades import package_differences
from bert_bundle.host.upgrades.delta_debugging import Found, TestAnswer, smallest_failing_set
from bert_bundle.host.upgrades.mixture import missing_wheels, mixture, releases_between, with_release
from bert_bundle.host.upgrades.package_differences import PackageChange, Unit
from bert_bundle.host.upgrades.trials import BisectTrials, TrialResult
from bert_bundle.host.upgrades.upgrade import LockedEnvironment
from bert_bundle.interpreter.known_breakages import PYTHON


@dataclass(frozen=True, kw_only=True)
class FirstRelease:
    """The two releases of a package between which the verdict changes; there is none between them if `exact`.

    `package_changes` are the other packages that had to change with the first bad release.
    """

    package: str
    last_good: str
    first_bad: str
    exact: bool
    package_changes: tuple[PackageChange, ...]
    steps: tuple[TrialResult, ...]


@dataclass(frozen=True, kw_only=True)
class Bisection:
    """The result of a bisection.

    units     what differs, in units that can be upgraded separately
    culprits  groups that together change the verdict; the members of a group could not be told apart
    needed    what the culprits cannot be upgraded without, and that changes nothing by itself
    interrupted  whether the search was cut short: `steps` are those made by then, and there may be no culprits
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
    interrupted: bool = False

    @property
    def changes(self) -> int:
        """Return the number of packages that differ."""
        return sum(len(unit.changes) for unit in self.units)

    @property
    def environments(self) -> int:
        """Return the number of environments that were replayed in, the two ends included."""
        tried = [*self.steps, *(self.release.steps if self.release else ())]
        return 2 + sum(step.verdict.grade != "not run" for step in tried)

    @property
    def exit_code(self) -> int:
        """Return "as expected" if the culprit was found, otherwise "something did not run" or "interrupted"."""
        if self.interrupted:
            return errors.INTERRUPTED
        found = self.exact and (self.release is None or self.release.exact)
        return errors.AS_EXPECTED if found else errors.NOT_RUN


_NOTHING_YET: Found[str] = Found(culprits=(), needed=(), tests=0, exhausted=False)


def bisect(
    good: LockedEnvironment, bad: LockedEnvironment, trials: BisectTrials, *, releases: bool = False
) -> Bisection:
    """Find the smallest set of upgrades from `good` to `bad` that changes the verdict on the bundle.

    An interrupt after the two ends were replayed ends it with what was found so far. Raises BundleError for a damaged
    bundle, EnvironmentNotMadeError if one of the two cannot be made, and ConfigError if there is nothing to bisect.
    """
    if good.environment.runtime != bad.environment.runtime:
        raise ConfigError(
            "the two environments have different runtimes, which no upgrade changes",
            wanted=good.environment.runtime,
            found=bad.environment.runtime,
            fix="name two environments with the same runtime",
        )
    (ready_good, before), (ready_bad, after) = trials.ends(good, bad)
    sides = package_differences.side(ready_good), package_differences.side(ready_bad)
    wheels = missing_wheels((good, sides[0]), (bad, sides[1]))
    changed, needs = package_differences.changes(*sides), package_differences.needs(*sides, wheels)
    first = [*good.environment.pins, *bad.environment.pins]
    units = {unit.name: unit for unit in package_differences.units(changed, needs, first)}
    trials.progress(f"{before.grade} -> {after.grade}: {len(changed)} packages differ, in {len(units)} units")
    steps: list[TrialResult] = []

    def test(chosen: frozenset[str], left: int) -> TestAnswer:
        upgraded = [unit for unit in units.values() if unit.name in chosen]
        names = [unit.name for unit in upgraded]
        digest = hashlib.sha256(" ".join(names).encode()).hexdigest()[:8]
        name = f"mixed-{len(names)}-of-{len(units)}-{digest}"
        mixed = partial(mixture, good, bad, upgraded, name)
        steps.append(trials.step(len(steps) + 1, left, after, names, mixed))
        return steps[-1].answer

    found, release, interrupted = _NOTHING_YET, None, False
    try:
        found = smallest_failing_set(list(units), {name: unit.needs for name, unit in units.items()}, test)
        if releases and found.exact:
            release = _release(good, bad, *_named(found, units), trials, after)
    except KeyboardInterrupt:
        interrupted = True
    culprits, needed = _named(found, units)
    return Bisection(
        bundle=trials.bundle,
        tolerance=trials.options.tolerances.double,
        good=before,
        bad=after,
        units=tuple(units.values()),
        steps=tuple(steps),
        culprits=culprits,
        needed=needed,
        exact=found.exact,
        exhausted=found.exhausted,
        release=release,
        interrupted=interrupted,
    )


def _named(found: Found[str], units: Mapping[str, Unit]) -> tuple[tuple[tuple[Unit, ...], ...], tuple[Unit, ...]]:
    """Return the units of the culprits, and those that they need."""
    culprits = tuple(tuple(units[name] for name in group) for group in found.culprits)
    return culprits, tuple(units[name] for name in found.needed)


def _release(
    good: LockedEnvironment,
    bad: LockedEnvironment,
    culprits: Sequence[Sequence[Unit]],
    needed: Sequence[Unit],
    trials: BisectTrials,
    after: Verdict,
) -> FirstRelease | None:
    """Return the first bad release of the package that the only culprit is named after, or None."""
    change = _leading(culprits[0][0]) if len(culprits) == 1 else None
    if change is None or change.before is None or change.after is None:
        trials.progress("no release to name: the culprit is not a single package that both environments have")
        return None
    base = mixture(good, bad, needed, "needed-alone")
    between = releases_between(base.environment, change.package, change.before, change.after)
    if Version(change.before) > Version(change.after):
        between.reverse()
    versions = [change.before, *between, change.after]
    trials.progress(f"{len(between)} releases of {change.package} between {change.before} and {change.after}")
    pins = {
        change.before: base.lock.pins,
        change.after: mixture(good, bad, [*needed, *culprits[0]], "culprit").lock.pins,
    }
    steps: list[TrialResult] = []

    def locked(version: str) -> LockedEnvironment:
        environment = with_release(base, change.package, version, f"{change.package}-{version}")
        pins[version] = environment.lock.pins
        return environment

    def test(chosen: frozenset[int], left: int) -> TestAnswer:
        version = versions[len(chosen)]
        upgraded = [f"{change.package}=={version}"]
        steps.append(trials.step(len(steps) + 1, left, after, upgraded, partial(locked, version)))
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
    """Return the change of the package that a unit is named after; None for the interpreter."""
    return next((c for c in unit.changes if c.package == unit.name != PYTHON), None)
