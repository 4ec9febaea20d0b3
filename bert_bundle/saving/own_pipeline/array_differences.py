"""Where the arrays that were fed to a model differ from those that a bundle makes of the same texts."""

from typing import Any, Mapping, Sequence, Tuple

import numpy as np

from bert_bundle.graph.signature import Slot

Arrays = Mapping[str, np.ndarray]


def first_difference(
    slots: Sequence[Slot], theirs: Arrays, ours: Arrays, examples: Sequence[int], tokenizer: Any
) -> str:
    """Return in words the first element that differs, with the tokens at it; empty if none does.

    theirs, ours  input name -> array (rows, ...)
    examples      the number of the example in each row
    """
    for slot in slots:
        shapes = [side[slot.name].shape[1:] for side in (theirs, ours)]
        if shapes[0] != shapes[1]:
            return "{}: rows of shape {} for {}".format(slot.name, *shapes)
    for row, example in enumerate(examples):
        for slot in slots:
            one, other = theirs[slot.name][row], ours[slot.name][row]
            places = np.argwhere(one != other)
            if places.size:
                at = tuple(map(int, places[0]))
                return "{} of example {}, position {}: {} for {}{}".format(
                    slot.name,
                    example,
                    ", ".join(map(str, at)),
                    one[at],
                    other[at],
                    _tokens(slots, slot.group, (row, *at), (theirs, ours), tokenizer),
                )
    return ""


def _tokens(
    slots: Sequence[Slot], group: str, at: Tuple[int, ...], sides: Tuple[Arrays, Arrays], tokenizer: Any
) -> str:
    """Return the tokens of a text at a position, in words; empty for a feature."""
    ids = [slot.name for slot in slots if group and (slot.group, slot.role) == (group, "input_ids")]
    if not ids:
        return ""
    one, other = (tokenizer.convert_ids_to_tokens(int(arrays[ids[0]][at])) for arrays in sides)
    return ", at {!r}".format(other) if one == other else ", {!r} for {!r}".format(one, other)
