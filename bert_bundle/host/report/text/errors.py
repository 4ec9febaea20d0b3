"""Errors as text."""

from bert_bundle.errors import BertBundleError, printable


def error(raised: BertBundleError) -> str:
    """Return an error with its parts, then the last output of the process that crashed, if there is any.

    The error's own parts are printable already.
    """
    notes = [line for note in getattr(raised, "__notes__", ()) for line in str(note).splitlines()]
    output = ["  last output:", *(f"    {printable(line)}" for line in notes)] if notes else []
    return "\n".join([str(raised), *output]) + "\n"
