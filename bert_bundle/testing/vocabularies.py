"""Small tokenizers of every family, the same in every release and without a network; knows nothing of models."""

from typing import Any, List

from .. import tokenizer as tokenizers
from ..tokenizer.description import Description
from ..tokenizer.wordpiece import WordPiece

_WORDS = (
    "the a my your is was not wrong right invoice bill pay ##ing ##ed ##s app crash ##es log in out please help why "
    "how add export report dark mode plan price refund password email open close page error 1 2 3 0 ! ? . , ' - "
    "z ##w ##o ##l ##f se ##nor mu ##ller 東 京 の 🙏 word"
).split()
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
FAMILIES = {  # model type -> class of transformers
    "bert": "BertTokenizer",
    "distilbert": "DistilBertTokenizer",
    "electra": "ElectraTokenizer",
}


def tokenizer_of(family: str, *, fast: bool = True, runtime: str = "transformers") -> Any:
    """A small tokenizer of a model type, read from its files as a bundle's is."""
    return tokenizers.from_files(describe(family).to_files(), fast=fast, runtime=runtime)


def describe(family: str, **settings: Any) -> Description:
    """What `tokenizer_of` makes, with other settings by their names in tokenizer_config.json."""
    return Description.fresh(FAMILIES[family], WordPiece(tuple(wordpiece())), 64, **settings)


def wordpiece() -> List[str]:
    """The tokens of the WordPiece vocabulary by id; single letters make every plain text spellable."""
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    tokens = [*_SPECIAL, *_WORDS, *letters, *("##" + c for c in letters)]
    return sorted(set(tokens), key=tokens.index)
