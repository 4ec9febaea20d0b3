"""Environments that no row of the matrix describes: a mixture of two rows, or a row with some of its packages upgraded.

Owns how the lock of one comes about, and that it lies in the user's cache; refuses to know what is done in it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from bert_bundle.errors import ConfigError, EnvironmentNotMadeError
from bert_bundle.host.config.matrix_file import Environment, check_pinned
from bert_bundle.host.environments import interpreters, locks, uv
from bert_bundle.host.environments.environment import Progress, cache_root
from bert_bundle.host.environments.locks import NEEDED, SAME_FILES, Lock
from bert_bundle.host.upgrades.package_differences import Need, PackageChange, Side, Unit, package_changes
from bert_bundle.interpreter import known_breakages

_LONGEST_ID = 64  # of a row; a longer name is cut, and ends with a digest of the whole
_AT_ONCE = 8  # questions that wait for the index and not for a processor
_SECONDS = 120

# tf-keras is of TensorFlow's own minor release. It asks for `tensorflow`, which a lock with the CPU build may not have
# (locks.SAME_FILES), so the resolver never hears of it.
_OF_ONE_MINOR = ("tensorflow-cpu", "tf-keras")


@dataclass(frozen=True, kw_only=True)
class LockedEnvironment:
    """An environment and its lock."""

    environment: Environment
    lock: Lock


@dataclass(frozen=True, kw_only=True)
class Upgrade:
    """The environment that an upgrade gives.

    source      the row whose lock it starts from
    instead_of  the row that stands for the environment of today
    asked       requirements of one release each, as they were taken
    moved       the other packages that had to change with them
    notes       what was not taken as it was written
    """

    locked: LockedEnvironment
    source: str
    instead_of: str
    asked: tuple[str, ...]
    package_changes: tuple[PackageChange, ...]
    notes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Of its environment."""
        return self.locked.environment.id


def mixture(good: LockedEnvironment, bad: LockedEnvironment, upgraded: Sequence[Unit], name: str) -> LockedEnvironment:
    """The packages of `good` with those of `upgraded` as `bad` has them: exact pins and hashes of the two locks.

    Nothing is resolved.
    """
    mine, theirs = (locks.entries(side.lock.path.read_text("utf-8")) for side in (good, bad))
    taken = {change.package for unit in upgraded for change in unit.changes}
    kept = {package: entry for package, entry in mine.items() if package not in taken}
    pins = {**kept, **{package: entry for package, entry in theirs.items() if package in taken}}
    # Of one version both locks know the same files, but for those that were published between the two days.
    known = {p: (v, h | (theirs[p][1] if theirs.get(p, ("",))[0] == v else h)) for p, (v, h) in pins.items()}
    row = (bad if known_breakages.PYTHON in taken else good).environment
    text = "".join(
        f"{package}=={version} \\\n" + " \\\n".join(f"    {h}" for h in sorted(hashes)) + "\n"
        for package, (version, hashes) in sorted(known.items())
    )
    rows = (good.environment, bad.environment)
    explicit = [package for package in {**rows[0].pins, **rows[1].pins} if package in pins]
    return _locked(
        Environment(
            id=name,
            python=row.python,
            as_of=max(r.as_of for r in rows),
            packages=tuple(f"{package}=={pins[package][0]}" for package in explicit),
            runtime=row.runtime,
        ),
        text,
        f"{rows[0].id} with {len(upgraded)} upgrades to {rows[1].id}",
    )


