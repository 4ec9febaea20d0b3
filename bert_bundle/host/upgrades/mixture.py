"""Environments between two rows of the matrix file: mixtures of their packages, and other releases of one package.

Owns how their locks are made. Does not know what is done in them.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from packaging.version import Version

from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.environments import locks
from bert_bundle.host.upgrades.package_differences import Need, Side, Unit
from bert_bundle.host.upgrades.upgrade import (
    LockedEnvironment,
    requirement_beside,
    resolve,
    resolve_alone,
    write_locked,
)
from bert_bundle.interpreter.known_breakages import PYTHON

_AT_ONCE = 8  # runs of uv at a time: they wait for the package index, not for a processor


def mixture(good: LockedEnvironment, bad: LockedEnvironment, upgraded: Sequence[Unit], name: str) -> LockedEnvironment:
    """Return the packages of `good`, with those of the `upgraded` units as in `bad`: pins and hashes of the two locks.

    Nothing is resolved.
    """
    good_entries, bad_entries = (locks.entries(side.lock.text) for side in (good, bad))
    taken = {change.package for unit in upgraded for change in unit.changes}
    kept = {package: entry for package, entry in good_entries.items() if package not in taken}
    pins = {**kept, **{package: entry for package, entry in bad_entries.items() if package in taken}}
    # For the same version both locks have the same files, except those published between the two dates.
    files = {
        package: (version, hashes | (bad_entries[package][1] if _has(bad_entries, package, version) else hashes))
        for package, (version, hashes) in pins.items()
    }
    row = (bad if PYTHON in taken else good).environment
    rows = (good.environment, bad.environment)
    explicit = [package for package in {**rows[0].pins, **rows[1].pins} if package in pins]
    return write_locked(
        Environment(
            id=name,
            python=row.python,
            as_of=max(r.index_date for r in rows),
            packages=tuple(f"{package}=={pins[package][0]}" for package in explicit),
            runtime=row.runtime,
        ),
        locks.text_of(files),
        f"{rows[0].id} with {len(upgraded)} upgrades to {rows[1].id}",
    )


def with_release(base: LockedEnvironment, package: str, version: str, name: str) -> LockedEnvironment:
    """Return `base` with another release of `package`; other packages change only if the resolver requires it.

    Raises EnvironmentNotMadeError if there is no such environment.
    """
    requested = {package: f"{package}=={version}"}
    row = base.environment.derived(name, tuple(requested.values()))
    others = [requirement_beside(requested, other) for other in base.lock.pins if other != package]
    text = resolve(row, [*requested.values(), *others], base.lock, requested)
    return write_locked(row, text, f"{base.environment.id} with {requested[package]}")


def releases_between(environment: Environment, package: str, one: str, other: str) -> list[str]:
    """Return the releases of `package` between two others that are available for this Python, oldest first.

    Found by asking uv for the newest one below the last, so that its indexes, proxies and credentials are used.
    """
    low, high = sorted((one, other), key=Version)
    found: list[str] = []
    while True:
        wanted = f"{package}>{low},<{found[-1] if found else high}"
        result = resolve_alone(environment, wanted)
        pins = [line for line in result.stdout.splitlines() if line.startswith(f"{package}==")]
        if not result.succeeded or not pins:
            return found[::-1]
        found.append(pins[0].split("==")[1].split()[0])


def missing_wheels(good: tuple[LockedEnvironment, Side], bad: tuple[LockedEnvironment, Side]) -> tuple[Need, ...]:
    """Return a need for each compiled release of one side that has no wheel for the other's Python, if these differ."""
    sides = (good, bad)
    if len({locked.environment.python for locked, _ in sides}) == 1:
        return ()
    latest = max(locked.environment.index_date for locked, _ in sides)

    def need(asked: tuple[Environment, bool, str, str]) -> list[Need]:
        row, of_bad, package, version = asked
        result = resolve_alone(row, f"{package}=={version}", "--no-build")
        # Without an index nothing is known; a mixture that cannot be made will then show it.
        if result.succeeded or "wheel" not in result.stderr:
            return []
        one, two = (package, PYTHON) if of_bad else (PYTHON, package)
        return [Need(package=one, other=two, why=f"{package} {version} has no wheel for Python {row.python}")]

    questions = [
        (that.environment.model_copy(update={"as_of": latest, "lock": None}), of_bad, package, found.version)
        for of_bad, ((_, side), (that, other)) in ((False, sides), (True, sides[::-1]))
        for package, found in side.items()
        if found.compiled and (package not in other or other[package].version != found.version)
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return tuple(n for found in pool.map(need, questions) for n in found)


def _has(entries: dict[str, tuple[str, frozenset[str]]], package: str, version: str) -> bool:
    return package in entries and entries[package][0] == version
