"""Writes docs/compatibility.md from the JSON document of a run.

`python tools/compatibility.py RUN.json`, where RUN.json is the output of
`bert-bundle matrix run --groups full --classifiers catalogue --json`.
"""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

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
REFUSED = """
## Refused, as expected

These environments are known not to work ([known breakages](matrix.md#known-breakages)). Each refused every bundle, with
the reason of its rule.
"""

Verdicts = Iterable[Mapping[str, Any]]


def document(run: Mapping[str, Any]) -> str:
    """Return the page: writers x readers with the worst grade of each pair, totals, the spread and the refusals."""
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
    classifiers = sorted({Path(v["bundle"]).name for v in verdicts}, key=lambda name: int(name.split("-")[0]))
    parts = [
        HEAD,
        square(ids, writers, readers, lambda *pair: worst(pairs[pair])),
        "",
        f"{summary['as_expected']} of {summary['cells']} cells as expected, {summary['unexpected']} not as expected, "
        f"{summary['not_run']} not run. Labels changed: {sum(v['labels_changed'] or 0 for v in verdicts)}. "
        f"Largest difference in float32, over the output's scale: {max(v['single'] or 0 for v in verdicts):.1e}.",
        "",
        f"Classifiers: {', '.join(name.partition('-')[2] or name for name in classifiers)}.",
        SPREAD,
        square(ids, writers, readers, lambda *pair: power(doubles.get(pair))),
        "",
        f"The largest is {run['spread']['largest'] or 0:.1e}.",
    ]
    if refusing:
        rows = (f"| {name} | {reason.split(';')[0].removeprefix('known: ')} |" for name, reason in refusing.items())
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
    """Return the worst grade, as a mark or by its name."""
    grade: str = max((v["grade"] for v in verdicts), key=WORST_LAST.index)
    return MARKS.get(grade, grade) + ("" if all(v["as_expected"] for v in verdicts) else "!")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/compatibility.py RUN.json")
    page = document(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    Path(__file__).resolve().parents[1].joinpath("docs", "compatibility.md").write_text(page, encoding="utf-8")
