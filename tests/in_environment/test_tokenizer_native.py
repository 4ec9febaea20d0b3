"""The tokenizer that needs no transformers: the ids and call options of transformers 4. Imports only bert_bundle."""

import dataclasses
import unicodedata

import numpy as np
import pytest
from pinned_ids import TEXTS, unequal

from bert_bundle import errors
from bert_bundle import tokenizer as tokenizers
from bert_bundle.classifiers import vocabularies
from bert_bundle.format import strict_json
from bert_bundle.tokenizer import unicode_differences
from bert_bundle.tokenizer.description import Description
from bert_bundle.tokenizer.native import NativeTokenizer
from bert_bundle.tokenizer.paths import CONFIG, FAST
from bert_bundle.tokenizer.wordpiece import WordPiece

FLAVOURS = pytest.mark.parametrize("fast", [True, False], ids=["fast", "slow"])
ASSIGNED_IN_12_1 = 275_462  # code points but surrogates, private use included


def native(family="bert", fast=True, **settings):
    files = vocabularies.describe(family, **settings).to_files()
    return tokenizers.from_files(files, fast=fast, runtime="native")


@pytest.mark.parametrize(("family", "fast"), vocabularies.FLAVOURS)
def test_the_ids_are_those_of_every_environment(family, fast):
    assert unequal(native(family, fast), family, fast) == []


@pytest.mark.parametrize(("family", "fast"), vocabularies.FLAVOURS)
def test_its_files_are_those_it_was_made_from(family, fast):
    files = vocabularies.describe(family).to_files()
    made = tokenizers.from_files(files, fast=fast, runtime="native")
    assert made.is_fast is fast
    assert tokenizers.to_files(made) == files


def test_sides_that_were_set_are_saved():
    made = native()
    made.padding_side, made.truncation_side, made.model_max_length = "left", "left", 12
    again = tokenizers.from_files(tokenizers.to_files(made), fast=True, runtime="native")
    assert (again.padding_side, again.truncation_side, again.model_max_length) == ("left", "left", 12)
    assert again(["my invoice"], padding="max_length", return_tensors="np")["attention_mask"][0, 0] == 0


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"padding_side": "left"}, TEXTS[1]),
        ({"truncation_side": "left"}, TEXTS[2]),
        ({"do_lower_case": False}, TEXTS[2]),
        ({"tokenize_chinese_chars": False}, TEXTS[5]),
    ],
)
def test_the_pinned_digests_catch_a_setting_that_was_lost(fault, text):
    assert text in unequal(native(**fault), "bert")


def test_an_entry_of_the_vocabulary_that_moved_changes_the_ids():
    files = vocabularies.describe("bert").to_files()
    rows = files["tokenizer/vocab.txt"].split(b"\n")
    first, second = rows.index(b"invoice"), rows.index(b"wrong")
    rows[first], rows[second] = rows[second], rows[first]
    moved = Description.parse({**files, "tokenizer/vocab.txt": b"\n".join(rows)}).to_files()
    assert "my invoice is wrong" in unequal(tokenizers.from_files(moved, fast=True, runtime="native"), "bert")


def test_a_merge_that_was_swapped_changes_the_ids():
    files = vocabularies.describe("roberta").to_files()
    lines = files["tokenizer/merges.txt"].decode().split("\n")
    first, second = lines.index("\u0120 i"), lines.index("i n")
    lines[first], lines[second] = lines[second], lines[first]
    swapped = Description.parse({**files, "tokenizer/merges.txt": "\n".join(lines).encode()}).to_files()
    assert TEXTS[1] in unequal(tokenizers.from_files(swapped, fast=True, runtime="native"), "roberta")


@pytest.mark.parametrize(
    ("fault", "text"), [({"add_prefix_space": True}, TEXTS[1]), ({"mask_token_lstrip": False}, TEXTS[14])]
)
def test_a_setting_of_roberta_that_was_lost_changes_the_ids(fault, text):
    assert text in unequal(native("roberta", **fault), "roberta")


