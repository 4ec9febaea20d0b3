"""Tokenizers of no family: kept as their own tokenizer.json, read by transformers 4, with the same ids."""

import json

import numpy as np
import other_encoders
import other_tokenizers
import pytest
import transformers as library

import bert_bundle
from bert_bundle import errors
from bert_bundle import tokenizer as tokenizers
from bert_bundle.classifiers import specification
from bert_bundle.tokenizer.paths import CONFIG, FAST

ROOM = tokenizers.Recipe(12)
PAIRS = [("my invoice", "why?"), ("dark mode " * 5, "a refund " * 5)]
CLASSIFIERS = [("XLNet", "XLNetTokenizerFast"), ("GPT2", "GPT2TokenizerFast"), ("Longformer", "")]


def same(found, wanted):
    for texts in (other_tokenizers.TEXTS, PAIRS):
        for name, ids in tokenizers.encode(wanted, ROOM, texts, None).items():
            np.testing.assert_array_equal(tokenizers.encode(found, ROOM, texts, None)[name], ids)


@pytest.mark.parametrize("name", other_tokenizers.present())
def test_a_fast_tokenizer_of_any_class_is_read_from_its_own_file_with_the_same_ids(name):
    live = other_tokenizers.make(name)
    files = tokenizers.to_files(live)
    assert sorted(files) == [FAST, CONFIG]
    again = tokenizers.from_files(files, fast=True)
    same(again, live)
    assert again.padding_side == live.padding_side
    assert again.pad_token_type_id == live.pad_token_type_id
    assert tokenizers.to_files(again) == files
    assert tokenizers.facts(files, live) == {"fast": True, "general": True}
    with pytest.raises(errors.RuntimeUnavailableError, match="a tokenizer that only transformers 4 reads @ tokenizer/"):
        tokenizers.from_files(files, fast=True, runtime="native")


def test_the_table_of_words_is_the_tokenizers_own():
    live = other_tokenizers.make("XLNetTokenizerFast")
    files = dict(tokenizers.to_files(live))
    document = json.loads(files[FAST].decode("utf-8"))
    vocabulary = document["model"]["vocab"]
    document["model"]["vocab"] = vocabulary[:4] + [[piece[::-1], score] for piece, score in vocabulary[4:]]
    files[FAST] = json.dumps(document).encode("utf-8")
    with pytest.raises(AssertionError):
        same(tokenizers.from_files(files, fast=True), live)


ALIASES = ["MobileBert", "ConvBert", "LayoutLM", "Lxmert", "SqueezeBert", "DPRQuestionEncoder"]


@pytest.mark.parametrize("fast", ["Fast", ""])
@pytest.mark.parametrize("name", ALIASES)
def test_a_class_that_reads_as_bert_is_described_as_bert(name, fast, tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(specification.vocabulary()) + "\n", "utf-8")
    live = getattr(library, name + "Tokenizer" + fast)(str(path), model_max_length=64)
    wanted = getattr(library, "BertTokenizer" + fast)(str(path), model_max_length=64)
    same(live, wanted)
    assert tokenizers.to_files(live) == tokenizers.to_files(wanted)


@pytest.mark.parametrize("name", ["Longformer", "LED", "Bart"])
def test_a_class_that_reads_as_roberta_is_described_as_roberta(name, tmp_path):
    wanted = specification.vocabularies.tokenizer_of("roberta")
    for path, data in tokenizers.to_files(wanted).items():
        (tmp_path / path.split("/")[-1]).write_bytes(data)
    live = getattr(library, name + "TokenizerFast")(
        str(tmp_path / "vocab.json"),
        str(tmp_path / "merges.txt"),
        tokenizer_file=str(tmp_path / "tokenizer.json"),
        model_max_length=64,
    )
    same(live, wanted)
    assert sorted(tokenizers.to_files(live)) == sorted(tokenizers.to_files(wanted))
    same(tokenizers.from_files(tokenizers.to_files(live), fast=True), live)


def test_a_slow_tokenizer_of_no_family_is_refused_with_what_to_pass(tmp_path):
    for name, data in (("vocab.json", {"a": 0, "<unk>": 1}), ("merges.txt", "#version\na b")):
        (tmp_path / name).write_text(data if isinstance(data, str) else json.dumps(data), "utf-8")
    live = library.CTRLTokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    with pytest.raises(errors.TokenizerError, match="a slow tokenizer that a bundle cannot represent") as caught:
        tokenizers.to_files(live)
    assert caught.value.found == "CTRLTokenizer"
    assert "PreTrainedTokenizerFast(tokenizer_object=...)" in caught.value.fix


def test_a_tokenizer_without_a_padding_token_is_refused_with_the_line_that_sets_it():
    live = other_tokenizers.make("GPT2TokenizerFast")
    live._pad_token = None
    if "pad_token" in getattr(live, "_special_tokens_map", {}):
        live._special_tokens_map["pad_token"] = None
    with pytest.raises(
        errors.TokenizerError, match=r"a padding token that the tokenizer lacks @ .*pad_token"
    ) as caught:
        tokenizers.to_files(live)
    assert "tokenizer.pad_token = " in caught.value.fix


@pytest.mark.parametrize(("encoder", "name"), CLASSIFIERS)
def test_an_encoder_of_no_family_predicts_texts_with_its_own_tokenizer(encoder, name, keras, tmp_path, as_users_build):
    live = other_tokenizers.make(name) if name else specification.vocabularies.tokenizer_of("roberta")
    made = other_encoders.build(keras, encoder, vocab_size=other_tokenizers.size(live))
    path = tmp_path / "bundle"
    texts = other_tokenizers.TEXTS
    bert_bundle.save(made.model, path, tokenizer=live, labels=["a", "b", "c"], prove=False)
    bundle = bert_bundle.load(path)
    encoded = tokenizers.encode(live, ROOM, texts, None)
    wanted = made.model.predict([encoded["input_ids"].astype("int32"), encoded["attention_mask"].astype("int32")])
    np.testing.assert_allclose(bundle.predict(texts), wanted, rtol=0, atol=1e-6)
    assert {answer["label"] for answer in bundle.classify(texts)} <= {"a", "b", "c"}
    assert bert_bundle.verify(path).figures.grade == "bitwise"
    assert bundle.manifest.tokenizer.get("general", False) is bool(name)
    assert "not with Keras 3" in (path / "README.md").read_text("utf-8")
    (path / FAST).write_bytes((path / FAST).read_bytes().replace(b"1.0", b"1.1", 1))
    with pytest.raises(errors.IntegrityError, match=FAST):
        bert_bundle.load(path)
