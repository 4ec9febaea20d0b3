"""A WordPiece vocabulary learned from texts, the same one every time; knows nothing of tokenizers.

The package `tokenizers` learns one too, but numbers its pieces by the order of a hash table, and breaks ties by number:
two runs over the same texts give two vocabularies (seen in 0.19.1).
"""

import re
import unicodedata
from collections import Counter
from typing import Dict, List, Sequence, Tuple

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_PREFIX = "##"

Word = Tuple[str, ...]  # a word cut into pieces


def learn(texts: Sequence[str], size: int, least: int = 2) -> List[str]:
    """At most `size` tokens by id: special ones, single letters, then pieces in the order in which they were joined.

    The pair of neighbours that occurs most often is joined into a piece, again and again, as in byte pair encoding
    (Sennrich et al. 2016, algorithm 1); of pairs that occur equally often the first by name. A pair that occurs less
    than `least` times is left apart.
    """
    words = Counter(word for text in texts for word in _words(text))
    cut: Dict[Word, int] = {(word[0], *(_PREFIX + letter for letter in word[1:])): n for word, n in words.items()}
    tokens = [*SPECIAL, *sorted({piece for word in cut for piece in word})]
    while len(tokens) < size:
        pairs: Counter[Tuple[str, str]] = Counter()
        for word, count in cut.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < least:
            break
        joined = best[0] + best[1][len(_PREFIX) :]
        if joined not in tokens:
            tokens.append(joined)
        cut = {_join(word, best, joined): count for word, count in cut.items()}
    return tokens


def _words(text: str) -> List[str]:
    """Words and marks in lower case without accents, as a BERT tokenizer that lower-cases cuts them."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")
    return re.findall(r"[^\W_]+|[^\s\w]|_", plain)


def _join(word: Word, pair: Tuple[str, str], joined: str) -> Word:
    result: List[str] = []
    for piece in word:
        if result and (result[-1], piece) == pair:
            result[-1] = joined
        else:
            result.append(piece)
    return tuple(result)
