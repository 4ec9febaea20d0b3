"""Byte-level BPE, as in RoBERTa: vocab.json, merges.txt and the steps in tokenizer.json. Imports no library."""

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, Mapping, Tuple

from bert_bundle.errors import FormatError, TokenizerError
from bert_bundle.format import layout, strict_json
from bert_bundle.tokenizer.paths import ADDED, FAST
from bert_bundle.tokenizer.wordpiece import by_id

VOCABULARY = layout.TOKENIZER + "/vocab.json"
MERGES = layout.TOKENIZER + "/merges.txt"

_HEADER = "#version: 0.2"


def letters() -> Tuple[str, ...]:
    """Return the letter that stands for each byte, as in GPT-2: itself if it is visible, else from U+0100 on."""
    visible = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in visible]
    return tuple(chr(byte if byte in visible else 0x100 + others.index(byte)) for byte in range(256))


@dataclass(frozen=True)
class ByteLevel:
    """The vocabulary by id, in the letters that stand for bytes, and the pairs that are merged, in order."""

    tokens: Tuple[str, ...]
    merges: Tuple[Tuple[str, str], ...]

    PATHS: ClassVar[Mapping[str, str]] = {"vocab_file": VOCABULARY, "merges_file": MERGES}
    SPECIAL: ClassVar[Mapping[str, str]] = {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "cls_token": "<s>",
        "mask_token": "<mask>",
    }
    DEFAULTS: ClassVar[Mapping[str, object]] = {"add_prefix_space": False, "mask_token_lstrip": True}
    FIELDS: ClassVar[Mapping[str, Tuple[type, ...]]] = {"add_prefix_space": (bool,), "mask_token_lstrip": (bool,)}
    SINGLE: ClassVar[Tuple[Tuple[str, int], ...]] = (("cls_token", 0), ("A", 0), ("sep_token", 0))
    PAIR: ClassVar[Tuple[Tuple[str, int], ...]] = (*SINGLE, ("sep_token", 0), ("B", 0), ("sep_token", 0))

    @classmethod
    def parse(cls, files: Mapping[str, bytes]) -> "ByteLevel":
        """Return the vocabulary in vocab.json and the merges in merges.txt. Raises FormatError."""
        ids = strict_json.parse(files[VOCABULARY], VOCABULARY)
        if not isinstance(ids, dict) or any(type(i) is not int for i in ids.values()):
            raise FormatError("a vocabulary is malformed", place=VOCABULARY, wanted="tokens with their ids")
        try:
            tokens = by_id(ids, VOCABULARY)
        except TokenizerError as error:
            raise FormatError(error.message, place=error.place, wanted=error.wanted) from None
        try:
            lines = files[MERGES].decode("utf-8").split("\n")
        except UnicodeDecodeError as error:
            raise FormatError("not UTF-8", place="{} byte {}".format(MERGES, error.start)) from None
        if lines[0] != _HEADER or lines.pop():
            raise FormatError("merges are malformed", place=MERGES, wanted=_HEADER + ", then one pair a line")
        pairs = [tuple(line.split(" ")) for line in lines[1:]]
        for number, pair in enumerate(pairs, 2):
            if len(pair) != 2 or not {*pair, "".join(pair)} <= ids.keys():
                raise FormatError(
                    "a merge of tokens that the vocabulary lacks",
                    place="{} line {}".format(MERGES, number),
                    wanted="two tokens that make a third",
                    found=" ".join(pair),
                )
        return cls(tokens, tuple((first, second) for first, second in pairs))

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> "Tuple[ByteLevel, Dict[str, Any]]":
        """Return (model, its settings) from what `tokenizers` writes. Raises TokenizerError for other steps."""
        model, steps = state["model"], state.get("pre_tokenizer") or {}
        found = {
            "model": model.get("type", "BPE"),
            "normalizer": state.get("normalizer"),
            "pre_tokenizer": steps.get("type"),
            "use_regex": steps.get("use_regex", True),
            "dropout": model.get("dropout"),
            "byte_fallback": model.get("byte_fallback", False),
            "ignore_merges": model.get("ignore_merges", False),
            "unk_token": None if _spells_all(model["vocab"]) else model.get("unk_token"),
            "affixes": (model.get("continuing_subword_prefix") or "") + (model.get("end_of_word_suffix") or ""),
        }
        wanted = {
            "model": "BPE",
            "normalizer": None,
            "pre_tokenizer": "ByteLevel",
            "use_regex": True,
            "dropout": None,
            "byte_fallback": False,
            "ignore_merges": False,
            "unk_token": None,
            "affixes": "",
        }
        if found != wanted:
            raise TokenizerError(
                "a tokenizer whose steps are not RoBERTa's",
                place=FAST,
                wanted=", ".join("{} {}".format(n, wanted[n]) for n in wanted if found[n] != wanted[n]),
                found=", ".join("{} {}".format(n, found[n]) for n in wanted if found[n] != wanted[n]),
            )
        pairs = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
        return cls(by_id(model["vocab"], VOCABULARY), tuple((first, second) for first, second in pairs)), {
            "add_prefix_space": steps["add_prefix_space"]
        }

    @classmethod
    def of_slow(cls, tokenizer: Any) -> "Tuple[ByteLevel, Dict[str, Any]]":
        """Return (model, its settings) of a slow tokenizer of transformers 4. Raises TokenizerError."""
        if len(tokenizer) > len(tokenizer.encoder):
            raise TokenizerError(
                "added tokens that slow tokenizers of some releases read differently",
                place=ADDED,
                found=", ".join(sorted(set(tokenizer.get_vocab()) - set(tokenizer.encoder))),
                fix="save the fast tokenizer: before transformers 4.34 a slow one removes the spaces around them",
            )
        if not _spells_all(tokenizer.encoder):
            raise TokenizerError(
                "a vocabulary that lacks a byte",
                place=VOCABULARY,
                wanted="a token for each of the 256 bytes",
                fix="save the fast tokenizer: it leaves such a byte out, a slow one gives the unknown token",
            )
        pairs = sorted(tokenizer.bpe_ranks, key=tokenizer.bpe_ranks.__getitem__)
        return cls(by_id(dict(tokenizer.encoder), VOCABULARY), tuple((first, second) for first, second in pairs)), {
            "add_prefix_space": bool(tokenizer.add_prefix_space)
        }

    def files(self) -> Dict[str, bytes]:
        """Return the slow layout's files."""
        lines = [_HEADER, *(" ".join(pair) for pair in self.merges)]
        return {
            VOCABULARY: strict_json.canonical({token: i for i, token in enumerate(self.tokens)}),
            MERGES: "".join(line + "\n" for line in lines).encode("utf-8"),
        }

    def steps(self, config: Mapping[str, object]) -> Dict[str, object]:
        """Return the parts of tokenizer.json that differ between kinds of models."""
        return {
            "normalizer": None,
            "pre_tokenizer": {
                "type": "ByteLevel",
                "add_prefix_space": config["add_prefix_space"],
                "trim_offsets": True,
            },
            "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True},
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": "",
                "end_of_word_suffix": "",
                "fuse_unk": False,
                "vocab": {token: i for i, token in enumerate(self.tokens)},
                "merges": [" ".join(pair) for pair in self.merges],
            },
        }


def _spells_all(vocabulary: Mapping[str, int]) -> bool:
    return set(letters()) <= vocabulary.keys()
