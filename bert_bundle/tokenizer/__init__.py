"""Tokenizers: a live one <-> files in both layouts; texts -> the tensors a model declares.

The files are not those that transformers would write. They are made here from the vocabulary and the few settings that
decide token ids, in the plainest form: tokenizer.json as `tokenizers` 0.10 reads it, and the files of the slow layout.
At save both are read back and must give the ids that the live tokenizer gives.

Layer 5 of the core.
"""

from typing import Any, Dict, Mapping, Sequence, Union

from bert_bundle.encoders.families import BERT, GENERAL
from bert_bundle.errors import FormatError, RuntimeUnavailableError
from bert_bundle.format import layout
from bert_bundle.format.open_bundle import OpenedBundle
from bert_bundle.tokenizer import native, transformers, unicode_differences
from bert_bundle.tokenizer.description import Description
from bert_bundle.tokenizer.encoding import LONGEST, MAX_LENGTH, Recipe, encode, offsets
from bert_bundle.tokenizer.general import General, is_general
from bert_bundle.tokenizer.paths import CONFIG
from bert_bundle.tokenizer.saved_folder import from_folder
from bert_bundle.tokenizer.wordpiece import WordPiece

__all__ = [
    "LONGEST",
    "MAX_LENGTH",
    "Recipe",
    "encode",
    "facts",
    "from_files",
    "from_folder",
    "from_vocabulary",
    "offsets",
    "read_files",
    "to_files",
    "varies_by_environment",
    "vocabulary_size",
]


def from_vocabulary(tokens: Sequence[str], *, max_length: int, fast: bool = True, runtime: str = "transformers") -> Any:
    """Return a new lower-casing BERT tokenizer of this vocabulary; the "native" one does not need transformers."""
    described = Description.fresh(BERT.tokenizer.name, WordPiece(tuple(tokens)), max_length)
    return from_files(described.to_files(), fast=fast, runtime=runtime)


def vocabulary_size(tokenizer: Any) -> int:
    """Return one more than the largest token id, added tokens included."""
    return int(max(tokenizer.get_vocab().values())) + 1


def facts(files: Mapping[str, bytes], tokenizer: Any) -> Dict[str, bool]:
    """Return what the manifest says of a tokenizer that was saved as `files`."""
    return {"fast": bool(getattr(tokenizer, "is_fast", False)), **({GENERAL: True} if is_general(files) else {})}


def to_files(tokenizer: Any) -> Dict[str, bytes]:
    """Return the files of both layouts of a fast, slow or native tokenizer: the same bytes from each.

    A fast tokenizer of a class that is not described has the fast layout alone. Raises TokenizerError for a slow one of
    such a class, and for settings that the files cannot hold.
    """
    return transformers.describe(tokenizer).to_files()


def varies_by_environment(tokenizer: Any, texts: Sequence[str]) -> Dict[int, str]:
    """Return position -> characters that a tokenizer of this kind reads differently in some environment.

    Slow tokenizers use Python's Unicode tables, fast ones those of their release of `tokenizers`.
    """
    described, fast = transformers.describe(tokenizer), bool(tokenizer.is_fast)
    found = {
        position: unicode_differences.varying_characters(described, fast, text) for position, text in enumerate(texts)
    }
    return {position: text for position, text in found.items() if text}


def from_files(files: Mapping[str, bytes], *, fast: bool, origin: str = "", runtime: str = "transformers") -> Any:
    """Return the tokenizer that `files` describe, read by the installed transformers from private copies of them.

    With `runtime="native"` it is read by the `tokenizers` package alone, and gives the ids that transformers 4 gives
    with the same `fast`. `origin` is the bundle's folder, which the tokenizer names as the place of its vocabulary.
    Raises RuntimeUnavailableError if the installed packages cannot honour the files.
    """
    described = _parse(files)
    if isinstance(described, General):
        if runtime == "native":
            raise RuntimeUnavailableError(
                "a tokenizer that only transformers 4 reads",
                place=CONFIG + "#/tokenizer_class",
                found=described.config["tokenizer_class"],
                fix="use it where TensorFlow, transformers 4 and, from TensorFlow 2.16, tf-keras are installed",
            )
        return transformers.read_general(described, files)
    if runtime == "native":
        return native.NativeTokenizer(described, fast=fast)
    return transformers.read(described, files, fast=fast, origin=origin)


def read_files(bundle: OpenedBundle) -> Dict[str, bytes]:
    """Return the tokenizer's files of an opened bundle, checked against each other. Raises FormatError.

    Does not need transformers. Every file must be the one that is made from vocabulary and configuration: two layouts
    that differ are two tokenizers.
    """
    files = {p: bundle.read(p) for p in bundle.manifest.files if p.startswith(layout.TOKENIZER + "/")}
    described = _parse(files)
    if bundle.manifest.tokenizer.get(GENERAL, False) is not described.general:
        raise FormatError(
            "the manifest and the tokenizer's files do not agree on its kind",
            place="{}#/tokenizer/{}".format(layout.MANIFEST, GENERAL),
            wanted=described.general,
        )
    wanted = described.to_files()
    for path in sorted({*wanted, *files}):
        if path not in files:
            raise FormatError("a tokenizer's file is missing", place=path)
        if files[path] != wanted.get(path):
            raise FormatError(
                "the two layouts of the tokenizer differ",
                place=path,
                wanted="what is made from {}".format(" and ".join(described.sources)),
                fix="save the bundle again from its model",
            )
    return files


def _parse(files: Mapping[str, bytes]) -> Union[Description, General]:
    return General.parse(files) if is_general(files) else Description.parse(files)
