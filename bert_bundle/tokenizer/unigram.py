"""Unigram, as in XLM-R: pieces with their scores and a table of normal forms. Imports no library."""

import base64
from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Mapping, Optional, Tuple

from bert_bundle.errors import FormatError, TokenizerError
from bert_bundle.format import layout, strict_json
from bert_bundle.tokenizer import sentencepiece
from bert_bundle.tokenizer.bytelevel import ByteLevel
from bert_bundle.tokenizer.paths import FAST

_SPACE = "\u2581"  # stands for a space in a piece
_TABLE = "Precompiled"
_TRIMMED = [
    {"type": "Strip", "strip_left": False, "strip_right": True},
    {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": _SPACE},
]


@dataclass(frozen=True)
class Unigram:
    """The pieces by id with their log likelihood, the id of the unknown one, SentencePiece's normal forms in base64."""

    pieces: Tuple[Tuple[str, float], ...]
    unk: int
    charsmap: Optional[str]

    PATHS: ClassVar[Mapping[str, str]] = {"tokenizer_file": FAST}
    SPECIAL: ClassVar[Mapping[str, str]] = ByteLevel.SPECIAL  # XLM-R has the special tokens of RoBERTa
    DEFAULTS: ClassVar[Mapping[str, Any]] = {"mask_token_lstrip": True}
    FIELDS: ClassVar[Mapping[str, Tuple[type, ...]]] = {"mask_token_lstrip": (bool,)}
    SINGLE: ClassVar[Tuple[Tuple[str, int], ...]] = ByteLevel.SINGLE
    PAIR: ClassVar[Tuple[Tuple[str, int], ...]] = ByteLevel.PAIR

    @property
    def tokens(self) -> Tuple[str, ...]:
        """Return the pieces by id."""
        return tuple(piece for piece, _ in self.pieces)

    @classmethod
    def parse(cls, files: Mapping[str, bytes]) -> "Unigram":
        """Return pieces and table in tokenizer.json, which must be as `steps` writes it. Raises FormatError."""
        document = strict_json.parse(files[FAST], FAST)
        try:
            model, _ = cls.of_state(document)
        except (TokenizerError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            found = error.found if isinstance(error, TokenizerError) else error
            raise FormatError("a vocabulary is malformed", place=FAST, wanted="XLM-R's steps", found=found) from None
        return model

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> "Tuple[Unigram, Dict[str, Any]]":
        """Return (model, its settings) from what `tokenizers` writes. Raises TokenizerError for other steps."""
        model, normalizer = state["model"], state.get("normalizer") or {"type": "Sequence", "normalizers": []}
        normalizers = normalizer["normalizers"] if normalizer["type"] == "Sequence" else [normalizer]
        first = normalizers[0] if normalizers else {}
        charsmap = first["precompiled_charsmap"] if first.get("type") == _TABLE else None
        rest = normalizers[1:] if charsmap else normalizers
        steps = _pre_tokenizers(state.get("pre_tokenizer") or {"type": None})
        # The steps after the table in newer conversions have the effect of splitting at white space: the table has
        # turned all white space into spaces.
        same = (not rest and steps == ["WhitespaceSplit", "Metaspace"]) or (
            bool(charsmap) and rest == _TRIMMED and steps == ["Metaspace"]
        )
        if model.get("type", "Unigram") != "Unigram" or model.get("byte_fallback", False) or not same:
            raise TokenizerError(
                "a tokenizer whose steps are not XLM-R's",
                place=FAST,
                wanted="Unigram, Precompiled, WhitespaceSplit, Metaspace",
                found=", ".join(
                    [str(model.get("type")), *(str(step["type"]) for step in normalizers), *map(str, steps)]
                ),
                fix="load it from the tokenizer.json that the model was published with",
            )
        pieces = tuple((str(piece), float(score)) for piece, score in model["vocab"])
        if len({piece for piece, _ in pieces}) != len(pieces) or not 0 <= model["unk_id"] < len(pieces):
            raise TokenizerError("a vocabulary with duplicate pieces", place=FAST, wanted="each piece once")
        if charsmap:
            base64.b64decode(charsmap, validate=True)
        return cls(pieces, int(model["unk_id"]), charsmap), {}

    @classmethod
    def of_slow(cls, tokenizer: Any) -> "Tuple[Unigram, Dict[str, Any]]":
        """Raise TokenizerError: not supported."""
        raise TokenizerError(
            "a slow XLM-R tokenizer, which cannot be loaded without the sentencepiece package",
            place=layout.TOKENIZER,
            found=type(tokenizer).__name__,
            fix="save XLMRobertaTokenizerFast",
        )

    def files(self) -> Dict[str, bytes]:
        """Return the slow layout's file if the pieces are in XLM-R's order; it cannot hold any other."""
        data = sentencepiece.to_bytes(self.pieces, self.unk, self.charsmap)
        return {layout.SENTENCEPIECE: data} if data is not None else {}

    def steps(self, config: Mapping[str, Any]) -> Dict[str, Any]:
        """Return the parts of tokenizer.json that differ between kinds of models."""
        metaspace = {"type": "Metaspace", "replacement": _SPACE, "add_prefix_space": True}
        return {
            "normalizer": {"type": _TABLE, "precompiled_charsmap": self.charsmap} if self.charsmap else None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]},
            "decoder": metaspace,
            "model": {
                "type": "Unigram",
                "unk_id": self.unk,
                "vocab": [[piece, score] for piece, score in self.pieces],
            },
        }


def _pre_tokenizers(step: Mapping[str, Any]) -> List[Any]:
    """Return the types of the steps; a step with other settings than XLM-R's is given as text."""
    if step["type"] == "Sequence":
        return [kind for inner in step["pretokenizers"] for kind in _pre_tokenizers(inner)]
    if step["type"] != "Metaspace":
        return [step["type"]]
    prefix = step.get("prepend_scheme", "always" if step.get("add_prefix_space", True) else "never")
    plain = step["replacement"] == _SPACE and prefix == "always" and step.get("split", True)
    return ["Metaspace" if plain else str(step)]
