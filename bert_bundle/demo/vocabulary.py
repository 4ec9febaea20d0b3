"""A WordPiece vocabulary learned from texts, deterministically. Does not know tokenizers.

The package `tokenizers` can learn one too, but numbers its pieces in the order of a hash table and breaks ties by
number: two runs over the same texts give different vocabularies (seen in 0.19.1).
"""

import re
import unicodedata
from collections import Counter
from typing import Dict, List, Sequence, Tuple

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_PREFIX = "##"

Word = Tuple[str, ...]  # the pieces of a word
Pair = Tuple[str, str]


def learn(texts: Sequence[str], size: int, least: int = 2) -> List[str]:
    """Return at most `size` tokens in the order of their ids: special tokens, single letters, joined pieces.

    The most frequent pair of neighbours is joined into a piece, repeatedly, as in byte pair encoding (Sennrich et al.
    2016, algorithm 1); of equally frequent pairs the first in alphabetical order. Pairs that occur less than `least`
    times are not joined.
    """
    words = Counter(word for text in texts for word in _words(text))
    counts: Dict[Word, int] = {(word[0], *(_PREFIX + letter for letter in word[1:])): n for word, n in words.items()}
    tokens = [*SPECIAL, *sorted({piece for word in counts for piece in word})]
    pairs: Counter[Pair] = Counter()
    for word, count in counts.items():
        _count(pairs, word, count)
    while len(tokens) < size and pairs:
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < least:
            break
        joined = best[0] + best[1][len(_PREFIX) :]
        if joined not in tokens:
            tokens.append(joined)
        for word in [word for word in counts if best in zip(word, word[1:])]:
            count = counts.pop(word)
            _count(pairs, word, -count)
            counts[_join(word, best, joined)] = count
            _count(pairs, _join(word, best, joined), count)
    return tokens


def _count(pairs: "Counter[Pair]", word: Word, count: int) -> None:
    """Add `count` to each pair of neighbours in `word`; a pair that occurs no longer is left out."""
    for pair in zip(word, word[1:]):
        pairs[pair] += count
        if not pairs[pair]:
            del pairs[pair]


def _words(text: str) -> List[str]:
    """Split a text into words and punctuation, lower-case and without accents, as an uncased BERT tokenizer does."""
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
