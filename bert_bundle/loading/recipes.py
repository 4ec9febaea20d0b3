"""How the texts of a bundle become token ids: one length for each text, and to what they are padded.

Owns the manifest's `tokenizer` fields `max_length`, `padding`, `padded_together` and `truncation`.
"""

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Sequence

from bert_bundle.errors import FormatError
from bert_bundle.format import layout
from bert_bundle.format.manifest import Manifest
from bert_bundle.graph.signature import Slot
from bert_bundle.tokenizer import LONGEST, MAX_LENGTH, Recipe

_PLACE = layout.MANIFEST + "#/tokenizer"
_TOGETHER = "padded_together"  # only in the manifests of models whose predictions padding moves
_LONGEST_LENGTH = 1 << 20


@dataclass(frozen=True)
class Recipes:
    """One recipe for each text.

    together  whether all texts of a call are padded to one length, because padding moves the predictions. Otherwise
              each batch is padded to its own longest text
    """

    by_text: Mapping[str, Recipe]
    together: bool = False

    @property
    def padding(self) -> str:
        """Return "longest" if the length of some text is left open and follows the texts, else "max_length"."""
        return LONGEST if any(recipe.padding == LONGEST for recipe in self.by_text.values()) else MAX_LENGTH

    def to_json(self) -> Dict[str, object]:
        """Return the recipes as stored in the manifest: a length for each text only where lengths differ."""
        lengths = {text: recipe.max_length for text, recipe in self.by_text.items()}
        same = len(set(lengths.values())) == 1
        return {
            "max_length": next(iter(lengths.values())) if same else lengths,
            "padding": self.padding,
            **({_TOGETHER: True} if self.together else {}),
            "truncation": True,
        }


def of_lengths(lengths: Mapping[str, int], slots: Sequence[Slot], padding: str, *, together: bool = False) -> Recipes:
    """Return the recipes of the texts of `slots`: one whose inputs fix its length is padded to it in any case."""
    fixed = {slot.group for slot in slots if slot.group and slot.length is not None}
    return Recipes(
        {text: Recipe(n, MAX_LENGTH if text in fixed else padding) for text, n in sorted(lengths.items())}, together
    )


def of_manifest(manifest: Manifest, slots: Sequence[Slot]) -> Recipes:
    """Return how the bundle's texts become token ids.

    Raises FormatError when the manifest's recipe is malformed, or its lengths are not those of the token inputs.
    """
    texts = sorted({slot.group for slot in slots if slot.group})
    found = manifest.tokenizer
    lengths = found.get("max_length")
    by_text: Mapping[str, Any] = lengths if isinstance(lengths, Mapping) else dict.fromkeys(texts, lengths)
    well_formed = (
        sorted(by_text) == texts
        and all(type(n) is int and 1 <= n <= _LONGEST_LENGTH for n in by_text.values())
        and (by_text is not lengths or len(set(by_text.values())) > 1)
        and found.get("padding") in (MAX_LENGTH, LONGEST)
        and found.get("truncation") is True
        and found.get(_TOGETHER, True) is True
        and (_TOGETHER not in found or found["padding"] == LONGEST)
    )
    if not well_formed:
        raise FormatError(
            "the tokenizer's recipe is malformed",
            place=_PLACE,
            wanted="max_length (one, or different ones by text), padding max_length or longest, truncation true",
            found=dict(found),
        )
    for slot in slots:
        if slot.group and slot.length not in (None, by_text[slot.group]):
            raise FormatError(
                "the tokenizer's recipe does not match the model's inputs",
                place=_PLACE + "/max_length",
                wanted="{}, the length of {}".format(slot.length, slot.name),
                found=by_text[slot.group],
            )
    result = of_lengths(by_text, slots, found["padding"], together=_TOGETHER in found)
    if result.padding != found["padding"]:
        raise FormatError(
            "the tokenizer's recipe does not match the model's inputs",
            place=_PLACE + "/padding",
            wanted="max_length: no input leaves its length open",
            found=found["padding"],
        )
    return result