def test_normal_forms_that_were_lost_change_the_ids():
    described = vocabularies.describe("xlm-roberta")
    bare = Description(dataclasses.replace(described.model, charsmap=None), described.config, {})
    lost = unequal(tokenizers.from_files(bare.to_files(), fast=True, runtime="native"), "xlm-roberta")
    assert TEXTS[4] in lost
    assert TEXTS[1] not in lost


def test_pairs_of_roberta_and_xlm_r_have_two_separators_and_one_type():
    for family in ("roberta", "xlm-roberta"):
        made = native(family)
        found = made("a", "b", return_token_type_ids=True)
        tokens = made.convert_ids_to_tokens(found["input_ids"])
        assert (tokens[0], tokens[-1], tokens.count("</s>")) == ("<s>", "</s>", 3)
        assert set(found["token_type_ids"]) == {0}
        assert "token_type_ids" not in made("a")


@pytest.mark.parametrize(
    ("fast", "lengths", "cut"),
    [
        (True, (20, 20), (2, 3)),
        (False, (20, 20), (3, 2)),
        (True, (20, 3), (3, 2)),
        (False, (3, 20), (3, 2)),
        (True, (1, 20), (1, 4)),
        (False, (20, 0), (5, 0)),
        (True, (2, 2), (2, 2)),
    ],
)
def test_a_pair_is_cut_as_transformers_4_cuts_it(fast, lengths, cut):
    made = native(fast=fast)
    a, b = made.convert_tokens_to_ids(["a", "b"])
    row = made("a " * lengths[0], "b " * lengths[1], truncation=True, max_length=8)["input_ids"]
    assert (row.count(a), row.count(b)) == cut


@pytest.mark.parametrize(("rule", "kept"), [("only_first", (1, 4)), ("only_second", (3, 2)), ("longest_first", (2, 3))])
def test_the_rule_of_truncation_is_followed(rule, kept):
    made = native()
    a, b = made.convert_tokens_to_ids(["a", "b"])
    row = made("a a a", "b b b b", truncation=rule, max_length=8)["input_ids"]
    assert (row.count(a), row.count(b)) == kept


def test_the_left_is_cut_and_filled_where_asked():
    made = native(padding_side="left", truncation_side="left")
    tokens = made.convert_ids_to_tokens(made("my invoice is wrong", truncation=True, max_length=4)["input_ids"])
    assert tokens == ["[CLS]", "is", "wrong", "[SEP]"]
    filled = made(["my", "my invoice"], padding=True)
    assert made.convert_ids_to_tokens(filled["input_ids"][0]) == ["[PAD]", "[CLS]", "my", "[SEP]"]
    assert filled["attention_mask"] == [[0, 1, 1, 1], [1, 1, 1, 1]]


