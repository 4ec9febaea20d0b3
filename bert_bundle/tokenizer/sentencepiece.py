"""Writes the slow layout of Unigram tokenizers: pieces as SentencePiece's protobuf. Imports no library.

The messages and field numbers are those of sentencepiece_model.proto (github.com/google/sentencepiece). Only the fields
that decide ids are written, in the order of their numbers: equal pieces are equal bytes. transformers may put pieces
around the model's own and shift their ids (XLMRobertaTokenizer and CamembertTokenizer, `fairseq_offset`).
"""

import base64
import struct
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from bert_bundle.format import layout

_NORMAL, _UNKNOWN, _CONTROL = 1, 2, 3  # types of pieces
_VARINT, _LENGTH, _FLOAT = 0, 2, 5  # wire types
_UNIGRAM = 1


@dataclass(frozen=True)
class Order:
    """Where transformers puts the pieces of a SentencePiece model.

    path   the file
    own    the pieces that the model begins with, in its order; none is plain text
    first  what transformers has in their place, by id
    last   what it puts after the model's pieces
    unk    the unknown one
    """

    path: str
    own: Tuple[str, ...]
    first: Tuple[str, ...]
    last: Tuple[str, ...]
    unk: str = "<unk>"

    def plain(self, pieces: Sequence[Tuple[str, float]], unk: int) -> Sequence[Tuple[str, float]]:
        """Return the pieces between `first` and `last`; none if the pieces are in another order."""
        tokens, end = tuple(piece for piece, _ in pieces), len(pieces) - len(self.last)
        around = tokens[: len(self.first)], tokens[end:]
        fits = around == (self.first, self.last) and unk == self.first.index(self.unk)
        return pieces[len(self.first) : end] if fits else ()


_FAIRSEQ = ("<unk>", "<s>", "</s>")
XLM_R = Order(layout.SENTENCEPIECE, _FAIRSEQ, ("<s>", "<pad>", "</s>", "<unk>"), ("<mask>",))
CAMEMBERT = Order(
    layout.SENTENCEPIECE,
    _FAIRSEQ,
    ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>"),
    ("<mask>",),
)

_SPECIAL = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
ALBERT = Order(layout.SPIECE, _SPECIAL, _SPECIAL, ())
_BERT_LIKE = ("[PAD]", "[CLS]", "[SEP]", "[UNK]")
DEBERTA_V2 = Order(layout.SPM, _BERT_LIKE, _BERT_LIKE, (), "[UNK]")


def to_bytes(order: Order, pieces: Sequence[Tuple[str, float]], unk: int, charsmap: Optional[str]) -> Optional[bytes]:
    """Return the file, given pieces by id with their scores, the unknown id and the table of normal forms in base64.

    Return None if the pieces are not in that order: a slow tokenizer cannot give such ids.
    """
    plain = order.plain(pieces, unk)
    if not plain or any(not piece or "\0" in piece for piece, _ in plain):
        return None
    records = [_piece(piece, 0.0, _UNKNOWN if piece == order.unk else _CONTROL) for piece in order.own]
    records += [_piece(piece, score, _NORMAL) for piece, score in plain]
    trainer = _number(3, _UNIGRAM) + _number(4, len(records))
    if order.own.index(order.unk):  # 0 is the default
        trainer += _number(40, order.own.index(order.unk))
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
