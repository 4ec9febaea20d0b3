"""The environment that an upgrade gives: a row of the matrix file with some of its packages in other versions.

Owns how its lock is resolved, and that it is written to the user's cache. Does not know what is done in it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from bert_bundle.errors import ConfigError, EnvironmentNotMadeError
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.config.requirements import check_pinned
from bert_bundle.host.environments import interpreters, locks, uv
from bert_bundle.host.environments.environment import cache_root
from bert_bundle.host.environments.locks import NEEDED, SAME_FILES, Lock
from bert_bundle.host.upgrades.package_differences import PackageChange, package_changes
from bert_bundle.interpreter import known_breakages
from bert_bundle.progress import Progress

_LONGEST_ID = 64  # of a row; a longer id is cut and ends with a digest of the whole
_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class LockedEnvironment:
    """An environment and its lock."""

    environment: Environment
    lock: Lock


@dataclass(frozen=True, kw_only=True)
class Upgrade:
    """The environment that an upgrade gives.

    source           the row whose lock it starts from
    instead_of       the row whose environment is today's
    asked            the requested requirements, in the builds that the row has
    package_changes  the other packages that had to change with them
    notes            what was requested in another build, and whether it gives a row of the matrix
    """

    locked: LockedEnvironment
    source: str
    instead_of: str
    asked: tuple[str, ...]
    package_changes: tuple[PackageChange, ...]
    notes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Return the id of its environment."""
        return self.locked.environment.id

    def as_row(self, row: LockedEnvironment) -> "Upgrade":
        """Return this upgrade with the environment of a row of the matrix that has the same packages."""
        note = f"these are the packages of {row.environment.id}, whose environment is used as it is"
        return replace(self, locked=row, notes=(*self.notes, note))


def upgrade(
    base: LockedEnvironment, asked: Sequence[str], *, instead_of: str, today: date, progress: Progress
) -> Upgrade:
    """Return `base` with the requested versions; other packages change only if the resolver requires it.

    Resolved at the date of the base if everything requested was released by then, else at today's. Raises ConfigError
    for a text that is not a requirement of one release, EnvironmentNotMadeError with the message of uv if the versions
    are incompatible.
    """
    requested, notes = _in_builds_of(base, asked)
    for note in notes:
        progress(note)
    name = upgrade_id(asked)
    row = base.environment.derived(name, tuple(requested.values()))
    if not resolve_alone(row, *row.packages).succeeded:  # not released by that date
        row = row.model_copy(update={"as_of": today})
    others = [package for package in base.environment.pins if package not in requested]
    # A lock of the user's own does not say which of its packages are there for another one: it keeps all of them.
    kept = (
        NEEDED if base.environment.lock is None else [package for package in base.lock.pins if package not in requested]
    )
    wanted = [*requested.values(), *(requirement_beside(requested, package) for package in (*others, *kept))]
    progress(f"{name}: resolving {', '.join(requested.values())} in {base.environment.id} at {row.as_of}")
    try:
        text = resolve(row, wanted, base.lock, requested)
    except EnvironmentNotMadeError as error:
        raise EnvironmentNotMadeError(
            "the upgrade cannot be resolved",
            place=name,
            wanted=f"{', '.join(requested.values())} in Python {row.python}, from {base.environment.id}",
            found=error.found,
            fix="request versions that are compatible, or name another environment with --upgrade-from",
        ) from error
    pins = {package: version for package, (version, _) in locks.entries(text).items()}
    row = row.model_copy(
        update={
            "packages": (*requested.values(), *(f"{package}=={pins[package]}" for package in others)),
            "runtime": _runtime(pins, base.environment.runtime),
        }
    )
    also_changed = package_changes(base.lock.pins, pins, but=requested)
    progress(f"{name}: {', '.join(map(str, also_changed)) or 'no other package'} had to change with it")
    return Upgrade(
        locked=write_locked(row, text, f"{base.environment.id} with {' '.join(requested.values())}"),
        source=base.environment.id,
        instead_of=instead_of,
        asked=tuple(requested.values()),
        package_changes=also_changed,
        notes=notes,
    )


