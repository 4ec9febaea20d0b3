"""Which environments a selection by group and by id means. Does not know where the selection comes from."""

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar

from bert_bundle.errors import ConfigError


class Row(Protocol):
    """What a selection sees of an environment."""

    @property
    def id(self) -> str:
        """Return the id."""

    @property
    def groups(self) -> Collection[str]:
        """Return the names of its groups."""


R = TypeVar("R", bound=Row)


def select(
    rows: Sequence[R], *, groups: Sequence[str] = (), names: Sequence[str] = (), working: Collection[str] = ()
) -> tuple[R, ...]:
    """Return the rows in one of `groups` that one of `names` means (see `matching`), in their order.

    An empty sequence selects all. Raises ConfigError for a group without a row, for a name as `matching` does, and for
    an empty selection.
    """
    ids = [row.id for row in rows]
    _check_groups(groups, sorted({group for row in rows for group in row.groups}))
    chosen = set(ids) if not names else {i for name in names for i in matching(name, ids, working)}
    selected = tuple(row for row in rows if row.id in chosen and (not groups or set(groups) & set(row.groups)))
    if not selected:
        raise ConfigError(
            "no environment is in the groups and matches the names",
            wanted=_one_of(ids),
            found=f"groups {', '.join(groups)}; names {', '.join(names)}",
            fix="leave out the groups or the names",
        )
    return selected


def matching(name: str, ids: Sequence[str], working: Collection[str] = (), *, option: str = "") -> tuple[str, ...]:
    """Return the ids that `name` means: that id, those that match it as a glob, or the one that begins with it.

    If several begin with it, the one of them that is `working`: tf2.15 is the environment that can load bundles, not
    one that is in the file to show a breakage. Raises ConfigError, with the nearest ids, if there is none, and with the
    ids if several are left.
    """
    if name in ids:
        return (name,)
    globbed = tuple(i for i in ids if fnmatchcase(i, name))
    if globbed:
        return globbed
    beginning = tuple(i for i in ids if name and i.startswith(name))
    working_ones = tuple(i for i in beginning if i in working)
    if len(working_ones) == 1:
        return working_ones
    if len(beginning) > 1:
        raise ConfigError(
            "more than one environment begins with this",
            place=option,
            wanted=_one_of(beginning),
            found=name,
            fix=f"write more of the id, or '{name}*' for all of them",
        )
    if not beginning:
        raise ConfigError(
            "no environment matches", place=option, wanted=_one_of(ids), found=name, fix=_nearest(name, ids)
        )
    return beginning


def _check_groups(groups: Iterable[str], known: Sequence[str]) -> None:
    for group in groups:
        if group not in known:
            wanted = _one_of(known) if known else "no group: the matrix file has none"
            raise ConfigError("unknown group", wanted=wanted, found=group, fix=_nearest(group, known))


def _nearest(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=3) or [i for i in known if name and name in i][:3]
    return f"did you mean {' or '.join(near)}?" if near else "choose one of them, or leave it out"


def _one_of(names: Iterable[str]) -> str:
    return "one of " + ", ".join(names)
