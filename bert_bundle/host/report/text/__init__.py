"""What commands print on a terminal: a function for each kind of result, a module for each noun.

Whatever comes from a bundle or a matrix file is shown as plain text: control characters escaped, no markup read.
"""

from bert_bundle.errors import BertBundleError, printable
from bert_bundle.host.report.text.bisect import bisection
from bert_bundle.host.report.text.bundles import comparison, manifest
from bert_bundle.host.report.text.environments import doctor, environments, locks
from bert_bundle.host.report.text.gate import gate, requirement
from bert_bundle.host.report.text.runs import audit, cross, verification

__all__ = [
    "audit", "bisection", "comparison", "cross", "doctor", "environments", "error", "gate", "locks", "manifest",
    "requirement", "verification",
]  # fmt: skip


def error(raised: BertBundleError) -> str:
    """An error and its parts, then the last words of whatever died; `printable` has been over every part already."""
    notes = [line for note in getattr(raised, "__notes__", ()) for line in str(note).splitlines()]
    words = ["  its last words:", *(f"    {printable(line)}" for line in notes)] if notes else []
    return "\n".join([str(raised), *words]) + "\n"
