"""The first matrix file of a project: today's environment, the next upgrades, and the newest.

Owns which rows of the shipped matrix file these are, and the text of the file. Writes nothing.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bert_bundle.errors import printable
from bert_bundle.host.config.matrix_file import DEFAULT_GROUP, Environment, Matrix
from bert_bundle.host.config.matrix_schema import SCHEMA_NAME
from bert_bundle.host.environments.nearest import newer_than
from bert_bundle.host.environments.todays import TodaysEnvironment
from bert_bundle.interpreter.known_breakages import NATIVE

TODAY = "today"  # the id of today's environment
_NEXT = 2  # upgrades after today's environment

_HEAD = f"""\
# yaml-language-server: $schema={SCHEMA_NAME}
# The environments in which the bundles of this project are tried. Written by `bert-bundle init`; yours to edit.
#
#   bert-bundle audit BUNDLE                  replay a bundle in the environments of the group {DEFAULT_GROUP}
#   bert-bundle audit BUNDLE --env ID         in one of them
#   bert-bundle matrix list                   all of them, and whether each is locked
#   bert-bundle matrix lock --env ID          after a change of its python, as_of or packages
version: 1

environments:
"""

_TAIL = """\
# Differences that are known and accepted. A pass where one is expected fails the run.
#
# expect:
#   - {environment: ID, outcome: drift, reason: "the reason, in words"}

# How far replays may differ; these are the defaults. A wider bound needs a reason.
#
# policy: {double: 5.0e-7, noise: 1.0}
"""


@dataclass(frozen=True, kw_only=True)
class ChosenRow:
    """A row of the shipped matrix file, in other groups, and why it is there."""

    row: Environment
    why: str


def chosen_rows(shipped: Matrix, today: TodaysEnvironment | None) -> tuple[ChosenRow, ...]:
    """Return the rows that follow today's environment; those of the group ci where it is not known."""
    if today is None:
        rows = [row for row in shipped.loading if DEFAULT_GROUP in row.groups]
        return tuple(_chosen(row, "One of the environments that bert_bundle is tested in.") for row in rows)
    later = newer_than([row for row in shipped.loading if row.runtime == today.runtime], today.packages)
    found = [_chosen(row, "The next upgrade." if row is later[0] else "The one after it.") for row in later[:_NEXT]]
    found += [_chosen(row, "The newest.") for row in later[_NEXT:][-1:]]
    if today.runtime != NATIVE:
        other = newer_than([row for row in shipped.loading if row.runtime == NATIVE], today.packages, equal=True)
        why = "The newest of all: Keras 3 without the TensorFlow classes of transformers. Not in the group ci."
        found += [_chosen(row, why, NATIVE) for row in other if "transformers" in row.pins][-1:]
    return tuple(found)


def matrix_text(today: TodaysEnvironment | None, lock: str, rows: Sequence[ChosenRow]) -> str:
    """Return the text of the matrix file; `lock` is the path of today's lock, relative to the file."""
    own = [] if today is None else [_today(today, lock)]
    return _HEAD + "\n".join([*own, *map(_row, rows)]) + "\n" + _TAIL


def _chosen(row: Environment, why: str, group: str = DEFAULT_GROUP) -> ChosenRow:
    return ChosenRow(row=row.model_copy(update={"groups": (group,)}), why=why)


def _today(today: TodaysEnvironment, lock: str) -> str:
    left_out = f"Without {', '.join(today.left_out)}, which no package index has." if today.left_out else ""
    comments = [f"Today's environment, from {today.origin}.", left_out]
    keys = {"python": today.python, "lock": lock}
    return _entry(TODAY, filter(None, comments), {**keys, "runtime": today.runtime, "groups": [DEFAULT_GROUP]})


def _row(chosen: ChosenRow) -> str:
    row = chosen.row
    keys = {"python": row.python, "as_of": row.index_date, "packages": list(row.packages)}
    return _entry(row.id, [chosen.why], {**keys, "runtime": row.runtime, "groups": list(row.groups)})


def _entry(name: str, comments: Iterable[str], keys: dict[str, object]) -> str:
    lines = [f"  {name}:", *(f"    # {printable(comment)}" for comment in comments)]
    return "\n".join([*lines, *(f"    {key}: {_yaml(key, value)}" for key, value in keys.items())]) + "\n"


def _yaml(key: str, value: object) -> str:
    """Return a value as YAML: names plain, texts and lists as JSON, which YAML includes."""
    return str(value) if key in ("as_of", "runtime") else json.dumps(value)
