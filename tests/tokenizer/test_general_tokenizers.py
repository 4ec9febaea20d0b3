"""Tokenizers of no family: two files, read without any library, and refused at the part that no save wrote."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from bert_bundle.classifiers import vocabularies
from bert_bundle.errors import FormatError
from bert_bundle.format import strict_json
from bert_bundle.tokenizer import read_files
from bert_bundle.tokenizer.general import General, is_general, to_bytes
from bert_bundle.tokenizer.paths import CONFIG, FAST

SETTINGS: dict[str, Any] = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "model_max_length": 40,
    "pad_token": "<pad>",
    "pad_token_type_id": 3,
    "padding_side": "left",
    "truncation_side": "right",
    "cls_token": "<s>",
}
NEW = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": True}
OLD = {"type": "Metaspace", "replacement": "▁", "str_rep": "▁", "add_prefix_space": False}


def made(family: str = "xlm-roberta", **changes: Any) -> General:
    state = {**vocabularies.describe(family).document(), **changes}
    ids = {token["content"]: token["id"] for token in state["added_tokens"]}
    return General.of_state(state, state["model"]["type"], SETTINGS, ids)


def test_the_files_are_read_back_as_they_were_written() -> None:
    files = made().to_files()
    assert is_general(files)
    assert sorted(files) == [FAST, CONFIG]
    assert General.parse(files) == made()
    assert General.parse(files).to_files() == files
    assert not is_general(vocabularies.describe("bert").to_files())


def test_old_and_new_releases_of_tokenizers_write_the_same_steps() -> None:
    assert made(pre_tokenizer=NEW).document == made(pre_tokenizer=OLD).document
    assert made(pre_tokenizer=NEW).document["pre_tokenizer"] == {
        "type": "Metaspace",
        "replacement": "▁",
        "prepend_scheme": "never",
        "add_prefix_space": False,
    }
    state: dict[str, Any] = vocabularies.describe("roberta").document()
    pairs = [merge.split(" ") for merge in state["model"]["merges"]]
    newer = {**state["model"], "merges": pairs, "byte_fallback": False, "ignore_merges": False}
    assert made("roberta", model=newer).document == made("roberta").document
    changed = {**state["model"], "ignore_merges": True}
    assert made("roberta", model=changed).document["model"]["ignore_merges"] is True


def test_a_special_token_is_an_added_one_even_where_the_release_did_not_add_it() -> None:
    state: dict[str, Any] = vocabularies.describe("xlm-roberta").document()
    kept = [token for token in state["added_tokens"] if token["content"] != "<s>"]
    whole = General.of_state({**state, "added_tokens": kept}, "Unigram", SETTINGS, {"<s>": 0, "<pad>": 1})
    assert whole.document["added_tokens"][0] == {
        "id": 0,
        "content": "<s>",
        "special": True,
        **dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False),
    }


FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"model_max_length": "40"}, "field is malformed", "model_max_length"),
    ({"model_max_length": -1}, "field is malformed", "model_max_length"),
    ({"pad_token_type_id": True}, "field is malformed", "pad_token_type_id"),
    ({"pad_token": None}, "field is malformed", "pad_token"),
    ({"cls_token": 1}, "field is malformed", "cls_token"),
    ({"padding_side": "up"}, "field is malformed", "padding_side"),
    ({"truncation_side": ""}, "field is malformed", "truncation_side"),
    ({"additional_special_tokens": []}, "field is malformed", "additional_special_tokens"),
    ({"additional_special_tokens": [1]}, "field is malformed", "additional_special_tokens"),
    ({"auto_map": {"AutoTokenizer": "x--y.Z"}}, "unknown or missing fields", ""),
    ({"tokenizer_file": "/etc/passwd"}, "unknown or missing fields", ""),
]


@pytest.mark.parametrize(("change", "message", "field"), FIELDS)
def test_a_malformed_setting_is_refused(change: dict[str, Any], message: str, field: str) -> None:
    files = {**made().to_files(), CONFIG: strict_json.canonical({**SETTINGS, **change})}
    with pytest.raises(FormatError, match=message) as caught:
        General.parse(files)
    assert caught.value.place == (f"{CONFIG}#/{field}" if field else CONFIG)


def put(*path: Any) -> Callable[[Any], None]:
    """Return an edit that sets the last of `path` at the place that the others name."""

    def edit(document: Any) -> None:
        for key in path[:-2]:
            document = document[key]
        document[path[-2]] = path[-1]

    return edit


PARTS: list[tuple[Callable[[Any], None], str, str]] = [
    (put("version", "2.0"), "a part of tokenizer.json is malformed", "#/version"),
    (put("truncation", {"max_length": 3}), "a part of tokenizer.json is malformed", "#/truncation"),
    (put("padding", {}), "a part of tokenizer.json is malformed", "#/padding"),
    (put("normalizer", []), "a part of tokenizer.json is malformed", "#/normalizer"),
    (put("decoder", "x"), "a part of tokenizer.json is malformed", "#/decoder"),
    (put("model", "type", "Evil"), "a part of tokenizer.json is malformed", "#/model"),
    (put("model", "unk_id", 10_000), "a part of tokenizer.json is malformed", "#/model"),
    (put("model", "vocab", 0, ["a"]), "a part of tokenizer.json is malformed", "#/model"),
    (put("model", "vocab", 0, [1, 2.0]), "a part of tokenizer.json is malformed", "#/model"),
    (put("model", {"type": "BPE", "vocab": {"a": -1}, "merges": []}), "a part of tokenizer.json is", "#/model"),
    (put("model", {"type": "WordLevel", "vocab": ["a"]}), "a part of tokenizer.json is malformed", "#/model"),
    (put("added_tokens", 0, "id", 2**40), "a part of tokenizer.json is malformed", "#/added_tokens"),
    (put("added_tokens", 0, "special", 1), "a part of tokenizer.json is malformed", "#/added_tokens"),
    (put("added_tokens", 0, "more", 1), "a part of tokenizer.json is malformed", "#/added_tokens"),
    (put("added_tokens", []), "a special token that is not an added one", "#/added_tokens"),
    (put("more", 1), "not a tokenizer.json", ""),
]


@pytest.mark.parametrize(("edit", "message", "place"), PARTS)
def test_a_malformed_part_is_refused(edit: Callable[[Any], None], message: str, place: str) -> None:
    document = copy.deepcopy(json.loads(made().to_files()[FAST]))
    edit(document)
    with pytest.raises(FormatError, match=message) as caught:
        General.parse({CONFIG: strict_json.canonical(SETTINGS), FAST: to_bytes(document)})
    assert caught.value.place == FAST + place


class Bundle:
    """The files of a tokenizer and the manifest's word on them, with the interface of an opened bundle."""

    def __init__(self, files: dict[str, bytes], tokenizer: dict[str, Any]) -> None:
        self.files, self.tokenizer, self.manifest = files, tokenizer, self

    def read(self, path: str) -> bytes:
        return self.files[path]


def test_the_files_of_a_bundle_are_those_that_a_save_wrote_and_the_manifest_names_their_kind() -> None:
    files, kind = made().to_files(), {"general": True}
    assert read_files(Bundle(files, kind)) == files  # type: ignore[arg-type]
    spaced = {**files, FAST: files[FAST].replace(b"{", b"{ ", 1)}
    with pytest.raises(FormatError, match="the two layouts of the tokenizer differ @ " + FAST):
        read_files(Bundle(spaced, kind))  # type: ignore[arg-type]
    for manifest in ({}, {"general": False}, {"general": 1}):
        with pytest.raises(FormatError, match=r"do not agree on its kind @ bundle\.json#/tokenizer/general"):
            read_files(Bundle(files, manifest))  # type: ignore[arg-type]
    with pytest.raises(FormatError, match="do not agree on its kind"):
        read_files(Bundle(vocabularies.describe("bert").to_files(), kind))  # type: ignore[arg-type]


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FormatError, match=r"a tokenizer.s file is missing @ tokenizer/tokenizer\.json"):
        General.parse({CONFIG: strict_json.canonical(SETTINGS)})
