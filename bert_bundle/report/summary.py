"""A run in one sentence: owns its words, knows nothing of tables and documents."""

from bert_bundle.matrix.verdict import Summary


def sentence(summary: Summary) -> str:
    """`6 of 6 as expected in 41 s`, and what else there was."""
    parts = [f"{summary.as_expected} of {summary.cells} as expected"]
    if summary.unexpected:
        parts.append(f"{summary.unexpected} not as expected")
    if summary.not_run:
        parts.append(f"{summary.not_run} not run")
    return ", ".join(parts) + f" in {summary.seconds:.0f} s"
