"""Files of a bundle: size limits, digests, regular files only, and no read blocks."""

import contextlib
import os
import socket
import threading
import time
import tracemalloc
from pathlib import Path

import pytest
from support.bundle_files import tree
from support.forged_bundles import unprivileged

from bert_bundle.errors import FormatError, IntegrityError, LimitError, StorageError, UnsafeError
from bert_bundle.format import files

HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "vocab.txt").write_bytes(b"hello")
    (tmp_path / "in" / "folder").mkdir()
    (tmp_path / "secret.txt").write_bytes(b"hello")
    return tmp_path / "in"


def test_a_file_is_read_whole(root: Path) -> None:
    assert files.read_file(str(root), "vocab.txt", limit=5) == b"hello"
    assert files.read_verified(str(root), "vocab.txt", size=5, digest=HELLO) == b"hello"


def test_a_missing_file_is_malformed(root: Path) -> None:
    with pytest.raises(FormatError, match="a file is missing") as caught:
        files.read_file(str(root), "graph.json", limit=5)
    assert caught.value.place == "graph.json"
    assert caught.value.fix


def test_another_size_is_an_integrity_error(root: Path) -> None:
    with pytest.raises(IntegrityError, match="a file is not what was written") as caught:
        files.read_verified(str(root), "vocab.txt", size=6, digest=HELLO)
    assert (caught.value.wanted, caught.value.found) == ("6 bytes", "5 bytes")


def test_another_digest_is_an_integrity_error(root: Path) -> None:
    (root / "vocab.txt").write_bytes(b"hellp")
    with pytest.raises(IntegrityError, match="a file is not what was written") as caught:
        files.read_verified(str(root), "vocab.txt", size=5, digest=HELLO)
    assert caught.value.wanted == "sha256 " + HELLO
    assert caught.value.found == "sha256 " + files.sha256(b"hellp")


@pytest.mark.parametrize(
    "target", ["../secret.txt", "vocab.txt", "/etc/passwd", "nowhere", "link.txt", "/proc/self/fd/0"]
)
def test_a_link_is_unsafe_wherever_it_leads(root: Path, target: str) -> None:
    (root / "link.txt").symlink_to(target)
    with pytest.raises(UnsafeError, match="a file of the bundle is a link") as caught:
        files.read_file(str(root), "link.txt", limit=5)
    assert caught.value.place == "link.txt"


def test_a_pipe_is_unsafe_and_nothing_waits_for_it(root: Path) -> None:
    os.mkfifo(root / "pipe.txt")
    started = time.monotonic()
    with pytest.raises(UnsafeError, match="not a regular file"):
        files.read_file(str(root), "pipe.txt", limit=5)
    assert time.monotonic() - started < 1


