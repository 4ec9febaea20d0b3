"""Everything that decides a tokenizer's ids, as one frozen record <-> the files of both layouts. Imports no library."""

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Mapping, Optional, Tuple, Type, Union

from bert_bundle.encoders.families import FAMILIES
from bert_bundle.encoders.families.family import BYTE_LEVEL, UNIGRAM, WORDPIECE
from bert_bundle.errors import FormatError, TokenizerError
from bert_bundle.format import layout, strict_json
from bert_bundle.tokenizer.bytelevel import ByteLevel
from bert_bundle.tokenizer.general import SIDES, to_bytes
from bert_bundle.tokenizer.paths import ADDED, CONFIG, EXTRA, FAST, MASK, SPECIAL
from bert_bundle.tokenizer.unigram import Unigram
from bert_bundle.tokenizer.variants import Albert, Camembert, DebertaV2, MPNet
from bert_bundle.tokenizer.wordpiece import WordPiece

Model = Union[WordPiece, ByteLevel, Unigram]
MODELS: Mapping[str, Type[Model]] = {WORDPIECE: WordPiece, BYTE_LEVEL: ByteLevel, UNIGRAM: Unigram}
VARIANTS: Mapping[str, Type[Model]] = {  # those that differ from their kind
    "AlbertTokenizer": Albert,
    "CamembertTokenizer": Camembert,
    "DebertaV2Tokenizer": DebertaV2,
    "MPNetTokenizer": MPNet,
}
CLASSES: Mapping[str, Type[Model]] = {  # slow tokenizer class of transformers -> its model
    family.tokenizer.name: VARIANTS.get(family.tokenizer.name, MODELS[family.tokenizer.vocabulary])
    for family in FAMILIES
}
_READ_AS: Mapping[str, str] = {  # classes of transformers that read a text as another one does -> that class
    **dict.fromkeys(
        (
            "ConvBertTokenizer",
            "DPRContextEncoderTokenizer",
            "DPRQuestionEncoderTokenizer",
            "LayoutLMTokenizer",
            "LxmertTokenizer",
            "MobileBertTokenizer",
            "RetriBertTokenizer",
            "SqueezeBertTokenizer",
        ),
        "BertTokenizer",
    ),
    **dict.fromkeys(("BartTokenizer", "LEDTokenizer", "LongformerTokenizer"), "RobertaTokenizer"),
}

_COMMON: Mapping[str, Tuple[type, ...]] = {
    "tokenizer_class": (str,),
    "model_max_length": (int,),
    "padding_side": (str,),
    "truncation_side": (str,),
}


