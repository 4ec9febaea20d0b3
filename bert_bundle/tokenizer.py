"""Tokenizers: a live one <-> files in both layouts; texts -> the tensors a model declares.

Whatever the writer, the files are written by us from the vocabulary and the few settings that decide token ids, in the
plainest form that says the same: tokenizer.json as `tokenizers` 0.10 reads it, and vocab.txt. At save both are read
back and must give the ids that the live tokenizer gives.
"""

import json
import os
import tempfile
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from .errors import FormatError, RuntimeUnavailableError, SignatureError, TokenizerError
from .format import layout, strict_json
from .format.proven import Proven

CONFIG = layout.TOKENIZER + "/tokenizer_config.json"
SPECIAL = layout.TOKENIZER + "/special_tokens_map.json"
FAST = layout.TOKENIZER + "/tokenizer.json"
VOCABULARY = layout.TOKENIZER + "/vocab.txt"
ADDED = layout.TOKENIZER + "/added_tokens.json"

_SPECIAL_TOKENS = ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_NORMALIZER = ("do_lower_case", "strip_accents", "tokenize_chinese_chars")
_FIELDS = frozenset((*_SPECIAL_TOKENS, *_NORMALIZER, "tokenizer_class", "model_max_length", "padding_side",
                     "truncation_side"))  # fmt: skip
_SLOW, _QUICK = "BertTokenizer", "BertTokenizerFast"
_MOST = 1 << 30  # transformers writes 1e30 for "no limit"


@dataclass(frozen=True)
class Recipe:
    """How texts become token ids: the length in tokens, and that they are cut and filled to it."""

    max_length: int
    padding: str = "max_length"
    truncation: bool = True


def from_vocabulary(tokens: Sequence[str], *, max_length: int, fast: bool = True) -> Any:
    """A fresh lower-casing BERT tokenizer of this vocabulary, as `from_pretrained` gives it.

    One that is constructed directly does not know its special tokens inside a text in old releases (seen in
    transformers 4.12).
    """
    import transformers

    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, os.path.basename(VOCABULARY)), "w", encoding="utf-8") as file:
            file.write("".join(token + "\n" for token in tokens))
        return getattr(transformers, _QUICK if fast else _SLOW).from_pretrained(folder, model_max_length=max_length)


def vocabulary_size(tokenizer: Any) -> int:
    """One more than the largest token id, added tokens included."""
    return int(max(tokenizer.get_vocab().values())) + 1


def to_files(tokenizer: Any) -> Dict[str, bytes]:
    """Both layouts of a BERT WordPiece tokenizer, fast or slow. Raises TokenizerError for any other."""
    if type(tokenizer).__name__ not in (_SLOW, _QUICK):
        raise TokenizerError(
            "a tokenizer that a bundle cannot represent",
            place=layout.TOKENIZER,
            wanted=" or ".join((_SLOW, _QUICK)),
            found=type(tokenizer).__name__,
            fix="pass the tokenizer that belongs to the encoder",
        )
    base = _base_vocabulary(tokenizer)
    known = frozenset(base)
    added = {str(t): int(i) for t, i in tokenizer.get_vocab().items() if t not in known}
    config: Dict[str, Any] = {name: str(getattr(tokenizer, name)) for name in _SPECIAL_TOKENS}
    config.update(_normalizer(tokenizer))
    config["tokenizer_class"] = _SLOW
    config["model_max_length"] = int(min(tokenizer.model_max_length, _MOST))
    config["padding_side"] = tokenizer.padding_side
    config["truncation_side"] = getattr(tokenizer, "truncation_side", "right")
    files = {
        CONFIG: strict_json.canonical(config),
        SPECIAL: _special_json(config),
        VOCABULARY: "".join(token + "\n" for token in base).encode("utf-8"),
        FAST: _fast_json(base, added, config),
    }
    if added:
        files[ADDED] = strict_json.canonical(added)
    return files


