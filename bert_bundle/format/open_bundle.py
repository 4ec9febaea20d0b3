"""An opened bundle that hands out bytes only after they were hashed; knows nothing of what they say."""

import os
from dataclasses import dataclass

from bert_bundle.errors import FormatError, StorageError, UnsafeError
from bert_bundle.format import layout
from bert_bundle.format.files import COPY_AGAIN, listing, read_file, read_verified
from bert_bundle.format.manifest import Manifest


@dataclass(frozen=True)
class OpenedBundle:
    """A bundle whose listing fits its manifest; hands out bytes that were hashed first."""

    root: str
    manifest: Manifest

    def read(self, path: str) -> bytes:
        """The bytes of the listed file `path`; IntegrityError when they are not what was written."""
        record = self.manifest.files.get(path)
        if record is None:
            raise FormatError("a file that the manifest does not list", place=path)
        return read_verified(self.root, path, size=record.size, digest=record.sha256)


def open_bundle(path: str) -> OpenedBundle:
    """The bundle at `path`: its shape and names, its manifest, and that exactly the listed files are there.

    Digests are checked when a file is read (`Proven.read`), all of them by `check_files`.
    """
    root = os.path.realpath(os.fspath(path).replace("\0", "\ufffd"))  # no file has a NUL in its name
    if not _exists(root) or not os.path.isdir(root):
        raise FormatError(
            "not a bundle: it is a file" if _exists(root) else "not a bundle: there is no such folder",
            place=path,
            wanted="a folder with " + layout.MANIFEST,
            fix="name the folder that bert_bundle.save wrote",
        )
    if not _exists(os.path.join(root, layout.MANIFEST)):
        raise FormatError(
            "not a bundle: it has no {}".format(layout.MANIFEST),
            place=path,
            wanted="a folder that bert_bundle.save wrote",
            fix="name the bundle's own folder; saved models and checkpoints of other kinds are not bundles",
        )
    found = listing(root)
    manifest = Manifest.parse(read_file(root, layout.MANIFEST, limit=layout.MAX_MANIFEST))
    listed = set(manifest.files) | {layout.MANIFEST}
    missing, extra = sorted(listed - set(found)), sorted(set(found) - listed)
    if missing:
        raise FormatError("a file is missing", place=missing[0], fix=COPY_AGAIN)
    if extra:
        raise UnsafeError(
            "a file that the manifest does not list",
            place=extra[0],
            fix="remove it: a bundle holds what was saved and nothing else",
        )
    return OpenedBundle(root, manifest)


def _exists(path: str) -> bool:
    """Whether anything is at `path`; StorageError where that cannot be seen, which is no answer."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise StorageError("a folder cannot be read", place=path, found=error.strerror or str(error)) from None
    return True


def check_files(bundle: OpenedBundle) -> None:
    """Reads and hashes every file; raises IntegrityError for the first that is not what was written."""
    for path in bundle.manifest.files:
        bundle.read(path)
