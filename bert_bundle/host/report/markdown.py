"""A run as Markdown, for a job summary on GitHub: owns its tables, its escaping and its size.

Whatever comes from a bundle or a matrix file stands in code: there GitHub reads no markup, links no address and
mentions nobody. A summary may have 1 MiB (https://docs.github.com/actions, "Job summaries"): each table has a share of
it, and says what it left out.
"""

import json
import re
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path

from bert_bundle.errors import BertBundleError, printable
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.environments.nearest import tensorflow
from bert_bundle.host.environments.prepare import FailedEnvironment
from bert_bundle.host.gate.checks import Check
from bert_bundle.host.gate.gate import Gate
from bert_bundle.host.report import terminal, wording
from bert_bundle.host.report.writer_reader_table import SIGNS, WriterReaderTable, severity, worst
from bert_bundle.host.runs.outcome import sentence
from bert_bundle.host.runs.run import Run
from bert_bundle.host.runs.verdict import MEANING, Verdict, spread

MOST_REASONS = 20  # pairs of environments
_SHARE = 200_000  # bytes of a table or a list, of which a report has four at most
# In a code span of a table's cell a pipe ends the cell, a backtick the span, a backslash before either is read in two
# ways, a dollar beside a backtick may begin a formula; spaces at an end may be dropped.
_UNFIT = re.compile(r"([`|\\$][`|\\$ ]*|^ +| +$)")


def audit(found: Run) -> str:
    """A row for each environment, those that are not as expected first; then why they are not."""
    places = {place.id: place for place in found.environments}
    accuracy = any(v.accuracy is not None for v in found.verdicts)
    headers = ["environment", "TensorFlow", "transformers", "Python", "grade", "labels changed", "float64", "float32"]
    rows = []
    for v in sorted(found.verdicts, key=lambda v: v.as_expected):
        place = places[v.reader]
        packages, python = (place.packages, place.python_version) if isinstance(place, ReadyEnvironment) else ({}, "")
        rows.append([
            code(v.reader), code(tensorflow(packages) or ""), code(packages.get("transformers", "")), code(python),
            _grade(v), "" if v.labels_changed is None else str(v.labels_changed),
            terminal.figure(v.float64_difference).plain, terminal.figure(v.native_difference).plain,
            *([terminal.share(v.accuracy).plain] if accuracy else []),
        ])  # fmt: skip
    table = _table([*headers, *(["accuracy"] if accuracy else [])], rows)
    return _join(_headline("bert-bundle audit", found), table, _reasons(found.verdicts))


def cross(found: Run) -> str:
    """The square of writers (down) and readers (across) with the worst grade of each pair; then the reasons."""
    of = WriterReaderTable(run=found)

    def cell(writer: str, reader: str) -> str:
        sign, expected = of.sign(writer, reader)
        return code(sign + ("" if expected else "!"))

    headers = ["", "writer", *(of.numbers[reader] for reader in of.readers)]
    rows = [[of.numbers[w], code(w), *(cell(w, reader) for reader in of.readers)] for w in of.writers]
    lines = [f"{of.numbers[reader]} {code(reader)}" for reader in of.readers if reader not in of.writers]
    lines += [f"{code(SIGNS[grade])} {grade}: {MEANING[grade]}" for grade in of.grades]
    lines += ["`!` not as expected"] if not all(v.as_expected for v in found.verdicts) else []
    lines += [f"refused, as expected: {code(name)}" for name in of.refused]
    doubles = spread(found.verdicts)
    if doubles:
        pair = max(doubles, key=doubles.__getitem__)
        lines.append(f"largest float64 spread: {terminal.figure(doubles[pair]).plain}, {_arrow(*pair)}")
    return _join(
        _headline("bert-bundle matrix run", found), _table(headers, rows), _listed(lines), _reasons(found.verdicts),
        _reproductions(found),
    )  # fmt: skip


def demo(bundle: Path, accuracy: float, verdict: Verdict, found: Run) -> str:
    """The audit, below what came before it."""
    words = f"Saved {code(bundle)}, accuracy {accuracy:.1%}; verified in a fresh process: {verdict.grade}."
    return _join(words, audit(found))


