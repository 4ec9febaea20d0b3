"""Any other fast tokenizer of transformers 4: its own tokenizer.json, which `tokenizers` reads. Imports no library.

What the steps in that file compute is known only to `tokenizers`; they are data, and nothing in them names code. Such a
tokenizer does not have a slow layout, and only transformers 4 reads it.
"""

import json
from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Mapping, Tuple

from bert_bundle.errors import FormatError
from bert_bundle.format import strict_json
from bert_bundle.tokenizer.paths import CONFIG, EXTRA, FAST

TOKENIZER_CLASS = "PreTrainedTokenizerFast"  # reads the tokenizer.json of every class of transformers
SPECIAL = tuple(name + "_token" for name in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))
SIDES = ("left", "right")
NO_LIMIT = 1 << 30  # of the length; transformers writes 1e30

_STEPS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
_FIXED: Mapping[str, Any] = {"version": "1.0", "truncation": None, "padding": None}  # a recipe is not the tokenizer's
_MODELS = ("BPE", "Unigram", "WordLevel", "WordPiece")
_ADDED: Mapping[str, type] = {
    "id": int,
    "content": str,
    **dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), bool),
}
_COMMON: Mapping[str, type] = {
    "tokenizer_class": str,
    "model_max_length": int,
    "pad_token": str,
    "pad_token_type_id": int,
    "padding_side": str,
    "truncation_side": str,
}
_NEWER = {"byte_fallback": False, "ignore_merges": False, "use_regex": True, "split": True, "str_rep": None}


@dataclass(frozen=True)
class General:
    """A tokenizer: its tokenizer.json, and its settings by their names in tokenizer_config.json."""

    document: Mapping[str, Any]
    config: Mapping[str, Any]

    general: ClassVar[bool] = True
    sources: ClassVar[Tuple[str, ...]] = (FAST, CONFIG)

    @classmethod
    def of_state(
        cls, state: Mapping[str, Any], kind: str, config: Mapping[str, Any], ids: Mapping[str, int]
    ) -> "General":
        """Return the tokenizer that writes `state`; `kind`: the type of its model, `ids`: the id of each token.

        Every special token is found in texts, as if it were added: newer releases of transformers add it.
        """
        added = list(state["added_tokens"])
        known = {token["content"] for token in added}
        for token in dict.fromkeys(_special(config)):
            if token not in known:
                added.append({**dict.fromkeys(_ADDED, False), "id": ids[token], "content": token, "special": True})
        document = {
            **_FIXED,
            "added_tokens": sorted(added, key=lambda token: int(token["id"])),
            **{name: _plainest(state.get(name)) for name in _STEPS},
            "model": _plainest({"type": kind, **state["model"]}),
        }
        return cls(document, config)

    @classmethod
    def parse(cls, files: Mapping[str, bytes]) -> "General":
        """Return what tokenizer.json and the configuration describe. Raises FormatError."""
        config = strict_json.parse(files[CONFIG], CONFIG)
        if FAST not in files:
            raise FormatError("a tokenizer's file is missing", place=FAST)
        document = strict_json.parse(files[FAST], FAST)
        _check_config(config)
        _check_document(document)
        known = {token["content"] for token in document["added_tokens"]}
        for token in _special(config):
            if token not in known:
                raise FormatError(
                    "a special token that is not an added one", place=FAST + "#/added_tokens", wanted=token
                )
        return cls(document, config)

    def to_files(self) -> Dict[str, bytes]:
        """Return both files."""
        return {CONFIG: strict_json.canonical(dict(self.config)), FAST: to_bytes(self.document)}


def is_general(files: Mapping[str, bytes]) -> bool:
    """Return whether the configuration in a tokenizer's files names the class that reads any tokenizer.json."""
    config = strict_json.parse(files[CONFIG], CONFIG) if CONFIG in files else None
    return isinstance(config, dict) and config.get("tokenizer_class") == TOKENIZER_CLASS


