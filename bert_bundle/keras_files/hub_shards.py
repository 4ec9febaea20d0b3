"""Weights of transformers in several files, and the index that names the file of each tensor.

The index is the stranger's: only names that `save_pretrained` gives are read, directly in the folder, and each file has
exactly the tensors that the index says.
"""

from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Set, Tuple

import numpy as np

from bert_bundle.errors import FormatError, LimitError, UnsafeError
from bert_bundle.format.model_kinds import SHARD, SHARD_INDEX
from bert_bundle.keras_files.source_files import check_plain, document, limited

MAX_INDEX = 64 << 20  # bytes; that of BERT-large has about 30 thousand
MAX_FILES = 1000

Reader = Callable[[Path], Mapping[str, np.ndarray]]


def read(folder: Path, index: str, reader: Reader) -> Tuple[List[Path], Dict[str, np.ndarray]]:
    """Return the files that an index names, in their order, and name -> array of what `reader` finds in them.

    TensorFlow writes names into the index that begin with the model's name, and into the files without it. Raises
    UnsafeError for a file outside of the folder, FormatError for a file or tensor that is missing or not listed, or
    listed or stored twice, LimitError for an index that is too large.
    """
    place = "{}/{}".format(folder.name, index)
    listed = _listed(document(limited(folder / index, MAX_INDEX), place), place)
    files = [folder / name for name in _files(listed, index, place)]
    missing = [path.name for path in files if not path.exists() and not path.is_symlink()]
    if missing:
        raise FormatError("a file of weights is missing", place=place, wanted=missing[0])
    check_plain(folder, files)
    found: Dict[str, np.ndarray] = {}
    for path in files:
        arrays = reader(path)
        _check_tensors({_plain(name) for name in arrays}, listed[path.name], "{}/{}".format(folder.name, path.name))
        twice = found.keys() & arrays.keys()
        if twice:
            raise FormatError("a tensor that is in two files", place=place, found=min(twice))
        found.update(arrays)
    return files, found


def _listed(index: Mapping[str, Any], place: str) -> Dict[str, List[str]]:
    """Return file -> names of its tensors."""
    names = index.get("weight_map")
    if not isinstance(names, dict) or not names or not all(isinstance(file, str) for file in names.values()):
        raise FormatError("an index without the files of tensors", place=place, wanted="weight_map: {tensor: file}")
    found: Dict[str, List[str]] = {}
    for name, file in names.items():
        found.setdefault(file, []).append(_plain(name))
    return found


def _files(listed: Mapping[str, Any], index: str, place: str) -> List[str]:
    """Return the names of the files, in their order: a whole set, such as `model-00001-of-00002.safetensors` and 2.

    The first is not listed if it is empty: TensorFlow begins a new file before a tensor larger than a file may be.
    """
    stem, _, end = index[: -len(SHARD_INDEX)].partition(".")
    totals: Dict[str, int] = {}
    for file in listed:
        match = SHARD.fullmatch(file)
        if match is None or (match.group(1), match.group(4)) != (stem, end):
            raise UnsafeError(
                "a file that an index of transformers does not name",
                place=place,
                wanted="{}-00001-of-00002.{} in the same folder".format(stem, end),
                found=file,
            )
        totals[match.group(3)] = int(match.group(3))
    if len(totals) != 1:
        raise FormatError("files of several sets in one index", place=place, found=", ".join(sorted(totals)))
    ((text, total),) = totals.items()
    if total > MAX_FILES:
        raise LimitError("an index of too many files", place=place, wanted=MAX_FILES, found=total)
    names = ["{}-{:05d}-of-{}.{}".format(stem, number, text, end) for number in range(1, total + 1)]
    if not set(names[1:]) <= set(listed) <= set(names):
        raise FormatError(
            "an index that does not name the files of its set",
            place=place,
            wanted=" to ".join([names[0], names[-1]]),
            found=", ".join(sorted(listed)[:8]),
        )
    return sorted(listed)


def _check_tensors(stored: Set[str], listed: List[str], place: str) -> None:
    """Raise unless each listed tensor is stored, once, and no other is."""
    left = set(stored)
    for name in listed:
        ends = name.split("/")
        own = next((end for end in ("/".join(ends[start:]) for start in range(len(ends))) if end in stored), None)
        if own is None:
            raise FormatError("a tensor that the index lists is not in its file", place=place, wanted=name)
        if own not in left:
            raise FormatError("a tensor that the index lists twice", place=place, found=name)
        left.remove(own)
    if left:
        raise FormatError("a tensor that the index does not list", place=place, found=min(left))


def _plain(name: str) -> str:
    return name.partition(":")[0]
