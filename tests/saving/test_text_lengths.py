"""The length of each text: asked for, fixed by its inputs, or the longest that its own encoders have positions for."""

from types import SimpleNamespace
from typing import Any

import pytest
from support.input_graphs import graph

from bert_bundle.encoders.families import BERT
from bert_bundle.errors import SignatureError
from bert_bundle.graph import signature
from bert_bundle.saving import text_lengths

CONFIGS = {
    name: {**BERT.fields, "architectures": ["BertModel"], "model_type": "bert", "max_position_embeddings": size}
    for name, size in (("small", 20), ("large", 50))
}
TOKENIZER = SimpleNamespace(model_max_length=40)


def lengths(asked: Any, title: int | None, body: int | None) -> dict[str, int]:
    towers = graph(
        {"title": (title,), "body": (body,)},
        {"input_ids": "title"},
        {"input_ids": "body"},
        encoders=["small", "large"],
    )
    return text_lengths.lengths(asked, signature.slots(towers), TOKENIZER, towers, CONFIGS)


@pytest.mark.parametrize(
    ("asked", "shapes", "found"),
    [
        (None, (12, 30), {"title": 12, "body": 30}),
        (None, (None, None), {"title": 20, "body": 40}),
        (None, (None, 50), {"title": 20, "body": 50}),
        (15, (None, None), {"title": 15, "body": 15}),
        (12, (12, None), {"title": 12, "body": 12}),
        ({"body": 45}, (None, None), {"title": 20, "body": 45}),
        ({"body": 30, "title": 12}, (12, 30), {"title": 12, "body": 30}),
    ],
)
def test_each_text_has_its_own_length(asked: Any, shapes: Any, found: dict[str, int]) -> None:
    assert lengths(asked, *shapes) == found


@pytest.mark.parametrize(
    ("asked", "shapes", "wanted", "found"),
    [
        (30, (12, 30), "12, the length of title", "30"),
        (21, (None, None), "1 to 20", "21"),
        ({"body": 51}, (None, None), "1 to 50", "51"),
        ({"body": 0}, (None, None), "1 to 50", "0"),
        (0, (None, None), "1 to 50", "0"),
        (True, (None, None), "1 to 50", "True"),
        ("30", (None, None), "1 to 50", "30"),
        (12.0, (12, 12), "12, the length of body", "12.0"),
    ],
)
def test_a_length_that_does_not_fit_its_text_is_refused(asked: Any, shapes: Any, wanted: str, found: str) -> None:
    with pytest.raises(SignatureError, match="max_length does not fit the model @ max_length") as caught:
        lengths(asked, *shapes)
    assert (caught.value.wanted, caught.value.found) == (wanted, found)
    assert caught.value.fix.startswith("leave it out, or give one for each text: max_length={")


def test_a_length_for_a_text_that_is_not_there_is_refused() -> None:
    with pytest.raises(SignatureError, match="max_length for a text that the model does not have") as caught:
        lengths({"titel": 12}, 12, 30)
    assert (caught.value.wanted, caught.value.found) == ("body, title", "titel")


def test_what_was_asked_for_is_told_apart_from_what_was_read() -> None:
    assert text_lengths.said(None, ["a", "b"]) == set()
    assert text_lengths.said(12, ["a", "b"]) == {"a", "b"}
    assert text_lengths.said({"a": 12}, ["a", "b"]) == {"a"}
    assert [text_lengths.single(asked) for asked in (None, 12, {"a": 12}, {"a": 12, "b": 13}, {})] == [
        None, 12, 12, None, None,
    ]  # fmt: skip
