"""What differs between two environments, in units that can be upgraded by themselves, and what each of them needs.

Owns which packages must move together, and why: by their own metadata, and by what that does not say. Refuses to know
how a mixture of the two is made.

Every requirement of a package is about one other. That it is broken where one of the two has moved says that this one
needs the other: sets that hold all that their members need break none. Packages that need each other are one unit.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker, default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.locks import SAME_FILES
from bert_bundle.interpreter.known_breakages import PYTHON, version_numbers

# Built for NumPy 1, these die of NumPy 2 when they are imported, and most of them do not ask for less.
_BUILT_ON_NUMPY = ("h5py", "jaxlib", "ml-dtypes", "pandas", "scipy", "tensorflow", "tensorflow-cpu")


@dataclass(frozen=True, kw_only=True)
class Package:
    """A distribution as its metadata describes it; `compiled` is for one Python alone."""

    version: str
    requires: tuple[Requirement, ...] = ()
    requires_python: str = ""
    compiled: bool = False


Side = Mapping[str, Package]  # canonical name -> what an environment has of it, PYTHON among them


@dataclass(frozen=True, kw_only=True)
class PackageChange:
    """A package that differs; None where it is not there."""

    package: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"{self.package} {self.before or 'none'} -> {self.after or 'none'}"


@dataclass(frozen=True, kw_only=True)
class Need:
    """Why `package` cannot move without `other`."""

    package: str
    other: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Unit:
    """Packages that move together. `together` says why each pair does; `needs` are the names of other units."""

    name: str
    changes: tuple[PackageChange, ...]
    together: tuple[Need, ...]
    needs: frozenset[str]


def side(made: ReadyEnvironment) -> Side:
    """What the environment holds, read from the files in it; nothing there is imported or run."""
    (site,) = made.python.parents[1].glob("lib/python*/site-packages")
    minor = ".".join(made.python_version.split(".")[:2])
    return {PYTHON: Package(version=minor), **{name: _read(d) for name, d in _held(site)}}


def needs(good: Side, bad: Side, wheels: Sequence[Need] = ()) -> tuple[Need, ...]:
    """What cannot move without what; `wheels` is what only an index knows: which Pythons a release has files for."""
    differ = {change.package for change in changes(good, bad)}
    found = [*wheels, *_by_python(good, bad), *_unsaid(good, bad), *_required(good, bad, differ)]
    return tuple(need for need in dict.fromkeys(found) if {need.package, need.other} <= differ)


def changes(good: Side, bad: Side) -> tuple[PackageChange, ...]:
    """Every package that differs, by name."""
    before, after = ({name: package.version for name, package in side.items()} for side in (good, bad))
    return package_changes(before, after)


def package_changes(
    before: Mapping[str, str], after: Mapping[str, str], *, but: Collection[str] = ()
) -> tuple[PackageChange, ...]:
    """Every package whose version differs, by name, `but` these."""
    return tuple(
        PackageChange(package=name, before=before.get(name), after=after.get(name))
        for name in sorted({**before, **after})
        if before.get(name) != after.get(name) and name not in but
    )


def units(differing: Sequence[PackageChange], because: Sequence[Need], first: Sequence[str] = ()) -> tuple[Unit, ...]:
    """The units, each after those that it needs. One is called after its package that stands earliest in `first`."""
    names = [change.package for change in differing]
    reach = {name: {name} for name in names}
    for _ in names:  # as often as the longest chain could be
        for need in because:
            reach[need.package] |= reach[need.other]
    members = {name: [other for other in names if other in reach[name] and name in reach[other]] for name in names}
    chosen = {name: min(members[name], key=lambda n: (_position(n, first), n)) for name in names}

    def unit(name: str) -> Unit:
        inside = set(members[name])
        return Unit(
            name=name,
            changes=tuple(change for change in differing if change.package in inside),
            together=tuple(need for need in because if {need.package, need.other} <= inside),
            needs=frozenset(chosen[other] for other in reach[name] - inside),
        )

    made = [unit(name) for name in dict.fromkeys(chosen[n] for n in names)]
    return tuple(sorted(made, key=lambda u: len(reach[u.name])))  # who needs another reaches more than that


def _position(name: str, first: Sequence[str]) -> int:
    return first.index(name) if name in first else len(first)


def _required(good: Side, bad: Side, differ: set[str]) -> Iterator[Need]:
    """Requirements that hold on their own side, and not where the other package is the other side's."""
    pythons = {side[PYTHON].version for side in (good, bad)}
    for this, that, package_changes in ((good, bad, False), (bad, good, True)):
        for package in sorted(differ & this.keys()):
            for requirement in this[package].requires:
                other = _named(requirement, this, that)
                if other not in differ or _broken(requirement, other, this, pythons):
                    continue
                if _broken(requirement, other, that, pythons):
                    one, two = (package, other) if package_changes else (other, package)
                    why = f"{package} {this[package].version} wants {requirement.name}{requirement.specifier}"
                    yield Need(package=one, other=two, why=why)


def _by_python(good: Side, bad: Side) -> Iterator[Need]:
    """Releases that are not for the other side's interpreter."""
    for this, that, package_changes in ((good, bad, False), (bad, good, True)):
        for name, package in this.items():
            if not _holds(package.requires_python, that[PYTHON].version):
                one, two = (name, PYTHON) if package_changes else (PYTHON, name)
                yield Need(
                    package=one, other=two, why=f"{name} {package.version} wants python {package.requires_python}"
                )


def _unsaid(good: Side, bad: Side) -> Iterator[Need]:
    """What no metadata says."""
    for one, other in SAME_FILES:
        for pair in ((one, other), (other, one)):
            if pair[0] in good and pair[1] in bad:
                why = f"{pair[0]} and {pair[1]} install other contents under the same file names"
                yield Need(package=pair[0], other=pair[1], why=why)
                yield Need(package=pair[1], other=pair[0], why=why)
    before, after = (version_numbers({n: p.version for n, p in s.items()}, "numpy")[:1] for s in (good, bad))
    for name in _BUILT_ON_NUMPY if before and after and before != after else ():
        newer, older = ("numpy", name) if before < after else (name, "numpy")
        yield Need(package=newer, other=older, why=f"{name} that was built for NumPy 1 dies of NumPy 2")


def _named(requirement: Requirement, this: Side, that: Side) -> str:
    """The package that a requirement is about: either build of one that has two."""
    name = canonicalize_name(requirement.name)
    builds = next((pair for pair in SAME_FILES if name in pair), (name,))
    return next((build for build in builds if build in this and build in that), name)


def _broken(requirement: Requirement, other: str, side: Side, pythons: set[str]) -> bool:
    """Whether `side` breaks it, on either of the two Pythons."""
    if not any(_applies(requirement.marker, python) for python in pythons):
        return False
    return other not in side or not requirement.specifier.contains(side[other].version, prereleases=True)


def _applies(marker: Marker | None, python: str) -> bool:
    there = {**default_environment(), "python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    return marker is None or marker.evaluate({k: str(v) for k, v in there.items()})


def _holds(specifier: str, version: str) -> bool:
    try:
        # Of a minor release alone `>=3.9.1` would not hold of 3.9: the highest patch there is stands for it.
        return SpecifierSet(specifier).contains(f"{version}.99")
    except InvalidSpecifier:
        return True


def _held(site: Path) -> Iterator[tuple[str, metadata.Distribution]]:
    return ((canonicalize_name(d.metadata["Name"]), d) for d in metadata.distributions(path=[str(site)]))


def _read(distribution: metadata.Distribution) -> Package:
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
        except InvalidRequirement:  # of an old package: what cannot be read cannot be kept
            continue
