"""Documents: several texts that one row of a model is made from, as a list of texts. Does not know: tokenizers.

A text is a str, or a pair of them. Two texts in a tuple are a pair, texts in a list are a document.
"""

from typing import Any, List, NamedTuple, Optional, Sequence

import numpy as np

from bert_bundle.errors import SignatureError


class Row(NamedTuple):
    """The texts of documents in a row, and how many of them make one document."""

    texts: List[Any]
    each: int

    def documents(self) -> List[List[object]]:
        """Return the documents: lists of texts, a pair as a list of two."""
        texts = [list(text) if isinstance(text, tuple) else text for text in self.texts]
        return [texts[start : start + self.each] for start in range(0, len(texts), self.each)]


def in_a_row(column: Sequence[Any], each: Optional[int], place: str) -> Row:
    """Return the texts of `column`: documents, or, if the model fixes how many texts `each` has, their texts in a row.

    Raises SignatureError for documents that differ in how many texts they have, or have another number than `each`.
    """
    items = [item.tolist() if isinstance(item, np.ndarray) else item for item in column]
    nested = [is_document(item) for item in items]
    if any(nested) and not all(nested):
        raise _refused("documents and texts in one list", each, place, "{} of {}".format(sum(nested), len(items)))
    if not any(nested):
        if items and (not each or len(items) % each):
            raise _refused("texts that do not make documents", each, place, "{} texts in a row".format(len(items)))
        return Row(items, each or 1)
    sizes = sorted({len(item) for item in items})
    if len(sizes) > 1 or sizes[0] != (each or sizes[0]) or not sizes[0]:
        raise _refused("documents of another number of texts", each, place, ", ".join(map(str, sizes)))
    texts = [tuple(text) if isinstance(text, list) else text for item in items for text in item]
    return Row(texts, sizes[0])


def is_document(item: object) -> bool:
    """Return whether an item is a document, not a text or a pair."""
    return isinstance(item, list) or (isinstance(item, tuple) and len(item) != 2)


def _refused(message: str, each: Optional[int], place: str, found: str) -> SignatureError:
    example = ", ".join(["text"] * each) if each and each <= 3 else "text, text, ..."
    return SignatureError(
        message,
        place=place,
        wanted="a list of {} texts for each document".format(each)
        if each
        else "a list of texts for each document, all of one length",
        found=found,
        fix="[[{}], ...]; add empty texts to a document that is too short".format(example),
    )