def test_it_is_called_like_one_of_transformers():
    made = native()
    assert made("why ?", "my app") == {
        "input_ids": made.convert_tokens_to_ids(["[CLS]", "why", "?", "[SEP]", "my", "app", "[SEP]"]),
        "token_type_ids": [0, 0, 0, 0, 1, 1, 1],
        "attention_mask": [1] * 7,
    }
    arrays = made(["why", "my app"], padding="max_length", max_length=6, return_tensors="np")
    assert {name: (array.shape, array.dtype) for name, array in arrays.items()} == dict.fromkeys(
        ("input_ids", "token_type_ids", "attention_mask"), ((2, 6), np.dtype("int64"))
    )
    assert "token_type_ids" not in native("distilbert")("why")
    assert made.decode(made("my app crashes!")["input_ids"], skip_special_tokens=True) == "my app crashes!"
    assert (made.cls_token, made.cls_token_id, made.pad_token_id) == ("[CLS]", 2, 0)
    assert made.all_special_ids == [1, 3, 0, 2, 4]
    assert made.tokenize("crashes") == ["crash", "##es"]
    assert len(made) == made.vocab_size == len(made.get_vocab()) == len(vocabularies.wordpiece())
    with pytest.raises(AttributeError, match="has no attribute bos_token"):
        made.bos_token  # noqa: B018


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": ["a", "a b"]}, "rows of different lengths @ padding"),
        ({"text": ["a", "b"], "text_pair": ["a"]}, "text_pair does not have one entry for each text @ text_pair"),
        ({"text": "a", "padding": "shortest"}, "unknown padding @ padding"),
        ({"text": "a", "truncation": "first"}, "unknown truncation @ truncation"),
        ({"text": "a", "return_tensors": "tf"}, "unknown return_tensors @ return_tensors"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(errors.SignatureError, match=message):
        native()(**{"return_tensors": "np", **arguments})


def test_no_length_to_fill_to_is_refused():
    with pytest.raises(errors.SignatureError, match="no length to pad the rows to @ max_length"):
        native(model_max_length=1 << 30)("a", padding="max_length")


@FLAVOURS
def test_added_tokens_keep_their_ids(fast):
    described = vocabularies.describe("bert", additional_special_tokens=["[E1]"])
    first = len(described.model.tokens)
    added = Description(described.model, described.config, {"newword": first, "[E1]": first + 1})
    made = tokenizers.from_files(added.to_files(), fast=fast, runtime="native")
    assert made.convert_tokens_to_ids(["newword", "[E1]"]) == [first, first + 1]
    assert made.tokenize("a newword [E1] [e1]")[:3] == ["a", "newword", "[E1]"]
    assert "[E1]" not in made.tokenize("[e1]")
    assert tokenizers.to_files(made) == added.to_files()
    assert tokenizers.vocabulary_size(made) == first + 2


@pytest.mark.parametrize(
    ("change", "message", "place"),
    [
        ({"tokenizer_class": "T5Tokenizer"}, "unknown or missing fields", CONFIG),
        ({"auto_map": {}}, "unknown or missing fields", CONFIG),
        ({"do_lower_case": "yes"}, "a tokenizer's field is malformed", CONFIG + "#/do_lower_case"),
        ({"padding_side": "up"}, "a tokenizer's field is malformed", CONFIG + "#/padding_side"),
        ({"additional_special_tokens": []}, "field is malformed", CONFIG + "#/additional_special_tokens"),
        ({"cls_token": "[NONE]"}, "a special token that the vocabulary lacks", "tokenizer"),
    ],
)
def test_a_malformed_configuration_is_refused(change, message, place):
    files = vocabularies.describe("bert").to_files()
    files[CONFIG] = strict_json.canonical({**strict_json.parse(files[CONFIG], CONFIG), **change})
    with pytest.raises(errors.BundleError, match=message) as caught:
        tokenizers.from_files(files, fast=True, runtime="native")
    assert caught.value.place == place


@pytest.mark.parametrize(
    ("path", "data", "message", "place"),
    [
        ("vocab.json", b"[]", "a vocabulary is malformed", "vocab.json"),
        ("vocab.json", b'{"a": 0, "b": 2}', "a vocabulary with gaps or duplicate ids", "vocab.json"),
        ("vocab.json", b'{"a": "0"}', "a vocabulary is malformed", "vocab.json"),
        ("merges.txt", b"a b\n", "merges are malformed", "merges.txt"),
        ("merges.txt", b"#version: 0.2\na b c\n", "a merge of tokens that the vocabulary lacks", "merges.txt line 2"),
        ("merges.txt", b"#version: 0.2\nq z\n", "a merge of tokens that the vocabulary lacks", "merges.txt line 2"),
        ("merges.txt", b"#version: 0.2\n\xff b\n", "not UTF-8", "merges.txt byte 14"),
        ("added_tokens.json", b'{"x": 5}', "added tokens do not follow the vocabulary", "added_tokens.json"),
        ("added_tokens.json", b"[]", "added tokens do not follow the vocabulary", "added_tokens.json"),
    ],
)
def test_a_malformed_file_of_roberta_is_refused(path, data, message, place):
    files = {**vocabularies.describe("roberta").to_files(), "tokenizer/" + path: data}
    with pytest.raises(errors.FormatError, match=message) as caught:
        Description.parse(files)
    assert caught.value.place == "tokenizer/" + place


@pytest.mark.parametrize(
    "change",
    [
        {"model": None},
        {"model": {"type": "Unigram", "unk_id": 9, "vocab": [["a", 0.0]]}},
        {"model": {"type": "Unigram", "unk_id": 0, "vocab": [["a", 0.0], ["a", 1.0]]}},
        {"model": {"type": "Unigram", "unk_id": 0, "vocab": ["a"]}},
        {"pre_tokenizer": None},
        {"pre_tokenizer": {"type": "Metaspace", "replacement": "_"}},
        {"normalizer": {"type": "Lowercase"}},
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "no base64!"}},
    ],
    ids=str,
)
def test_a_malformed_file_of_xlm_r_is_refused(change):
    files = vocabularies.describe("xlm-roberta").to_files()
    files[FAST] = strict_json.canonical({**strict_json.parse(files[FAST], FAST), **change})
    with pytest.raises(errors.FormatError, match="a vocabulary is malformed") as caught:
        Description.parse(files)
    assert caught.value.place == FAST


