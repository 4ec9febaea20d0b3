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
from bert_bundle.matrix import derived, upgrades
from bert_bundle.matrix.bench import Bench, Step
from bert_bundle.matrix.delta import Answer, smallest
from bert_bundle.matrix.derived import Locked
from bert_bundle.matrix.upgrades import Change, Unit
from bert_bundle.matrix.verdict import Verdict
from bert_bundle.rules import PYTHON


@dataclass(frozen=True, kw_only=True)
class FirstRelease:
    """Between which two releases of a package the verdict changes; they are neighbours where `exact`.

    `moved` is what else differs between the environments of the two: what had to move with the first bad one.
    """

    package: str
    last_good: str
    first_bad: str
    exact: bool
    moved: tuple[Change, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class Bisection:
    """What was found.

    units    what differs, in units that can be upgraded by themselves
    culprits all of these together change the verdict; a group of several could not be told apart
    needed   what they cannot be upgraded without, and changes nothing
    """

    bundle: Path
    double: float
    good: Verdict
    bad: Verdict
    units: tuple[Unit, ...]
    steps: tuple[Step, ...]
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


def bisect(good: Locked, bad: Locked, bench: Bench, *, releases: bool = False) -> Bisection:
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
    sides = upgrades.side(made_good), upgrades.side(made_bad)
    first = [*good.environment.pins, *bad.environment.pins]
    wheels = derived.wheels((good, sides[0]), (bad, sides[1]))
    units = {u.name: u for u in upgrades.units(upgrades.changes(*sides), upgrades.needs(*sides, wheels), first)}
    total = sum(len(unit.changes) for unit in units.values())
    bench.progress(f"{before.grade} -> {after.grade}: {total} packages differ, in {len(units)} units")
    steps: list[Step] = []

    def test(chosen: frozenset[str], left: int) -> Answer:
        upgraded = [unit for unit in units.values() if unit.name in chosen]
        names = [unit.name for unit in upgraded]
        digest = hashlib.sha256(" ".join(names).encode()).hexdigest()[:8]
        name = f"mixed-{len(names)}-of-{len(units)}-{digest}"
        mixture = partial(derived.mixed, good, bad, upgraded, name)
        steps.append(bench.step(len(steps) + 1, left, after, names, mixture))
        return steps[-1].answer

    found = smallest(list(units), {name: unit.needs for name, unit in units.items()}, test)
    culprits = tuple(tuple(units[name] for name in group) for group in found.culprits)
    needed = tuple(units[name] for name in found.needed)
    return Bisection(
        bundle=bench.bundle,
        double=bench.terms.policy.double,
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
    good: Locked,
    bad: Locked,
    culprits: Sequence[Sequence[Unit]],
    needed: Sequence[Unit],
    bench: Bench,
    after: Verdict,
) -> FirstRelease | None:
    """The first bad release of the package that the only culprit is called after; None where there is none to name."""
    change = _leading(culprits[0][0]) if len(culprits) == 1 else None
    if change is None or change.before is None or change.after is None:
        bench.progress("no release to name: not one package is to blame that both environments have")
        return None
    base = derived.mixed(good, bad, needed, "needed-alone")
    between = derived.releases(base.environment, change.package, change.before, change.after)
    if Version(change.before) > Version(change.after):
        between.reverse()
    versions = [change.before, *between, change.after]
    bench.progress(f"{len(between)} releases of {change.package} between {change.before} and {change.after}")
    pins = {
        change.before: base.lock.pins,
        change.after: derived.mixed(good, bad, [*needed, *culprits[0]], "culprit").lock.pins,
    }
    steps: list[Step] = []

    def locked(version: str) -> Locked:
        made = derived.released(base, change.package, version, f"{change.package}-{version}")
        pins[version] = made.lock.pins
        return made

    def test(chosen: frozenset[int], left: int) -> Answer:
        version = versions[len(chosen)]
        upgraded = [f"{change.package}=={version}"]
        steps.append(bench.step(len(steps) + 1, left, after, upgraded, partial(locked, version)))
        return steps[-1].answer

    ladder = {rung: frozenset(range(rung)) for rung in range(len(versions) - 1)}
    found = smallest(list(ladder), ladder, test)
    rungs = [rung for group in found.culprits for rung in group]
    last_good, first_bad = versions[rungs[0]], versions[rungs[-1] + 1]
    return FirstRelease(
        package=change.package,
        last_good=last_good,
        first_bad=first_bad,
        exact=found.exact,
        moved=upgrades.moved(pins[last_good], pins[first_bad], but=[change.package]),
        steps=tuple(steps),
    )


def _leading(unit: Unit) -> Change | None:
    """The change of the package that a unit is called after; an interpreter has no releases here."""
    return next((c for c in unit.changes if c.package == unit.name != PYTHON), None)
