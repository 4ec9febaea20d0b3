"""Names and limits of the files in a bundle; knows nothing of what they say.

`FORMAT_VERSION` is raised when a reader of the version before would misread a bundle. Recipe: copy the reader
that is retired to `format/old/`, raise the number, add a bundle of the old format to the tests.
"""

import re
from typing import Dict, Iterable

from bert_bundle.errors import FormatError, LimitError, UnsafeError

FORMAT_NAME = "bert_bundle"
FORMAT_VERSION = 1

MANIFEST = "bundle.json"
GRAPH = "graph.json"
WEIGHTS = "weights.safetensors"
ENCODERS = "encoders"
TOKENIZER = "tokenizer"
SENTENCEPIECE = "tokenizer/sentencepiece.bpe.model"
GOLDEN = "golden"
GOLDEN_INPUTS = "golden/inputs.json"
GOLDEN_FACTS = "golden/facts.json"
GOLDEN_TENSORS = "golden/tensors.safetensors"
CARD = "README.md"

ENCODER_CONFIG = "config.json"
ENCODER_WEIGHTS = "model.safetensors"

MAX_FILES = 256
MAX_PATH = 240  # characters, so that a bundle can be unpacked on Windows
MAX_JSON = 16 << 20  # bytes: the largest graph.json of a hundred-layer model is under one
MAX_MANIFEST = 4 << 20
MAX_VOCABULARY = 64 << 20
MAX_TENSORS = 64 << 30

_HARMLESS = (".json", ".md", ".safetensors", ".txt")  # what nothing runs: no .py, .bin, .pkl, .pb, .so, .h5
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*\Z")
_WINDOWS = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?\Z", re.IGNORECASE)


def check_path(path: str) -> str:
    """`path` when it is a plain relative path inside a bundle: letters, digits, `_ . -`, joined by `/`.

    Raises UnsafeError for anything that another system could read as another place, LimitError over 240 characters.
    """
    if len(path) > MAX_PATH:
        raise LimitError("a path is too long", place=path, wanted="at most {} characters".format(MAX_PATH))
    for part in path.split("/"):
        if not _PLAIN.match(part) or _WINDOWS.match(part) or part.endswith("."):
            raise UnsafeError(
                "a path could reach outside of the bundle or means another place on another system",
                place=path,
                wanted="folders and names of A-Z a-z 0-9 _ . - joined by /, none a device name",
                found=part,
                fix="save the bundle again from its model",
            )
    return path


def check_file(path: str) -> str:
    """`path` when it is a plain path of a kind of file that a bundle holds. Raises like `check_path`."""
    if not check_path(path).endswith(_HARMLESS) and path != SENTENCEPIECE:
        raise UnsafeError(
            "a kind of file that a bundle does not hold",
            place=path,
            wanted=", ".join((*_HARMLESS, SENTENCEPIECE)),
            fix="save the bundle again from its model",
        )
    return path


def check_distinct(paths: Iterable[str]) -> None:
    """Raises FormatError when two of the paths are one file where case does not count."""
    seen: Dict[str, str] = {}
    for path in paths:
        other = seen.setdefault(path.casefold(), path)
        if other != path:
            raise FormatError("two paths are one where case does not count", place=path, found=other)


def limit_of(path: str) -> int:
    """The most bytes the file at `path` may have."""
    if path == MANIFEST:
        return MAX_MANIFEST
    if path.endswith(".safetensors"):
        return MAX_TENSORS
    if path.startswith(TOKENIZER + "/"):
        return MAX_VOCABULARY
    return MAX_JSON


def encoder_path(name: str, file: str) -> str:
    """`encoders/<name>/<file>`."""
    return "/".join((ENCODERS, name, file))
