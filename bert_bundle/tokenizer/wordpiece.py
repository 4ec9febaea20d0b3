"""WordPiece, as in BERT: vocab.txt and the steps in tokenizer.json. Imports no library."""

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, Mapping, Tuple

from bert_bundle.errors import FormatError, TokenizerError
from bert_bundle.format import layout
from bert_bundle.tokenizer.paths import FAST

VOCABULARY = layout.TOKENIZER + "/vocab.txt"

_SINGLE = (("cls_token", 0), ("A", 0), ("sep_token", 0))


@dataclass(frozen=True)
class WordPiece:
    """The vocabulary by id; a word that cannot be spelled with it is the unknown token."""

    tokens: Tuple[str, ...]

    PATHS: ClassVar[Mapping[str, str]] = {"vocab_file": VOCABULARY}  # by transformers' argument
    SPECIAL: ClassVar[Mapping[str, str]] = {  # with the defaults of transformers
        "unk_token": "[UNK]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
    }
    DEFAULTS: ClassVar[Mapping[str, object]] = {
        "do_lower_case": True,
        "strip_accents": None,
        "tokenize_chinese_chars": True,
    }
    FIELDS: ClassVar[Mapping[str, Tuple[type, ...]]] = {
        "do_lower_case": (bool,),
        "strip_accents": (bool, type(None)),
        "tokenize_chinese_chars": (bool,),
    }
    SINGLE: ClassVar[Tuple[Tuple[str, int], ...]] = _SINGLE
    PAIR: ClassVar[Tuple[Tuple[str, int], ...]] = (*_SINGLE, ("B", 1), ("sep_token", 1))

    @classmethod
    def parse(cls, files: Mapping[str, bytes]) -> "WordPiece":
        """Return the vocabulary in vocab.txt. Raises FormatError."""
        try:
            tokens = files[VOCABULARY].decode("utf-8").split("\n")
        except UnicodeDecodeError as error:
            raise FormatError("not UTF-8", place="{} byte {}".format(VOCABULARY, error.start)) from None
        if tokens.pop() or len(set(tokens)) != len(tokens) or any("\r" in token for token in tokens):
            raise FormatError("a vocabulary is malformed", place=VOCABULARY, wanted="one token a line, each once")
        return cls(tuple(tokens))

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> "Tuple[WordPiece, Dict[str, Any]]":
        """Return (model, its settings) from what `tokenizers` writes. Raises TokenizerError for other steps."""
        normalizer, model = state.get("normalizer") or {}, state["model"]
        found = {
            "model": model.get("type", "WordPiece"),
            "continuing_subword_prefix": model.get("continuing_subword_prefix"),
            "max_input_chars_per_word": model.get("max_input_chars_per_word"),
            "normalizer": normalizer.get("type"),
            "clean_text": normalizer.get("clean_text"),
            "pre_tokenizer": (state.get("pre_tokenizer") or {}).get("type"),
        }
        wanted = {
            "model": "WordPiece",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "normalizer": "BertNormalizer",
            "clean_text": True,
            "pre_tokenizer": "BertPreTokenizer",
        }
        if found != wanted:
            raise TokenizerError(
                "a tokenizer whose steps are not BERT's",
                place=FAST,
                wanted=", ".join(str(wanted[name]) for name in wanted if found[name] != wanted[name]),
                found=", ".join(str(found[name]) for name in wanted if found[name] != wanted[name]),
            )
        return cls(by_id(model["vocab"], VOCABULARY)), {
            "do_lower_case": normalizer["lowercase"],
            "strip_accents": normalizer["strip_accents"],
            "tokenize_chinese_chars": normalizer["handle_chinese_chars"],
        }

    @classmethod
    def of_slow(cls, tokenizer: Any) -> "Tuple[WordPiece, Dict[str, Any]]":
        """Return (model, its settings) of a slow tokenizer of transformers 4. Raises TokenizerError."""
        basic = getattr(tokenizer, "basic_tokenizer", None)
        if basic is None:
            raise TokenizerError(
                "a tokenizer without its basic step", place=VOCABULARY, fix="leave do_basic_tokenize=True"
            )
        return cls(by_id(dict(tokenizer.vocab), VOCABULARY)), {name: getattr(basic, name) for name in WordPiece.FIELDS}

    def files(self) -> Dict[str, bytes]:
        """Return the slow layout's file. Raises TokenizerError for a token that it cannot hold."""
        for token in self.tokens:
            if "\n" in token or "\r" in token:
                raise TokenizerError("a token with a line break", place=VOCABULARY, found=repr(token))
        return {VOCABULARY: "".join(token + "\n" for token in self.tokens).encode("utf-8")}

    def steps(self, config: Mapping[str, object]) -> Dict[str, object]:
        """Return the parts of tokenizer.json that differ between kinds of models."""
        return {
            "normalizer": {
                "type": "BertNormalizer",
                "clean_text": True,
                "handle_chinese_chars": config["tokenize_chinese_chars"],
                "strip_accents": config["strip_accents"],
                "lowercase": config["do_lower_case"],
            },
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
            "model": {
                "type": "WordPiece",
                "unk_token": config["unk_token"],
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100,
                "vocab": {token: i for i, token in enumerate(self.tokens)},
            },
        }


def by_id(ids: Mapping[str, int], place: str) -> Tuple[str, ...]:
    """Return the tokens in the order of their ids. Raises TokenizerError unless these are 0 to n-1."""
    tokens = sorted(ids, key=ids.__getitem__)
    if [ids[t] for t in tokens] != list(range(len(tokens))):
        raise TokenizerError("a vocabulary with gaps or duplicate ids", place=place, wanted="ids 0 to n-1")
    return tuple(tokens)
