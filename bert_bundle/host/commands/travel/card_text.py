"""The card that a command prints, writes or pushes, from the one that an opened bundle has."""

from __future__ import annotations

import os
from collections.abc import Sequence

from bert_bundle.card.card import is_generated, updated
from bert_bundle.format import golden, layout
from bert_bundle.format.files import read_file
from bert_bundle.format.open_bundle import OpenedBundle


def rewritten(opened: OpenedBundle, name: str, audit: Sequence[str] | None) -> bytes:
    """Return the card of a bundle with its generated parts written anew. Raises FormatError, see `card.updated`."""
    return updated(_of(opened), name, opened.manifest, golden.from_bundle(opened), audit=audit)


def card_for(opened: OpenedBundle, name: str, location: str) -> bytes:
    """Return the card of a bundle that others load from `location`; one that its owner wrote whole is as it is."""
    old = _of(opened)
    if not is_generated(old):
        return old
    return updated(old, name, opened.manifest, golden.from_bundle(opened), location=location)


def _of(opened: OpenedBundle) -> bytes:
    if not os.path.lexists(os.path.join(opened.root, layout.CARD)):
        return b""
    return read_file(opened.root, layout.CARD, limit=layout.MAX_JSON)