def from_files(files: Mapping[str, bytes], *, fast: bool, origin: str = "") -> Any:
    """The tokenizer that `files` describe, read by the installed transformers from private copies of these bytes.

    `origin` is the bundle's folder: where the tokenizer says that its vocabulary lies.
    """
    import transformers

    config = _config(files[CONFIG])
    settings = {k: v for k, v in config.items() if k not in ("tokenizer_class", "truncation_side")}
    with tempfile.TemporaryDirectory() as folder:
        for path, data in files.items():
            with open(os.path.join(folder, os.path.basename(path)), "wb") as file:
                file.write(data)
        settings["vocab_file"] = os.path.join(folder, os.path.basename(VOCABULARY))
        if fast:
            settings["tokenizer_file"] = os.path.join(folder, os.path.basename(FAST))
        try:
            tokenizer = getattr(transformers, _QUICK if fast else _SLOW)(**settings)
        except Exception as error:  # `tokenizers` raises bare exceptions
            raise RuntimeUnavailableError(
                "the installed transformers does not read the tokenizer",
                place=FAST if fast else VOCABULARY,
                found="{}: {}".format(type(error).__name__, error),
                fix="load the bundle where a newer transformers is installed",
            ) from error
    if not fast and ADDED in files:
        added = strict_json.parse(files[ADDED], ADDED)
        tokenizer.add_tokens(sorted(added, key=added.__getitem__))
    tokenizer.truncation_side = config["truncation_side"]
    tokenizer.vocab_file = os.path.join(origin, *VOCABULARY.split("/")) if origin else None
    return tokenizer


def read_files(bundle: Proven) -> Dict[str, bytes]:
    """The tokenizer's files of an opened bundle, proven and in agreement; needs no transformers. Raises FormatError."""
    files = {p: bundle.read(p) for p in bundle.manifest.files if p.startswith(layout.TOKENIZER + "/")}
    for path in (CONFIG, SPECIAL, VOCABULARY, FAST):
        if path not in files:
            raise FormatError("a tokenizer's file is missing", place=path)
    _check_layouts(files)
    return files


def _check_layouts(files: Mapping[str, bytes]) -> None:
    """Every file must be the one that vocabulary and configuration make: two layouts that differ are two tokenizers."""
    config = _config(files[CONFIG])
    try:
        tokens = files[VOCABULARY].decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise FormatError("not UTF-8", place="{} byte {}".format(VOCABULARY, error.start)) from None
    base = tokens[:-1]
    if tokens[-1] or len(set(base)) != len(base) or any("\r" in token for token in base):
        raise FormatError("a vocabulary is malformed", place=VOCABULARY, wanted="one token a line, each once")
    added = strict_json.parse(files[ADDED], ADDED) if ADDED in files else {}
    if not isinstance(added, dict) or sorted(added.values()) != list(range(len(base), len(base) + len(added))):
        raise FormatError("added tokens do not follow the vocabulary", place=ADDED, wanted="ids from the vocabulary on")
    wanted = {FAST: _fast_json(base, added, config), SPECIAL: _special_json(config)}
    for path, data in wanted.items():
        if files[path] != data:
            raise FormatError(
                "the two layouts of the tokenizer say different things",
                place=path,
                wanted="what {} and {} make".format(VOCABULARY, CONFIG),
                fix="save the bundle again from its model",
            )


def _special_json(config: Mapping[str, Any]) -> bytes:
    return strict_json.canonical({name: config[name] for name in _SPECIAL_TOKENS})


def encode(
    tokenizer: Any, recipe: Recipe, texts: Sequence[Any], pairs: Optional[Sequence[str]]
) -> Dict[str, np.ndarray]:
    """Texts -> {"input_ids", "attention_mask", "token_type_ids"}: int arrays (texts, max_length).

    A text may be a (text, pair) itself. Raises SignatureError for anything that is no text.
    """
    if pairs is None and texts and all(isinstance(t, (list, tuple)) and len(t) == 2 for t in texts):
        texts, pairs = [t[0] for t in texts], [t[1] for t in texts]
    for column in (texts, pairs or ()):
        for position, text in enumerate(column):
            if not isinstance(text, str):
                raise SignatureError("not a text", place="text {}".format(position), found=type(text).__name__)
    encoded = tokenizer(
        list(texts),
        text_pair=None if pairs is None else list(pairs),
        padding=recipe.padding,
        truncation=recipe.truncation,
        max_length=recipe.max_length,
        return_token_type_ids=True,
        return_attention_mask=True,
        return_tensors="np",
    )
    return {name: np.asarray(encoded[name]) for name in ("input_ids", "attention_mask", "token_type_ids")}


