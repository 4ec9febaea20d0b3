"""The packages that differ between two environments, in units that can be upgraded separately.

Owns which packages must be upgraded together and why, by their metadata and by known facts that metadata lacks. Does
not know how a mixture of the two environments is made.

If a requirement breaks when only one of two packages is upgraded, that package needs the other. A set closed under
these needs breaks no requirement. Packages that need each other are one unit.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata

from packaging.markers import Marker, default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.locks import SAME_FILES
from bert_bundle.interpreter.known_breakages import COMPILED_FOR_NUMPY, PYTHON, version_numbers


@dataclass(frozen=True, kw_only=True)
class Package:
    """A distribution as described by its metadata; a `compiled` one works with one Python only."""

    version: str
    requires: tuple[Requirement, ...] = ()
    requires_python: str = ""
    compiled: bool = False


Side = Mapping[str, Package]  # canonical name -> package of one environment, PYTHON included


@dataclass(frozen=True, kw_only=True)
class PackageChange:
    """A package whose version differs; None where it is not installed."""

    package: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"{self.package} {self.before or 'none'} -> {self.after or 'none'}"


@dataclass(frozen=True, kw_only=True)
class Need:
    """The reason why `package` cannot be upgraded without `other`."""

    package: str
    other: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Unit:
    """Packages that are upgraded together.

    together  the reasons
    needs     the names of the units that it cannot be upgraded without
    """

    name: str
    changes: tuple[PackageChange, ...]
    together: tuple[Need, ...]
    needs: frozenset[str]


def side(environment: ReadyEnvironment) -> Side:
    """Return the packages of an environment, read from its files; nothing there is imported or run."""
    (site,) = environment.python.parents[1].glob("lib/python*/site-packages")
    minor = ".".join(environment.python_version.split(".")[:2])
    installed = metadata.distributions(path=[str(site)])
    return {PYTHON: Package(version=minor), **{canonicalize_name(d.metadata["Name"]): _package(d) for d in installed}}


def needs(good: Side, bad: Side, wheels: Sequence[Need] = ()) -> tuple[Need, ...]:
    """Return what cannot be upgraded without what; `wheels` are the needs that only a package index knows."""
    differ = {change.package for change in changes(good, bad)}
    found = [*wheels, *_by_python(good, bad), *_not_declared(good, bad), *_required(good, bad, differ)]
    return tuple(need for need in dict.fromkeys(found) if {need.package, need.other} <= differ)


def changes(good: Side, bad: Side) -> tuple[PackageChange, ...]:
    """Return every package that differs, by name."""
    before, after = ({name: package.version for name, package in side.items()} for side in (good, bad))
    return package_changes(before, after)


def package_changes(
    before: Mapping[str, str], after: Mapping[str, str], *, but: Collection[str] = ()
) -> tuple[PackageChange, ...]:
    """Return every package whose version differs, except `but`, by name."""
    return tuple(
        PackageChange(package=name, before=before.get(name), after=after.get(name))
        for name in sorted({**before, **after})
        if before.get(name) != after.get(name) and name not in but
    )


def units(changed: Sequence[PackageChange], because: Sequence[Need], first: Sequence[str] = ()) -> tuple[Unit, ...]:
    """Return the units, each after those that it needs, and named by its package that is earliest in `first`."""
    names = [change.package for change in changed]
    reach = {name: {name} for name in names}
    for _ in names:  # the longest possible chain
        for need in because:
            reach[need.package] |= reach[need.other]
    members = {name: [other for other in names if other in reach[name] and name in reach[other]] for name in names}
    unit_of = {name: min(members[name], key=lambda n: (_position(n, first), n)) for name in names}

    def unit(name: str) -> Unit:
        inside = set(members[name])
        return Unit(
            name=name,
            changes=tuple(change for change in changed if change.package in inside),
            together=tuple(need for need in because if {need.package, need.other} <= inside),
            needs=frozenset(unit_of[other] for other in reach[name] - inside),
        )

    found = [unit(name) for name in dict.fromkeys(unit_of[n] for n in names)]
    return tuple(sorted(found, key=lambda u: len(reach[u.name])))  # a unit reaches more than the units that it needs


def _position(name: str, first: Sequence[str]) -> int:
    return first.index(name) if name in first else len(first)


def _required(good: Side, bad: Side, differ: set[str]) -> Iterator[Need]:
    """Yield a need for each requirement that holds on its side and breaks with the other side's version."""
    pythons = {side[PYTHON].version for side in (good, bad)}
    for this, that, of_bad in ((good, bad, False), (bad, good, True)):
        for package in sorted(differ & this.keys()):
            for requirement in this[package].requires:
                other = _named(requirement, this, that)
                if other not in differ or _broken(requirement, other, this, pythons):
                    continue
                if _broken(requirement, other, that, pythons):
                    one, two = (package, other) if of_bad else (other, package)
                    why = f"{package} {this[package].version} requires {requirement.name}{requirement.specifier}"
                    yield Need(package=one, other=two, why=why)


