"""Characters that environments read differently, because some have older Unicode tables. Imports no library."""

import re
import unicodedata
from typing import Sequence, Union

from bert_bundle.tokenizer.bytelevel import ByteLevel
from bert_bundle.tokenizer.description import Description
from bert_bundle.tokenizer.general import General
from bert_bundle.tokenizer.wordpiece import WordPiece

# Assigned after Unicode 12.1 (Python 3.8), up to 15.1 (Python 3.13). For a newer Python, add what its `unicodedata`
# assigns and that of 3.8 does not.
_NEWER = """
61d 870-89f 8b5 8be-8d2 b55 c3c c5d cdd cf3 d04 d81 ece 170d 1715-171f 180f 1abf-1ace 1b4c 1b7d-1b7e 1dfa 20c0
2b97 2c2f 2c5f 2e50-2e5d 2ffc-2fff 31bb-31bf 31ef 4db6-4dbf 9ff0-9fff a7c0-a7c1 a7c7-a7f6 a82c ab68-ab6b fbc2
fd40-fd4f fdcf fdfe-fdff 1019c 10570-105bc 10780-107ba 10e80-10eff 10f70-10fcb 11070-11075 110c2 11147
111ce-111cf 1123f-11241 1145a 11460-11461 116b9 11740-11746 11900-11959 11ab0-11abf 11b00-11b09 11f00-11fb0
12f90-12ff2 1342f 13439-13455 16a70-16ac9 16fe4-16ff1 18af3-1affe 1b11f-1b132 1b155 1cf00-1cfc3 1d1e9-1d1ea
1d2c0-1d2d3 1df00-1df2a 1e030-1e08f 1e290-1e2ae 1e4d0-1e7fe 1f10d-1f10f 1f16d-1f16f 1f1ad 1f6d6-1f6df
1f6fb-1f6fc 1f774-1f77f 1f7d9 1f7f0 1f8b0-1f8b1 1f90c 1f972 1f977-1f979 1f9a3-1f9a4 1f9ab-1f9ad 1f9cb-1f9cc
1fa74-1fa77 1fa7b-1fa7c 1fa83-1fa88 1fa96-1fbf9 2a6d7-2a6df 2b735-2b739 2ebf0-2ee5d 30000-323af
"""
# Upper-case letters whose lower case is younger than Unicode 12.1: `tokenizers` 0.10 keeps all, newer ones some.
_CAPITALS = "1c89 2c2f a7c0 a7cb-a7dc 10570-10595 10d50-10d65 16ea0-16eb8"
_RECLASSED = "\u1734"  # in another category since Unicode 14
_PICTURES = range(0x1F000, 0x1FBF0)  # emoji and other symbols: not letters or digits in any table


def varying_characters(described: Union[Description, General], fast: bool, text: str) -> str:
    """Return the characters of `text` that this tokenizer reads differently in some environment."""
    if isinstance(described, General):
        return _newer_letters(text)  # its steps may look up letters, digits, marks and cases
    config = described.config
    if isinstance(described.model, ByteLevel):
        if not fast and not text.strip():
            return text  # transformers 4.5 drops it
        return _newer_letters(text)
    if fast or not isinstance(described.model, WordPiece):
        return "".join(_matches(_CAPITALS, text)) if config.get("do_lower_case") else ""
    strip = config["do_lower_case"] if config["strip_accents"] is None else config["strip_accents"]
    if not strip and not unicodedata.is_normalized("NFC", text):
        return text  # composed by transformers 4.35, not by 4.30
    return newer_than_unicode_12_1(text) or _RECLASSED * text.count(_RECLASSED)


def _newer_letters(text: str) -> str:
    return "".join(c for c in newer_than_unicode_12_1(text) if ord(c) not in _PICTURES)


def newer_than_unicode_12_1(text: str) -> str:
    """Return the characters assigned after Unicode 12.1, which older Pythons classify differently."""
    known = frozenset(_matches(_NEWER, text))
    return "".join(c for c in text if c in known or unicodedata.category(c) == "Cn")


def _matches(ranges: str, text: str) -> Sequence[str]:
    spans = ("-".join("\\U{:0>8}".format(end) for end in span.split("-")) for span in ranges.split())
    return re.findall("[{}]".format("".join(spans)), text)
