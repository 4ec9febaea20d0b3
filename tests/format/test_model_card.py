"""The card of a bundle: how it is called, and how texts are cut and padded."""

from typing import Any

import pytest

from bert_bundle.format.model_card import card


def shown(tokenizer: dict[str, Any], *inputs: tuple[str, list[int | None]]) -> str:
    entries = [
        {"name": text, "dtype": "int32", "shape": shape, "role": "input_ids", "text": text} for text, shape in inputs
    ]
    return card("b", {"inputs": entries, "outputs": []}, [], {}, tokenizer, {}, 3).decode("utf-8")


@pytest.mark.parametrize(
    ("tokenizer", "sentence"),
    [
        ({"max_length": 40, "padding": "max_length"}, "Texts are cut and padded to 40 tokens."),
        ({"max_length": {"body": 64, "a_b": 12}, "padding": "max_length"},
         "Texts are cut and padded: a\\_b to 12, body to 64 tokens."),
        ({"max_length": 40, "padding": "longest"},
         "Texts are cut to 40 tokens, and padded to the longest of their batch."),
        ({"max_length": 40, "padding": "longest", "padded_together": True},
         "Texts are cut to 40 tokens, and padded to the longest of one call."),
    ],
)  # fmt: skip
def test_how_texts_are_cut_and_padded_is_one_sentence(tokenizer: dict[str, Any], sentence: str) -> None:
    assert sentence in shown(tokenizer, ("text", [None]))


@pytest.mark.parametrize(
    ("inputs", "call"),
    [
        ([("text", [16])], 'bundle.predict(["a text"])'),
        ([("text", [3, 16])], 'bundle.predict([["a text"] * 3])'),
        ([("text", [None, 16])], 'bundle.predict([["a text"] * 2])'),
        ([("b", [16]), ("a", [3, 16])], """bundle.predict({'a': [["a text"] * 3], 'b': ["a text"]})"""),
    ],
)
def test_a_call_is_shown_with_texts_or_documents(inputs: Any, call: str) -> None:
    assert call in shown({"max_length": 16, "padding": "max_length"}, *inputs)


@pytest.mark.parametrize(
    ("encoder", "tokenizer", "sentence"),
    [
        ({}, {}, None),
        ({"general": True}, {}, "TensorFlow and a transformers 4 that has TFXLNetModel, not with Keras 3."),
        ({}, {"general": True}, "TensorFlow and a transformers 4, which reads its tokenizer, not with Keras 3."),
        (
            {"general": True},
            {"general": True},
            "TensorFlow and a transformers 4 that has TFXLNetModel, not with Keras 3.",
        ),
    ],
)
def test_a_bundle_for_transformers_4_alone_is_marked(encoder: Any, tokenizer: Any, sentence: str | None) -> None:
    encoders = {"x": {"class": "XLNetModel", "model_type": "xlnet", **encoder}}
    recipe = {"max_length": 16, "padding": "max_length", **tokenizer}
    text = card("b", {"inputs": [], "outputs": []}, [], encoders, recipe, {}, 3).decode("utf-8")
    assert ("Loads only with" in text) is (sentence is not None)
    assert sentence is None or f"Loads only with {sentence}" in text


@pytest.mark.parametrize(
    ("rescue", "sentence"),
    [
        ({"source": "model.h5", "witness": "not proven against the original"},
         "Made of model.h5 by a rescue: **not proven against the original**, as nothing told what that predicted."),
        ({"source": "a_b", "witness": {"name": "the reference", "float32": 1e-7}},
         "Made of a\\_b by a rescue: it predicts what the reference predicts."),
    ],
)  # fmt: skip
def test_a_rescued_bundle_says_what_it_was_made_of_and_whether_that_is_proven(rescue: Any, sentence: str) -> None:
    signature: dict[str, Any] = {"inputs": [], "outputs": []}
    tokenizer = {"max_length": 16, "padding": "max_length"}
    assert sentence in card("b", signature, [], {}, tokenizer, {}, 3, rescue=rescue).decode("utf-8")
    for other in (None, "text", {"source": 3}):  # metadata of the user's own
        assert b"rescue" not in card("b", signature, [], {}, tokenizer, {}, 3, rescue=other)