def to_bytes(document: Mapping[str, Any]) -> bytes:
    """Return a tokenizer.json."""
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def _special(config: Mapping[str, Any]) -> List[str]:
    return [*(config[name] for name in SPECIAL if name in config), *config.get(EXTRA, ())]


def _plainest(step: Any) -> Any:
    """Return a step or a model in the form that most releases of `tokenizers` read: without what is new and usual."""
    if isinstance(step, list):
        return [_plainest(each) for each in step]
    if not isinstance(step, dict):
        return step
    kind = step.get("type")
    own = {k: v for k, v in step.items() if not (k == "str_rep" or (k in _NEWER and v is _NEWER[k]))}
    if kind == "BPE" and not any(" " in token for token in own["vocab"]):
        own["merges"] = [merge if isinstance(merge, str) else " ".join(merge) for merge in own["merges"]]
    if kind == "Metaspace":  # newer releases have a scheme in place of the flag
        own.setdefault("add_prefix_space", own.get("prepend_scheme", "always") != "never")
        own.setdefault("prepend_scheme", "always" if own["add_prefix_space"] else "never")
    return {k: v if k in ("vocab", "merges") else _plainest(v) for k, v in own.items()}


def _check_config(config: Mapping[str, Any]) -> None:
    kinds = {**_COMMON, **dict.fromkeys((name for name in SPECIAL if name in config), str)}
    if set(config) - {EXTRA} != set(kinds):
        raise FormatError(
            "a tokenizer's configuration with unknown or missing fields",
            place=CONFIG,
            wanted=", ".join(sorted(kinds)),
            found=", ".join(sorted(config)),
        )
    faults = [name for name, kind in kinds.items() if type(config[name]) is not kind]
    faults += [name for name in ("padding_side", "truncation_side") if config[name] not in SIDES]
    faults += [name for name in ("pad_token_type_id", "model_max_length") if not _is_id(config[name])]
    extra = config.get(EXTRA, ["a token"])
    if not isinstance(extra, list) or not extra or not all(type(token) is str for token in extra):
        faults.append(EXTRA)
    if faults:
        raise FormatError("a tokenizer's field is malformed", place="{}#/{}".format(CONFIG, faults[0]))


def _check_document(document: Any) -> None:
    wanted = {*_FIXED, *_STEPS, "added_tokens", "model"}
    if not isinstance(document, dict) or set(document) != wanted:
        raise FormatError("not a tokenizer.json", place=FAST, wanted=", ".join(sorted(wanted)))
    model, added = document["model"], document["added_tokens"]
    faults = [name for name, value in _FIXED.items() if document[name] != value]
    faults += [name for name in _STEPS if not isinstance(document[name], (dict, type(None)))]
    if not isinstance(model, dict) or model.get("type") not in _MODELS or not _is_vocabulary(model):
        faults.append("model")
    if not isinstance(added, list) or not all(map(_is_added, added)):
        faults.append("added_tokens")
    if faults:
        raise FormatError("a part of tokenizer.json is malformed", place="{}#/{}".format(FAST, faults[0]))


def _is_vocabulary(model: Mapping[str, Any]) -> bool:
    """Return whether a model's tokens are in the form of its kind; `tokenizers` crashes on an id out of range."""
    found = model.get("vocab")
    if model["type"] != "Unigram":
        return isinstance(found, dict) and all(map(_is_id, found.values()))
    if not isinstance(found, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in found):
        return False
    is_pairs = all(type(piece) is str and type(score) in (int, float) for piece, score in found)
    unknown = model.get("unk_id")
    return is_pairs and (unknown is None or (_is_id(unknown) and unknown < len(found)))


def _is_added(token: Any) -> bool:
    return (
        isinstance(token, dict)
        and set(token) == set(_ADDED)
        and all(type(token[name]) is kind for name, kind in _ADDED.items())
        and _is_id(token["id"])
    )


def _is_id(value: Any) -> bool:
    return type(value) is int and 0 <= value <= NO_LIMIT
