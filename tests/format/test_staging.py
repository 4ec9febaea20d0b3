"""A durable save: the target is always one whole bundle, old or new, and nothing else is touched."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from support.bundle_files import tree

from bert_bundle.errors import ConflictError, LockedError, StorageError, UnsafeError
from bert_bundle.format.files import sha256
from bert_bundle.format.manifest import File
from bert_bundle.format.staging import Staging


def save(target: Path, text: str, *, overwrite: bool = False) -> Staging:
    """Save a bundle of two files whose content is `text`."""
    with Staging(str(target), overwrite=overwrite) as staging:
        staging.write("golden/facts.json", text.encode())
        staging.write("bundle.json", text.encode())
        staging.publish()
    return staging


def content(target: Path) -> set[str]:
    """Return the distinct contents of a target's files, which must be the two files of `save`."""
    assert sorted(str(p.relative_to(target)) for p in target.rglob("*.json")) == ["bundle.json", "golden/facts.json"]
    return {path.read_text() for path in target.rglob("*.json")}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "model"


def beside(target: Path) -> list[str]:
    return sorted(os.listdir(target.parent))


def test_a_new_target_appears_whole_and_alone(target: Path) -> None:
    save(target, "new")
    assert content(target) == {"new"}
    assert beside(target) == ["model"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o755


def test_without_file_locks_nothing_is_saved_and_a_bundle_can_be_opened(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)  # as on Windows, which has no such module
    with pytest.raises(StorageError, match="a save needs file locks") as caught:
        save(target, "new")
    assert caught.value.fix == "save on Linux, in WSL or in a container; loading works here"
    assert beside(target) == []
    code = "import sys; sys.modules['fcntl'] = None; import bert_bundle.format.open_bundle, bert_bundle.api"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_parents_are_made(tmp_path: Path) -> None:
    save(tmp_path / "a" / "b" / "model", "new")
    assert content(tmp_path / "a" / "b" / "model") == {"new"}


def test_every_written_file_is_remembered_with_size_and_digest(target: Path) -> None:
    assert save(target, "new").files == {"golden/facts.json": File(3, sha256(b"new"))}


def test_a_file_is_written_once(target: Path) -> None:
    with Staging(str(target), overwrite=False) as staging:
        staging.write("graph.json", b"first")
        with pytest.raises(StorageError, match="the file system failed") as caught:
            staging.write("graph.json", b"second")
        assert (caught.value.place, caught.value.found) == ("graph.json", "File exists")


@pytest.mark.parametrize("path", ["../evil.json", "/tmp/evil.json", "a/../../evil.json", "evil.py", ""])
def test_nothing_is_written_outside_or_of_another_kind(target: Path, path: str) -> None:
    with Staging(str(target), overwrite=False) as staging, pytest.raises(UnsafeError):
        staging.write(path, b"{}")
    assert beside(target) == []


def test_a_bundle_stays_unless_it_may_be_overwritten(target: Path) -> None:
    save(target, "old")
    with pytest.raises(ConflictError, match="the target exists") as caught:
        save(target, "new")
    assert caught.value.fix == "pass overwrite=True"
    assert content(target) == {"old"}


def test_an_overwritten_bundle_is_exchanged_and_leaves_nothing(target: Path) -> None:
    save(target, "old")
    (target / "old.txt").touch()
    save(target, "new", overwrite=True)
    assert content(target) == {"new"}
    assert beside(target) == ["model"]
    assert not (target / "old.txt").exists()


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("kind", ["file", "link to a bundle", "dangling link", "foreign folder", "empty folder"])
def test_a_target_that_is_not_a_bundle_is_untouched(target: Path, tmp_path: Path, kind: str, overwrite: bool) -> None:
    if kind == "file":
        target.write_text("mine")
    elif kind == "link to a bundle":
        save(tmp_path / "real", "old")
        target.symlink_to("real")
    elif kind == "dangling link":
        target.symlink_to("nowhere")
    else:
        target.mkdir()
        if kind == "foreign folder":
            (target / "saved_model.pb").write_text("mine")
    before = [(p, p.lstat().st_mtime_ns, p.lstat().st_mode) for p in [tmp_path, *sorted(tmp_path.rglob("*"))]]
    with pytest.raises(ConflictError, match="the target exists and is not a bundle") as caught:
        save(target, "new", overwrite=overwrite)
    assert caught.value.place == str(target)
    assert before == [(p, p.lstat().st_mtime_ns, p.lstat().st_mode) for p in [tmp_path, *sorted(tmp_path.rglob("*"))]]


@pytest.mark.parametrize(
    ("kind", "overwrite"),
    [("file", False), ("file", True), ("folder", False), ("folder", True), ("link", True), ("bundle", False)],
)
def test_what_appears_while_staging_is_not_replaced(target: Path, kind: str, overwrite: bool) -> None:
    with Staging(str(target), overwrite=overwrite) as staging:
        staging.write("bundle.json", b"new")
        if kind == "file":
            target.touch()
        elif kind == "link":
            target.symlink_to("x")
        else:
            target.mkdir()
        if kind == "bundle":
            (target / "bundle.json").write_text("old")
        with pytest.raises(ConflictError, match="the target exists"):
            staging.publish()
    assert beside(target) == ["model"]


def fail(target: Path, error: type[BaseException]) -> None:
    with Staging(str(target), overwrite=True) as staging:
        staging.write("bundle.json", b"new")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, MemoryError, SystemExit])
