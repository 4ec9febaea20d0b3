"""Saves that are killed, run out of room or meet each other: the target is old or new, and whole."""

import os
import random
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.forged_bundles import unprivileged

from bert_bundle.errors import ConflictError, LockedError, StorageError
from bert_bundle.format.staging import Staging

# argv: target, how often, size. Every file of save k contains k.
WRITER = """
import sys
from bert_bundle.errors import BundleError
from bert_bundle.format.staging import Staging

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
    for _ in range(20):
        process = writer(target, 100_000)
        assert process.stdout is not None
        for _ in range(moments.randint(1, 5)):  # that many saves are done, the next is at work
            process.stdout.readline()
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
    assert finish(writer(target, 1)) == "0\n"
    assert os.listdir(tmp_path) == ["model"]


def test_a_reader_sees_whole_bundles_while_they_are_replaced(tmp_path: Path) -> None:
    target = tmp_path / "model"
    finish(writer(target, 1))
    process = writer(target, 150)
    seen: list[int] = []
    while process.poll() is None:
        folder = os.open(target, os.O_RDONLY)  # a reader that opened the folder keeps what it opened, or loses it
        parts: set[int] = set()
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


def test_saves_that_begin_and_end_in_the_same_instant_never_take_each_other_for_abandoned(tmp_path: Path) -> None:
    target = tmp_path / "model"

    def save_often(_: int) -> set[str]:
        ends = set()
        for _ in range(200):
            try:
                with Staging(str(target), overwrite=True) as staging:
                    staging.write("bundle.json", b"0")
                    staging.publish()
                ends.add("saved")
            except (LockedError, ConflictError) as error:
                ends.add(type(error).__name__)
        return ends

    with ThreadPoolExecutor(6) as threads:
        ends = set().union(*threads.map(save_often, range(6)))
    assert "saved" in ends
    assert ends <= {"saved", "LockedError", "ConflictError"}
    assert os.listdir(tmp_path) == ["model"]


def test_a_limit_of_file_size_is_a_fault_of_storage_and_the_old_bundle_stays(tmp_path: Path) -> None:
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
    target = tmp_path / "model"
    with Staging(str(target), overwrite=False) as staging:
        staging.write("bundle.json", b"old")
        staging.publish()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Staging(str(target), overwrite=True) as staging:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            with pytest.raises(StorageError, match="the file system failed") as caught:
                staging.write("bundle.json", b"new")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert caught.value.found == "Too many open files"
    assert (target / "bundle.json").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["model"]


def test_a_folder_that_may_not_be_written_is_a_fault_of_storage() -> None:
    with unprivileged() as folder:
        folder.chmod(0o555)
        staging = Staging(str(folder / "model"), overwrite=False)
        with pytest.raises(StorageError, match="the file system failed") as caught:
            staging.__enter__()
        folder.chmod(0o700)
    assert caught.value.found == "Permission denied"
    assert caught.value.fix.startswith("free some space or fix the permissions")


# argv: folder, bytes a file may have. Ever larger bundles over the same one, until and beyond the end of the room.
FILLER = """
import os, resource, sys
from bert_bundle.errors import ConflictError, LockedError, StorageError
from bert_bundle.format.staging import Staging

folder, most = sys.argv[1], int(sys.argv[2])
if most:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
target, last, refused = os.path.join(folder, "model"), None, set()
for size in range(4096, 150_000, 4096):
    try:
        with Staging(target, overwrite=True) as staging:
            for name in ("golden/a.json", "bundle.json"):
                staging.write(name, str(size).encode().rjust(size))
            staging.publish()
        last = size
    except StorageError as error:
        refused.add(error.found)
    assert os.listdir(folder) == ["model"], os.listdir(folder)
    for name in ("golden/a.json", "bundle.json"):
        with open(os.path.join(target, name)) as file:
            assert int(file.read()) == last, name
print(last < size, *refused)
"""


def test_a_file_system_that_is_full_keeps_the_old_bundle_whole(tmp_path: Path) -> None:
    """On a real small file system, mounted where only the child sees it; by a limit where no one may mount."""
    mount = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=256k tmpfs "$0" && exec "$@"', str(tmp_path)]
    child = [sys.executable, "-c", FILLER, str(tmp_path)]
    try:
        may_mount = subprocess.run([*mount, "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        may_mount = False
    command, found = (
        ([*mount, *child, "0"], "No space left on device")
        if may_mount
        else (
            [*child, str(64 << 10)],
            "File too large",
        )
    )
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == f"True {found}\n"
