"""What the files of a bundle are, for tests. Python 3.8: the suites inside the environments use it too."""

from typing import Dict

from bert_bundle.format import layout
from bert_bundle.format.files import listing, read_file, sha256
from bert_bundle.format.golden import Golden, from_bundle
from bert_bundle.format.open_bundle import open_bundle


def read_golden(path: str) -> Golden:
    """Return the golden of the bundle at `path`."""
    return from_bundle(open_bundle(path))


def tree(root: str) -> Dict[str, str]:
    """Return path -> sha256 of every file below `root`: equal trees are unchanged folders."""
    return {path: sha256(read_file(root, path, limit=layout.limit_of(path))) for path in listing(root)}