def _base_vocabulary(tokenizer: Any) -> List[str]:
    """The tokens of vocab.txt in order: ids 0 to n-1 without a hole; added tokens come behind them."""
    if type(tokenizer).__name__ == _SLOW:
        ids = dict(tokenizer.vocab)
    else:
        ids = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["vocab"]
    tokens = sorted(ids, key=ids.__getitem__)
    if [ids[t] for t in tokens] != list(range(len(tokens))):
        raise TokenizerError("a vocabulary with holes or doubled ids", place=VOCABULARY, wanted="ids 0 to n-1")
    for token in tokens:
        if "\n" in token or "\r" in token:
            raise TokenizerError("a token with a line break", place=VOCABULARY, found=repr(token))
    return tokens


def _normalizer(tokenizer: Any) -> Dict[str, Any]:
    if type(tokenizer).__name__ == _SLOW:
        basic = getattr(tokenizer, "basic_tokenizer", None)
        if basic is None:
            raise TokenizerError("a tokenizer without its basic step", place=CONFIG, fix="leave do_basic_tokenize=True")
        return {name: getattr(basic, name) for name in _NORMALIZER}
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    normalizer = state.get("normalizer") or {}
    if normalizer.get("type") != "BertNormalizer" or state["model"].get("type", "WordPiece") != "WordPiece":
        raise TokenizerError(
            "a tokenizer whose steps are not BERT's",
            place=FAST,
            wanted="BertNormalizer and WordPiece",
            found=normalizer.get("type"),
        )
    return {
        "do_lower_case": normalizer["lowercase"],
        "strip_accents": normalizer["strip_accents"],
        "tokenize_chinese_chars": normalizer["handle_chinese_chars"],
    }


def _fast_json(base: List[str], added: Mapping[str, int], config: Mapping[str, Any]) -> bytes:
    ids = {token: i for i, token in enumerate(base)}
    special = [config[name] for name in _SPECIAL_TOKENS]
    tokens = [(ids[t], t, True) for t in special if t in ids] + [(i, t, False) for t, i in added.items()]
    cls, sep = config["cls_token"], config["sep_token"]
    for token in (config["unk_token"], config["pad_token"], cls, sep):
        if token not in ids:
            raise TokenizerError("a special token that the vocabulary lacks", place=VOCABULARY, wanted=token)

    def piece(token: str, type_id: int) -> Dict[str, Any]:
        return {"SpecialToken": {"id": token, "type_id": type_id}}

    def sequence(name: str, type_id: int) -> Dict[str, Any]:
        return {"Sequence": {"id": name, "type_id": type_id}}

    single = [piece(cls, 0), sequence("A", 0), piece(sep, 0)]
    document = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, "special": is_special, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": not is_special}
            for i, token, is_special in sorted(set(tokens))
        ],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": config["tokenize_chinese_chars"],
            "strip_accents": config["strip_accents"],
            "lowercase": config["do_lower_case"],
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": [*single, sequence("B", 1), piece(sep, 1)],
            "special_tokens": {t: {"id": t, "ids": [ids[t]], "tokens": [t]} for t in (cls, sep)},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": config["unk_token"],
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": ids,
        },
    }  # fmt: skip
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def _config(data: bytes) -> Dict[str, Any]:
    config = strict_json.parse(data, CONFIG)
    if not isinstance(config, dict) or set(config) != _FIELDS or config["tokenizer_class"] != _SLOW:
        raise FormatError(
            "a tokenizer's configuration with unknown or missing fields",
            place=CONFIG,
            wanted=", ".join(sorted(_FIELDS)),
            found=", ".join(sorted(config)) if isinstance(config, dict) else type(config).__name__,
        )
    wanted: Dict[str, Tuple[type, ...]] = dict.fromkeys((*_SPECIAL_TOKENS, "padding_side", "truncation_side"), (str,))
    wanted.update(do_lower_case=(bool,), tokenize_chinese_chars=(bool,), strip_accents=(bool, type(None)))
    wanted.update(model_max_length=(int,))
    for name, kinds in wanted.items():
        if type(config[name]) not in kinds:
            raise FormatError("a tokenizer's field is malformed", place="{}#/{}".format(CONFIG, name))
    return config
