"""A live tokenizer of any release of transformers <-> its description. Imports transformers only to make one."""

import json
import os
import tempfile
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from bert_bundle.errors import RuntimeUnavailableError, TokenizerError
from bert_bundle.format import layout
from bert_bundle.tokenizer import general
from bert_bundle.tokenizer.description import CLASSES, Description, slow_class
from bert_bundle.tokenizer.general import NO_LIMIT, General
from bert_bundle.tokenizer.native import NativeTokenizer
from bert_bundle.tokenizer.paths import ADDED, CONFIG, EXTRA, FAST, MASK


def describe(tokenizer: Any) -> Union[Description, General]:
    """Return what decides the tokenizer's ids. Raises TokenizerError for what a bundle cannot represent."""
    is_native = isinstance(tokenizer, NativeTokenizer)
    tokenizer_class = slow_class(tokenizer.tokenizer_class if is_native else type(tokenizer).__name__)
    if tokenizer_class is None:
        return _general(tokenizer)
    kind = CLASSES[tokenizer_class]
    if tokenizer.is_fast or is_native:
        state = json.loads(tokenizer.backend_tokenizer.to_str())
        model, own = kind.of_state(state)
        lstrip = {token["content"]: token["lstrip"] for token in state["added_tokens"]}
        added, extra = _added_fast(state, model.tokens, str(tokenizer.mask_token) if MASK in kind.FIELDS else None)
    else:
        model, own = kind.of_slow(tokenizer)
        known = frozenset(model.tokens)
        added = {str(t): int(i) for t, i in tokenizer.get_vocab().items() if t not in known}
        extra = [str(token) for token in tokenizer.additional_special_tokens]
        mask = tokenizer.special_tokens_map_extended.get("mask_token")
        lstrip = {str(mask): getattr(mask, "lstrip", False)}
    config: Dict[str, object] = {"tokenizer_class": tokenizer_class, **own}
    for name in kind.SPECIAL:
        token = getattr(tokenizer, name, None)
        if token is None:
            raise TokenizerError("a special token that the tokenizer lacks", place=CONFIG, wanted=name)
        config[name] = str(token)
    if MASK in kind.FIELDS:
        config[MASK] = bool(lstrip.get(config["mask_token"], False))
    config.update(_sides_and_length(tokenizer))
    extra = [token for token in extra if token not in {config[name] for name in kind.SPECIAL}]
    if extra:
        config[EXTRA] = extra
    return Description(model, config, added)


def _sides_and_length(tokenizer: Any) -> Dict[str, Any]:
    """Return the settings that every tokenizer has."""
    # Releases without truncation sides keep the attribute if it is set, and truncate on the right.
    knows = hasattr(type(tokenizer), "truncation_side")
    return {
        "model_max_length": int(min(tokenizer.model_max_length, NO_LIMIT)),
        "padding_side": tokenizer.padding_side,
        "truncation_side": tokenizer.truncation_side if knows else "right",
    }


def _general(tokenizer: Any) -> General:
    """Return a tokenizer of a class without a description. Raises TokenizerError for a slow one or other code."""
    name = type(tokenizer).__name__
    if not hasattr(tokenizer, "is_fast"):
        raise TokenizerError(
            "a tokenizer that a bundle cannot represent",
            place=layout.TOKENIZER,
            wanted="a tokenizer of transformers",
            found=name,
            fix="pass the tokenizer that belongs to the encoder",
        )
    if not tokenizer.is_fast:
        raise TokenizerError(
            "a slow tokenizer that a bundle cannot represent",
            place=layout.TOKENIZER,
            wanted="a fast tokenizer of transformers, or a slow one of " + ", ".join(sorted(CLASSES)),
            found=name,
            fix="pass {0}Fast or, if there is none, a transformers.PreTrainedTokenizerFast(tokenizer_object=...) that "
            "gives the same ids; what {0} computes in Python cannot be saved".format(name),
        )
    try:
        state = json.loads(tokenizer.backend_tokenizer.to_str())
    except Exception as error:  # `tokenizers` raises bare exceptions
        raise TokenizerError(
            "a tokenizer with steps in Python, which a bundle cannot represent",
            place=layout.TOKENIZER,
            found="{}: {}".format(name, error),
            fix="pass a tokenizer whose steps are those of the package tokenizers",
        ) from error
    ids = tokenizer.get_vocab()
    # Some classes name tokens by default that a vocabulary lacks: no text has them.
    special = {n: str(token) for n, token in _named(tokenizer).items() if str(token) in ids}
    if "pad_token" not in special:
        raise TokenizerError(
            "a padding token that the tokenizer lacks",
            place=CONFIG + "#/pad_token",
            wanted="a token of its vocabulary",
            found=_named(tokenizer).get("pad_token"),
            fix="set the one that you train with, such as tokenizer.pad_token = tokenizer.eos_token",
        )
    extra = [str(token) for token in getattr(tokenizer, EXTRA, ()) if str(token) in ids]
    config = {
        "tokenizer_class": general.TOKENIZER_CLASS,
        "pad_token_type_id": int(tokenizer.pad_token_type_id),
        **special,
        **_sides_and_length(tokenizer),
        **({EXTRA: extra} if extra else {}),
    }
    kind = type(tokenizer.backend_tokenizer.model).__name__
    return General.of_state(state, kind, config, ids)


def _named(tokenizer: Any) -> Dict[str, Any]:
    """Return the special tokens by name, but not the additional ones."""
    return {name: token for name, token in tokenizer.special_tokens_map.items() if name in general.SPECIAL}


