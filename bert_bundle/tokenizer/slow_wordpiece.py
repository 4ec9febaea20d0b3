"""How a slow WordPiece tokenizer of transformers 4 reads a text: by Python's Unicode tables, not by Rust's.

Does not know: ids, any library. Python removes code points that its tables do not assign, and splits at marks and
removes accents that Rust's older tables do not have. If accents are kept, transformers from 4.35 on composes letters
with their marks first.
"""

import re
import unicodedata
from typing import Iterator, List, Tuple

from bert_bundle.tokenizer.description import Description

# The blocks of Chinese characters, from BERT's own list.
_CHINESE = re.compile(
    "([\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f\U0002b820-\U0002ceaf"
    "\uf900-\ufaff\U0002f800-\U0002fa1f])"
)
_ASCII_MARKS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def pieces(described: Description, text: str) -> Iterator[Tuple[str, bool]]:
    """Yield (a word for the model, False) or (a special or added token, True), from left to right."""
    lower = described.config["do_lower_case"]
    added = {token.lower() if lower else token: token for token in described.added if token not in described.special}
    for span, is_special in _split(text, described.special):
        if is_special:
            yield span, True
            continue
        # Letter by letter: str.lower gives a sigma another form at the end of a word.
        for part, is_added in _split("".join(map(str.lower, span)) if lower else span, tuple(added)):
            if is_added:
                yield added[part], True
            else:
                yield from ((word, False) for word in _words(described, part))


def _split(text: str, tokens: Tuple[str, ...]) -> List[Tuple[str, bool]]:
    """Return (part, whether it is a token) of the text split at `tokens`; of two that match, the longer one."""
    if not tokens:
        return [(text, False)]
    pattern = "|".join(re.escape(token) for token in sorted(tokens, key=len, reverse=True))
    return [(part, bool(i % 2)) for i, part in enumerate(re.split("({})".format(pattern), text)) if part]


def _words(described: Description, text: str) -> Iterator[str]:
    config = described.config
    text = "".join(map(_clean, text))
    if config["tokenize_chinese_chars"]:
        text = _CHINESE.sub(r" \1 ", text)
    strip = config["do_lower_case"] if config["strip_accents"] is None else config["strip_accents"]
    for word in unicodedata.normalize("NFC", text).split():
        if config["do_lower_case"]:
            word = word.lower()
        if strip:
            word = "".join(c for c in unicodedata.normalize("NFD", word) if unicodedata.category(c) != "Mn")
        yield from "".join(" {} ".format(c) if _is_mark(c) else c for c in word).split()


def _clean(character: str) -> str:
    category = unicodedata.category(character)
    if character in "\t\n\r" or category == "Zs":
        return " "
    return "" if category.startswith("C") or character == "\ufffd" else character


def _is_mark(character: str) -> bool:
    return character in _ASCII_MARKS or unicodedata.category(character).startswith("P")
