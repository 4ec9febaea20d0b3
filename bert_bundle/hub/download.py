"""Bring a bundle from the Hub: into the cache of huggingface_hub, or as a folder of its own.

Only files that the manifest lists are asked for, and the manifest comes first: a repository that does not hold the
bundle that was wanted costs one small file.
"""

import os
from dataclasses import dataclass
from typing import Optional, Union

from bert_bundle.errors import ConfigError, IntegrityError
from bert_bundle.format import layout
from bert_bundle.format.files import read_file
from bert_bundle.format.manifest import Manifest
from bert_bundle.format.open_bundle import OpenedBundle
from bert_bundle.format.staging import Staging, check_target
from bert_bundle.hub.address import HubAddress, is_address, parse
from bert_bundle.hub.client import LIBRARY, client

_REVISIONS = "snapshots"  # huggingface_hub, "Understand caching"


@dataclass(frozen=True)
class Fetched:
    """A bundle in the cache of huggingface_hub.

    root      its folder
    manifest  of the bundle
    address   with the commit that it is of
    cache     the folder of its repository in the cache
    """

    root: str
    manifest: Manifest
    address: HubAddress
    cache: str


def located(path: Union[str, "os.PathLike[str]"]) -> str:
    """Return the folder of a bundle on this machine: `path`, or for an address where its download is.

    Raises ConfigError, HubError or FormatError, as of `fetch`. The files are not verified.
    """
    return fetch(parse(path)).root if is_address(path) else os.fspath(path)


def fetch(address: HubAddress, digest: Optional[str] = None) -> Fetched:
    """Download what the cache does not have of a bundle. `digest`: that of the bundle that is wanted.

    Raises ConfigError without huggingface_hub, HubError if there is no such repository, revision or network,
    FormatError for a repository that is not a bundle, IntegrityError for a bundle of another digest.
    """
    with client(address) as hub:
        first = hub.hf_hub_download(
            address.repository, address.inside(layout.MANIFEST), revision=address.revision, **LIBRARY
        )
    root = os.path.realpath(os.path.dirname(first))
    revision = _revision(root, address)
    commit = os.path.basename(revision)
    manifest = Manifest.parse(read_file(root, layout.MANIFEST, limit=layout.MAX_MANIFEST))
    if digest is not None and manifest.digest != digest:
        raise IntegrityError(
            "the bundle is not the one that was wanted",
            place=address,
            wanted="digest " + digest,
            found="digest " + manifest.digest,
            fix="name the revision that holds it, or ask who pushed this one",
        )
    wanted = [address.inside(path) for path in sorted({layout.MANIFEST, layout.CARD, *manifest.files})]
    with client(address) as hub:
        hub.snapshot_download(address.repository, revision=commit, allow_patterns=wanted, **LIBRARY)
    return Fetched(root, manifest, address.at(commit), os.path.dirname(os.path.dirname(revision)))


def pull(address: HubAddress, target: str, *, digest: Optional[str] = None, overwrite: bool = False) -> Fetched:
    """Make the folder `target` of a bundle on the Hub, in one step, after every digest was checked.

    Raises like `fetch`; IntegrityError for a file that is not what its manifest lists; ConflictError, LockedError or
    StorageError for the target. After any error the target is as before.
    """
    check_target(target, overwrite=overwrite)
    fetched = fetch(address, digest)
    bundle = OpenedBundle(fetched.root, fetched.manifest)
    with Staging(target, overwrite=overwrite) as staging:
        for path in sorted(set(fetched.manifest.files) - {layout.CARD}):
            staging.write(path, _verified(bundle, path, fetched))
        if os.path.lexists(os.path.join(fetched.root, layout.CARD)):
            staging.write(layout.CARD, read_file(fetched.root, layout.CARD, limit=layout.MAX_JSON))
        staging.write(layout.MANIFEST, fetched.manifest.to_bytes())
        staging.publish()
    return fetched


def _verified(bundle: OpenedBundle, path: str, fetched: Fetched) -> bytes:
    try:
        return bundle.read(path)
    except IntegrityError as error:
        raise IntegrityError(
            "the Hub gave a file that is not what was saved",
            place="{} of {}".format(path, fetched.address),
            wanted=error.wanted,
            found=error.found,
            fix="remove {} from the cache and pull again; if it differs again, push the bundle again".format(
                fetched.cache
            ),
        ) from None


def _revision(root: str, address: HubAddress) -> str:
    """Return the folder of the cache, with a commit as name, that holds the bundle in `root`."""
    folder = root
    for _ in filter(None, address.folder.split("/")):
        folder = os.path.dirname(folder)
    if os.path.basename(os.path.dirname(folder)) != _REVISIONS:
        raise ConfigError(
            "huggingface_hub is too old: its cache does not keep revisions",
            place=root,
            wanted="huggingface_hub 0.11 or newer",
            fix="install a newer one, or `bert-bundle pull` the bundle elsewhere and copy the folder here",
        )
    return folder
