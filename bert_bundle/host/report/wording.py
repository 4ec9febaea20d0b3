"""Results in a few words: the sentences that several formats share. Does not know tables, markup or documents."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bert_bundle.host.config.matrix_file import FILE_NAME
from bert_bundle.host.config.matrix_location import is_shipped
from bert_bundle.host.report import numbers
from bert_bundle.host.runs.verdict import MEANING, Summary, Verdict
from bert_bundle.version import VERSION

if TYPE_CHECKING:
    from bert_bundle.host.gate.checks import Check
    from bert_bundle.host.gate.gate import Decision

_DECISIONS: dict["Decision", str] = {
    "ships": "it ships",
    "refused": "refused",
    "undecided": "undecided: a check did not run",
}


def sentence(summary: Summary) -> str:
    """Return `6 of 6 as expected in 41 s`, with the other counts that are not 0."""
    parts = [f"{summary.as_expected} of {summary.cells} as expected"]
    if summary.unexpected:
        parts.append(f"{summary.unexpected} not as expected")
    if summary.not_run:
        parts.append(f"{summary.not_run} not run")
    if summary.remembered:
        parts.append(f"{summary.remembered} remembered")
    return ", ".join(parts) + f" in {numbers.seconds(summary.seconds)}"


def matrix(path: Path | None) -> str:
    """Return that the environments are those of the shipped matrix file; empty for a file of the user's own."""
    if path is None or not is_shipped(path):
        return ""
    return f"environments of the {FILE_NAME} that comes with bert_bundle {VERSION}"


def lack(needs: str, classifiers: Sequence[str], cells: int) -> str:
    """Return `hashing, string_lookup: needs tensorflow (6 cells)`."""
    return f"{', '.join(classifiers)}: {needs} ({cells} {'cell' if cells == 1 else 'cells'})"


def reason(verdict: Verdict) -> str:
    """Return the reason of a verdict, or what its grade means if it has none."""
    return verdict.reason or MEANING[verdict.grade]


def decision(value: "Decision") -> str:
    """Return a gate's decision in words."""
    return _DECISIONS[value]


def interrupted(words: str, stopped: bool) -> str:
    """Return the words about a result, which is only a part of it if it was stopped."""
    return f"interrupted: {words}" if stopped else words


def figures(check: "Check") -> str:
    """Return `ratio 1.02 (at most 1.1)`, with every figure that was measured."""
    bounds = {f.name: "" if f.bound is None else f" (at most {numbers.number(f.bound)})" for f in check.figures}
    return ", ".join(
        f"{f.name} {numbers.number(f.value)}{bounds[f.name]}" for f in check.figures if f.value is not None
    )
