"""The address of a bundle on the Hub: `hf://OWNER/NAME`, with `@REVISION` and `/FOLDER` where they are needed.

A slash in the name of a branch is written `%2F`, as huggingface_hub does; `refs/pr/1` needs none.
"""

import os
import re
from dataclasses import dataclass
from typing import Optional, Union
from urllib.parse import quote, unquote

from bert_bundle.errors import ConfigError
from bert_bundle.format import layout

SYNTAX = "hf://OWNER/NAME, hf://OWNER/NAME@REVISION or hf://OWNER/NAME@REVISION/FOLDER"

_SCHEME = re.compile(r"hf:/{1,2}")  # pathlib writes `hf://a/b` as `hf:/a/b`
_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
_PULL_REQUEST = r"refs/(?:pr|convert)/[^/]+"
_ADDRESS = re.compile(
    r"(?P<repository>{0}/{0})(?:@(?P<revision>{1}|[^/]+))?(?:/(?P<folder>.+?))?/?\Z".format(_NAME, _PULL_REQUEST)
)
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]*\Z")
_OTHER_KINDS = ("buckets", "datasets", "kernels", "spaces")  # huggingface_hub's prefixes of what is not a model
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")


@dataclass(frozen=True)
class HubAddress:
    """Where a bundle is on the Hub.

    repository  "OWNER/NAME"
    revision    a branch, a tag or a commit; None for the branch that the repository shows
    folder      the folder in the repository that is the bundle; empty for the repository itself
    """

    repository: str
    revision: Optional[str] = None
    folder: str = ""

    def __str__(self) -> str:
        revision = ""
        if self.revision is not None:
            revision = "@" + quote(self.revision, safe="/" if self.revision.startswith("refs/") else "")
        return "hf://{}{}{}".format(self.repository, revision, self.folder and "/" + self.folder)

    @property
    def is_commit(self) -> bool:
        """Return whether the revision is a commit, which always means the same files."""
        return self.revision is not None and bool(_COMMIT.match(self.revision))

    def inside(self, path: str) -> str:
        """Return the path in the repository of a file of the bundle."""
        return "{}/{}".format(self.folder, path) if self.folder else path

    def at(self, revision: str) -> "HubAddress":
        """Return the address of the same bundle at another revision."""
        return HubAddress(self.repository, revision, self.folder)


def is_address(path: Union[str, "os.PathLike[str]"]) -> bool:
    """Return whether `path` is an address on the Hub, and not a path of this machine."""
    return bool(_SCHEME.match(os.fspath(path)))


def parse(path: Union[str, "os.PathLike[str]"]) -> HubAddress:
    """Return the address that `path` is. Raises ConfigError for one that does not name a repository of models."""
    text = os.fspath(path)
    scheme = _SCHEME.match(text)
    found = _ADDRESS.match(text[scheme.end() :]) if scheme else None
    if found is None:
        raise _fault(text)
    revision = unquote(found["revision"]) if found["revision"] else None
    if revision is not None and (not _REVISION.match(revision) or ".." in revision or "//" in revision):
        raise _fault(text)
    if found["repository"].split("/")[0] in _OTHER_KINDS:
        raise _fault(text, "a repository of models")
    folder = found["folder"] or ""
    if folder:
        layout.check_path(folder)
    return HubAddress(found["repository"], revision, folder)


def _fault(text: str, wanted: str = SYNTAX) -> ConfigError:
    return ConfigError("not an address of a bundle on the Hub", place=text, wanted=wanted)
