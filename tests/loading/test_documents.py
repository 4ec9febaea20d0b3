"""Documents: lists of texts, or the texts of several in a row; refused with what to write."""

from typing import Any

import numpy as np
import pytest

from bert_bundle.errors import SignatureError
from bert_bundle.loading.documents import in_a_row

ACCEPTED: dict[str, tuple[list[Any], int | None, list[Any], int]] = {
    "documents": ([["a", "b"], ["c", "d"]], 2, ["a", "b", "c", "d"], 2),
    "texts in a row": (["a", "b", "c", "d"], 2, ["a", "b", "c", "d"], 2),
    "pairs in a row": ([("a", "b"), ("c", "d")], 2, [("a", "b"), ("c", "d")], 2),
    "documents of pairs": ([[("a", "b"), ("c", "d")]], 2, [("a", "b"), ("c", "d")], 2),
    "documents of pairs, as JSON has them": ([[["a", "b"], ["c", "d"]]], 2, [("a", "b"), ("c", "d")], 2),
    "any number, all alike": ([["a", "b", "c"], ["d", "e", "f"]], None, ["a", "b", "c", "d", "e", "f"], 3),
    "arrays": ([np.array(["a", "b"])], 2, ["a", "b"], 2),
    "tuples of three": ([("a", "b", "c")], 3, ["a", "b", "c"], 3),
    "no document": ([], 2, [], 2),
}
REFUSED: dict[str, tuple[list[Any], int | None, str, str]] = {
    "another number of texts": ([["a", "b"]], 3, "documents of another number of texts", "2"),
    "different numbers": ([["a", "b"], ["c"]], None, "documents of another number of texts", "1, 2"),
    "empty documents": ([[], []], None, "documents of another number of texts", "0"),
    "texts that are left over": (["a", "b", "c", "d"], 3, "texts that do not make documents", "4 texts in a row"),
    "texts in a row of any number": (["a", "b"], None, "texts that do not make documents", "2 texts in a row"),
    "documents among texts": ([["a", "b"], "c"], 2, "documents and texts in one list", "1 of 2"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_documents_become_texts_in_a_row(case: str) -> None:
    column, each, texts, size = ACCEPTED[case]
    found = in_a_row(column, each, "texts")
    assert (found.texts, found.each) == (texts, size)


def test_a_row_becomes_documents_as_json_has_them() -> None:
    found = in_a_row([("a", "b"), ("c", "d")], 2, "texts").documents()
    assert found == [[["a", "b"], ["c", "d"]]]
    assert in_a_row(found, 2, "texts").documents() == found


@pytest.mark.parametrize("case", REFUSED)
def test_other_columns_are_refused_with_what_to_write(case: str) -> None:
    column, each, message, found = REFUSED[case]
    with pytest.raises(SignatureError, match=message) as caught:
        in_a_row(column, each, "texts of ids")
    assert (caught.value.place, caught.value.found) == ("texts of ids", found)
    assert caught.value.fix.startswith("[[text, text")
    assert caught.value.wanted.startswith("a list of {}".format("texts" if each is None else each))