def upgrade(
    base: LockedEnvironment, asked: Sequence[str], *, instead_of: str, today: date, progress: Progress
) -> Upgrade:
    """`base` with the releases of `asked`, and of the rest only changed what the resolver must.

    As on the base's day where all that is asked for was out by then, else as of today. Raises ConfigError for what is
    no requirement of one release, EnvironmentNotMadeError, with uv's words, for what cannot be had together.
    """
    taken, notes = _taken(asked, base)
    for note in notes:
        progress(note)
    name = upgrade_id(asked)
    row = base.environment.model_copy(update={"id": name, "packages": tuple(taken.values()), "groups": ()})
    if not _out(row):
        row = row.model_copy(update={"as_of": today})
    others = [package for package in base.environment.pins if package not in taken]
    wanted = [*taken.values(), *(_of_one_minor(package, taken) for package in others), *NEEDED]
    start = base.lock.path.read_text("utf-8")
    progress(f"{name}: resolving {', '.join(taken.values())} in {base.environment.id} as on {row.as_of}")
    try:
        text = _resolved(row, wanted, start, taken)
    except EnvironmentNotMadeError as error:
        raise EnvironmentNotMadeError(
            "the upgrade cannot be had",
            place=name,
            wanted=f"{', '.join(taken.values())} in python {row.python}, from {base.environment.id}",
            found=error.found,
            fix="ask for releases that go together, or name another environment with --upgrade-from",
        ) from error
    pins = {package: version for package, (version, _) in locks.entries(text).items()}
    row = row.model_copy(
        update={
            "packages": (*taken.values(), *(f"{package}=={pins[package]}" for package in others)),
            "runtime": _runtime(pins, base.environment.runtime),
        }
    )
    others_moved = package_changes(base.lock.pins, pins, but=taken)
    made = _locked(row, text, f"{base.environment.id} with {' '.join(taken.values())}")
    progress(f"{name}: {', '.join(map(str, others_moved)) or 'nothing else'} had to move with it")
    source = base.environment.id
    return Upgrade(
        locked=made,
        source=source,
        instead_of=instead_of,
        asked=tuple(taken.values()),
        package_changes=others_moved,
        notes=notes,
    )


def with_release(base: LockedEnvironment, package: str, version: str, name: str) -> LockedEnvironment:
    """`base` with another release of `package`, and of the rest only changed what the resolver must.

    Raises EnvironmentNotMadeError where there is no such environment.
    """
    taken = {package: f"{package}=={version}"}
    row = base.environment.model_copy(update={"id": name, "packages": tuple(taken.values()), "groups": ()})
    others = [_of_one_minor(other, taken) for other in base.lock.pins if other != package]
    text = _resolved(row, [*taken.values(), *others], base.lock.path.read_text("utf-8"), taken)
    return _locked(row, text, f"{base.environment.id} with {taken[package]}")


def releases(environment: Environment, package: str, after: str, before: str) -> list[str]:
    """The releases of `package` between two others that its index has for this Python, oldest first.

    Asked of uv, newest first, each time below the last: so every index, proxy and credential of uv's is honoured.
    """
    low, high = sorted((after, before), key=Version)
    found: list[str] = []
    while True:
        wanted = f"{package}>{low},<{found[-1] if found else high}"
        ran = _asked(environment, wanted)
        pins = [line for line in ran.stdout.splitlines() if line.startswith(f"{package}==")]
        if not ran.succeeded or not pins:
            return found[::-1]
        found.append(pins[0].split("==")[1].split()[0])


def wheels(good: tuple[LockedEnvironment, Side], bad: tuple[LockedEnvironment, Side]) -> tuple[Need, ...]:
    """Where the Pythons differ: compiled releases of either side that have no wheel for the other's."""
    sides = (good, bad)
    if len({locked.environment.python for locked, _ in sides}) == 1:
        return ()
    day = max(locked.environment.as_of for locked, _ in sides)

    def need(asked: tuple[Environment, bool, str, str]) -> list[Need]:
        row, package_changes, package, version = asked
        ran = _asked(row, f"{package}=={version}", "--no-build")
        # Where there is no index to ask nothing is known, and a mixture that cannot be made will say so.
        if ran.succeeded or "wheel" not in ran.stderr:
            return []
        one, two = (package, known_breakages.PYTHON) if package_changes else (known_breakages.PYTHON, package)
        return [Need(package=one, other=two, why=f"{package} {version} has no wheel for python {row.python}")]

    questions = [
        (that.environment.model_copy(update={"as_of": day}), package_changes, package, held.version)
        for package_changes, ((_, side), (that, other)) in enumerate((sides, sides[::-1]))
        for package, held in side.items()
        if held.compiled and (package not in other or other[package].version != held.version)
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return tuple(n for found in pool.map(need, questions) for n in found)


def _resolved(row: Environment, wanted: Sequence[str], start: str, taken: Mapping[str, str]) -> str:
    kept = {package: entry for package, entry in locks.entries(start).items() if package not in taken}
    preferred = "".join(f"{package}=={version}\n" for package, (version, _) in sorted(kept.items()))
    return locks.resolved(row, wanted, start=preferred)


def _locked(row: Environment, text: str, what: str) -> LockedEnvironment:
    # Without the day: the same packages are the same environment, whenever they were resolved.
    header = f"# made by: bert-bundle, on the way\n# python {row.python}: {what}\n"
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    path = cache_root() / locks.FOLDER / f"{row.id}-{digest}.txt"
    return LockedEnvironment(environment=row, lock=locks.write_derived_lock(path, header + text))


def upgrade_id(asked: Sequence[str]) -> str:
    """The id of the environment with these requirements: with-tensorflow-2.21.0-transformers-4.57.6."""
    whole = "-".join(("with", *(text.replace("==", "-") for text in asked)))
    name = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in whole)
    if len(name) <= _LONGEST_ID:
        return name
    return f"{name[: _LONGEST_ID - 9]}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def parse_requested(asked: Sequence[str]) -> dict[str, str]:
    """Canonical package name -> the version that is asked for. Raises ConfigError for what asks for no one release."""
    return {canonicalize_name(r.name): next(iter(r.specifier)).version for r in _requirements(asked)}


