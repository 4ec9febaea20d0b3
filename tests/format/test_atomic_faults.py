"""Saves that are killed, run out of room or meet each other: the target is old or new, and whole."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bert_bundle.errors import StorageError
from bert_bundle.format.atomic import Staging

# argv: target, how often, size. Every file of save k says k.
WRITER = """
import sys
from bert_bundle.errors import BundleError
from bert_bundle.format.atomic import Staging

target, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for number in range(count):
    try:
        with Staging(target, overwrite=True) as staging:
            for name in ("golden/a.json", "golden/b.json", "encoders/c.json", "bundle.json"):
                staging.write(name, str(number).encode().rjust(size))
            staging.publish()
    except BundleError as error:
        print(type(error).__name__, error.found)
        sys.exit(5)
    print(number, flush=True)
"""
FILES = ["bundle.json", "encoders/c.json", "golden/a.json", "golden/b.json"]


def writer(target: Path, count: int, size: int = 64, **options: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, str(target), str(count), str(size)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload,no-any-return]


def number(target: Path) -> int:
    """Which save the target holds; fails when it is none, or parts of two."""
    assert sorted(str(p.relative_to(target)) for p in target.rglob("*") if p.is_file()) == FILES
    (found,) = {int((target / name).read_text()) for name in FILES}
    return found


def finish(process: "subprocess.Popen[str]") -> str:
    output, _ = process.communicate(timeout=60)
    return output


def test_a_killed_save_leaves_one_whole_bundle_whenever_it_is_killed(tmp_path: Path) -> None:
    target, moments, replaced = tmp_path / "model", random.Random(0), set()
    assert finish(writer(target, 1)) == "0\n"
    for _ in range(25):
        process = writer(target, 100_000)
        assert process.stdout is not None
        process.stdout.readline()  # it is at work
        time.sleep(moments.uniform(0, 0.02))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        replaced.add(number(target))
    assert len(replaced) > 1
    assert finish(writer(target, 1)) == "0\n"
    assert os.listdir(tmp_path) == ["model"]  # what the dead left was cleared
    assert number(target) == 0


@pytest.mark.parametrize("code", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_save_leaves_one_whole_bundle(tmp_path: Path, code: signal.Signals) -> None:
    target = tmp_path / "model"
    process = writer(target, 100_000, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(code)
    process.communicate(timeout=60)
    assert number(target) >= 0
    if code == signal.SIGINT:  # KeyboardInterrupt: the staging was removed too
        assert os.listdir(tmp_path) == ["model"]


def test_a_reader_sees_whole_bundles_while_they_are_replaced(tmp_path: Path) -> None:
    target = tmp_path / "model"
    finish(writer(target, 1))
    process = writer(target, 300)
    seen = []
    while process.poll() is None:
        folder = os.open(target, os.O_RDONLY)  # a reader that opened the folder keeps what it opened, or loses it
        parts = set()
        try:
            for name in FILES:
                with open(os.open(name, os.O_RDONLY, dir_fd=folder), encoding="ascii") as file:
                    parts.add(int(file.read()))
        except FileNotFoundError:
            parts = set()
        os.close(folder)
        assert len(parts) <= 1
        seen += parts
    process.communicate()
    assert seen == sorted(seen)
    assert len(set(seen)) > 1


def test_of_many_savers_one_wins_and_the_others_say_why(tmp_path: Path) -> None:
    for attempt in range(3):
        target = tmp_path / f"model-{attempt}"
        processes = [writer(target, 1, 1 << 20) for _ in range(6)]
        answers = [finish(process).split()[0] for process in processes]
        assert "0" in answers
        assert set(answers) <= {"0", "LockedError", "ConflictError"}
        assert number(target) == 0
    assert sorted(os.listdir(tmp_path)) == ["model-0", "model-1", "model-2"]


def test_a_limit_of_file_size_is_a_fault_of_storage_and_the_old_bundle_stays(tmp_path: Path) -> None:
    import resource

    target = tmp_path / "model"
    finish(writer(target, 1))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    process = writer(target, 1, 5000, preexec_fn=limit)
    assert finish(process) == "StorageError File too large\n"
    assert process.returncode == 5
    assert number(target) == 0
    assert os.listdir(tmp_path) == ["model"]


def test_a_limit_of_open_files_is_a_fault_of_storage_and_the_old_bundle_stays(tmp_path: Path) -> None:
    import resource

    target = tmp_path / "model"
    with Staging(str(target), overwrite=False) as staging:
        staging.write("bundle.json", b"old")
        staging.publish()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pytest.raises(StorageError, match="the file system failed") as caught:
        with Staging(str(target), overwrite=True) as staging:
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
            try:
                staging.write("bundle.json", b"new")
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert caught.value.found == "Too many open files"
    assert (target / "bundle.json").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["model"]


def test_a_folder_that_may_not_be_written_is_a_fault_of_storage(restricted: Path) -> None:
    (restricted / "parent").mkdir()
    (restricted / "parent").chmod(0o555)
    with pytest.raises(StorageError, match="the file system failed") as caught:
        with Staging(str(restricted / "parent" / "model"), overwrite=False):
            pass
    assert caught.value.found == "Permission denied"
    assert caught.value.fix.startswith("make room or fix the permissions")


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Makes a file system of so many KiB; in a namespace of its own where that is allowed, with `mount` as root."""
    mounted: list[Path] = []

    def make(kib: int) -> Path:
        place = tmp_path / f"tmpfs-{kib}"
        place.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(place)], check=True)
        mounted.append(place)
        return place

    yield make
    for place in mounted:
        subprocess.run(["umount", str(place)], check=True)
