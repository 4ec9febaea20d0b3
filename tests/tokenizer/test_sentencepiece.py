"""XLM-R's slow layout: the protobuf that SentencePiece reads, decoded here by the rules of its encoding."""

import base64
import hashlib
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from bert_bundle.classifiers import vocabularies
from bert_bundle.errors import FormatError, UnsafeError
from bert_bundle.format import layout
from bert_bundle.tokenizer import read_files, sentencepiece
from bert_bundle.tokenizer.description import Description

PATH = "tokenizer/sentencepiece.bpe.model"
MODEL = vocabularies.unigram()
NORMAL, UNKNOWN, CONTROL = 1, 2, 3


class Files:
    """The files of a tokenizer, with the interface of an opened bundle."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.manifest = files, self
        self.tokenizer: dict[str, Any] = {}

    def read(self, path: str) -> bytes:
        return self.files[path]


def message(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield (number, value) of each field: bytes, integers, floats."""
    position = 0

    def varint() -> int:
        nonlocal position
        value, shift = 0, 0
        while True:
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while position < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
            continue
        length = varint() if key & 7 == 2 else 4
        value, position = data[position : position + length], position + length
        yield key >> 3, value if key & 7 == 2 else struct.unpack("<f", value)[0]


def test_the_file_holds_pieces_scores_types_and_normal_forms() -> None:
    fields = list(message(MODEL.files()[PATH]))
    pieces = [dict(message(value)) for number, value in fields if number == 1]
    assert [(p[1].decode(), p[3]) for p in pieces[:3]] == [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
    assert [(p[1].decode(), p[2], p[3]) for p in pieces[3:]] == [(*piece, NORMAL) for piece in MODEL.pieces[4:-1]]
    trainer, normalizer = (dict(message(value)) for number, value in fields if number > 1)
    assert trainer == {3: 1, 4: len(MODEL.pieces) - 2}
    assert normalizer == {1: b"nmt_nfkc", 2: base64.b64decode(MODEL.charsmap or ""), 3: 1, 4: 1, 5: 1}


def test_the_file_is_the_one_that_sentencepiece_has_read() -> None:
    """Checked with sentencepiece 0.2.3 and transformers 4.40: the fast tokenizer's ids for every code point."""
    assert hashlib.sha256(MODEL.files()[PATH]).hexdigest()[:16] == "a2b3e81d79271082"


@pytest.mark.parametrize(
    ("pieces", "unk"),
    [
        (MODEL.pieces[1:], 3),
        (MODEL.pieces[:-1], 3),
        (MODEL.pieces, 2),
        ((*MODEL.pieces[:4], MODEL.pieces[-1]), 3),
        ((*MODEL.pieces[:4], ("", -1.0), MODEL.pieces[-1]), 3),
        ((*MODEL.pieces[:4], ("a\0b", -1.0), MODEL.pieces[-1]), 3),
    ],
    ids=str,
)
def test_pieces_in_another_order_than_xlm_r_s_have_no_such_file(pieces: Any, unk: int) -> None:
    assert sentencepiece.to_bytes(sentencepiece.XLM_R, pieces, unk, MODEL.charsmap) is None


def test_a_model_without_normal_forms_names_the_identity() -> None:
    fields = dict(message(sentencepiece.to_bytes(sentencepiece.XLM_R, MODEL.pieces, 3, None) or b""))
    assert dict(message(fields[3])) == {1: b"identity", 3: 1, 4: 1, 5: 1}


def test_a_file_that_differs_from_tokenizer_json_is_refused() -> None:
    files = Description.fresh("XLMRobertaTokenizer", MODEL, 64).to_files()
    assert read_files(Files(files)) == files  # type: ignore[arg-type]
    for changed, text in (
        ({PATH: files[PATH][:-1] + b"\0"}, "the two layouts of the tokenizer differ"),
        (
            {"tokenizer/tokenizer.json": files["tokenizer/tokenizer.json"].replace(b"-7.25", b"-7.5", 1)},
            "the two layouts",
        ),
    ):
        with pytest.raises(FormatError, match=text) as caught:
            read_files(Files({**files, **changed}))  # type: ignore[arg-type]
        assert caught.value.place in {PATH, "tokenizer/tokenizer.json"}
    del files[PATH]
    with pytest.raises(FormatError, match="a tokenizer's file is missing @ " + PATH):
        read_files(Files(files))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["sentencepiece.bpe.model", "tokenizer/x.bpe.model", "tokenizer/sentencepiece.model"])
def test_a_bundle_holds_no_other_file_of_that_kind(path: str) -> None:
    assert layout.check_file(PATH) == PATH
    with pytest.raises(UnsafeError, match="a type of file that a bundle may not contain"):
        layout.check_file(path)
