"""A run, a gate's answer or a check's figure in a few words: owns the words, knows nothing of tables and documents."""

from bert_bundle.host.gate.checks import Check
from bert_bundle.host.gate.gate import Gate
from bert_bundle.host.runs.verdict import Summary

_ANSWERS = {"ships": "it ships", "refused": "refused", "undecided": "undecided: what did not run says nothing for it"}


def sentence(summary: Summary) -> str:
    """`6 of 6 as expected in 41 s`, and what else there was."""
    parts = [f"{summary.as_expected} of {summary.cells} as expected"]
    if summary.unexpected:
        parts.append(f"{summary.unexpected} not as expected")
    if summary.not_run:
        parts.append(f"{summary.not_run} not run")
    return ", ".join(parts) + f" in {summary.seconds:.0f} s"


def answer(found: Gate) -> str:
    """`it ships`, or what stands against it."""
    return _ANSWERS[found.decision]


def figures(check: Check) -> str:
    """`ratio 1.02 (at most 1.1)`, every figure that was measured."""
    bounds = {f.name: "" if f.bound is None else f" (at most {_number(f.bound)})" for f in check.figures}
    return ", ".join(f"{f.name} {_number(f.value)}{bounds[f.name]}" for f in check.figures if f.value is not None)


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3g}"
