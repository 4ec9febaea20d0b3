"""An opened bundle: hands out the bytes of a file only after they were verified, and reads no file twice.

Does not know: what the files contain.
"""

import os
from dataclasses import dataclass, field
from typing import Dict, Mapping, Optional

from bert_bundle.errors import FormatError, StorageError, UnsafeError
from bert_bundle.format import layout
from bert_bundle.format.files import COPY_AGAIN, check_content, listing, read_file, read_verified
from bert_bundle.format.manifest import Manifest
from bert_bundle.format.model_kinds import rescue_command

NO_FILES: Mapping[str, bytes] = {}


@dataclass(frozen=True)
class OpenedBundle:
    """A bundle whose files are the ones that its manifest lists.

    `in_memory` holds files that are not on disk yet, by path: a save proves a bundle before it writes the last two.
    """

    root: str
    manifest: Manifest
    in_memory: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    # Path of each verified file -> its bytes until they are asked for, None afterwards.
    _verified: Dict[str, Optional[bytes]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def read(self, path: str) -> bytes:
        """Return the verified bytes of the listed file `path`, and keep them no longer.

        Raises FormatError for a file that the manifest does not list, IntegrityError for a changed one.
        """
        kept = self._verified.get(path)
        data = self._read(path) if kept is None else kept
        self._verified[path] = None
        return data

    def _read(self, path: str) -> bytes:
        record = self.manifest.files.get(path)
        if record is None:
            raise FormatError("a file that the manifest does not list", place=path)
        if path in self.in_memory:
            return check_content(self.in_memory[path], path, size=record.size, digest=record.sha256)
        return read_verified(self.root, path, size=record.size, digest=record.sha256)


def open_bundle(path: str, in_memory: Mapping[str, bytes] = NO_FILES) -> OpenedBundle:
    """Open the bundle at `path`: check its shape and names, its manifest, and that exactly the listed files exist.

    `in_memory`: files that belong to the bundle and are not on disk, by path; the manifest may be one of them.
    Digests are checked when a file is read (`OpenedBundle.read`); `check_files` checks those of all files.
    """
    root = os.path.realpath(os.fspath(path).replace("\0", "\ufffd"))  # no file has a NUL in its name
    if not _exists(root) or not os.path.isdir(root):
        raise FormatError(
            "not a bundle: it is a file" if _exists(root) else "not a bundle: there is no such folder",
            place=path,
            wanted="a folder with " + layout.MANIFEST,
            fix=_rescue(path) or "name the folder that bert_bundle.save wrote",
        )
    if layout.MANIFEST not in in_memory and not _exists(os.path.join(root, layout.MANIFEST)):
        raise FormatError(
            "not a bundle: it has no {}".format(layout.MANIFEST),
            place=path,
            wanted="a folder that bert_bundle.save wrote",
            fix=_rescue(path)
            or "name the bundle's own folder; saved models and checkpoints of other kinds are not bundles",
        )
    found = {*listing(root), *in_memory}
    manifest = Manifest.parse(
        in_memory[layout.MANIFEST]
        if layout.MANIFEST in in_memory
        else read_file(root, layout.MANIFEST, limit=layout.MAX_MANIFEST)
    )
    listed = {*manifest.files, layout.MANIFEST}
    missing, extra = (sorted(paths - {layout.CARD}) for paths in (listed - found, found - listed))
    if missing:
        raise FormatError("a file is missing", place=missing[0], fix=COPY_AGAIN)
    if extra:
        raise UnsafeError(
            "a file that the manifest does not list",
            place=extra[0],
            fix="delete it: a bundle holds what was saved and nothing else",
        )
    return OpenedBundle(root, manifest, in_memory)


def _rescue(path: str) -> str:
    """Return what to do about a stored model that is not a bundle, empty for anything else."""
    command = rescue_command(path)
    return "make a bundle of it: " + command if command else ""


def check_files(bundle: OpenedBundle, *, keep: bool = False) -> None:
    """Verify every file that was not read before, except the card, which is its owner's to edit.

    Raises IntegrityError for the first that is not what was written.

    `keep` holds the bytes for the next `read`, so that a load reads each file once.
    """
    for path in bundle.manifest.files:
        if path not in bundle._verified and path != layout.CARD:  # older manifests list the card
            data = bundle._read(path)
            bundle._verified[path] = data if keep else None


def _exists(path: str) -> bool:
    """Return whether anything exists at `path`. Raises StorageError if that cannot be determined."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise StorageError("a folder cannot be read", place=path, found=error.strerror or str(error)) from None
    return True
