"""Links of a Hugging Face cache, which keeps the files of all revisions in one folder and links to them.

    models--me--router/blobs/HASH
    models--me--router/snapshots/REVISION/graph.json -> ../../blobs/HASH

Newer clients keep files of Xet once for all repositories, and the blob of a repository is a link itself:

    blobs/0f/XET-HASH
    models--me--router/blobs/HASH -> ../../blobs/0f/XET-HASH

`huggingface_hub.snapshot_download` returns such a REVISION folder. Does not know: what the files contain.
"""

import os
from typing import Optional

_SNAPSHOTS, _BLOBS = "snapshots", "blobs"  # huggingface_hub, "Understand caching"


def target_of(root: str, path: str) -> Optional[str]:
    """Return the file in a blob store that the link `path` below `root` leads to; None for any other link.

    `root` is a revision, or a folder inside of one. The target must be directly in the one store of that repository, or
    be a link there to the one store of that cache, and not be any other link.
    """
    store = _store(root)
    if store is None:
        return None
    target = _next(os.path.join(root, path))
    if os.path.dirname(target) != store:
        return None
    if os.path.islink(target):
        shared = os.path.join(os.path.dirname(os.path.dirname(store)), _BLOBS)
        target = _next(target)
        name = os.path.basename(target)
        if target != os.path.join(shared, name[:2], name):
            return None
    return target if os.path.realpath(target) == target else None


def _next(link: str) -> str:
    return os.path.normpath(os.path.join(os.path.dirname(link), os.readlink(link)))


def _store(root: str) -> Optional[str]:
    """Return the blob store beside the folder of revisions that `root`, a path without links, is in."""
    folder = root
    while folder != os.path.dirname(folder):
        parent = os.path.dirname(folder)
        if os.path.basename(parent) == _SNAPSHOTS:
            return os.path.join(os.path.dirname(parent), _BLOBS)
        folder = parent
    return None