def _requirements(asked: Sequence[str]) -> list[Requirement]:
    wanted = "requirements of one release, such as tensorflow==2.21.0"
    fix = "write NAME==VERSION for each, with spaces between"
    if not asked:
        raise ConfigError("no upgrade", place="--with", wanted=wanted, found="nothing", fix=fix)
    found: dict[str, Requirement] = {}
    for text in asked:
        try:
            requirement = Requirement(check_pinned(text))
        except ValueError as error:
            raise ConfigError(f"{error}", place="--with", wanted=wanted, found=text, fix=fix) from error
        if (package := _builds(canonicalize_name(requirement.name))[0]) in found:
            raise ConfigError("a package twice", place="--with", found=text, fix="leave one out")
        found[package] = requirement
    return list(found.values())


def _builds(name: str) -> tuple[str, ...]:
    """The names under which one package is distributed."""
    return next((pair for pair in SAME_FILES if name in pair), (name,))


def _taken(asked: Sequence[str], base: LockedEnvironment) -> tuple[dict[str, str], tuple[str, ...]]:
    """Canonical package name -> requirement, of a package with two builds that which the base has; and a note of it."""
    taken: dict[str, str] = {}
    notes: list[str] = []
    for requirement in _requirements(asked):
        name = canonicalize_name(requirement.name)
        build = next((b for b in _builds(name) if b in base.lock.pins), name)
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras and build == name else ""
        if build != name:
            notes.append(f"{name} is taken as {build}, the build of it that {base.environment.id} has")
        taken[build] = f"{build}{extras}{requirement.specifier}"
    return taken, tuple(notes)


def _of_one_minor(package: str, taken: Mapping[str, str]) -> str:
    """The requirement of a package that is not asked for: what goes with what is, any release otherwise."""
    other = next((o for o in _OF_ONE_MINOR if package in _OF_ONE_MINOR and o != package and o in taken), None)
    if other is None:
        return package
    release = Version(taken[other].split("==")[1])
    return f"{package}=={release.major}.{release.minor}.*"


def _out(row: Environment) -> bool:
    """Whether all that the row asks for was out on its day."""
    return _asked(row, *row.packages).succeeded


def _asked(row: Environment, *arguments: str) -> uv.UvResult:
    """What uv makes of the requirements among `arguments` by themselves."""
    wanted = [a for a in arguments if not a.startswith("-")]
    options = [a for a in arguments if a.startswith("-")]
    alone = ["pip", "compile", "-", "--no-deps", "--quiet", "--no-header", "--no-annotate", *options]
    # By its path: looking for an interpreter of that version uv would try every shim there is.
    python = ["--python", str(interpreters.find(row.python))]
    command = [*alone, *python, *locks.index_date_options(row)]
    return uv.run(command, seconds=_SECONDS, stdin="\n".join(wanted) + "\n")


def _runtime(pins: Mapping[str, str], usual: str) -> str:
    """What `load` would choose there."""
    return next(
        (runtime for runtime in known_breakages.RUNTIMES if not known_breakages.broken_rules(runtime, pins)), usual
    )
