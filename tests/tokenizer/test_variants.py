"""Tokenizers that differ from others of their kind: their steps in tokenizer.json, their slow layout."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from test_sentencepiece import CONTROL, NORMAL, UNKNOWN, message

from bert_bundle.classifiers import vocabularies
from bert_bundle.errors import TokenizerError
from bert_bundle.tokenizer.description import Description
from bert_bundle.tokenizer.variants import Albert, Camembert, DebertaV2

ALBERT, CAMEMBERT, DEBERTA = map(vocabularies.unigram, (Albert, Camembert, DebertaV2))
SPACES = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
PLAIN = {"do_lower_case": True, "keep_accents": False}


def fields(data: bytes) -> tuple[list[tuple[str, int]], Mapping[int, Any]]:
    """Return (each piece with its type, the trainer's settings) of a slow layout's file."""
    found = list(message(data))
    pieces = [dict(message(value)) for number, value in found if number == 1]
    return [(p[1].decode(), p[3]) for p in pieces], dict(message(dict(found)[2]))


def test_camembert_s_file_has_no_piece_that_transformers_adds() -> None:
    pieces, trainer = fields(CAMEMBERT.files()["tokenizer/sentencepiece.bpe.model"])
    assert pieces[:4] == [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL), (CAMEMBERT.tokens[7], NORMAL)]
    assert len(pieces) == len(CAMEMBERT.tokens) - 5
    assert trainer == {3: 1, 4: len(pieces)}


def test_albert_s_file_has_every_piece_and_says_which_is_unknown() -> None:
    pieces, trainer = fields(ALBERT.files()["tokenizer/spiece.model"])
    assert [piece for piece, _ in pieces] == list(ALBERT.tokens)
    assert [kind for _, kind in pieces[:6]] == [CONTROL, UNKNOWN, CONTROL, CONTROL, CONTROL, NORMAL]
    assert trainer == {3: 1, 4: len(pieces), 40: 1}


def test_a_digit_with_a_comma_has_its_own_score_again_in_the_slow_layout() -> None:
    """In the fast layout transformers has lowered it by 100."""
    model = replace(ALBERT, pieces=(*ALBERT.pieces, ("▁1,", -107.5), ("1,", -108.25), ("a,", -7.5)))
    assert [score for _, score in model.slow_pieces()[-3:]] == [-7.5, -8.25, -7.5]
    assert model.slow_pieces()[:-3] == ALBERT.pieces


def state(model: Any, config: Mapping[str, Any], **steps: Any) -> dict[str, Any]:
    name = {Albert: "AlbertTokenizer", Camembert: "CamembertTokenizer", DebertaV2: "DebertaV2Tokenizer"}[type(model)]
    return {**Description.fresh(name, model, 64, **config).document(), **steps}


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("table", [True, False], ids=["with a table", "without a table"])
@pytest.mark.parametrize("spaces", [None, 2, -1], ids=["", "spaces early", "spaces last"])
def test_albert_s_settings_are_read_from_its_steps(lower: bool, keep: bool, table: bool, spaces: int | None) -> None:
    settings = {"do_lower_case": lower, "keep_accents": keep}
    model = ALBERT if table else replace(ALBERT, charsmap=None)
    document = state(model, settings)
    if spaces is not None:  # where transformers 4.5 and newer releases make runs of spaces one
        steps = document["normalizer"]["normalizers"]
        steps.insert(spaces if spaces > 0 else len(steps), SPACES)
    assert Albert.of_state(document) == (model, settings)


@pytest.mark.parametrize(
    "normalizers",
    [
        [],
        [{"type": "Lowercase"}],
        [*Albert.before(PLAIN), {"type": "Lowercase"}],
        Albert.before(PLAIN)[1:],
        Albert.before(PLAIN)[::-1],
        [*Albert.before(PLAIN), {"type": "Precompiled", "precompiled_charsmap": ALBERT.charsmap}, {"type": "NFC"}],
    ],
    ids=str,
)
def test_steps_that_are_not_albert_s_are_refused(normalizers: list[Any]) -> None:
    document = state(ALBERT, PLAIN, normalizer={"type": "Sequence", "normalizers": normalizers})
    with pytest.raises(TokenizerError, match="a tokenizer whose steps are not ALBERT's"):
        Albert.of_state(document)


def test_a_split_that_leaves_spaces_at_the_end_is_refused() -> None:
    """As transformers converts `spiece.model`: a text that ends in a space then has one more token."""
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}
    with pytest.raises(TokenizerError, match="a tokenizer whose steps are not ALBERT's") as caught:
        Albert.of_state(state(ALBERT, PLAIN, pre_tokenizer=metaspace))
    assert caught.value.fix == "load it from the tokenizer.json that the model was published with"


def test_camembert_s_steps_are_those_of_xlm_r() -> None:
    assert Camembert.of_state(state(CAMEMBERT, {})) == (CAMEMBERT, {})
    with pytest.raises(TokenizerError, match="a tokenizer whose steps are not CamemBERT's"):
        Camembert.of_state(state(CAMEMBERT, {}, normalizer={"type": "Lowercase"}))


def test_deberta_s_file_has_every_piece_but_the_added_mask() -> None:
    files = vocabularies.describe("deberta-v2").to_files()
    pieces, trainer = fields(files["tokenizer/spm.model"])
    assert [piece for piece, _ in pieces] == list(DEBERTA.tokens)
    assert [kind for _, kind in pieces[:5]] == [CONTROL, CONTROL, CONTROL, UNKNOWN, NORMAL]
    assert trainer == {3: 1, 4: len(pieces), 40: 3}
    assert json.loads(files["tokenizer/added_tokens.json"]) == {"[MASK]": len(pieces)}


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("table", [True, False], ids=["with a table", "without a table"])
def test_deberta_s_settings_are_read_from_its_steps(lower: bool, table: bool) -> None:
    model = DEBERTA if table else replace(DEBERTA, charsmap=None)
    assert DebertaV2.of_state(state(model, {"do_lower_case": lower})) == (model, {"do_lower_case": lower})


@pytest.mark.parametrize(
    "change",
    [
        {"normalizer": None},
        {"normalizer": {"type": "Sequence", "normalizers": [SPACES, *DebertaV2.before({"do_lower_case": False})]}},
        {"pre_tokenizer": {"type": "WhitespaceSplit"}},
        {
            "pre_tokenizer": {
                "type": "Sequence",
                "pretokenizers": [
                    {"type": "Punctuation", "behavior": "Isolated"},
                    {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
                ],
            }
        },
    ],
    ids=str,
)
def test_steps_that_are_not_deberta_s_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(TokenizerError, match="a tokenizer whose steps are not DeBERTa's"):
        DebertaV2.of_state(state(DEBERTA, {}, **change))


@pytest.mark.parametrize("model", [Albert, Camembert, DebertaV2])
def test_a_slow_one_is_refused_with_the_name_of_the_fast_one(model: type[Albert | Camembert | DebertaV2]) -> None:
    with pytest.raises(TokenizerError, match=r"a slow .* tokenizer, which cannot be loaded without") as caught:
        model.of_slow(object())
    assert caught.value.fix == "save objectFast"
