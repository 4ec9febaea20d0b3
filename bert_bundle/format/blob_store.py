"""Links of a Hugging Face cache, which keeps the files of all revisions in one folder and links to them.

    models--me--router/blobs/HASH
    models--me--router/snapshots/REVISION/graph.json -> ../../blobs/HASH

`huggingface_hub.snapshot_download` returns such a REVISION folder. Does not know: what the files contain.
"""

import os
from typing import Optional

_SNAPSHOTS, _BLOBS = "snapshots", "blobs"  # huggingface_hub, "Understand caching"


def target_of(root: str, path: str) -> Optional[str]:
    """Return the file in the blob store that the link `path` below `root` leads to; None for any other link.

    `root` is a revision, or a folder inside of one. The target must be directly in the one store of that cache, and not
    be a link itself.
    """
    store = _store(root)
    if store is None:
        return None
    target = os.path.join(root, os.path.dirname(path), os.readlink(os.path.join(root, path)))
    target = os.path.normpath(target)
    if os.path.dirname(target) != store or os.path.realpath(target) != target:
        return None
    return target


def _store(root: str) -> Optional[str]:
    """Return the blob store beside the folder of revisions that `root`, a path without links, is in."""
    folder = root
    while folder != os.path.dirname(folder):
        parent = os.path.dirname(folder)
        if os.path.basename(parent) == _SNAPSHOTS:
            return os.path.join(os.path.dirname(parent), _BLOBS)
        folder = parent
    return None