@dataclass(frozen=True)
class Description:
    """A tokenizer: its model, its settings by their names in tokenizer_config.json, and added tokens by id."""

    model: Model
    config: Mapping[str, Any]
    added: Mapping[str, int]

    general: ClassVar[bool] = False

    @classmethod
    def fresh(cls, tokenizer_class: str, model: Model, max_length: int, **settings: object) -> "Description":
        """Return a tokenizer with the defaults of transformers, except for `settings`."""
        config = {
            "tokenizer_class": tokenizer_class,
            "model_max_length": max_length,
            "padding_side": "right",
            "truncation_side": "right",
            **model.SPECIAL,
            **model.DEFAULTS,
            **settings,
        }
        return cls(model, config, {})

    @classmethod
    def parse(cls, files: Mapping[str, bytes]) -> "Description":
        """Return what vocabulary, configuration and added tokens describe. Raises FormatError."""
        config = _config(_read(files, CONFIG))
        kind = CLASSES[config["tokenizer_class"]]
        model = kind.parse({path: _read(files, path) for path in kind.PATHS.values()})
        added = strict_json.parse(files[ADDED], ADDED) if ADDED in files else {}
        first = len(model.tokens)
        if not isinstance(added, dict) or sorted(map(repr, added.values())) != sorted(
            map(repr, range(first, first + len(added)))
        ):
            raise FormatError(
                "added tokens do not follow the vocabulary", place=ADDED, wanted="ids from the vocabulary on"
            )
        return cls(model, config, added)

    @property
    def sources(self) -> Tuple[str, ...]:
        """Return the files that `parse` reads, from which every other is made."""
        return (*self.model.PATHS.values(), CONFIG)

    @property
    def ids(self) -> Dict[str, int]:
        """Return every token's id."""
        return {**{token: i for i, token in enumerate(self.model.tokens)}, **self.added}

    @property
    def special(self) -> Tuple[str, ...]:
        """Return the special tokens, each once, in the order of their names."""
        named = [self.config[name] for name in self.model.SPECIAL]
        return tuple(dict.fromkeys([*named, *self.config.get(EXTRA, ())]))

    def to_files(self) -> Dict[str, bytes]:
        """Return every file of both layouts. Raises TokenizerError for a special token that the vocabulary lacks."""
        named = {name: self.config[name] for name in (*self.model.SPECIAL, EXTRA) if name in self.config}
        files = {
            CONFIG: strict_json.canonical(self.config),
            SPECIAL: strict_json.canonical(named),
            FAST: to_bytes(self.document()),
            **self.model.files(),
        }
        if self.added:
            files[ADDED] = strict_json.canonical(dict(self.added))
        return files

    def document(self) -> Dict[str, object]:
        """Return tokenizer.json, in the plainest form that `tokenizers` 0.10 reads."""
        ids, special = self.ids, self.special
        used = {self.config[name] for name, _ in self.model.PAIR if name in self.config}
        for token in sorted(used | {self.config["unk_token"], self.config["pad_token"]}):
            if token not in ids:
                raise TokenizerError("a special token that the vocabulary lacks", place=layout.TOKENIZER, wanted=token)
        known = {ids[token]: token for token in (*special, *self.added) if token in ids}
        steps = self.model.steps(self.config)
        return {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [self._added(i, token, token in special) for i, token in sorted(known.items())],
            "normalizer": steps["normalizer"],
            "pre_tokenizer": steps["pre_tokenizer"],
            "post_processor": {
                "type": "TemplateProcessing",
                "single": self._template(self.model.SINGLE),
                "pair": self._template(self.model.PAIR),
                "special_tokens": {t: {"id": t, "ids": [ids[t]], "tokens": [t]} for t in sorted(used)},
            },
            "decoder": steps["decoder"],
            "model": steps["model"],
        }

    def _added(self, position: int, token: str, special: bool) -> Dict[str, object]:
        return {
            "id": position,
            "special": special,
            "content": token,
            "single_word": False,
            "lstrip": token == self.config["mask_token"] and self.config.get(MASK, False),
            "rstrip": False,
            "normalized": not special,
        }

    def _template(self, parts: Tuple[Tuple[str, int], ...]) -> List[Dict[str, object]]:
        return [
            {"SpecialToken": {"id": self.config[name], "type_id": kind}}
            if name in self.config
            else {"Sequence": {"id": name, "type_id": kind}}
            for name, kind in parts
        ]


def slow_class(name: str) -> Optional[str]:
    """Return the slow class that a class of tokenizers is described as; None for one without a description."""
    slow = name[: -len("Fast")] if name.endswith("Fast") else name
    slow = _READ_AS.get(slow, slow)
    return slow if slow in CLASSES else None


def _read(files: Mapping[str, bytes], path: str) -> bytes:
    if path not in files:
        raise FormatError("a tokenizer's file is missing", place=path)
    return files[path]


def _config(data: bytes) -> Dict[str, Any]:
    config = strict_json.parse(data, CONFIG)
    found = config.get("tokenizer_class") if isinstance(config, dict) else None
    model = CLASSES.get(found) if isinstance(found, str) else None
    kinds = dict(_COMMON)
    if model is not None:
        kinds.update(model.FIELDS)
        kinds.update(dict.fromkeys(model.SPECIAL, (str,)))
    if model is None or set(config) - {EXTRA} != set(kinds):
        raise FormatError(
            "a tokenizer's configuration with unknown or missing fields",
            place=CONFIG,
            wanted=", ".join(sorted(kinds)),
            found=", ".join(sorted(config)) if isinstance(config, dict) else type(config).__name__,
        )
    extra = config.get(EXTRA, ["a token"])
    faults = [name for name, kind in kinds.items() if type(config[name]) not in kind]
    faults += [name for name in ("padding_side", "truncation_side") if config[name] not in SIDES]
    if not isinstance(extra, list) or not extra or not all(type(token) is str for token in extra):
        faults.append(EXTRA)
    if faults:
        raise FormatError("a tokenizer's field is malformed", place="{}#/{}".format(CONFIG, faults[0]))
    return dict(config)
