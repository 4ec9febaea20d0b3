"""The inputs of a bundle: what its manifest says of them, checked against its graph."""

from typing import Any, Dict, List, Tuple

from bert_bundle.errors import FormatError
from bert_bundle.format import layout
from bert_bundle.format.manifest import Manifest
from bert_bundle.graph import signature
from bert_bundle.graph.graph import Graph
from bert_bundle.graph.signature import FEATURE, ROLES, Slot

_PLACE = layout.MANIFEST + "#/signature/inputs"


def slots_of(manifest: Manifest, graph: Graph) -> List[Slot]:
    """Return the model's inputs, in order, with the roles that they have in the manifest.

    A role differs from that of the graph only if it was given at save, or is "feature": an earlier bert_bundle may have
    read less from the same graph. Raises FormatError for inputs that are not those of the graph.
    """
    entries: Any = manifest.signature.get("inputs")
    if not isinstance(entries, list):
        raise FormatError("the inputs of the manifest are malformed", place=_PLACE, found=type(entries).__name__)
    given: Dict[str, Tuple[str, str]] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise FormatError("the inputs of the manifest are malformed", place=_PLACE, found=entry)
        role, text = entry.get("role"), entry.get("text", "")
        if role not in ROLES or not isinstance(text, str):
            raise FormatError(
                "not a role of an input",
                place=_PLACE,
                wanted=", ".join(ROLES),
                found="{}: {}".format(entry["name"], role),
            )
        if role == FEATURE or "given" in entry:
            given[entry["name"]] = (role, text)
    slots = signature.slots(graph, given)
    for index, (slot, entry) in enumerate(_pairs(slots, entries)):
        _check(slot, entry, "{}/{}".format(_PLACE, index))
    if not any(slot.group for slot in slots):
        raise FormatError("no input of the model is made from a text", place=_PLACE, wanted="an input of token ids")
    return slots


def _pairs(slots: List[Slot], entries: List[Any]) -> List[Tuple[Slot, Dict[str, Any]]]:
    names = [entry["name"] for entry in entries]
    if names != [slot.name for slot in slots]:
        raise FormatError(
            "inputs of the manifest are not those of the graph",
            place=_PLACE,
            wanted=", ".join(slot.name for slot in slots),
            found=", ".join(names),
        )
    return list(zip(slots, entries))


def _check(slot: Slot, entry: Dict[str, object], place: str) -> None:
    """Raise FormatError unless the entry is what a save of this input could have written."""
    wanted = signature.input_to_json(slot)
    if entry.get("given") is None and entry["role"] == FEATURE:
        wanted.pop("given", None)
    if entry != wanted:
        raise FormatError("an input of the manifest is not that of the graph", place=place, wanted=wanted, found=entry)
