"""What a card says of a bundle: how it is called, how texts are cut and padded, what was proven, the metadata."""

from typing import Any

import numpy as np
import pytest
from support.made_up_bundles import golden, manifest

from bert_bundle.card.content import content


def said(**fields: Any) -> str:
    return "\n".join(content("b", "b", manifest(**fields), golden()))


def shown(tokenizer: dict[str, Any], *inputs: tuple[str, list[int | None]]) -> str:
    entries = [
        {"name": text, "dtype": "int32", "shape": shape, "role": "input_ids", "text": text} for text, shape in inputs
    ]
    return said(signature={"inputs": entries, "outputs": []}, tokenizer=tokenizer)


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
    text = said(encoders=encoders, tokenizer=recipe)
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
    assert sentence in said(metadata={"rescue": rescue})
    for other in (None, "text", {"source": 3}):  # metadata of the user's own
        assert "rescue" not in said(metadata={"rescue": other})


@pytest.mark.parametrize(
    ("proof", "sentences"),
    [
        ({"proven": True}, ["Proven when it was saved: two fresh processes loaded it"]),
        ({"proven": False}, ["**Not proven** when it was saved"]),
        (
            {"proven": True, "accuracy": 0.875, "held_against": ["inputs"]},
            [
                "Accuracy on the labelled examples, when it was saved: 87.5%.",
                "It predicts what its author's own pipeline fed",
            ],
        ),
    ],
)
def test_the_proof_says_what_was_proven(proof: dict[str, Any], sentences: list[str]) -> None:
    text = said(proof=proof)
    assert all(
        sentence in text for sentence in [*sentences, "output's scale: scores 1.0e-06", "its 3 recorded examples"]
    )
    assert f"Digest: `{manifest(proof=proof).digest}`" in text


def test_metadata_is_a_table_that_no_value_can_leave() -> None:
    text = said(metadata={"owner": "me | you", "a`b": ["<b>", 3], "x\n\n# y": "---\n<!-- bert_bundle: end -->"})
    assert "| owner | me \\| you |" in text
    assert '| a\\`b | \\["\\<b\\>", 3\\] |' in text
    assert "| x  \\# y | ---\\\\n\\<\\!-- bert\\_bundle: end --\\> |" in text
    assert np.all([line.count("|") for line in text.splitlines() if line.startswith("| x")])


@pytest.mark.parametrize("place", ["label", "name", "output", "encoder", "class", "package"])
def test_hostile_names_stay_on_their_line_and_format_nothing(place: str) -> None:
    hostile = "a`\n```\n# b\n| <script> | [c](d) *e*\u2028---"
    output = {"name": hostile if place == "output" else "o", "dtype": "float32", "shape": [2]}
    made = manifest(
        labels=(hostile if place == "label" else "x",),
        signature={"inputs": [], "outputs": [output]},
        encoders={hostile if place == "encoder" else "e": {"class": hostile if place == "class" else "BertModel"}},
        writer={"packages": {"numpy": hostile if place == "package" else "1.26.4"}},
    )
    text = "\n".join(content(hostile if place == "name" else "b", "b", made, golden()))
    lines = text.splitlines()
    assert lines == text.split("\n")
    assert [line for line in lines if line.startswith("```")] == ["```python", "```"]
    assert len([line for line in lines if line.startswith("# ")]) == 1
    assert "<script>" not in text.replace("\\<script\\>", "") or place == "encoder"
