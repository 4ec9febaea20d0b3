"""A bundle that was pushed or pulled, and its card, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bert_bundle.host.report import terminal
from bert_bundle.host.report.style import Style

if TYPE_CHECKING:
    from bert_bundle.host.report.results import PulledBundle, PushedBundle, WrittenCard


def pushed(found: PushedBundle, style: Style) -> str:
    """Return where the bundle is now, by commit, and its digest."""
    facts = {
        "bundle": found.bundle,
        "pushed to": found.address,
        "digest": found.digest,
        **({"removed there": ", ".join(found.removed)} if found.removed else {}),
    }
    return terminal.render(style, terminal.facts(facts))


def pulled(found: PulledBundle, style: Style) -> str:
    """Return where the bundle came from, by commit, and its digest."""
    facts = {"bundle": found.bundle, "pulled from": found.address, "digest": found.digest}
    return terminal.render(style, terminal.facts(facts))


def card(found: WrittenCard, style: Style) -> str:
    """Return what was written; the card itself if it was not."""
    if not found.written:
        return found.card
    return terminal.render(style, terminal.facts({"card": found.bundle / "README.md", "digest": found.digest}))
