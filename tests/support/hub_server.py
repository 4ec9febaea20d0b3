"""A server on this machine that answers what huggingface_hub asks of the Hub for a repository of models.

Repositories are in memory: commits of files, branches. Small text files are kept by git's digest, `*.safetensors` by
sha256 through the LFS protocol, as on the Hub; there is no Xet. `faults` are planted in the answers.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_of_this_test"
SHA256_LENGTH = 64

Files = dict[str, bytes]


@dataclass
class Repository:
    """One repository: its commits, its branches, and whether a token is needed to see it."""

    private: bool = False
    commits: dict[str, Files] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, branch: str, files: Files) -> str:
        """Make a commit of `files` the head of a branch, and return it."""
        made = hashlib.sha1(f"{len(self.commits)} {sorted(files)}".encode()).hexdigest()
        self.commits[made] = files
        self.branches[branch] = made
        return made

    def resolve(self, revision: str) -> str | None:
        """Return the commit of a branch or of a commit; None if there is none."""
        return self.branches.get(revision, revision if revision in self.commits else None)


@dataclass
class Hub:
    """The content of the server, the requests that it saw, and the faults that are planted in it.

    tampered  a function (path, bytes) -> bytes, of the files that it serves
    status    if set, what every request is answered with
    overtaken whether another push comes before each commit
    drops     paths that a commit loses
    """

    url: str = ""
    storage: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    tampered: Callable[[str, bytes], bytes] | None = None
    status: int | None = None
    overtaken: bool = False
    drops: frozenset[str] = frozenset()

    def repository(self, name: str, files: Files | None = None) -> Repository:
        """Return a new repository with one commit on `main`."""
        made = self.repositories[name] = Repository()
        made.commit("main", {".gitattributes": b"*.safetensors filter=lfs\n", **(files or {})})
        return made

    def downloads(self) -> list[str]:
        """Return the paths of files that were downloaded, in order."""
        return [
            line.rsplit("/resolve/", 1)[1].split("/", 1)[1] for line in self.seen if re.match("GET .*/resolve/", line)
        ]


@contextmanager
def serving() -> Iterator[Hub]:
    """Yield a hub that answers at `Hub.url` until the block ends."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    hub.storage = f"http://localhost:{server.server_address[1]}/storage"  # another host, as that of the Hub's files is
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: Any) -> None:
        """Write nothing: the test's output is its own."""

    def do_GET(self) -> None:
        self._route(_GET)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self._route(_POST)

    def do_PUT(self) -> None:
        self._route(_PUT)

    def _route(self, routes: dict[str, Callable[..., None]]) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        self.hub.seen.append(f"{self.command} {unquote(path)}")
        if self.hub.status is not None:
            return self.answer({"error": "planted"}, self.hub.status)
        for pattern, action in routes.items():
            if found := re.fullmatch(pattern, path):
                return action(self, **{name: unquote(part or "") for name, part in found.groupdict().items()})
        return self.answer({"error": f"the test server does not know {self.command} {path}"}, 404)

    @property
    def known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def found(self, name: str) -> Repository | None:
        """Return the repository, or answer as the Hub does for one that is missing or hidden."""
        repository = self.hub.repositories.get(name)
        if repository is None or (repository.private and not self.known):
            self.answer({"error": "Repository not found"}, 404 if self.known else 401, code="RepoNotFound")
            return None
        return repository

    def at(self, name: str, revision: str) -> tuple[str, Files] | None:
        """Return the commit of a revision and its files, or answer that there is none."""
        if (repository := self.found(name)) is None:
            return None
        commit = repository.resolve(revision or "main")
        if commit is None:
            self.answer({"error": "Invalid rev id"}, 404, code="RevisionNotFound")
            return None
        return commit, repository.commits[commit]

    def permitted(self) -> bool:
        """Return whether the request may write, or answer that it may not."""
        if not self.known:
            self.answer({"error": "Invalid username or password."}, 401)
        return self.known

    def answer(self, record: object, status: int = 200, *, code: str = "") -> None:
        self.send(json.dumps(record).encode(), status, {"X-Error-Code": code} if code else {})

    def send(self, data: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _info(request: _Handler, repo: str, revision: str = "") -> None:
    if at := request.at(repo, revision):
        siblings = [{"rfilename": path} for path in sorted(at[1])]
        request.answer({"_id": "0" * 24, "id": repo, "modelId": repo, "sha": at[0], "siblings": siblings, "tags": []})


def _tree(request: _Handler, repo: str, revision: str, folder: str = "") -> None:
    if at := request.at(repo, revision):
        entries = []
        for path, data in sorted(at[1].items()):
            entry = {"type": "file", "path": path, "size": len(data), "oid": _git_digest(data)}
            if _is_large(path):
                entry["lfs"] = {"oid": _sha256(data), "size": len(data), "pointerSize": 130}
            entries.append(entry)
        request.answer(entries)


def _resolve(request: _Handler, repo: str, revision: str, path: str) -> None:
    at = request.at(repo, revision)
    if at is None:
        return
    commit, files = at
    if path not in files:
        request.send(b"Entry not found", 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        return
    data = files[path]
    served = request.hub.tampered(path, data) if request.hub.tampered else data
    headers = {"X-Repo-Commit": commit, "ETag": f'"{_git_digest(data)}"'}
    if not _is_large(path):
        return request.send(served, 200, headers)
    digest = _sha256(data)
    request.hub.blobs[digest] = served
    location = f"{request.hub.storage}/{digest}"
    linked = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(data)), "Location": location}
    return request.send(b"", 302, {**headers, **linked})