def _by_python(good: Side, bad: Side) -> Iterator[Need]:
    """Yield a need for each release that does not support the Python of the other side."""
    for this, that, of_bad in ((good, bad, False), (bad, good, True)):
        for name, package in this.items():
            if not _holds(package.requires_python, that[PYTHON].version):
                one, two = (name, PYTHON) if of_bad else (PYTHON, name)
                why = f"{name} {package.version} requires Python {package.requires_python}"
                yield Need(package=one, other=two, why=why)


def _not_declared(good: Side, bad: Side) -> Iterator[Need]:
    """Yield the needs that no metadata declares."""
    for one, other in SAME_FILES:
        for pair in ((one, other), (other, one)):
            if pair[0] in good and pair[1] in bad:
                why = f"{pair[0]} and {pair[1]} install different files under the same names"
                yield Need(package=pair[0], other=pair[1], why=why)
                yield Need(package=pair[1], other=pair[0], why=why)
    before, after = (version_numbers({n: p.version for n, p in s.items()}, "numpy")[:1] for s in (good, bad))
    for name in COMPILED_FOR_NUMPY if before and after and before != after else ():
        newer, older = ("numpy", name) if before < after else (name, "numpy")
        yield Need(package=newer, other=older, why=f"{name} for NumPy 1 crashes on import with NumPy 2")


def _named(requirement: Requirement, this: Side, that: Side) -> str:
    """Return the package that a requirement is about; of one with two builds the one that both sides have."""
    name = canonicalize_name(requirement.name)
    builds = next((pair for pair in SAME_FILES if name in pair), (name,))
    return next((build for build in builds if build in this and build in that), name)


def _broken(requirement: Requirement, other: str, side: Side, pythons: set[str]) -> bool:
    """Return whether `side` breaks the requirement, on either of the two Pythons."""
    if not any(_applies(requirement.marker, python) for python in pythons):
        return False
    return other not in side or not requirement.specifier.contains(side[other].version, prereleases=True)


def _applies(marker: Marker | None, python: str) -> bool:
    values = {**default_environment(), "python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    return marker is None or marker.evaluate({k: str(v) for k, v in values.items()})


def _holds(specifier: str, version: str) -> bool:
    try:
        # As its newest patch release: `>=3.9.1` does not contain 3.9.
        return SpecifierSet(specifier).contains(f"{version}.99")
    except InvalidSpecifier:
        return True


def _package(distribution: metadata.Distribution) -> Package:
    wheel = distribution.read_text("WHEEL") or ""
    return Package(
        version=distribution.version,
        requires=tuple(_requirements(distribution.requires or ())),
        requires_python=str(distribution.metadata.json.get("requires_python", "")),
        compiled=bool(re.search(r"^Tag: cp\d+-(?!abi3|none)", wheel, re.MULTILINE)),
    )


def _requirements(texts: Sequence[str]) -> Iterator[Requirement]:
    for text in texts:
        try:
            yield Requirement(text)
        except InvalidRequirement:  # in the metadata of an old package: nothing can check it
            continue
