"""Files of a bundle, read with a size limit and a digest check. Does not know: what they contain."""

import hashlib
import os
import stat
from typing import Iterable, List, Optional, Tuple

from bert_bundle.errors import FormatError, IntegrityError, LimitError, StorageError, UnsafeError
from bert_bundle.format import blob_store, layout

COPY_AGAIN = "copy the whole bundle again from where it was saved"
_FLAGS = ("O_RDONLY", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")  # the last is Windows', the others POSIX's
_OPEN = sum(getattr(os, flag, 0) for flag in _FLAGS)


def sha256(data: bytes) -> str:
    """Return the digest as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def read_file(root: str, path: str, *, limit: int, size: Optional[int] = None) -> bytes:
    """Return all bytes of the regular file `path` below `root`.

    The file is opened once, without following a link and without waiting on a pipe, and its size is checked before a
    byte is read. Raises FormatError when it is missing, UnsafeError when it is not a regular file, LimitError when it
    is larger than `limit` bytes, IntegrityError when its size is not `size`, StorageError when it cannot be read.
    """
    try:
        descriptor = _open(root, path)
    except FileNotFoundError:
        raise FormatError("a file is missing", place=path, fix=COPY_AGAIN) from None
    except OSError as error:
        raise StorageError("a file cannot be read", place=path, found=error.strerror or str(error)) from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)  # fdopen would raise its own error for a folder
        raise UnsafeError("a file of the bundle is not a regular file", place=path, wanted="a regular file")
    with os.fdopen(descriptor, "rb") as file:
        found = "{} bytes".format(status.st_size)
        if status.st_size > limit:
            raise LimitError("a file is too large", place=path, wanted="at most {} bytes".format(limit), found=found)
        if size is not None and status.st_size != size:
            raise _changed(path, "{} bytes".format(size), found)
        try:
            return file.read(status.st_size + 1)
        except OSError as error:
            raise StorageError("a file cannot be read", place=path, found=error.strerror or str(error)) from None


def _open(root: str, path: str) -> int:
    full = os.path.join(root, *path.split("/"))
    try:
        return os.open(full, _OPEN)
    except OSError:
        if not os.path.islink(full):
            raise
    return os.open(_located(root, path), _OPEN)


def _located(root: str, path: str) -> str:
    """Return the file that a link leads to. Raises UnsafeError unless it is a link of a Hugging Face cache."""
    target = blob_store.target_of(root, path)
    if target is None:
        raise UnsafeError(
            "a file of the bundle is a link",
            place=path,
            wanted="a regular file, or a link into the blobs of a Hugging Face cache",
            fix="copy the bundle with the files that its links lead to: cp -rL",
        )
    return target


def read_verified(root: str, path: str, *, size: int, digest: str) -> bytes:
    """Return the bytes of `path`, which have this size and sha256. Raises IntegrityError when they do not.

    The bytes returned are the bytes that were hashed: nothing can change between the check and the use.
    """
    return check_content(read_file(root, path, limit=layout.limit_of(path), size=size), path, size=size, digest=digest)


def check_content(data: bytes, path: str, *, size: int, digest: str) -> bytes:
    """Return `data`, the content of `path`. Raises IntegrityError when its size or sha256 is another."""
    if len(data) != size:
        raise _changed(path, "{} bytes".format(size), "{} bytes".format(len(data)))
    found = sha256(data)
    if found != digest:
        raise _changed(path, "sha256 " + digest, "sha256 " + found)
    return data


def _changed(path: str, wanted: str, found: str) -> IntegrityError:
    return IntegrityError("a file is not what was written", place=path, wanted=wanted, found=found, fix=COPY_AGAIN)


def listing(root: str) -> List[str]:
    """Return every file below `root`, as sorted relative paths, without those that are ignored (`layout.IGNORED`).

    Raises UnsafeError for a pipe, a socket, a device, a link that is not of a Hugging Face cache, and a name that no
    bundle has; LimitError for more than 256 entries.
    """
    found: List[str] = []
    folders: List[str] = [""]
    entries = 0
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as scan:
                children = list(_bounded(scan, folder))
        except OSError as error:
            raise StorageError(
                "a folder cannot be read", place=folder or ".", found=error.strerror or str(error)
            ) from None
        entries += len(children)
        if entries > layout.MAX_FILES:
            raise LimitError("too many files", place=folder or ".", wanted="at most {}".format(layout.MAX_FILES))
        for name, mode in children:
            path = folder + "/" + name if folder else name
            if not layout.is_plain(path):
                raise UnsafeError(
                    "a name that no file of a bundle has",
                    place=path,
                    wanted="names of A-Z a-z 0-9 _ . - that do not begin with a dot and name no device",
                    fix="delete it: a bundle holds what was saved and nothing else",
                )
            layout.check_path(path)
            if stat.S_ISLNK(mode):
                _located(root, path)
            elif stat.S_ISDIR(mode):
                folders.append(path)
                continue
            elif not stat.S_ISREG(mode):
                raise UnsafeError(
                    "neither a file nor a folder", place=path, wanted="regular files and folders only", fix="delete it"
                )
            found.append(path)
    return sorted(found)


def _bounded(scan: "Iterable[os.DirEntry[str]]", folder: str) -> List[Tuple[str, int]]:
    children = []
    for entry in scan:
        if entry.name in layout.IGNORED:
            continue
        children.append((entry.name, entry.stat(follow_symlinks=False).st_mode))
        if len(children) > layout.MAX_FILES:
            raise LimitError("too many files", place=folder or ".", wanted="at most {}".format(layout.MAX_FILES))
    return children