@pytest.mark.parametrize("old", [False, True])
def test_a_failure_inside_leaves_the_target_as_before(target: Path, error: type[BaseException], old: bool) -> None:
    if old:
        save(target, "old")
    with pytest.raises(error):
        fail(target, error)
    assert beside(target) == (["model"] if old else [])
    assert not old or content(target) == {"old"}


def test_a_staging_that_is_not_published_leaves_no_target(target: Path) -> None:
    with Staging(str(target), overwrite=False) as staging:
        staging.write("bundle.json", b"new")
        assert stat.S_IMODE(os.stat(staging.path).st_mode) == 0o700
        assert os.path.dirname(staging.path) == str(target.parent)
    assert beside(target) == []


def test_a_staging_of_a_dead_process_is_cleared_at_the_next_save(target: Path) -> None:
    script = "import os, sys; from bert_bundle.format.staging import Staging; "
    script += "staging = Staging(sys.argv[1], overwrite=False).__enter__(); staging.write('bundle.json', b'half'); "
    script += "os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", script, str(target)], check=False)
    assert len(beside(target)) == 1
    save(target, "new")
    assert beside(target) == ["model"]


def test_a_save_under_way_locks_the_target_even_for_its_own_process(target: Path) -> None:
    save(target, "old")
    with Staging(str(target), overwrite=True) as first:
        with pytest.raises(LockedError, match="another save to this target is in progress") as caught:
            save(target, "new", overwrite=True)
        assert caught.value.found == os.path.basename(first.path)
        assert os.path.isdir(first.path)
        save(target.with_name("other"), "another target is free")
    assert content(target) == {"old"}
    save(target, "new", overwrite=True)


@pytest.mark.parametrize("old", [True, False], ids=["over an old bundle", "new"])
def test_a_failed_fsync_of_the_parent_leaves_what_was_there(
    target: Path, old: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: the disk fails at the very last fsync, when the new bundle has its name already."""
    if old:
        save(target, "old")
    honest = os.fsync

    def failing(descriptor: int) -> None:
        if os.path.samestat(os.fstat(descriptor), os.stat(target.parent)):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        honest(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(StorageError, match="the file system failed"):
        save(target, "new", overwrite=True)
    assert beside(target) == (["model"] if old else [])
    assert not old or content(target) == {"old"}


@pytest.mark.parametrize("name", [".model.tmp-0123abcd", f".model.tmp-{'g' * 16}", ".model.tmp-", ".x"])
def test_a_folder_that_only_looks_like_a_staging_is_left_alone(target: Path, name: str) -> None:
    (target.parent / name).mkdir()
    save(target, "new")
    assert beside(target) == sorted(["model", name])


def test_old_and_new_differ_for_a_reader(target: Path) -> None:
    save(target, "old")
    old = tree(str(target))
    save(target, "new", overwrite=True)
    assert tree(str(target)) != old
