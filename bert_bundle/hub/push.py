"""Push a bundle to a repository of the Hub, in one commit, and compare what the Hub then holds with the bundle."""

import hashlib
import os
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Iterable, List, Optional, Set, Union

from bert_bundle.errors import BundleError, ConfigError, ConflictError, IntegrityError
from bert_bundle.format import layout
from bert_bundle.format.files import listing, read_file, sha256
from bert_bundle.format.manifest import Manifest
from bert_bundle.format.open_bundle import OpenedBundle, check_files
from bert_bundle.hub.address import HubAddress
from bert_bundle.hub.client import LIBRARY, client


@dataclass(frozen=True)
class Pushed:
    """A bundle on the Hub: the address of its commit, its digest, and files of an earlier bundle that it removed."""

    address: HubAddress
    digest: str
    removed: List[str]


def push(
    bundle: OpenedBundle,
    address: HubAddress,
    *,
    private: bool = False,
    message: str = "",
    card: Optional[bytes] = None,
) -> Pushed:
    """Make an opened bundle what the address holds; the repository and the branch if needed.

    card  what is pushed as README.md; by default the bundle's own, if it has one

    Raises what `check_files` raises for a bundle that is damaged; ConfigError for an address of a
    commit; ConflictError for a repository that holds other files, or that was pushed to in the meantime; HubError if
    the Hub refuses; IntegrityError if it then does not hold what was pushed.
    """
    if address.is_commit:
        raise ConfigError("a push goes to a branch", place=address, wanted="the name of a branch", found="a commit")
    check_files(bundle)
    contents: Dict[str, Union[str, bytes]] = {
        file: os.path.realpath(os.path.join(bundle.root, file)) for file in listing(bundle.root)
    }
    if card is not None:
        contents[layout.CARD] = card
    message = message or "Push a bundle of bert_bundle, digest {}".format(bundle.manifest.digest)
    with client(address) as hub:
        api = hub.HfApi(**LIBRARY)
        api.create_repo(address.repository, private=private or None, exist_ok=True)
        if address.revision is not None:
            api.create_branch(address.repository, branch=address.revision, exist_ok=True)
        before = api.repo_info(address.repository, revision=address.revision)
        there = {file.rfilename for file in before.siblings or ()}
        removed = sorted(_replaced(hub, address, before.sha, there) - set(contents))
        _check_others(address, there - {address.inside(file) for file in (*contents, *removed)})
        operations: List[Any] = [hub.CommitOperationDelete(address.inside(file)) for file in removed]
        operations += [hub.CommitOperationAdd(address.inside(file), data) for file, data in sorted(contents.items())]
        done = api.create_commit(
            address.repository,
            operations,
            commit_message=message,
            revision=address.revision,
            parent_commit=before.sha,
        )
        held = _held(api.list_repo_tree(address.repository, recursive=True, revision=done.oid))
    _check_held(address, bundle, held)
    return Pushed(address.at(done.oid), bundle.manifest.digest, removed)


def _replaced(hub: Any, address: HubAddress, commit: str, there: Set[str]) -> FrozenSet[str]:
    """Return the files of the bundle that the address holds now; none if it does not hold one."""
    if address.inside(layout.MANIFEST) not in there:
        return frozenset()
    path = hub.hf_hub_download(address.repository, address.inside(layout.MANIFEST), revision=commit, **LIBRARY)
    root = os.path.realpath(os.path.dirname(path))
    try:
        earlier = Manifest.parse(read_file(root, layout.MANIFEST, limit=layout.MAX_MANIFEST))
    except BundleError:  # damaged, or of a later format: only what has the same name is replaced
        return frozenset()
    return frozenset(file for file in earlier.files if address.inside(file) in there and file != layout.CARD)


def _check_others(address: HubAddress, others: Iterable[str]) -> None:
    """Raise ConflictError for a file beside the bundle that a reader of the whole folder would have to refuse."""
    folder = address.inside("")
    for path in sorted(others):
        below = path[len(folder) :] if path.startswith(folder) else ""
        if below and below != layout.CARD and not layout.IGNORED & set(below.split("/")):
            raise ConflictError(
                "the repository holds a file that is not of a bundle",
                place=address,
                wanted="a new repository, one with a bundle, or a folder of its own: hf://OWNER/NAME/FOLDER",
                found=path,
                fix="delete it there, or push to another repository or folder",
            )


def _held(entries: Iterable[Any]) -> Dict[str, str]:
    """Return path -> digest of each file: sha256 of a large one, git's sha1 of any other."""
    return {
        entry.path: entry.lfs["sha256"] if entry.lfs else entry.blob_id
        for entry in entries
        if hasattr(entry, "blob_id")  # not a folder
    }


def _check_held(address: HubAddress, bundle: OpenedBundle, held: Dict[str, str]) -> None:
    for path in (*bundle.manifest.files, layout.MANIFEST):
        found = held.get(address.inside(path), "nothing")
        if path == layout.CARD or (path in bundle.manifest.files and found == bundle.manifest.files[path].sha256):
            continue
        data = read_file(bundle.root, path, limit=layout.limit_of(path))
        wanted = sha256(data) if len(found) == len(sha256(b"")) else _git_digest(data)
        if found != wanted:
            raise IntegrityError(
                "the Hub does not hold what was pushed",
                place="{} of {}".format(path, address),
                wanted=wanted,
                found=found,
                fix="push again; if a .gitignore in the repository names the file, delete that",
            )


def _git_digest(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()  # noqa: S324  git's name of a file
