"""Names and limits of the files in a bundle. Does not know: what they contain.

`FORMAT_VERSION` is raised when a reader of the previous version would misread a bundle. To raise it: copy the current
reader to `format/old/`, raise the number, and keep the bundles of the old format in `tests/compat`.
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
SENTENCEPIECE, SPIECE, SPM = ("tokenizer/" + name for name in ("sentencepiece.bpe.model", "spiece.model", "spm.model"))
GOLDEN = "golden"
GOLDEN_INPUTS = "golden/inputs.json"
GOLDEN_FACTS = "golden/facts.json"
GOLDEN_TENSORS = "golden/tensors.safetensors"
CARD = "README.md"  # not verified: its owner edits it, and nothing reads it

# What version control, the Hub's client, file managers and notebooks put beside the files. Never read.
IGNORED = frozenset((".cache", ".DS_Store", ".git", ".gitattributes", ".gitignore", ".ipynb_checkpoints"))

ENCODER_CONFIG = "config.json"
ENCODER_WEIGHTS = "model.safetensors"

MAX_FILES = 256
MAX_PATH = 240  # characters, so that a bundle can be unpacked on Windows
MAX_JSON = 16 << 20  # bytes; graph.json of a model with a hundred layers has less than one MiB
MAX_MANIFEST = 4 << 20
MAX_VOCABULARY = 64 << 20
MAX_TENSORS = 64 << 30

_PIECES = (SENTENCEPIECE, SPIECE, SPM)  # SentencePiece's protobuf: pieces and their scores
_HARMLESS = (".json", ".md", ".safetensors", ".txt")  # files that nothing executes: no .py, .bin, .pkl, .pb, .so, .h5
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*\Z")
_WINDOWS = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?\Z", re.IGNORECASE)


def is_plain(path: str) -> bool:
    """Return whether no part of `path` could mean another file on some system, see `check_path`."""
    return not any(map(_is_unsafe, path.split("/")))


def check_path(path: str) -> str:
    """Return `path` if it is a plain relative path inside a bundle: letters, digits, `_ . -`, joined by `/`.

    Raises UnsafeError for anything that some system could resolve to another file, LimitError over 240 characters.
    """
    if len(path) > MAX_PATH:
        raise LimitError("a path is too long", place=path, wanted="at most {} characters".format(MAX_PATH))
    for part in path.split("/"):
        if _is_unsafe(part):
            raise UnsafeError(
                "a path could reach outside of the bundle or means another file on another system",
                place=path,
                wanted="names of A-Z a-z 0-9 _ . - joined by /, not the name of a device",
                found=part,
                fix="save the bundle again from its model",
            )
    return path


def _is_unsafe(part: str) -> bool:
    return not _PLAIN.match(part) or bool(_WINDOWS.match(part)) or part.endswith(".")


def check_file(path: str) -> str:
    """Return `path` if it is a plain path with a file type that a bundle may contain. Raises like `check_path`."""
    if not check_path(path).endswith(_HARMLESS) and path not in _PIECES:
        raise UnsafeError(
            "a type of file that a bundle may not contain",
            place=path,
            wanted=", ".join((*_HARMLESS, *_PIECES)),
            fix="save the bundle again from its model",
        )
    return path


def check_distinct(paths: Iterable[str]) -> None:
    """Raise FormatError when two of the paths differ only in case: some file systems would make them one file."""
    seen: Dict[str, str] = {}
    for path in paths:
        other = seen.setdefault(path.casefold(), path)
        if other != path:
            raise FormatError("two paths differ only in case", place=path, found=other)


def limit_of(path: str) -> int:
    """Return the largest size in bytes that the file at `path` may have."""
    if path == MANIFEST:
        return MAX_MANIFEST
    if path.endswith(".safetensors"):
        return MAX_TENSORS
    if path.startswith(TOKENIZER + "/"):
        return MAX_VOCABULARY
    return MAX_JSON


def encoder_path(name: str, file: str) -> str:
    """Return `encoders/<name>/<file>`."""
    return "/".join((ENCODERS, name, file))
