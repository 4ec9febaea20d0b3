"""What mypy --strict says of a user's program: each planted mistake is an error, and without them there is none."""

import os
import re
import subprocess
import sys
from pathlib import Path

from support.paths import ROOT

RIGHT = """\
import numpy as np

import bert_bundle

rows = np.zeros((1, 10))
bundle = bert_bundle.load("router", runtime="native")
scores = bundle.predict(["why?"], features={"numbers": rows})
best: int = int(scores.argmax(-1)[0])
named = bundle.predict(["why?"], as_dict=True)
tops: list[int] = [int(array.argmax()) for array in named.values()]
manifest = bert_bundle.inspect("router")
first = manifest.signature["inputs"][0]
features = [entry["name"] for entry in manifest.signature["inputs"] if entry["role"] == "feature"]
shape: str = " x ".join(str(size) for size in first["shape"])
audit = bert_bundle.audit("router", environments=["tf2.15", "tf2.1*"], progress=print)
worse = [verdict.reader for verdict in audit.verdicts if verdict.grade not in ("bitwise", "identical")]
largest = max(verdict.double or 0.0 for verdict in audit.verdicts)
gate = bert_bundle.gate("router", baseline="router-1")
ships: bool = gate.decision == "ships" and all(check.status != "failed" for check in gate.checks)
moved = [change.place for change in bert_bundle.diff("router-1", "router").changes if change.part == "weights"]
bisection = bert_bundle.bisect("router", good="tf2.18", bad="tf2.19", releases=True)
culprits: list[str] = [unit.name for group in bisection.culprits for unit in group]
fixes: list[str] = [finding.fix for one in bert_bundle.doctor(groups="ci").environments for finding in one.findings]
cells: int = audit.to_json()["summary"]["cells"]
manifest = bert_bundle.save(None, "router", tokenizer=None, max_length=128)
verified: bool = bert_bundle.verify("router", runtime="auto").ok
"""

# The planted mistakes: part of a line, what is written there, and what mypy says.
MISTAKES = {
    'runtime="native"': ('runtime="transformer"', "arg-type"),
    'features={"numbers": rows}': ("features=rows", "call-overload"),
    'manifest.signature["inputs"][0]': ('manifest.signature["input"][0]', "typeddict-item"),
    "verdict.grade not in": ("verdict.grades not in", "attr-defined"),
    'gate.decision == "ships"': ('gate.decision == "shipped"', "comparison-overlap"),
}


def test_each_planted_mistake_is_an_error_and_the_right_program_has_none(tmp_path: Path) -> None:
    wrong, planted = RIGHT, set()
    for right, (mistake, code) in MISTAKES.items():
        assert wrong.count(right) == 1
        wrong = wrong.replace(right, mistake)
        planted.add((next(n for n, line in enumerate(wrong.splitlines(), 1) if mistake in line), code))
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(wrong)
    found = errors(tmp_path, "right.py", "wrong.py")
    assert len(planted) == 5
    assert sorted(found) == sorted(("wrong.py", line, code) for line, code in planted)


def errors(folder: Path, *names: str) -> list[tuple[str, int, str]]:
    """Return (file, line, code) of every error that mypy finds in programs that see the package as an installed one."""
    options = ["--strict", "--config-file=", "--no-error-summary", "--cache-dir=cache"]
    variables = {**os.environ, "MYPYPATH": str(ROOT)}
    command = [sys.executable, "-m", "mypy", *options, *names]
    output = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=variables).stdout
    lines = [re.fullmatch(r"(\S+):(\d+): error: .*\[([\w-]+)\]", line) for line in output.splitlines()]
    found = [(match[1], int(match[2]), match[3]) for match in lines if match]
    assert all(file in names for file, _, _ in found), output
    return found