def test_a_folder_in_place_of_a_file_is_unsafe_and_its_descriptor_is_closed(root: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(UnsafeError, match="not a regular file"):
        files.read_file(str(root), "folder", limit=5)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_device_is_unsafe() -> None:
    with pytest.raises(UnsafeError, match="not a regular file"):
        files.read_file("/dev", "zero", limit=5)


def test_a_terabyte_is_a_limit_before_a_byte_is_read(root: Path) -> None:
    with open(root / "vocab.txt", "wb") as file:
        file.truncate(1 << 40)
    tracemalloc.start()
    started = time.monotonic()
    for size in (None, 5, 1 << 40):
        with pytest.raises(LimitError, match="a file is too large") as caught:
            files.read_file(str(root), "vocab.txt", limit=64 << 20, size=size)
        assert caught.value.found == f"{1 << 40} bytes"
    assert time.monotonic() - started < 0.1
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_a_file_without_permission_is_a_storage_error() -> None:
    with unprivileged() as folder:
        (folder / "vocab.txt").write_bytes(b"hello")
        (folder / "vocab.txt").chmod(0)
        with pytest.raises(StorageError, match="a file cannot be read") as caught:
            files.read_file(str(folder), "vocab.txt", limit=5)
    assert caught.value.found == "Permission denied"


def test_a_folder_without_permission_is_a_storage_error() -> None:
    with unprivileged() as folder:
        (folder / "encoders").mkdir(0)
        with pytest.raises(StorageError, match="a folder cannot be read") as caught:
            files.listing(str(folder))
        (folder / "encoders").rmdir()
    assert caught.value.place == "encoders"


def test_what_is_handed_out_is_what_was_hashed_while_another_process_swaps_the_file(root: Path) -> None:
    (root / "evil.txt").write_bytes(b"hellp")
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            for source in ("evil.txt", "good.txt"):
                with contextlib.suppress(FileNotFoundError):
                    os.replace(root / source, root / "vocab.txt")
                for name, data in (("evil.txt", b"hellp"), ("good.txt", b"hello")):
                    (root / name).write_bytes(data)

    racer = threading.Thread(target=swap)
    racer.start()
    outcomes: set[bytes] = set()
    reads, end = 0, time.monotonic() + 30
    while (reads < 1000 or len(outcomes) < 2) and time.monotonic() < end:
        reads += 1
        try:
            outcomes.add(files.read_verified(str(root), "vocab.txt", size=5, digest=HELLO))
        except IntegrityError:
            outcomes.add(b"refused")
    done.set()
    racer.join()
    assert outcomes == {b"hello", b"refused"}


def test_a_listing_is_every_file_in_order(root: Path) -> None:
    (root / "folder" / "b.json").touch()
    (root / "folder" / "a.json").touch()
    assert files.listing(str(root)) == ["folder/a.json", "folder/b.json", "vocab.txt"]
    assert tree(str(root))["vocab.txt"] == HELLO


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_is_neither_file_nor_folder_is_unsafe_in_a_listing(
    root: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = root / "folder" / "odd"
    if kind == "pipe":
        os.mkfifo(odd)
    else:
        monkeypatch.chdir(odd.parent)  # the address of a socket has at most 107 characters
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("odd")
    with pytest.raises(UnsafeError, match="neither a file nor a folder") as caught:
        files.listing(str(root))
    assert caught.value.place == "folder/odd"


@pytest.mark.parametrize("target", ["../vocab.txt", "..", "odd", "nowhere", "/etc/passwd"])
def test_a_link_is_unsafe_in_a_listing(root: Path, target: str) -> None:
    (root / "folder" / "odd").symlink_to(target)
    with pytest.raises(UnsafeError, match="a file of the bundle is a link") as caught:
        files.listing(str(root))
    assert caught.value.place == "folder/odd"


@pytest.mark.parametrize("name", [".hidden", "a b", "con", "é.txt", "x\n", "a:b", os.fsdecode(b"\xff.txt")], ids=ascii)
def test_a_name_that_is_not_plain_is_unsafe_in_a_listing(root: Path, name: str) -> None:
    (root / name).touch()
    with pytest.raises(UnsafeError, match="a name that no file of a bundle has") as caught:
        files.listing(str(root))
    assert caught.value.fix.startswith("delete it")


def test_many_files_are_a_limit(root: Path) -> None:
    for number in range(257):
        (root / "folder" / f"{number}.txt").touch()
    with pytest.raises(LimitError, match="too many files"):
        files.listing(str(root))


def test_many_folders_are_a_limit_too(root: Path) -> None:
    for number in range(20):
        (root / "folder" / str(number)).mkdir()
        for inner in range(20):
            (root / "folder" / str(number) / str(inner)).mkdir()
    with pytest.raises(LimitError, match="too many files"):
        files.listing(str(root))


def test_deep_folders_are_a_limit(root: Path) -> None:
    (root / "/".join(["d"] * 200)).mkdir(parents=True)
    with pytest.raises(LimitError, match="a path is too long"):
        files.listing(str(root))


def test_a_missing_root_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="a folder cannot be read"):
        files.listing(str(tmp_path / "nowhere"))