@pytest.mark.parametrize(
    ("family", "fast", "text", "found"),
    [
        ("bert", True, "a \U0001fae0 \u1b4c", ""),
        ("bert", True, "a \ua7c0", "\ua7c0"),
        ("bert", False, "a \U0001fae0 \u1b4c", "\U0001fae0\u1b4c"),
        ("bert", False, "a \u0378", "\u0378"),
        ("bert", False, "a \u1734", "\u1734"),
        ("bert", False, "Z\u0361a e\u0301 \U0001f64f", ""),
        ("roberta", True, "a \U0001fae0 \u1b4c", "\u1b4c"),
        ("roberta", True, " \t", ""),
        ("roberta", False, " \t", " \t"),
        ("xlm-roberta", True, "a \U0001fae0 \u1b4c", ""),
    ],
)
def test_what_not_every_environment_reads_alike_is_found(family, fast, text, found):
    assert tokenizers.varies_by_environment(native(family, fast), ["why", text]) == ({1: found} if found else {})


def test_a_letter_apart_from_its_mark_is_found_where_accents_are_kept():
    made = native(fast=False, do_lower_case=False)
    assert tokenizers.varies_by_environment(made, ["\u00e9", "e\u0301"]) == {1: "e\u0301"}


def test_the_table_of_young_characters_holds_all_that_this_python_assigned_since_unicode_12_1():
    every = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    assigned = [c for c in every if unicodedata.category(c) != "Cn"]
    assert len(assigned) - len(unicode_differences.newer_than_unicode_12_1("".join(assigned))) == ASSIGNED_IN_12_1


def test_a_missing_file_is_named():
    files = vocabularies.describe("bert").to_files()
    del files["tokenizer/vocab.txt"]
    with pytest.raises(errors.FormatError, match=r"a tokenizer's file is missing @ tokenizer/vocab\.txt"):
        tokenizers.from_files(files, fast=True, runtime="native")


class OfTomorrow(WordPiece):
    """A model with a step that no `tokenizers` knows yet."""

    def steps(self, config):
        return {**super().steps(config), "pre_tokenizer": {"type": "OfTomorrow"}}


def test_the_installed_tokenizers_is_named_where_it_cannot_read():
    described = Description.fresh("BertTokenizer", OfTomorrow(tuple(vocabularies.wordpiece())), 64)
    with pytest.raises(errors.RuntimeUnavailableError, match="the installed tokenizers cannot read") as caught:
        NativeTokenizer(described, fast=True)
    assert caught.value.place == FAST