def _stored(request: _Handler, digest: str) -> None:
    request.send(request.hub.blobs[digest], 200, {"ETag": f'"{digest}"'})


def _create(request: _Handler) -> None:
    if not request.permitted():
        return
    asked = json.loads(request.body)
    name = "{organization}/{name}".format(**asked)
    if name in request.hub.repositories:
        return request.answer({"error": "You already created this model repo", "url": f"{request.hub.url}/{name}"}, 409)
    request.hub.repository(name).private = asked.get("visibility") == "private" or bool(asked.get("private"))
    return request.answer({"url": f"{request.hub.url}/{name}", "name": name, "id": "0" * 24})


def _branch(request: _Handler, repo: str, branch: str) -> None:
    repository = request.found(repo) if request.permitted() else None
    if repository is None:
        return
    if branch in repository.branches:
        return request.answer({"error": "Reference already exists"}, 409)
    repository.branches[branch] = repository.branches["main"]
    return request.answer({})


def _validate(request: _Handler) -> None:
    refused = "license: nonsense" in json.loads(request.body)["content"]
    errors = [{"message": '"license" must be one of the known ones'}] if refused else []
    request.answer({"errors": errors, "warnings": []}, 400 if refused else 200)


def _preupload(request: _Handler, repo: str, revision: str) -> None:
    if not request.permitted() or (at := request.at(repo, revision)) is None:
        return
    modes = [
        {
            "path": file["path"],
            "uploadMode": "lfs" if _is_large(file["path"]) else "regular",
            "shouldIgnore": file["path"] in request.hub.drops,
            "oid": _oid(file["path"], at[1]),
        }
        for file in json.loads(request.body)["files"]
    ]
    request.answer({"files": modes})


def _batch(request: _Handler, repo: str) -> None:
    if not request.permitted():
        return
    objects = []
    for asked in json.loads(request.body)["objects"]:
        upload = {"upload": {"href": f"{request.hub.storage}/{asked['oid']}"}}
        objects.append(asked if asked["oid"] in request.hub.blobs else {**asked, "actions": upload})
    request.answer({"transfer": "basic", "objects": objects})


def _store(request: _Handler, digest: str) -> None:
    assert _sha256(request.body) == digest
    request.hub.blobs[digest] = request.body
    request.answer({})


def _commit(request: _Handler, repo: str, revision: str) -> None:
    if not request.permitted() or (at := request.at(repo, revision)) is None:
        return
    repository, files = request.hub.repositories[repo], dict(at[1])
    if request.hub.overtaken:
        repository.commit(revision, {**files, "other.txt": b""})
    lines = [json.loads(line) for line in request.body.splitlines()]
    parent = next(line["value"].get("parentCommit") for line in lines if line["key"] == "header")
    if parent is not None and parent != repository.resolve(revision):
        return request.answer({"error": "A commit has happened since. Please refresh and try again."}, 412)
    for line in lines:
        value = line["value"]
        if line["key"] == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif line["key"] == "lfsFile":
            files[value["path"]] = request.hub.blobs[value["oid"]]
        elif line["key"] == "deletedFile":
            del files[value["path"]]
    made = repository.commit(revision, files)
    return request.answer({"success": True, "commitOid": made, "commitUrl": f"{request.hub.url}/{repo}/commit/{made}"})


def _oid(path: str, files: Files) -> str | None:
    if path not in files:
        return None
    return _sha256(files[path]) if _is_large(path) else _git_digest(files[path])


def _is_large(path: str) -> bool:
    return path.endswith(".safetensors")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _git_digest(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


_REPO = r"(?P<repo>[^/]+/[^/]+)"
_GET: dict[str, Callable[..., None]] = {
    rf"/api/models/{_REPO}": _info,
    rf"/api/models/{_REPO}/revision/(?P<revision>[^/]+)": _info,
    rf"/api/models/{_REPO}/tree/(?P<revision>[^/]+)(?P<folder>/.*)?": _tree,
    rf"/{_REPO}/resolve/(?P<revision>[^/]+)/(?P<path>.+)": _resolve,
    r"/storage/(?P<digest>[0-9a-f]+)": _stored,
}
_POST: dict[str, Callable[..., None]] = {
    r"/api/repos/create": _create,
    r"/api/validate-yaml": _validate,
    rf"/api/models/{_REPO}/branch/(?P<branch>[^/]+)": _branch,
    rf"/api/models/{_REPO}/preupload/(?P<revision>[^/]+)": _preupload,
    rf"/{_REPO}\.git/info/lfs/objects/batch": _batch,
    rf"/api/models/{_REPO}/commit/(?P<revision>[^/]+)": _commit,
}
_PUT: dict[str, Callable[..., None]] = {r"/storage/(?P<digest>[0-9a-f]+)": _store}
