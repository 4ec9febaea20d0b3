"""A whole card: written at save, and rewritten later without touching what its owner wrote.

Does not know: digests of files. A card is not among the files that the manifest lists.
"""

import re
from typing import List, Optional, Sequence

from bert_bundle.card import front_matter, marks
from bert_bundle.card.content import content
from bert_bundle.errors import FormatError
from bert_bundle.format import layout
from bert_bundle.format.golden import Golden
from bert_bundle.format.manifest import Manifest

# A card of the time before marks, as a save wrote it.
_UNMARKED = re.compile(
    r"\A\s*# [^\n]*\n\nA text classifier around .*?\n`bert-bundle verify` replays its \d+ recorded examples\.\n",
    re.DOTALL,
)


def card(name: str, manifest: Manifest, golden: Golden) -> bytes:
    """Return README.md of the bundle of that name, as a save writes it."""
    return updated(b"", name, manifest, golden)


def updated(
    old: bytes,
    name: str,
    manifest: Manifest,
    golden: Golden,
    *,
    location: str = "",
    audit: Optional[Sequence[str]] = None,
) -> bytes:
    """Return the card `old` with its generated parts written anew, and all other text where it was.

    A key of the front matter that its owner wrote is kept as it is. An audit of the bundle that was there is kept if
    none is given; that of another bundle, by digest, is not.

    location  what the call of the card loads: by default the folder of that name
    audit     the lines about the last audit

    Raises FormatError for a card that is not text, or whose marks are not pairs; and for a manifest without the fields
    that a save writes.
    """
    text = _decoded(old)
    windows = "\r\n" in text
    front, body = marks.split(text.replace("\r\n", "\n"))
    try:
        said = content(name, location or name, manifest, golden)
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # forged: `save` and `load` know its shape
        raise FormatError(
            "the manifest is malformed",
            place=layout.MANIFEST,
            wanted="what a save writes",
            found="{}: {}".format(type(error).__name__, error),
        ) from None
    rewritten = marks.joined(_front(front, name, manifest), _body(body, said, manifest.digest, audit))
    return (rewritten.replace("\n", "\r\n") if windows else rewritten).encode("utf-8")


def is_generated(old: bytes) -> bool:
    """Return whether the card has a part that `updated` writes anew, or is empty."""
    return not old.strip() or marks.BEGIN.encode("utf-8") in old


def _decoded(old: bytes) -> str:
    try:
        return old.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(
            "the card is not text", place=layout.CARD, wanted="UTF-8", found=error, fix="save it as UTF-8, or delete it"
        ) from None


def _front(lines: Sequence[str], name: str, manifest: Manifest) -> List[str]:
    place = marks.span(lines, marks.FRONT_BEGIN, marks.FRONT_END)
    before, after = (lines[: place[0]], lines[place[1] :]) if place else ([], lines)
    own = {*front_matter.keys(before), *front_matter.keys(after)}
    generated = [
        line for key, written in front_matter.fields(name, manifest).items() if key not in own for line in written
    ]
    return [*before, marks.FRONT_BEGIN, *generated, marks.FRONT_END, *after]


def _body(lines: List[str], said: Sequence[str], digest: str, audit: Optional[Sequence[str]]) -> List[str]:
    generated = [marks.BEGIN, *said, marks.END]
    place = marks.span(lines, marks.BEGIN, marks.END)
    if place is not None:
        return _with_audit([*lines[: place[0]], *generated, *lines[place[1] :]], digest, audit)
    rest = _UNMARKED.sub("", "\n".join(lines)).strip("\n")
    return _with_audit(["", *generated, *(["", *rest.split("\n"), ""] if rest else [""])], digest, audit)


def _with_audit(lines: List[str], digest: str, audit: Optional[Sequence[str]]) -> List[str]:
    begin = "{} of {} -->".format(marks.AUDIT_BEGIN, digest)
    place = marks.span(lines, marks.AUDIT_BEGIN, marks.AUDIT_END)
    if audit is None:  # what is there stays, if it is of this bundle
        if place is None or lines[place[0]].strip() == begin:
            return lines
        return [*lines[: place[0]], *lines[place[1] :]]
    generated = [begin, *audit, marks.AUDIT_END]
    if place is not None:
        return [*lines[: place[0]], *generated, *lines[place[1] :]]
    end = lines.index(marks.END) + 1
    return [*lines[:end], "", *generated, *lines[end:]]