def gate(found: Gate) -> str:
    """The answer, a row for each check, the reasons, the labels that changed by text, then the audit."""
    checks = [[check.name, _status(check), wording.figures(check)] for check in found.checks]
    reasons = [f"{check.name}: {code(reason)}" for check in found.checks for reason in check.reasons]
    reasons += [
        f"{code(p.id)}: {code(sentence(p.error))}" for p in found.environments if isinstance(p, FailedEnvironment)
    ]
    changes = [[c.kind, *map(code, (c.before, c.after, c.answer, c.text))] for c in found.changes]
    return _join(
        f"### bert-bundle gate: {wording.answer(found)}",
        f"{code(found.candidate.path)}, digest {code(found.candidate.manifest.digest)}",
        _table(["check", "status", "figures"], checks),
        _listed(reasons),
        _table(["label", "before", "now", "answer", "text"], changes) if changes else "",
        audit(found.run),
    )


def _status(check: Check) -> str:
    return check.status if check.status in ("passed", "not asked for") else f"**{check.status}!**"


def error(raised: BertBundleError) -> str:
    """A command that ended before it had verdicts."""
    parts = {"where": raised.place, "wanted": raised.wanted, "found": raised.found, "fix": raised.fix}
    listed = [f"{name}: {code(part)}" for name, part in parts.items() if part]
    return _join(f"### bert-bundle: {type(raised).__name__}", code(raised.message), _listed(listed))


def code(value: object) -> str:
    """`value` as code that may stand anywhere in a line, a table's cell included; what is unfit for a span is spelled
    by its number, which is never markup."""
    parts = _UNFIT.split(printable(value))
    spans = (f"`{part}`" if part else "" for part in parts[::2])
    spelled = ("<code>" + "".join(f"&#{ord(c)};" for c in part) + "</code>" for part in parts[1::2])
    return "".join(part for pair in zip(spans, [*spelled, ""], strict=True) for part in pair)


def _headline(title: str, found: Run) -> str:
    widened = f"\n\n{code(found.policy.widened)}" if found.policy.widened else ""
    return f"### {title}: {wording.sentence(found.summary)}{widened}"


def _grade(verdict: Verdict) -> str:
    return verdict.grade if verdict.as_expected else f"**{verdict.grade}!**"


def _reasons(verdicts: Sequence[Verdict]) -> str:
    """The pairs that are not as expected, worst first, each with the reason of its worst cell."""
    pairs: dict[tuple[str, str], list[Verdict]] = {}
    for v in verdicts:
        if not v.as_expected:
            pairs.setdefault((v.writer, v.reader), []).append(v)
    if not pairs:
        return ""
    shown = sorted(pairs.values(), key=lambda group: -severity(worst(group)))
    rows = []
    for group in shown[:MOST_REASONS]:
        v = worst(group)
        layer = f", first layer that differs: {code(v.first_layer)}" if v.first_layer else ""
        rows.append([
            v.grade, _arrow(v.writer, v.reader), code(v.bundle.name), str(len(group)),
            code(v.reason or MEANING[v.grade]) + layer,
        ])  # fmt: skip
    table = _table(["grade", "writer → reader", "bundle", "cells", "why"], rows, len(shown) - len(rows))
    return f"#### Not as expected\n\n{table}"


def _reproductions(found: Run) -> str:
    lines = []
    for reproduction in found.reproductions:
        v = reproduction.verdict
        specification = json.dumps(reproduction.specification, ensure_ascii=False)
        lines.append(
            f"smallest classifier on which {_arrow(v.writer, v.reader)} disagree: {code(specification)}, "
            f"{v.grade}: {code(v.reason)}; reproduce: `python` {code(reproduction.script)}"
        )
    return _listed(lines)


def _arrow(writer: str, reader: str) -> str:
    return f"{code(writer)} → {code(reader)}"


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]], left_out: int = 0) -> str:
    """As many rows as fit a table's share, and how many there are more, `left_out` of them not even asked for."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    kept = lines[: _fitting(lines)]
    more = len(lines) - len(kept) + left_out
    head = [f"| {' | '.join(headers)} |", f"|{' --- |' * len(headers)}"]
    return "\n".join([*head, *kept, *(["", _left_out(more)] if more else [])])


def _listed(lines: Iterable[str]) -> str:
    given = [f"* {line}" for line in lines]
    kept = given[: _fitting(given)]
    return "\n".join([*kept, *([f"* {_left_out(len(given) - len(kept))}"] if len(given) > len(kept) else [])])


def _fitting(lines: Iterable[str]) -> int:
    """How many of the lines a share of the report holds."""
    sizes = accumulate(len(line.encode("utf-8")) + 1 for line in lines)
    return sum(size <= _SHARE for size in sizes)


def _left_out(number: int) -> str:
    return f"and {number} more: the JSON report has all"


def _join(*parts: str) -> str:
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"
