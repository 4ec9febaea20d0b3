"""Unigram, as in XLM-R: pieces with their scores and a table of normal forms. Imports no library."""

import base64
from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Mapping, Optional, Tuple

from bert_bundle.errors import FormatError, TokenizerError
from bert_bundle.format import layout, strict_json
from bert_bundle.tokenizer import sentencepiece
from bert_bundle.tokenizer.bytelevel import ByteLevel
from bert_bundle.tokenizer.paths import FAST

Steps = List[Dict[str, Any]]  # of a tokenizer.json, in order
_SPACE = "\u2581"  # stands for a space in a piece
_TABLE = "Precompiled"
SPLIT = ["WhitespaceSplit", "Metaspace"]
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

    NAME: ClassVar[str] = "XLM-R"  # in messages
    ORDER: ClassVar[sentencepiece.Order] = sentencepiece.XLM_R
    PATHS: ClassVar[Mapping[str, str]] = {"tokenizer_file": FAST}
    SPECIAL: ClassVar[Mapping[str, str]] = ByteLevel.SPECIAL  # XLM-R has the special tokens of RoBERTa
    DEFAULTS: ClassVar[Mapping[str, object]] = {"mask_token_lstrip": True}
    FIELDS: ClassVar[Mapping[str, Tuple[type, ...]]] = {"mask_token_lstrip": (bool,)}
    STEPS: ClassVar[Tuple[str, ...]] = (_TABLE, *SPLIT)  # in messages
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
            wanted = cls.NAME + "'s steps"
            raise FormatError("a vocabulary is malformed", place=FAST, wanted=wanted, found=found) from None
        return model

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> "Tuple[Unigram, Dict[str, Any]]":
        """Return (model, its settings) from what `tokenizers` writes. Raises TokenizerError for other steps."""
        model, normalizer = state["model"], state.get("normalizer") or {"type": "Sequence", "normalizers": []}
        normalizers = normalizer["normalizers"] if normalizer["type"] == "Sequence" else [normalizer]
        before, charsmap, after = _around_table(normalizers)
        steps = _pre_tokenizers(state.get("pre_tokenizer") or {"type": None})
        settings = cls.settings_of(before, after, steps, bool(charsmap))
        if model.get("type", "Unigram") != "Unigram" or model.get("byte_fallback", False) or settings is None:
            raise TokenizerError(
                "a tokenizer whose steps are not {}'s".format(cls.NAME),
                place=FAST,
                wanted=", ".join(["Unigram", *cls.STEPS]),
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
        return cls(pieces, int(model["unk_id"]), charsmap), settings

    @classmethod
    def settings_of(cls, before: Steps, after: Steps, steps: List[object], table: bool) -> Optional[Dict[str, object]]:
        """Return the settings with which `steps` have the effect of these; None if there are none such.

        `before`, `after`: normalizers around the table of normal forms, if there is one. `steps`: pre-tokenizers.
        """
        # The steps after the table in newer conversions have the effect of splitting at white space: the table has
        # turned all white space into spaces.
        plain = not after and steps == SPLIT
        trimmed = table and after == _TRIMMED and steps == ["Metaspace"]
        return {} if not before and (plain or trimmed) else None

    @classmethod
    def before(cls, config: Mapping[str, object]) -> Steps:
        """Return the normalizers before the table."""
        return []

    @classmethod
    def after(cls) -> Steps:
        """Return the normalizers after the table."""
        return []

    @classmethod
    def split(cls) -> Steps:
        """Return the pre-tokenizers that come before the one that marks spaces."""
        return [{"type": "WhitespaceSplit"}]

    @classmethod
    def of_slow(cls, tokenizer: Any) -> "Tuple[Unigram, Dict[str, Any]]":
        """Raise TokenizerError: not supported."""
        raise TokenizerError(
            "a slow {} tokenizer, which cannot be loaded without the sentencepiece package".format(cls.NAME),
            place=layout.TOKENIZER,
            found=type(tokenizer).__name__,
            fix="save {}Fast".format(type(tokenizer).__name__),
        )

    def files(self) -> Dict[str, bytes]:
        """Return the slow layout's file if the pieces are in the family's order; it cannot hold any other."""
        data = sentencepiece.to_bytes(self.ORDER, self.slow_pieces(), self.unk, self.charsmap)
        return {self.ORDER.path: data} if data is not None else {}

    def slow_pieces(self) -> Tuple[Tuple[str, float], ...]:
        """Return the pieces with their scores in SentencePiece."""
        return self.pieces

    def steps(self, config: Mapping[str, object]) -> Dict[str, object]:
        """Return the parts of tokenizer.json that differ between kinds of models."""
        metaspace = {"type": "Metaspace", "replacement": _SPACE, "add_prefix_space": True}
        table = [{"type": _TABLE, "precompiled_charsmap": self.charsmap}] if self.charsmap else []
        return {
            "normalizer": _in_one([*self.before(config), *table, *self.after()]),
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*self.split(), metaspace]},
            "decoder": metaspace,
            "model": {
                "type": "Unigram",
                "unk_id": self.unk,
                "vocab": [[piece, score] for piece, score in self.pieces],
            },
        }


def _around_table(normalizers: Steps) -> Tuple[Steps, Optional[str], Steps]:
    """Return the normalizers before the table of normal forms, the table, and those after it."""
    for position, step in enumerate(normalizers):
        if step["type"] == _TABLE:
            return normalizers[:position], step["precompiled_charsmap"], normalizers[position + 1 :]
    return normalizers, None, []


def _in_one(normalizers: Steps) -> Optional[Dict[str, object]]:
    if len(normalizers) > 1:
        return {"type": "Sequence", "normalizers": normalizers}
    return normalizers[0] if normalizers else None


def _pre_tokenizers(step: Mapping[str, Any]) -> List[Any]:
    """Return the types of the steps; a step with other settings than XLM-R's is given as text."""
    if step["type"] == "Sequence":
        return [kind for inner in step["pretokenizers"] for kind in _pre_tokenizers(inner)]
    if step["type"] != "Metaspace":
        return [step["type"]]
    prefix = step.get("prepend_scheme", "always" if step.get("add_prefix_space", True) else "never")
    plain = step["replacement"] == _SPACE and prefix == "always" and step.get("split", True)
    return ["Metaspace" if plain else str(step)]
