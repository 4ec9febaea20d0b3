"""Tokenizers of every kind, in both layouts: the ids of the live one, wherever they are read again."""

import pytest

import bert_bundle
from bert_bundle import examples
from bert_bundle import tokenizer as tokenizers
from bert_bundle.testing import classifiers

TEXTS = [*examples.PROBES, "NewWord newword [MASK]", "Ünïcödé ÀÉ"]


def _make(fast, **settings):
    import os
    import tempfile

    import transformers

    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as file:
            file.write("".join(token + "\n" for token in [*classifiers.vocabulary(), "Ü", "N", "##É"]))
        cls = transformers.BertTokenizerFast if fast else transformers.BertTokenizer
        return cls.from_pretrained(folder, **settings)


KINDS = {
    "lower-casing": {},
    "cased": {"do_lower_case": False},
    "cased, accents stripped": {"do_lower_case": False, "strip_accents": True},
    "lower-casing, accents kept": {"strip_accents": False},
    "CJK left together": {"tokenize_chinese_chars": False},
}


def ids(tokenizer, pairs=None):
    return tokenizers.encode(tokenizer, tokenizers.Recipe(24), TEXTS, pairs)["input_ids"].tolist()


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "slow"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_token_ids_are_those_of_the_live_tokenizer(kind, fast):
    live = _make(fast, **KINDS[kind])
    again = tokenizers.from_files(tokenizers.to_files(live), fast=fast)
    assert type(again) is type(live)
    assert ids(again) == ids(live)
    assert ids(again, TEXTS[::-1]) == ids(live, TEXTS[::-1])


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_files_are_the_same_from_a_fast_and_a_slow_tokenizer(kind):
    assert tokenizers.to_files(_make(True, **KINDS[kind])) == tokenizers.to_files(_make(False, **KINDS[kind]))


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "slow"])
def test_added_tokens_keep_their_ids(fast):
    live = _make(fast)
    live.add_tokens(["newword", "otherword"])
    again = tokenizers.from_files(tokenizers.to_files(live), fast=fast)
    assert again.convert_tokens_to_ids(["newword", "otherword"]) == [len(live) - 2, len(live) - 1]
    assert ids(again) == ids(live)


def test_another_setting_gives_other_ids():
    """The comparison of this file catches a fault: lower-casing lost, or one entry of the vocabulary moved."""
    live = _make(True)
    files = tokenizers.to_files(live)
    assert ids(tokenizers.from_files(tokenizers.to_files(_make(True, do_lower_case=False)), fast=True)) != ids(live)
    rows = files[tokenizers.VOCABULARY].split(b"\n")
    rows[6], rows[7] = rows[7], rows[6]
    moved = dict(files)
    moved[tokenizers.VOCABULARY] = b"\n".join(rows)
    assert ids(tokenizers.from_files(moved, fast=False)) != ids(live)


def test_sides_and_lengths_are_kept(save, tmp_path):
    made = classifiers.build({})
    made.tokenizer.padding_side = "left"
    bundle = bert_bundle.load(save(made, tmp_path / "bundle"))
    assert bundle.tokenizer.padding_side == "left"
    assert bundle.encode(["why?"])["attention_mask"][0, 0] == 0
    assert bundle.tokenizer.model_max_length == 64
