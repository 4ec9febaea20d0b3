"""The lines between which a card is rewritten; all other text in it is its owner's. Does not know: what is written.

A mark is a whole line. No line of a generated block can be one: text of others is escaped there (`markdown.plain`).
"""

from typing import List, Optional, Sequence, Tuple

from bert_bundle.errors import FormatError
from bert_bundle.format import layout

FRONT_BEGIN, FRONT_END = "# bert_bundle: begin (written anew by `bert-bundle card --update`)", "# bert_bundle: end"
BEGIN, END = "<!-- bert_bundle: begin. Text outside of the marks is yours. -->", "<!-- bert_bundle: end -->"
AUDIT_BEGIN, AUDIT_END = "<!-- bert_bundle: begin audit", "<!-- bert_bundle: end audit -->"

_FENCE = "---"  # of the front matter

Span = Tuple[int, int]


def span(lines: Sequence[str], begin: str, end: str) -> Optional[Span]:
    """Return the range of lines from the one that begins with `begin` to `end`, both included; None without marks.

    Raises FormatError if there is not one of each, in this order.
    """
    first = [i for i, line in enumerate(lines) if line.strip().startswith(begin)]
    last = [i for i, line in enumerate(lines) if line.strip() == end]
    if not first and not last:
        return None
    if len(first) != 1 or len(last) != 1 or last[0] < first[0]:
        raise FormatError(
            "the marks of the card are not a pair",
            place=layout.CARD,
            wanted="{} ... {}, once".format(begin, end),
            found="{} and {} of them".format(len(first), len(last)),
            fix="delete these lines, and what was generated between them",
        )
    return first[0], last[0] + 1


def split(text: str) -> Tuple[List[str], List[str]]:
    """Return the lines of the front matter, without its fences, and those of the rest."""
    lines = text.split("\n")
    start = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
    if start < len(lines) and lines[start].rstrip() == _FENCE:
        for end in range(start + 1, len(lines)):
            if lines[end].rstrip() == _FENCE:
                return lines[start + 1 : end], lines[end + 1 :]
    return [], lines


def joined(front: Sequence[str], body: Sequence[str]) -> str:
    """Return a card of these lines."""
    return "\n".join([_FENCE, *front, _FENCE, *body])
