"""A tokenizer from the folder that `save_pretrained` of transformers wrote."""

import os
from typing import Any, Dict, Mapping, Optional

from bert_bundle.errors import TokenizerError
from bert_bundle.format import strict_json
from bert_bundle.tokenizer import general, native
from bert_bundle.tokenizer.description import CLASSES, Description, slow_class
from bert_bundle.tokenizer.paths import CONFIG, FAST
from bert_bundle.tokenizer.wordpiece import VOCABULARY, WordPiece

_MOST = 10_000_000  # bytes of its configuration


def from_folder(folder: str, expected: str, runtime: str) -> Any:
    """Return the tokenizer in a folder; `expected` is the slow class that belongs to the encoder.

    With `runtime="native"` it is read without transformers, which is possible for a WordPiece vocabulary. Raises
    TokenizerError for a folder without a tokenizer, or one of a class that no encoder here has.
    """
    config = _config(folder)
    name = str(config.get("tokenizer_class") or expected)
    described_as = slow_class(name)
    fast = os.path.exists(os.path.join(folder, os.path.basename(FAST)))
    if described_as is None and not fast:
        raise TokenizerError("a slow tokenizer that a bundle cannot represent", place=folder, found=name)
    if runtime == "native":
        return native.NativeTokenizer(_wordpiece(folder, described_as, config), fast=fast)
    import transformers

    live = (described_as + ("Fast" if fast else "")) if described_as else general.TOKENIZER_CLASS
    tokenizer_class = getattr(transformers, live)
    try:
        return tokenizer_class.from_pretrained(folder)
    except Exception as error:  # transformers raises what its readers raise
        raise TokenizerError(
            "a folder without a tokenizer that can be read",
            place=folder,
            wanted="the files that tokenizer.save_pretrained writes",
            found="{}: {}".format(type(error).__name__, error),
        ) from error


def _config(folder: str) -> Mapping[str, object]:
    path = os.path.join(folder, os.path.basename(CONFIG))
    if not os.path.exists(path):
        return {}
    with open(path, "rb") as file:
        found = strict_json.parse(file.read(_MOST), path)
    return found if isinstance(found, dict) else {}


def _wordpiece(folder: str, name: Optional[str], config: Mapping[str, Any]) -> Description:
    """Return the description of a WordPiece tokenizer. Raises TokenizerError for a folder without its vocabulary."""
    path = os.path.join(folder, os.path.basename(VOCABULARY))
    if name is None or CLASSES[name] is not WordPiece or not os.path.exists(path):
        raise TokenizerError(
            "a tokenizer that is read with transformers only",
            place=folder,
            found=name,
            fix="rescue the model in an environment with transformers 4: --env",
        )
    with open(path, "rb") as file:
        data = file.read()
    model = WordPiece.parse({VOCABULARY: data if data.endswith(b"\n") else data + b"\n"})
    known = {**WordPiece.FIELDS, **WordPiece.SPECIAL, "padding_side": None, "truncation_side": None}
    settings: Dict[str, object] = {key: _content(config[key]) for key in known if key in config}
    longest = config.get("model_max_length")
    return Description.fresh(name, model, min(int(longest), 1 << 30) if longest else 512, **settings)


def _content(value: object) -> object:
    """Return a special token, which some releases write with its settings."""
    return value["content"] if isinstance(value, dict) else value
