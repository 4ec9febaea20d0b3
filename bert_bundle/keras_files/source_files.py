"""The files of a stored model: plain ones only, their digest, and the versions that a document in them names."""

import hashlib
import os
import stat
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

from bert_bundle.errors import FormatError, LimitError, UnsafeError
from bert_bundle.format import strict_json


def check_plain(root: Path, paths: Sequence[Path]) -> None:
    """Raise UnsafeError unless each path below `root` is a regular file, reached by no link.

    The root itself is what the user named, and may be a link.
    """
    for path in paths:
        parts = path.relative_to(root).parts
        for end in range(1, len(parts) + 1):
            part = root.joinpath(*parts[:end])
            mode = os.lstat(part).st_mode
            if not (stat.S_ISREG(mode) if end == len(parts) else stat.S_ISDIR(mode)):
                raise UnsafeError(
                    "a link or device where a model has a file",
                    place=part.relative_to(root.parent),
                    wanted="a regular file",
                    fix="if you trust it: cp -rL copies a folder with the files that its links lead to",
                )


def digest(paths: Sequence[Path]) -> str:
    """Return the SHA-256 of the files, one after another."""
    found = hashlib.sha256()
    for path in paths:
        with open(str(path), "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                found.update(block)
    return found.hexdigest()


def limited(path: Path, most: int) -> bytes:
    """Return the bytes of a file. Raises LimitError if it has more than `most`."""
    if path.stat().st_size > most:
        raise LimitError("a file that is too large", place=path.name, wanted="at most {} bytes".format(most))
    return path.read_bytes()


def document(data: bytes, place: str) -> Mapping[str, Any]:
    """Return a JSON object. Raises FormatError for anything else."""
    found = strict_json.parse(data, place)
    if not isinstance(found, dict):
        raise FormatError("not a JSON object", place=place)
    return found


def versions(keras: str, config: Any) -> Dict[str, str]:
    """Return package -> version, of Keras and of the transformers that a configuration names."""
    found = {"keras": keras, "transformers": transformers_version(config)}
    return {name: version for name, version in found.items() if version}


def transformers_version(config: Any) -> str:
    """Return the version of transformers that the first encoder in a configuration names, else nothing."""
    found: List[str] = []
    stack = [config]
    while stack and not found:
        value = stack.pop()
        if isinstance(value, dict):
            version = value.get("transformers_version")
            found += [version] if isinstance(version, str) else []
            stack += list(value.values())
        elif isinstance(value, list):
            stack += value
    return found[0] if found else ""
