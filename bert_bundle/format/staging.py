"""A durable save: files staged beside the target, fsynced, then renamed into place. Does not know: their content.

The protocol: the staging folder is on the target's file system and private to its owner; every file is created
exclusively, written once, hashed and fsynced; the folders are fsynced; only then is the staging folder renamed. A new
target is taken with RENAME_NOREPLACE. A bundle that is replaced is exchanged in one step (RENAME_EXCHANGE) and removed
afterwards. Where the kernel or the file system has neither, two renames are used.
"""

import contextlib
import ctypes
import errno
import os
import re
import secrets
import shutil
import stat
from types import TracebackType
from typing import Dict, Iterator, Optional, Type

from bert_bundle.errors import ConflictError, LockedError, StorageError
from bert_bundle.format import layout
from bert_bundle.format.files import sha256
from bert_bundle.format.manifest import File

_STAGED = re.compile(r"\.(?P<name>.+)\.tmp-[0-9a-f]{16}\Z")
_AT_FDCWD = -100  # linux/fcntl.h
_RENAME_NOREPLACE, _RENAME_EXCHANGE = 1, 2  # linux/fs.h


class Staging:
    """A private folder beside `target` that becomes the target when `publish` is called, and is removed otherwise.

    Raises ConflictError when the target may not be replaced, LockedError when another running process stages the same
    target, StorageError when the file system fails; in each case the target is as before.
    """

    def __init__(self, target: str, *, overwrite: bool) -> None:
        self.target = os.path.abspath(os.fspath(target))
        self.overwrite = overwrite
        self.files: Dict[str, File] = {}
        self.path = self._fresh()
        self._descriptor: Optional[int] = None

    def __enter__(self) -> "Staging":
        _check_locks()
        check_target(self.target, overwrite=self.overwrite)
        parent, name = os.path.split(self.target)
        with _storage(self.target):
            os.makedirs(parent, exist_ok=True)
            _clear_abandoned(parent, name)
            while self._descriptor is None:  # another save may take a folder that is not locked yet for abandoned
                self.path = self._fresh()
                os.mkdir(self.path, 0o700)
                self._descriptor = _lock(self.path)
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if self._descriptor is not None:
            os.close(self._descriptor)

    def _fresh(self) -> str:
        parent, name = os.path.split(self.target)
        return os.path.join(parent, ".{}.tmp-{}".format(name, secrets.token_hex(8)))

    def write(self, path: str, data: bytes) -> None:
        """Write `data` to the new file `path` and fsync it; record its size and digest in `files`."""
        layout.check_file(path)
        full = os.path.join(self.path, *path.split("/"))
        with _storage(path):
            os.makedirs(os.path.dirname(full), mode=0o755, exist_ok=True)
            descriptor = os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o644)
            try:
                unwritten = memoryview(data)
                while unwritten:
                    unwritten = unwritten[os.write(descriptor, unwritten) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        if path != layout.MANIFEST:
            self.files[path] = File(len(data), sha256(data))

    def publish(self) -> None:
        """Make the staged files the target, in one step; what it replaces is removed only afterwards."""
        with _storage(self.target):
            for folder, _, _ in os.walk(self.path):
                _fsync_folder(folder)
            os.chmod(self.path, 0o755)  # noqa: S103  private while staged, like any folder when published
            check_target(self.target, overwrite=self.overwrite)
            replaced = os.path.lexists(self.target)
            exchanged = replaced
            try:
                _renameat2(self.path, self.target, _RENAME_EXCHANGE if replaced else _RENAME_NOREPLACE)
            except NotImplementedError:
                exchanged = False
                if replaced:
                    os.rename(self.target, self.path + ".old")
                os.rename(self.path, self.target)
            except FileExistsError:  # another process published since the check above
                check_target(self.target, overwrite=False)
                raise
            try:
                _fsync_folder(os.path.dirname(self.target))
            except OSError:
                self._take_back(replaced, exchanged)
                raise
            shutil.rmtree(self.path + ".old", ignore_errors=True)

    def _take_back(self, replaced: bool, exchanged: bool) -> None:
        """Undo the rename: after a failed fsync the new bundle may be lost in a crash, so the old one stays."""
        if exchanged:
            _renameat2(self.path, self.target, _RENAME_EXCHANGE)
            return
        os.rename(self.target, self.path)
        if replaced:
            os.rename(self.path + ".old", self.target)


def write_file(path: str, data: bytes) -> None:
    """Make `data` the content of the file at `path`, in one step: a reader sees the old bytes or the new ones.

    Raises StorageError when the file system fails; the file is then as before.
    """
    target = os.path.abspath(os.fspath(path))
    parent, name = os.path.split(target)
    staged = os.path.join(parent, ".{}.tmp-{}".format(name, secrets.token_hex(8)))
    with _storage(path):
        try:
            with open(staged, "xb") as file:
                file.write(data)
                file.flush()
                with contextlib.suppress(FileNotFoundError):  # a file that is replaced keeps its mode
                    os.fchmod(file.fileno(), stat.S_IMODE(os.stat(target).st_mode))
                os.fsync(file.fileno())
            os.replace(staged, target)
            _fsync_folder(parent)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(staged)


def check_target(target: str, *, overwrite: bool) -> None:
    """Raise ConflictError unless `target` is free, or a bundle that may be overwritten."""
    if not os.path.lexists(target):
        return
    if os.path.islink(target) or not os.path.isdir(target):
        raise ConflictError(
            "the target exists and is not a bundle",
            place=target,
            wanted="a new folder",
            found="a file or a link",
            fix="choose another name",
        )
    if not os.path.isfile(os.path.join(target, layout.MANIFEST)):
        raise ConflictError(
            "the target exists and is not a bundle",
            place=target,
            wanted="a new folder, or a bundle",
            found="a folder without " + layout.MANIFEST,
            fix="choose another name, or remove the folder yourself",
        )
    if not overwrite:
        raise ConflictError(
            "the target exists", place=target, wanted="a new folder", found="a bundle", fix="pass overwrite=True"
        )


def _clear_abandoned(parent: str, name: str) -> None:
    """Remove staging folders of this target whose owner is gone. Raises LockedError while one is locked."""
    for entry in os.listdir(parent):
        match = _STAGED.match(entry)
        if match is None or match.group("name") != name:
            continue
        abandoned = os.path.join(parent, entry)
        descriptor = _lock(abandoned)
        if descriptor is None and not os.path.lexists(abandoned):
            continue  # its owner has published or removed it in the meantime
        if descriptor is None:
            raise LockedError(
                "another save to this target is in progress",
                place=os.path.join(parent, name),
                found=entry,
                fix="wait until it has finished",
            )
        shutil.rmtree(abandoned, ignore_errors=True)
        os.close(descriptor)


def _check_locks() -> None:
    try:
        import fcntl  # noqa: F401
    except ImportError:
        raise StorageError(
            "a save needs file locks, which this system does not have",
            wanted="Linux or macOS",
            fix="save on Linux, in WSL or in a container; loading works here",
        ) from None


def _lock(folder: str) -> Optional[int]:
    """Return a descriptor that locks `folder`; None while another one does, or when the folder is gone.

    The lock ends with its owner, however that ends, and works between threads, processes and containers, which a
    process id does not.
    """
    import fcntl  # not on Windows, where bundles can be loaded

    try:
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(folder)):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def _fsync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _renameat2(old: str, new: str, flags: int) -> None:
    """Call renameat2(2). Raises NotImplementedError where the system or the file system lacks it."""
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is None:
        raise NotImplementedError
    if function(_AT_FDCWD, os.fsencode(old), _AT_FDCWD, os.fsencode(new), flags) == 0:
        return
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL):
        raise NotImplementedError
    raise OSError(code, os.strerror(code), new)


@contextlib.contextmanager
def _storage(place: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            "the file system failed",
            place=place,
            found=error.strerror or str(error),
            fix="free some space or fix the permissions, then save again; the target is unchanged",
        ) from error
