"""Bundles that came through a repository, the Hub, a laptop: what was put beside their files does not matter."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.forged_bundles import resign, small

from bert_bundle.api import inspect
from bert_bundle.errors import FormatError, IntegrityError, UnsafeError
from bert_bundle.format.blob_store import target_of
from bert_bundle.format.files import sha256
from bert_bundle.format.open_bundle import check_files, open_bundle
from bert_bundle.host.workers.worker import Worker


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return small(tmp_path / "home" / "bundle")


def in_cache(bundle: Path, cache: Path, inside: str = "") -> Path:
    """Copy a bundle as `snapshot_download` lays it out: every file is a link to a blob that has its digest as name."""
    repository = cache / "models--me--router"
    snapshot = repository / "snapshots" / ("0" * 40)
    (repository / "blobs").mkdir(parents=True)
    for path in sorted(p for p in bundle.rglob("*") if p.is_file()):
        blob = repository / "blobs" / sha256(path.read_bytes())
        shutil.copy(path, blob)
        link = snapshot / inside / path.relative_to(bundle)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    return snapshot / inside


@pytest.mark.parametrize(
    "path",
    [
        ".gitattributes",
        ".gitignore",
        ".git",  # the file of a worktree or a submodule
        ".git/objects/pack/0.pack",
        ".cache/huggingface/download/graph.json.metadata",
        ".DS_Store",
        "golden/.DS_Store",
        ".ipynb_checkpoints/README-checkpoint.md",
        "golden/.ipynb_checkpoints/facts-checkpoint.json",
    ],
)
def test_what_tools_leave_beside_the_files_is_ignored(bundle: Path, path: str) -> None:
    (bundle / path).parent.mkdir(parents=True, exist_ok=True)
    (bundle / path).write_bytes(b"\0")
    check_files(open_bundle(str(bundle)))


def test_what_is_ignored_does_not_count(bundle: Path) -> None:
    (bundle / ".git").mkdir()
    for number in range(300):
        (bundle / ".git" / str(number)).touch()
    check_files(open_bundle(str(bundle)))


@pytest.mark.parametrize("path", [".hidden", ".github/workflows/ci.yml", "notes.txt", "golden/._facts.json", "x.py"])
def test_anything_else_is_refused_with_delete_it(bundle: Path, path: str) -> None:
    (bundle / path).parent.mkdir(parents=True, exist_ok=True)
    (bundle / path).touch()
    with pytest.raises(UnsafeError) as caught:
        open_bundle(str(bundle))
    assert caught.value.place == path.replace("/workflows/ci.yml", "")
    assert caught.value.fix == "delete it: a bundle holds what was saved and nothing else"


@pytest.mark.parametrize("card", [b"---\nlicense: mit\n---\n# Mine\n", b"", None])
def test_the_card_is_its_owners_to_edit_or_to_delete(bundle: Path, card: bytes | None) -> None:
    digest = inspect(str(bundle)).digest
    if card is None:
        (bundle / "README.md").unlink(missing_ok=True)
    else:
        (bundle / "README.md").write_bytes(card)
    check_files(open_bundle(str(bundle)))
    assert inspect(str(bundle)).digest == digest


def test_a_card_that_is_a_link_is_still_a_link(bundle: Path) -> None:
    (bundle / "README.md").unlink(missing_ok=True)
    (bundle / "README.md").symlink_to("/etc/passwd")
    with pytest.raises(UnsafeError, match="a file of the bundle is a link"):
        open_bundle(str(bundle))


def test_a_clone_of_a_repository_that_is_a_bundle_opens(bundle: Path, tmp_path: Path) -> None:
    (bundle / ".gitattributes").write_text("*.safetensors -text\n")
    for command in (
        ["git", "init", "--quiet", str(bundle)],
        ["git", "-C", str(bundle), "add", "--all"],
        ["git", "-C", str(bundle), "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "A bundle"],
        ["git", "clone", "--quiet", str(bundle), str(tmp_path / "clone")],
    ):
        subprocess.run(command, check=True)
    check_files(open_bundle(str(tmp_path / "clone")))


@pytest.mark.parametrize("inside", ["", "models/router"])
def test_the_links_of_a_hugging_face_cache_are_followed(bundle: Path, tmp_path: Path, inside: str) -> None:
    snapshot = in_cache(bundle, tmp_path, inside)
    check_files(open_bundle(str(snapshot)))
    blob = (snapshot / "golden" / "facts.json").resolve()
    blob.write_bytes(blob.read_bytes() + b" ")
    with pytest.raises(IntegrityError, match="a file is not what was written"):
        check_files(open_bundle(str(snapshot)))
    blob.unlink()
    with pytest.raises(FormatError, match="a file is missing"):
        check_files(open_bundle(str(snapshot)))


@pytest.mark.parametrize(
    "target",
    [
        "/etc/passwd",
        "../../../secret.json",
        "../../blobs/folder/secret.json",
        "../../blobs/link",
        "../../../models--other--model/blobs/secret.json",
        "../../blobs",
        "bundle.json",
    ],
)
def test_a_link_to_anything_but_a_blob_of_that_cache_is_unsafe(bundle: Path, tmp_path: Path, target: str) -> None:
    snapshot = in_cache(bundle, tmp_path / "cache")
    store = tmp_path / "cache" / "models--me--router" / "blobs"
    secrets = [tmp_path / "cache", store / "folder", tmp_path / "cache" / "models--other--model" / "blobs"]
    for folder in secrets:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "secret.json").write_text("{}")
    (store / "link").symlink_to("/etc/passwd")
    (snapshot / "odd.json").symlink_to(target)
    with pytest.raises(UnsafeError, match="a file of the bundle is a link") as caught:
        open_bundle(str(snapshot))
    assert (caught.value.place, caught.value.fix) == (
        "odd.json",
        "copy the bundle with the files that its links lead to: cp -rL",
    )


def shared(snapshot: Path) -> tuple[Path, Path]:
    """Make the blob of a file a link to the store of the whole cache, as huggingface_hub does for files of Xet."""
    blob = snapshot.parents[1] / "blobs" / os.path.basename(os.readlink(snapshot / "graph.json"))
    stored = snapshot.parents[2] / "blobs" / blob.name[:2] / blob.name
    stored.parent.mkdir(parents=True)
    blob.rename(stored)
    blob.symlink_to(os.path.relpath(stored, blob.parent))
    return blob, stored


def test_blobs_that_are_links_to_the_store_of_the_whole_cache_are_followed(bundle: Path, tmp_path: Path) -> None:
    (bundle / "graph.json").write_text("{}")
    resign(bundle)
    snapshot = in_cache(bundle, tmp_path / "cache")
    _, stored = shared(snapshot)
    check_files(open_bundle(str(snapshot)))
    stored.write_bytes(b"[]")
    with pytest.raises(IntegrityError, match="a file is not what was written"):
        check_files(open_bundle(str(snapshot)))


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../../blobs/secret.json", "../../blobs/se/other/secret.json", "../secret.json"]
)
def test_a_blob_that_is_a_link_to_anything_else_is_unsafe(bundle: Path, tmp_path: Path, target: str) -> None:
    (bundle / "graph.json").write_text("{}")
    resign(bundle)
    snapshot = in_cache(bundle, tmp_path / "cache")
    blob, stored = shared(snapshot)
    for path in ("blobs/secret.json", "blobs/se/other/secret.json", "models--me--router/secret.json"):
        (tmp_path / "cache" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cache" / path).write_text("{}")
    blob.unlink()
    blob.symlink_to(target)
    with pytest.raises(UnsafeError, match="a file of the bundle is a link"):
        open_bundle(str(snapshot))
    stored.unlink()
    stored.symlink_to("/etc/passwd")  # the blob of the whole cache is a link
    blob.unlink()
    blob.symlink_to(os.path.relpath(stored, blob.parent))
    with pytest.raises(UnsafeError, match="a file of the bundle is a link"):
        open_bundle(str(snapshot))


def test_a_folder_called_blobs_is_not_a_cache(bundle: Path) -> None:
    (bundle.parent / "blobs").mkdir()
    (bundle.parent / "blobs" / "odd.json").write_text("{}")
    (bundle / "odd.json").symlink_to("../blobs/odd.json")
    assert target_of(str(bundle), "odd.json") is None


def test_a_bundle_in_a_cache_with_an_edited_card_replays(classic_bundle: Path, tmp_path: Path, writer: Worker) -> None:
    copy = Path(shutil.copytree(classic_bundle, tmp_path / "copy"))
    (copy / "README.md").write_text("---\nlicense: mit\n---\n")
    snapshot = in_cache(copy, tmp_path / "cache")
    (snapshot / ".gitattributes").touch()
    here, there = (
        writer.ask("replay", bundle=str(path), runtime="transformers") for path in (classic_bundle, snapshot)
    )
    assert here["predictions"] == there["predictions"]