def upgrade_id(asked: Sequence[str]) -> str:
    """Return the id of the environment with these requirements: with-tensorflow-2.21.0-transformers-4.57.6."""
    whole = "-".join(("with", *(text.replace("==", "-") for text in asked)))
    name = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in whole)
    if len(name) <= _LONGEST_ID:
        return name
    return f"{name[: _LONGEST_ID - 9]}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def parse_requested(asked: Sequence[str]) -> dict[str, str]:
    """Return canonical package name -> requested version.

    Raises ConfigError for a text that is not a requirement of one release.
    """
    return {canonicalize_name(r.name): next(iter(r.specifier)).version for r in _requirements(asked)}


def requirement_beside(requested: Mapping[str, str], package: str) -> str:
    """Return the requirement of a package that is not requested: any release that is compatible with those that are."""
    pair = known_breakages.SAME_MINOR_RELEASE
    partner = next((o for o in pair if package in pair and o != package and o in requested), None)
    if partner is None:
        return package
    release = Version(requested[partner].split("==")[1])
    return f"{package}=={release.major}.{release.minor}.*"


def resolve(row: Environment, wanted: Sequence[str], start: Lock, replaced: Mapping[str, str]) -> str:
    """Resolve `wanted` for `row`, keeping the pins of `start` where possible, except those of `replaced` packages.

    Raises EnvironmentNotMadeError with the message of uv.
    """
    kept = {package: pin for package, pin in start.pins.items() if package not in replaced}
    preferred = "".join(f"{package}=={version}\n" for package, version in sorted(kept.items()))
    return locks.resolved(row, wanted, start=preferred)


def resolve_alone(row: Environment, *arguments: str) -> uv.UvResult:
    """Run uv on the requirements among `arguments` without their dependencies; the others are options of uv."""
    wanted = [a for a in arguments if not a.startswith("-")]
    options = [a for a in arguments if a.startswith("-")]
    alone = ["pip", "compile", "-", "--no-deps", "--quiet", "--no-header", "--no-annotate", *options]
    # By its path: to find an interpreter by its version uv would try every shim.
    python = ["--python", str(interpreters.find(row.python))]
    command = [*alone, *python, *locks.index_date_options(row)]
    return uv.run(command, seconds=_SECONDS, stdin="\n".join(wanted) + "\n")


def write_locked(row: Environment, text: str, origin: str) -> LockedEnvironment:
    """Write the lock of an environment that is not a row of the matrix file to the user's cache."""
    # Without the date: the same packages are the same environment, whenever they were resolved.
    header = f"# made by: bert-bundle, on the way\n# python {row.python}: {origin}\n"
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    path = cache_root() / locks.FOLDER / f"{row.id}-{digest}.txt"
    return LockedEnvironment(environment=row, lock=locks.write_derived_lock(path, header + text))


def _requirements(asked: Sequence[str]) -> list[Requirement]:
    wanted = "requirements of one release, such as tensorflow==2.21.0"
    fix = "write NAME==VERSION for each, separated by spaces"
    if not asked:
        raise ConfigError("--with names no package", place="--with", wanted=wanted, found="nothing", fix=fix)
    found: dict[str, Requirement] = {}
    for text in asked:
        try:
            requirement = Requirement(check_pinned(text))
        except ValueError as error:
            raise ConfigError(f"{error}", place="--with", wanted=wanted, found=text, fix=fix) from error
        package = builds(canonicalize_name(requirement.name))[0]
        if package in found:
            raise ConfigError("--with names a package twice", place="--with", found=text, fix="leave one of them out")
        found[package] = requirement
    return list(found.values())


def builds(name: str) -> tuple[str, ...]:
    """Return the names of the distributions that are builds of one package."""
    return next((pair for pair in SAME_FILES if name in pair), (name,))


def _in_builds_of(base: LockedEnvironment, asked: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return canonical package name -> requirement, of a package with two builds the one that `base` has; and notes."""
    requested: dict[str, str] = {}
    notes: list[str] = []
    for requirement in _requirements(asked):
        name = canonicalize_name(requirement.name)
        build = next((b for b in builds(name) if b in base.lock.pins), name)
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras and build == name else ""
        if build != name:
            notes.append(f"{name} is taken as {build}, the build of it that {base.environment.id} has")
        requested[build] = f"{build}{extras}{requirement.specifier}"
    return requested, tuple(notes)


def _runtime(pins: Mapping[str, str], default: str) -> str:
    """Return the runtime that `load` would choose there."""
    working = (runtime for runtime in known_breakages.RUNTIMES if not known_breakages.broken_rules(runtime, pins))
    return next(working, default)
