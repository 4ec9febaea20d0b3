"""Models of tokenizers that differ from others of their kind in special tokens or steps. Imports no library."""

import itertools
from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Mapping, Optional, Tuple

from bert_bundle.tokenizer import sentencepiece
from bert_bundle.tokenizer.bytelevel import ByteLevel
from bert_bundle.tokenizer.paths import EXTRA, MASK
from bert_bundle.tokenizer.unigram import SPLIT, Steps, Unigram
from bert_bundle.tokenizer.wordpiece import WordPiece

_QUOTES: Steps = [{"type": "Replace", "pattern": {"String": quotes}, "content": '"'} for quotes in ("``", "''")]
_ONE_SPACE = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
_NUMBER_COMMA = 100  # by how much transformers lowers the score of a digit with a comma in the fast vocabulary


@dataclass(frozen=True)
class Camembert(Unigram):
    """CamemBERT's pieces: as XLM-R's, after five that transformers adds and of which it uses two."""

    NAME: ClassVar[str] = "CamemBERT"
    ORDER: ClassVar[sentencepiece.Order] = sentencepiece.CAMEMBERT
    DEFAULTS: ClassVar[Mapping[str, object]] = {**Unigram.DEFAULTS, EXTRA: ["<s>NOTUSED", "</s>NOTUSED"]}


@dataclass(frozen=True)
class Albert(Unigram):
    """ALBERT's pieces, with BERT's special tokens, after steps that BERT's tokenizer has too."""

    NAME: ClassVar[str] = "ALBERT"
    ORDER: ClassVar[sentencepiece.Order] = sentencepiece.ALBERT
    SPECIAL: ClassVar[Mapping[str, str]] = {
        "bos_token": "[CLS]",
        "eos_token": "[SEP]",
        "unk_token": "<unk>",
        "sep_token": "[SEP]",
        "pad_token": "<pad>",
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
    }
    DEFAULTS: ClassVar[Mapping[str, object]] = {**Unigram.DEFAULTS, "do_lower_case": True, "keep_accents": False}
    FIELDS: ClassVar[Mapping[str, Tuple[type, ...]]] = {
        **Unigram.FIELDS,
        "do_lower_case": (bool,),
        "keep_accents": (bool,),
    }
    STEPS: ClassVar[Tuple[str, ...]] = ("Replace", "Replace", "NFKD", "StripAccents", "Lowercase", *Unigram.STEPS)
    SINGLE: ClassVar[Tuple[Tuple[str, int], ...]] = WordPiece.SINGLE
    PAIR: ClassVar[Tuple[Tuple[str, int], ...]] = WordPiece.PAIR

    @classmethod
    def settings_of(cls, before: Steps, after: Steps, steps: List[Any], table: bool) -> Optional[Dict[str, Any]]:
        """Return the settings, see `Unigram`; where runs of spaces become one does not matter to a split at them."""
        found = [step for step in before if step != _ONE_SPACE]
        for lower, keep in itertools.product((True, False), repeat=2):
            config = {"do_lower_case": lower, "keep_accents": keep}
            if found == cls.before(config) and after in ([], [_ONE_SPACE]) and steps == SPLIT:
                return config
        return None

    @classmethod
    def before(cls, config: Mapping[str, object]) -> Steps:
        """Return the normalizers before the table: quotes of TeX, accents, case."""
        accents = [] if config["keep_accents"] else [{"type": "NFKD"}, {"type": "StripAccents"}]
        return [*_QUOTES, *accents, *([{"type": "Lowercase"}] if config["do_lower_case"] else [])]

    def slow_pieces(self) -> Tuple[Tuple[str, float], ...]:
        """Return the pieces with their scores in SentencePiece; transformers' slow tokenizer splits `1,` itself."""
        return tuple(
            (piece, score + _NUMBER_COMMA if piece[-1:] == "," and piece[-2:-1].isdigit() else score)
            for piece, score in self.pieces
        )


@dataclass(frozen=True)
class DebertaV2(Unigram):
    """The pieces of DeBERTa's second and third version, with BERT's special tokens; the mask may be an added token."""

    NAME: ClassVar[str] = "DeBERTa"
    ORDER: ClassVar[sentencepiece.Order] = sentencepiece.DEBERTA_V2
    SPECIAL: ClassVar[Mapping[str, str]] = {"bos_token": "[CLS]", "eos_token": "[SEP]", **WordPiece.SPECIAL}
    DEFAULTS: ClassVar[Mapping[str, Any]] = {"do_lower_case": False}
    FIELDS: ClassVar[Mapping[str, Tuple[type, ...]]] = {"do_lower_case": (bool,)}
    STEPS: ClassVar[Tuple[str, ...]] = ("Strip", "Precompiled", "Replace", "Metaspace")
    SINGLE: ClassVar[Tuple[Tuple[str, int], ...]] = WordPiece.SINGLE
    PAIR: ClassVar[Tuple[Tuple[str, int], ...]] = WordPiece.PAIR

    @classmethod
    def settings_of(cls, before: Steps, after: Steps, steps: List[Any], table: bool) -> Optional[Dict[str, Any]]:
        """Return the settings, see `Unigram`; a split at punctuation, `split_by_punct`, is not among them."""
        for lower in (True, False):
            first = cls.before({"do_lower_case": lower})
            wanted = (first, cls.after()) if table else ([*first, *cls.after()], [])
            if (before, after) == wanted and steps == ["Metaspace"]:
                return {"do_lower_case": lower}
        return None

    @classmethod
    def before(cls, config: Mapping[str, Any]) -> Steps:
        """Return the normalizers before the table: case, then spaces around the text."""
        strip = {"type": "Strip", "strip_left": True, "strip_right": True}
        return [*([{"type": "Lowercase"}] if config["do_lower_case"] else []), strip]

    @classmethod
    def after(cls) -> Steps:
        """Return the normalizer after the table: runs of spaces become one."""
        return [_ONE_SPACE]

    @classmethod
    def split(cls) -> Steps:
        """Return nothing: words are split where spaces are marked."""
        return []


@dataclass(frozen=True)
class MPNet(WordPiece):
    """MPNet's vocabulary: BERT's words with RoBERTa's special tokens."""

    SPECIAL: ClassVar[Mapping[str, str]] = {**ByteLevel.SPECIAL, "unk_token": "[UNK]"}
    DEFAULTS: ClassVar[Mapping[str, object]] = {**WordPiece.DEFAULTS, MASK: True}
    FIELDS: ClassVar[Mapping[str, Tuple[type, ...]]] = {**WordPiece.FIELDS, MASK: (bool,)}
    SINGLE: ClassVar[Tuple[Tuple[str, int], ...]] = ByteLevel.SINGLE
    PAIR: ClassVar[Tuple[Tuple[str, int], ...]] = ByteLevel.PAIR
