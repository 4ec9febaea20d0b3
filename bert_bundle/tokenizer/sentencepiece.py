"""Writes sentencepiece.bpe.model, the slow layout of XLM-R: pieces as SentencePiece's protobuf. Imports no library.

The messages and field numbers are those of sentencepiece_model.proto (github.com/google/sentencepiece). Only the fields
of XLM-R's model are written, in the order of their numbers: equal pieces are equal bytes. transformers puts `<pad>` and
`<mask>` around the model's own pieces and shifts their ids by one (XLMRobertaTokenizer, `fairseq_offset`).
"""

import base64
import struct
from typing import List, Optional, Sequence, Tuple

_FIRST = ("<s>", "<pad>", "</s>", "<unk>")  # replaces the model's first three pieces in transformers
_LAST = "<mask>"
_OWN = (("<unk>", 2), ("<s>", 3), ("</s>", 3))  # those three with their types: unknown and control
_VARINT, _LENGTH, _FLOAT = 0, 2, 5  # wire types
_UNIGRAM = 1


def to_bytes(pieces: Sequence[Tuple[str, float]], unk: int, charsmap: Optional[str]) -> Optional[bytes]:
    """Return the file, given pieces by id with their scores, the unknown id and the table of normal forms in base64.

    Return None if the pieces are not in XLM-R's order: a slow tokenizer cannot give such ids.
    """
    tokens = [piece for piece, _ in pieces]
    plain = pieces[len(_FIRST) : -1]
    fits = tuple(tokens[: len(_FIRST)]) == _FIRST and unk == _FIRST.index("<unk>") and tokens[-1] == _LAST
    if not fits or not plain or any(not piece or "\0" in piece for piece, _ in plain):
        return None
    records = [_piece(piece, 0.0, kind) for piece, kind in _OWN] + [_piece(piece, score, 1) for piece, score in plain]
    trainer = _number(3, _UNIGRAM) + _number(4, len(records))
    table = base64.b64decode(charsmap or "")
    normalizer = _bytes(1, b"nmt_nfkc" if table else b"identity") + (_bytes(2, table) if table else b"")
    # add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces
    normalizer += _number(3, 1) + _number(4, 1) + _number(5, 1)
    return b"".join([*(_bytes(1, record) for record in records), _bytes(2, trainer), _bytes(3, normalizer)])


def _piece(text: str, score: float, kind: int) -> bytes:
    number = _key(2, _FLOAT) + struct.pack("<f", score)
    return _bytes(1, text.encode("utf-8")) + number + _number(3, kind)


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, _LENGTH) + _varint(len(value)) + value


def _number(field: int, value: int) -> bytes:
    return _key(field, _VARINT) + _varint(value)


def _key(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _varint(value: int) -> bytes:
    """Return seven bits a byte, the lowest first; the high bit means that more follow."""
    digits: List[int] = []
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])
