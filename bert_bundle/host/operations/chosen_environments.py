"""The environments that options name, or leave open: a row by its id, an upgrade by its packages, the nearest."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from bert_bundle.errors import ConfigError
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.config.selection import matching
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.locks import entries, read_lock, same_files
from bert_bundle.host.environments.nearest import can_load, nearest, this_interpreter, with_versions
from bert_bundle.host.environments.prepare import (
    Locked,
    PreparedEnvironment,
    TemporaryEnvironment,
    plan,
    prepare_locked,
    with_locks,
)
from bert_bundle.host.operations.setup import Setup
from bert_bundle.host.upgrades import upgrade
from bert_bundle.host.upgrades.upgrade import LockedEnvironment, Upgrade


def locked_row(setup: Setup, name: str, option: str) -> LockedEnvironment:
    """Return the one row that an option names, with its lock. Raises ConfigError if none or several match."""
    rows = {row.id: row for row in setup.matrix.environments}
    ids = matching(name, tuple(rows), [row.id for row in setup.matrix.loading], option=option)
    if len(ids) > 1:
        raise ConfigError(
            f"{option} matches more than one environment", place=option, wanted="one", found=", ".join(ids)
        )
    return _locked(setup, rows[ids[0]])


def environments_of(setup: Setup, needed: Sequence[Locked]) -> tuple[PreparedEnvironment | TemporaryEnvironment, ...]:
    """Return each environment: made now, or with --discard-environments when a job uses it.

    Raises EnvironmentNotMadeError at once if they do not fit the disk.
    """
    if setup.discard:
        return plan(needed, progress=setup.progress, at_a_time=setup.jobs)
    return prepare_locked(needed, progress=setup.progress)


def rows_of(setup: Setup, rows: Sequence[Environment]) -> list[Locked]:
    """Return rows of the matrix with their locks. Raises ConfigError for a lock that is missing or stale."""
    return with_locks(rows, setup.locks)


def here_or_nearest(setup: Setup, packages: Mapping[str, str], doing: str) -> ReadyEnvironment:
    """Return this interpreter if it can load bundles, else the environment nearest to the `packages`, made.

    `doing`: what for, as the progress line says it.
    """
    here = this_interpreter()
    if can_load(here):
        setup.progress(f"{doing} in this interpreter")
        return here
    row = nearest(setup.matrix.loading, packages)
    setup.progress(f"this interpreter cannot load bundles: {doing} in {row.id}, the nearest to the writer")
    return setup.make(row)


def resolve_upgrades(
    setup: Setup, writer: Mapping[str, str], asked: Sequence[Sequence[str]], source: str | None
) -> list[Upgrade]:
    """Return the environment of each upgrade, resolved but not made.

    An upgrade starts from the row `source`. Without one, it starts from the row nearest to the `writer`'s packages with
    the requested ones in their place: that row decides the Python and the other packages. Raises ConfigError, or
    EnvironmentNotMadeError for an upgrade that cannot be resolved.
    """
    wanted = [upgrade.parse_requested(packages) for packages in asked]  # all are parsed before the first is resolved
    given = locked_row(setup, source, "--upgrade-from") if source else None
    today = datetime.now(UTC).date()
    found: dict[str, Upgrade] = {}
    for packages, versions in zip(asked, wanted, strict=True):
        base = given or _locked(setup, nearest(setup.matrix.loading, with_versions(writer, versions)))
        instead_of = base.environment.id if given else nearest(setup.matrix.loading, writer).id
        resolved = upgrade.upgrade(base, packages, instead_of=instead_of, today=today, progress=setup.progress)
        resolved = _as_row(setup, resolved)
        found.setdefault(resolved.id, resolved)
    return list(found.values())


def _as_row(setup: Setup, resolved: Upgrade) -> Upgrade:
    """Return an upgrade with the row that it gives, if it gives the packages of one; else as it is."""
    pins = entries(resolved.locked.lock.text)
    for row in setup.matrix.environments:
        try:
            locked = _locked(setup, row)
        except ConfigError:  # a row without a lock, which nobody asked for
            continue
        if row.python == resolved.locked.environment.python and same_files(pins, entries(locked.lock.text)):
            setup.progress(f"{resolved.id}: these are the packages of {row.id}, which is used as it is")
            return resolved.as_row(locked)
    return resolved


def _locked(setup: Setup, row: Environment) -> LockedEnvironment:
    return LockedEnvironment(environment=row, lock=read_lock(row, setup.locks))
