"""`python docs/compatibility.py RUN.json`: the table of docs/compatibility.md, from `bert-bundle matrix run --json`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MARKS = {"bitwise": "=", "identical": "~"}
HEAD = """# Compatibility

Every environment of the group `full` wrote the classifiers, every environment read all of them. Made from a real run,
whose document was kept as `run.json` and given to docs/compatibility.py:

```sh
bert-bundle matrix run --groups full --json
```

`=` equal to the last bit · `~` identical: the same labels, the same function, float32 within the noise floor · anything
else is named.
"""


def table(run: Mapping[str, Any]) -> str:
    """The document: environments x environments, the worst grade of each pair, then the largest differences."""
    ids = [place["id"] for place in run["environments"]]
    lines = [HEAD, "| writer \\ reader | " + " | ".join(str(n) for n in range(1, len(ids) + 1)) + " |"]
    lines.append("| --- |" + " --- |" * len(ids))
    for number, writer in enumerate(ids, 1):
        cells = []
        for reader in ids:
            pair = [v for v in run["verdicts"] if (v["writer"], v["reader"]) == (writer, reader)]
            worst = max((v["grade"] for v in pair), key=lambda grade: (grade not in MARKS, grade == "identical"))
            cells.append(MARKS.get(worst, worst))
        lines.append(f"| {number} {writer} | " + " | ".join(cells) + " |")
    summary, verdicts = run["summary"], run["verdicts"]
    double, single = (max(v[figure] for v in verdicts) for figure in ("double", "single"))
    changed = sum(v["labels_changed"] for v in verdicts)
    classifiers = len(verdicts) // len(ids) ** 2
    lines += [
        "",
        f"{summary['as_expected']} of {summary['cells']} cells as expected, "
        f"{summary['not_run']} not run. Largest differences over the output's scale: {double:.1e} in float64, where "
        f"the bound is 5e-7, and {single:.1e} in float32. "
        f"Labels changed: {changed}. Classifiers of each writer: {classifiers}.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    text = table(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    Path(__file__).with_name("compatibility.md").write_text(text, encoding="utf-8")
