"""Writes docs/compatibility.md from the JSON document of a run.

`python tools/compatibility.py RUN.json`, where RUN.json is the output of
`bert-bundle matrix run --groups full --classifiers catalogue --json`.
"""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bert_bundle.host.report.numbers import power
from bert_bundle.host.runs.verdict import MEANING

MARKS = {"bitwise": "=", "identical": "~"}
WORST_LAST = tuple(MEANING)
HEAD = """# Compatibility

Every environment of the group `full` that can write wrote the classifiers, and every environment read all of them.
Bundles with the same bytes share one replay in each reader ([the matrix](matrix.md#workers)). This page is made from a
real run by `tools/compatibility.py`, which is given the run's document:

```sh
bert-bundle matrix run --groups full --classifiers catalogue --json > run.json
```

`=` equal to the last bit · `~` identical: the same labels, the same function, float32 within the noise floor · any
other grade is named, with `!` if it was not expected.
"""
SPREAD = """
## Spread

The largest difference between the float64 replays of each pair: n if every difference is below 1e-n of the output's
scale, `=` if there is none. The tolerance is 5e-7.
"""
NEEDS = """
## Classifiers that need more

Not every environment can write or read these; the numbers are those of the table above. A writer that lacks what is
needed leaves the classifier out, and a reader that lacks it refused its bundles, as expected.
"""
REFUSED = """
## Refused, as expected

These environments are known not to work ([known breakages](matrix.md#known-breakages)). Each refused every bundle, with
the reason of its rule.
"""

Verdicts = Iterable[Mapping[str, Any]]


class Lack(NamedTuple):
    """A classifier that an environment cannot write or read, what for, and how many cells that concerns."""

    what: str
    classifier: str
    needs: str
    environment: str
    cells: int


def document(run: Mapping[str, Any]) -> str:
    """Return the page: writers x readers with the worst grade of each pair, totals, the spread, needs and refusals."""
    verdicts, summary = run["verdicts"], run["summary"]
    ids = [place["id"] for place in run["environments"]]
    loading = {v["reader"] for v in verdicts if v["grade"] != "refused" or not v["as_expected"]}
    refusing = {v["reader"]: v["reason"] for v in verdicts if v["reader"] not in loading}
    readers = [name for name in ids if name in loading]
    writers = [name for name in ids if any(v["writer"] == name for v in verdicts)]
    doubles = {(pair["writer"], pair["reader"]): pair["double"] for pair in run["spread"]["pairs"]}
    pairs: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for v in verdicts:
        pairs.setdefault((v["writer"], v["reader"]), []).append(v)
    lacks = [*left_out(run), *refusals(verdicts, readers)]
    folders = {Path(v["bundle"]).name for v in verdicts}
    parts = [
        HEAD,
        square(ids, writers, readers, lambda *pair: worst(pairs[pair])),
        "",
        f"{summary['as_expected']} of {summary['cells']} cells as expected, {summary['unexpected']} not as expected, "
        f"{summary['not_run']} not run. Labels changed: {sum(v['labels_changed'] or 0 for v in verdicts)}. "
        f"Largest difference in float32, over the output's scale: {max(v['single'] or 0 for v in verdicts):.1e}.",
        "",
        f"Classifiers: {', '.join(map(name_of, sorted(folders, key=lambda name: int(name.split('-')[0]))))}.",
        SPREAD,
        square(ids, writers, readers, lambda *pair: power(doubles.get(pair))),
        "",
        f"The largest is {run['spread']['largest'] or 0:.1e}.",
    ]
    if lacks:
        parts += [NEEDS, needs_table(lacks, ids)]
    if refusing:
        rows = (f"| {name} | {known(reason)} |" for name, reason in refusing.items())
        parts += [REFUSED, "| environment | why |", "| --- | --- |", *rows]
    return "\n".join(parts) + "\n"


def square(ids: list[str], writers: list[str], readers: list[str], cell: Callable[[str, str], str]) -> str:
    """Return a table of writers (down) and readers (across); the numbers are positions in `ids`."""
    numbers = {name: number for number, name in enumerate(ids, 1)}
    rows = [f"| writer \\ reader | {' | '.join(str(numbers[reader]) for reader in readers)} |"]
    rows.append("| --- |" + " --- |" * len(readers))
    rows += [f"| {numbers[w]} {w} | {' | '.join(cell(w, reader) for reader in readers)} |" for w in writers]
    return "\n".join(rows)


def worst(verdicts: Verdicts) -> str:
    """Return the worst grade, as a mark or by its name; of a refusal that was expected only if there is no other."""
    given = list(verdicts)
    shown = [v for v in given if not refused_as_expected(v)] or given
    grade: str = max((v["grade"] for v in shown), key=WORST_LAST.index)
    return MARKS.get(grade, grade) + ("" if all(v["as_expected"] for v in shown) else "!")


def refused_as_expected(verdict: Mapping[str, Any]) -> bool:
    """Return whether a reader refused a bundle and had to."""
    return bool(verdict["grade"] == "refused" and verdict["as_expected"])


def left_out(run: Mapping[str, Any]) -> Iterable[Lack]:
    """Yield each bundle that was not written."""
    for found in run["left_out"]:
        yield Lack("not written in", name_of(found["bundle"]), found["needs"], found["writer"], found["cells"])


def refusals(verdicts: Verdicts, readers: list[str]) -> Iterable[Lack]:
    """Yield each cell whose reader, one that loads others, refused as expected."""
    for v in verdicts:
        if refused_as_expected(v) and v["reader"] in readers:
            yield Lack("refused in", name_of(v["bundle"]), known(v["reason"]), v["reader"], 1)


def needs_table(lacks: Iterable[Lack], ids: list[str]) -> str:
    """Return a row for each need and what follows from it: the classifiers, the environments, how many cells."""
    found: dict[tuple[str, str], list[Lack]] = {}
    for lack in lacks:
        found.setdefault((lack.needs, lack.what), []).append(lack)
    rows = ["| need | classifiers | | environments | cells |", "| --- | --- | --- | --- | --- |"]
    for (needs, what), each in sorted(found.items()):
        names = ", ".join(dict.fromkeys(lack.classifier for lack in each))
        numbers = sorted({ids.index(lack.environment) + 1 for lack in each})
        cells = sum(lack.cells for lack in each)
        rows.append(f"| {needs.removeprefix('needs ')} | {names} | {what} | {', '.join(map(str, numbers))} | {cells} |")
    return "\n".join(rows)


def name_of(bundle: str) -> str:
    """Return the name of the classifier in a bundle: its folder has the number before it."""
    name = Path(bundle).name
    return name.partition("-")[2] or name


def known(reason: str) -> str:
    """Return why a refusal was expected, without what was refused."""
    return reason.partition("; ")[0].removeprefix("known: ")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/compatibility.py RUN.json")
    page = document(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    Path(__file__).resolve().parents[1].joinpath("docs", "compatibility.md").write_text(page, encoding="utf-8")
