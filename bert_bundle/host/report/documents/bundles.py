"""Documents of the commands about bundles on disk: inspect, diff, rescue, push, pull, card."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bert_bundle.host.diff import Comparison
    from bert_bundle.host.report.results import Inspection, PulledBundle, PushedBundle, RescuedBundle, WrittenCard
    from bert_bundle.rescuing.description import Description


def manifest(found: Inspection) -> dict[str, object]:
    """Return the manifest as it is in bundle.json."""
    return found.manifest


def old_model(found: Description) -> dict[str, object]:
    """Return docs/schema/old_model.json."""
    return found.to_json()


def comparison(found: Comparison) -> dict[str, object]:
    """Return docs/schema/diff.json."""
    return {**asdict(found), "same": found.same}


def rescued(found: RescuedBundle) -> dict[str, object]:
    """Return docs/schema/rescue.json."""
    return {**asdict(found), "source": str(found.source), "bundle": str(found.bundle)}


def pushed(found: PushedBundle) -> dict[str, object]:
    """Return docs/schema/push.json."""
    return asdict(found)


def pulled(found: PulledBundle) -> dict[str, object]:
    """Return docs/schema/pull.json."""
    return asdict(found)


def card(found: WrittenCard) -> dict[str, object]:
    """Return docs/schema/card.json."""
    return asdict(found)