def read_general(described: General, files: Mapping[str, bytes]) -> Any:
    """Return the tokenizer of the installed transformers 4. Raises RuntimeUnavailableError if it cannot be honoured."""
    apart = ("tokenizer_class", "pad_token_type_id", "truncation_side")
    _check_truncation_side(described.config)
    settings = {k: v for k, v in described.config.items() if k not in apart}
    tokenizer = _made(general.TOKENIZER_CLASS, settings, files, {"tokenizer_file": FAST})
    tokenizer._pad_token_type_id = described.config["pad_token_type_id"]  # transformers sets it in the class
    tokenizer.truncation_side = described.config["truncation_side"]
    return tokenizer


def _check_truncation_side(config: Mapping[str, Any]) -> None:
    import transformers

    if config["truncation_side"] == "left" and not hasattr(transformers.PreTrainedTokenizerBase, "truncation_side"):
        raise RuntimeUnavailableError(
            "this version of transformers cannot truncate on the left",
            place=CONFIG + "#/truncation_side",
            wanted="left",
            found="transformers " + transformers.__version__,
            fix="load the bundle where transformers 4.18 or newer is installed",
        )


def _made(name: str, settings: Mapping[str, Any], files: Mapping[str, bytes], paths: Mapping[str, str]) -> Any:
    """Return a tokenizer of that class, given private copies of the files at `paths`, by argument."""
    import transformers

    with tempfile.TemporaryDirectory() as folder:
        for path, data in files.items():
            with open(_inside(folder, path), "wb") as file:
                file.write(data)
        given = {keyword: _inside(folder, path) for keyword, path in paths.items()}
        try:
            return getattr(transformers, name)(**settings, **given)
        except Exception as error:  # `tokenizers` raises bare exceptions
            raise RuntimeUnavailableError(
                "the installed transformers cannot read the tokenizer",
                place=next(iter(paths.values()), FAST),
                found="{}: {}".format(type(error).__name__, error),
                fix="load the bundle where a newer transformers is installed",
            ) from error


def read(described: Description, files: Mapping[str, bytes], *, fast: bool, origin: str) -> Any:
    """Return the tokenizer of the installed transformers 4. Raises RuntimeUnavailableError if it cannot be honoured."""
    import transformers

    config = described.config
    _check_truncation_side(config)
    settings = {k: v for k, v in config.items() if k not in ("tokenizer_class", "truncation_side", MASK)}
    if MASK in config:
        plain = {"single_word": False, "rstrip": False, "normalized": False}
        settings["mask_token"] = transformers.AddedToken(config["mask_token"], lstrip=config[MASK], **plain)
    extra = [] if fast else settings.pop(EXTRA, [])
    name = config["tokenizer_class"] + ("Fast" if fast else "")
    if fast and not hasattr(transformers, name):  # older than the fast class of DeBERTa
        return NativeTokenizer(described, fast=True)
    paths = dict(described.model.PATHS)
    if fast:
        paths = {"tokenizer_file": FAST, **paths}
        settings.update({} if "vocab_file" in paths else {"vocab_file": None})  # transformers 4.5 asks for it
    tokenizer = _made(name, settings, files, paths)
    if not fast:
        _add_slow(tokenizer, described, extra)
    tokenizer.truncation_side = config["truncation_side"]
    for keyword, path in described.model.PATHS.items():
        setattr(tokenizer, keyword, os.path.join(origin, *path.split("/")) if origin else None)
    return tokenizer


def _add_slow(tokenizer: Any, described: Description, extra: List[str]) -> None:
    """Add by id what a slow tokenizer's constructor does not: from 4.34 on it would add special tokens first."""
    for token in sorted(described.added, key=described.added.__getitem__):
        tokenizer.add_tokens([token], special_tokens=token in described.special)
    if extra:
        tokenizer.additional_special_tokens = extra
    tokenizer.sanitize_special_tokens()  # up to 4.33 a constructor does not look for them in texts
    found = {token: tokenizer.convert_tokens_to_ids(token) for token in described.added}
    if found != described.added:
        raise RuntimeUnavailableError(
            "the installed transformers gives added tokens different ids",
            place=ADDED,
            wanted=dict(described.added),
            found=found,
            fix="save the bundle with the fast tokenizer",
        )


def _inside(folder: str, path: str) -> str:
    return os.path.join(folder, os.path.basename(path))


def _added_fast(
    state: Mapping[str, Any], tokens: Tuple[str, ...], mask: Optional[str]
) -> Tuple[Dict[str, int], List[str]]:
    """Return (ids of added tokens, special tokens). Raises TokenizerError for settings that slow tokenizers lack.

    Only the `mask` may remove the space before it.
    """
    known = frozenset(tokens)
    for token in state["added_tokens"]:
        plain = not (token["single_word"] or token["rstrip"] or (token["lstrip"] and token["content"] != mask))
        if not plain or not (token["special"] or (token["content"] not in known and token["normalized"])):
            raise TokenizerError(
                "an added token that releases of transformers read differently",
                place=ADDED,
                wanted="a text that is not in the vocabulary, added with add_tokens([text])",
                found=token["content"],
                fix="leave it to the vocabulary, or add it as plain text",
            )
    added = {token["content"]: token["id"] for token in state["added_tokens"] if token["content"] not in known}
    return added, [token["content"] for token in state["added_tokens"] if token["special"]]
