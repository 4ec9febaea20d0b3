"""Opening a bundle: the shape first, then the manifest, then exactly the files that it lists."""

import os
import shutil
from pathlib import Path

import pytest
from support.forged_bundles import small, unprivileged

from bert_bundle.api import inspect
from bert_bundle.errors import FormatError, IntegrityError, LimitError, StorageError, UnsafeError
from bert_bundle.format.open_bundle import check_files, open_bundle

VICTIM = "golden/facts.json"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return small(tmp_path / "home" / "bundle")


def test_a_whole_bundle_opens(bundle: Path) -> None:
    opened = open_bundle(str(bundle))
    check_files(opened)
    assert opened.read(VICTIM) == (bundle / VICTIM).read_bytes()


def test_a_bundle_opens_through_a_link_and_has_its_real_path(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(bundle)
    assert open_bundle(str(tmp_path / "current")).root == str(bundle.resolve())


def test_a_file_that_was_read_is_not_read_again_by_the_check_of_all_files(bundle: Path) -> None:
    opened = open_bundle(str(bundle))
    opened.read(VICTIM)
    (bundle / VICTIM).write_bytes(b"changed after it was read")
    check_files(opened)
    with pytest.raises(IntegrityError, match="a file is not what was written"):
        opened.read(VICTIM)  # from the disk: nothing is kept unless it is asked for


def test_kept_bytes_are_handed_out_once_and_then_read_and_verified_again(bundle: Path) -> None:
    written = (bundle / VICTIM).read_bytes()
    opened = open_bundle(str(bundle))
    check_files(opened, keep=True)
    (bundle / VICTIM).write_bytes(b"changed after it was verified")
    assert opened.read(VICTIM) == written
    with pytest.raises(IntegrityError, match="a file is not what was written"):
        opened.read(VICTIM)


@pytest.mark.parametrize("keep", [True, False])
def test_a_changed_file_that_nobody_reads_is_refused(bundle: Path, keep: bool) -> None:
    opened = open_bundle(str(bundle))
    opened.read("golden/inputs.json")
    (bundle / VICTIM).write_bytes(b"{}")
    with pytest.raises(IntegrityError, match="a file is not what was written") as caught:
        check_files(opened, keep=keep)
    assert caught.value.place == VICTIM


def in_memory(bundle: Path, *paths: str) -> dict[str, bytes]:
    """Take these files from the disk into memory, as a save has them before its proof."""
    files = {path: (bundle / path).read_bytes() for path in paths}
    for path in paths:
        (bundle / path).unlink()
    return files


def test_a_bundle_opens_with_files_in_memory_that_are_not_on_disk_yet(bundle: Path) -> None:
    files = in_memory(bundle, VICTIM, "bundle.json")
    opened = open_bundle(str(bundle), files)
    check_files(opened, keep=True)
    assert opened.read(VICTIM) == files[VICTIM]
    with pytest.raises(FormatError, match="not a bundle: it has no"):
        open_bundle(str(bundle))


def test_a_file_in_memory_is_verified_like_one_on_disk(bundle: Path) -> None:
    files = in_memory(bundle, VICTIM, "bundle.json")
    for changed in (files[VICTIM] + b"\n", files[VICTIM].replace(b"32", b"16", 1)):
        with pytest.raises(IntegrityError, match="a file is not what was written") as caught:
            check_files(open_bundle(str(bundle), {**files, VICTIM: changed}))
        assert caught.value.place == VICTIM


def test_the_files_on_disk_are_verified_against_a_manifest_in_memory(bundle: Path) -> None:
    files = in_memory(bundle, VICTIM, "bundle.json")
    (bundle / "golden/inputs.json").write_bytes(b"{}")
    with pytest.raises(IntegrityError, match="a file is not what was written") as caught:
        check_files(open_bundle(str(bundle), files))
    assert caught.value.place == "golden/inputs.json"
    with pytest.raises(UnsafeError, match="a file that the manifest does not list"):
        open_bundle(str(bundle), {**files, "more.json": b"{}"})
    with pytest.raises(FormatError, match="a file is missing"):
        open_bundle(str(bundle), {"bundle.json": files["bundle.json"]})


def test_a_file_that_is_not_listed_is_never_read(bundle: Path) -> None:
    with pytest.raises(FormatError, match="a file that the manifest does not list") as caught:
        open_bundle(str(bundle)).read("../../etc/passwd")
    assert caught.value.place == "../../etc/passwd"


@pytest.mark.parametrize("name", ["nowhere", "no\0where", "bundle/bundle.json/x", "x" * 200 + "/y"])
def test_a_missing_folder_is_not_a_bundle(bundle: Path, name: str) -> None:
    with pytest.raises(FormatError, match="not a bundle: there is no such folder"):
        inspect(str(bundle.parent) + "/" + name)


def test_a_file_is_not_a_bundle(bundle: Path) -> None:
    with pytest.raises(FormatError, match="not a bundle: it is a file"):
        inspect(bundle / "bundle.json")


def test_a_loop_of_links_is_not_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(FormatError, match="not a bundle"):
        inspect(tmp_path / "loop")


def test_a_folder_without_a_manifest_is_not_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(FormatError, match=r"not a bundle: it has no bundle\.json") as caught:
        inspect(tmp_path)
    assert "checkpoints of other kinds" in caught.value.fix


@pytest.mark.parametrize("path", ["golden/inputs.json", VICTIM, "golden/tensors.safetensors"])
def test_a_missing_file_is_named(bundle: Path, path: str) -> None:
    (bundle / path).unlink()
    with pytest.raises(FormatError, match="a file is missing") as caught:
        inspect(bundle)
    assert caught.value.place == path


@pytest.mark.parametrize(
    "path",
    [
        "sitecustomize.py",
        "usercustomize.py",
        "conftest.py",
        "evil.pth",
        "tensorflow.py",
        "custom_ops.so",
        "encoders/e/pytorch_model.bin",
        "golden/extra_data.pickle",
        "training_args.bin",
        "saved_model.pb",
        "notes.txt",
    ],
)
def test_a_file_too_many_is_unsafe_and_named(bundle: Path, path: str) -> None:
    (bundle / path).parent.mkdir(parents=True, exist_ok=True)
    (bundle / path).write_text("raise SystemExit('this ran')")
    with pytest.raises(UnsafeError, match="a file that the manifest does not list") as caught:
        inspect(bundle)
    assert caught.value.place == path


def test_a_file_swapped_for_a_link_to_its_own_bytes_is_unsafe(bundle: Path, tmp_path: Path) -> None:
    shutil.move(bundle / VICTIM, tmp_path / "moved.json")
    (bundle / VICTIM).symlink_to(tmp_path / "moved.json")
    with pytest.raises(UnsafeError, match="a file of the bundle is a link") as caught:
        inspect(bundle)
    assert caught.value.place == VICTIM


def test_a_folder_swapped_for_a_link_is_unsafe(bundle: Path, tmp_path: Path) -> None:
    shutil.move(bundle / "golden", tmp_path / "golden")
    (bundle / "golden").symlink_to(tmp_path / "golden")
    with pytest.raises(UnsafeError, match="a file of the bundle is a link") as caught:
        inspect(bundle)
    assert caught.value.place == "golden"


def test_a_pipe_in_place_of_a_file_is_unsafe(bundle: Path) -> None:
    (bundle / VICTIM).unlink()
    os.mkfifo(bundle / VICTIM)
    with pytest.raises(UnsafeError, match="neither a file nor a folder") as caught:
        inspect(bundle)
    assert caught.value.place == VICTIM


@pytest.mark.parametrize("path", ["golden/tensors.safetensors", "bundle.json"])
def test_a_folder_named_like_a_file_is_refused(bundle: Path, path: str) -> None:
    (bundle / path).unlink()
    (bundle / path).mkdir()
    with pytest.raises((FormatError, UnsafeError), match=r"a file is missing|not a regular file") as caught:
        inspect(bundle)
    assert caught.value.place == path


def test_a_terabyte_in_place_of_a_file_is_a_limit(bundle: Path) -> None:
    for path in (VICTIM, "bundle.json"):
        os.truncate(bundle / path, 1 << 40)
        with pytest.raises(LimitError, match="a file is too large") as caught:
            inspect(bundle)
        assert caught.value.place == path


@pytest.mark.parametrize("change", [1, -1])
def test_a_changed_size_is_an_integrity_error(bundle: Path, change: int) -> None:
    size = (bundle / VICTIM).stat().st_size
    os.truncate(bundle / VICTIM, size + change)
    with pytest.raises(IntegrityError, match="a file is not what was written") as caught:
        inspect(bundle)
    assert (caught.value.place, caught.value.found) == (VICTIM, f"{size + change} bytes")


def test_two_exchanged_files_are_an_integrity_error(bundle: Path) -> None:
    os.replace(bundle / VICTIM, bundle / "x")
    os.replace(bundle / "golden/inputs.json", bundle / VICTIM)
    os.replace(bundle / "x", bundle / "golden/inputs.json")
    with pytest.raises(IntegrityError):
        inspect(bundle)


@pytest.mark.parametrize("hidden", ["bundle", "bundle/golden", "."])
def test_a_folder_without_permission_is_a_storage_error(bundle: Path, hidden: str) -> None:
    data = {str(path.relative_to(bundle)): path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    with unprivileged() as folder:
        for path, content in data.items():
            (folder / "home" / "bundle" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "home" / "bundle" / path).write_bytes(content)
        inspect(folder / "home" / "bundle")
        (folder / "home" / hidden).chmod(0)
        with pytest.raises(StorageError, match="a folder cannot be read") as caught:
            inspect(folder / "home" / "bundle")
        (folder / "home" / hidden).chmod(0o700)
    assert caught.value.found == "Permission denied"
