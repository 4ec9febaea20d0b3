"""Stored models of each kind with a hostile member: refused with its place, and nothing is run, written or fetched."""

import pickle
import shutil
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from bert_bundle.errors import BundleError, FormatError, IntegrityError, LimitError, UnsafeError
from bert_bundle.interpreter import launch
from bert_bundle.keras_files import crc32c, wire
from bert_bundle.keras_files.checkpoint import Checkpoint
from bert_bundle.keras_files.read import read

SECRET = b"0123456789abcdef01234567"


class Payload:
    """What a pickle runs as it is read."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('a pickle was read')",)


def hub(old_models: Path, folder: Path, name: str = "hugging_face") -> Path:
    return Path(shutil.copytree(old_models / "with_a_head" / name, folder / "hub"))


def pickled_weights(old_models: Path, folder: Path) -> Path:
    path = hub(old_models, folder)
    (path / "tf_model.h5").unlink()
    (path / "pytorch_model.bin").write_bytes(pickle.dumps(Payload()))
    return path


def pickle_alone(old_models: Path, folder: Path) -> Path:
    path = folder / "pytorch_model.bin"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Payload()))
    return path


def huge_header(old_models: Path, folder: Path) -> Path:
    path = hub(old_models, folder, "safetensors")
    (path / "model.safetensors").write_bytes((1 << 60).to_bytes(8, "little") + b"{}")
    return path


def weights_outside(old_models: Path, folder: Path) -> Path:
    path = hub(old_models, folder)
    (path / "tf_model.h5").rename(folder / "elsewhere.h5")
    (path / "tf_model.h5").symlink_to(folder / "elsewhere.h5")
    return path


def external_legacy(old_models: Path, folder: Path) -> Path:
    return external(folder, "dense/dense/kernel:0", layer="dense")


def external_structural(old_models: Path, folder: Path) -> Path:
    return external(folder, "layers/dense/vars/0")


def external(folder: Path, name: str, layer: str = "") -> Path:
    (folder / "secret").write_bytes(SECRET)
    with h5py.File(folder / "weights.h5", "w") as file:
        if layer:
            file.attrs["layer_names"] = [layer]
            file.create_group(layer).attrs["weight_names"] = ["dense/kernel:0"]
        file.create_dataset(name, (2, 3), "float32", external=[(str(folder / "secret"), 0, 24)])
    return folder / "weights.h5"


def unnamed_tensor(old_models: Path, folder: Path) -> Path:
    path = Path(shutil.copy(old_models / "with_features" / "legacy.h5", folder))
    with h5py.File(path, "a") as file:
        file.create_dataset("dense/more", data=np.zeros(3, "float32"))
    return path


def checkpoint(old_models: Path, folder: Path) -> tuple[Path, Path]:
    """Copy a checkpoint; return its prefix and its data file."""
    for path in (old_models / "with_features").glob("ckpt.*"):
        shutil.copy(path, folder)
    (data,) = folder.glob("ckpt.data-*")
    return folder / "ckpt", data


def shard_outside(old_models: Path, folder: Path) -> Path:
    prefix, data = checkpoint(old_models, folder)
    (folder / "elsewhere").mkdir()
    data.rename(folder / "elsewhere" / data.name)
    data.symlink_to(folder / "elsewhere" / data.name)
    return prefix


def shard_missing(old_models: Path, folder: Path) -> Path:
    prefix, data = checkpoint(old_models, folder)
    data.unlink()
    return prefix


def shard_short(old_models: Path, folder: Path) -> Path:
    prefix, data = checkpoint(old_models, folder)
    data.write_bytes(data.read_bytes()[:-1])
    return prefix


def overlapping(old_models: Path, folder: Path) -> Path:
    """Move the offset of one tensor into the one before it, and sign the index again."""
    prefix, _ = checkpoint(old_models, folder)
    entries = sorted(Checkpoint(prefix).entries.values(), key=lambda entry: entry.offset)
    moved = next(entry for entry in entries if entry.offset > 1000 and entry.size > 64)
    index = prefix.with_name("ckpt.index")
    data = index.read_bytes()
    field = b"\x20" + varint(moved.offset) + b"\x28" + varint(moved.size)
    assert data.count(field) == 1
    changed = data.replace(field, b"\x20" + varint(moved.offset - 8) + b"\x28" + varint(moved.size))
    index.write_bytes(signed(changed))
    return prefix


def varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def block_of(index: bytes) -> tuple[int, int]:
    """Return where the only block of records of an index begins and ends."""
    footer = memoryview(index)[-48:]
    position = 0
    for _ in range(2):  # after the handle of the metadata
        position = wire.varint(footer, position, "")[1]
    start, position = wire.varint(footer, position, "")
    block = memoryview(index)[start : start + wire.varint(footer, position, "")[0]]
    position = 3  # after the lengths of the first record
    position += wire.varint(block, 1, "")[0]
    offset, position = wire.varint(block, position, "")
    end = offset + wire.varint(block, position, "")[0]
    return offset, end


def signed(index: bytes) -> bytes:
    """Return an index of one block of records with the checksum of what it holds."""
    offset, end = block_of(index)
    checksum = crc32c.masked(index[offset : end + 1]).to_bytes(4, "little")
    return index[: end + 1] + checksum + index[end + 5 :]


def compressed_index(old_models: Path, folder: Path) -> Path:
    prefix, _ = checkpoint(old_models, folder)
    index = prefix.with_name("ckpt.index")
    data = bytearray(index.read_bytes())
    data[block_of(bytes(data))[1]] = 1
    index.write_bytes(data)
    return prefix


def archive(old_models: Path, folder: Path) -> Path:
    return Path(shutil.copy(old_models / "with_features" / "model.keras", folder))


def member_outside(old_models: Path, folder: Path) -> Path:
    path = archive(old_models, folder)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("../outside", b"")
    return path


def member_twice(old_models: Path, folder: Path) -> Path:
    path = archive(old_models, folder)
    with zipfile.ZipFile(path, "a") as file, warnings.catch_warnings(action="ignore"):
        file.writestr("config.json", b"{}")
    return path


def member_encrypted(old_models: Path, folder: Path) -> Path:
    path = archive(old_models, folder)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    return path


def member_of_64_mib(old_models: Path, folder: Path) -> Path:
    path = archive(old_models, folder)
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    members["config.json"] += b" " * (64 << 20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def two_graphs(old_models: Path, folder: Path) -> Path:
    return with_graph(old_models, folder, lambda data: data + data)


def assets(old_models: Path, folder: Path) -> Path:
    def change(data: bytes) -> bytes:
        (graph,) = wire.Message(data, "").blobs(2)
        name = b"/etc/passwd"
        asset = b"\x12" + varint(len(name)) + name
        graph += b"\x32" + varint(len(asset)) + asset
        return b"\x08\x01\x12" + varint(len(graph)) + graph

    return with_graph(old_models, folder, change)


def cut_graph(old_models: Path, folder: Path) -> Path:
    return with_graph(old_models, folder, lambda data: data[:-1])


def with_graph(old_models: Path, folder: Path, change: Callable[[bytes], bytes]) -> Path:
    path = Path(shutil.copytree(old_models / "with_features" / "saved_model", folder / "saved_model"))
    data = (path / "saved_model.pb").read_bytes()
    (path / "saved_model.pb").write_bytes(change(data))
    return path


def variables_outside(old_models: Path, folder: Path) -> Path:
    path = Path(shutil.copytree(old_models / "with_features" / "saved_model", folder / "saved_model"))
    (path / "variables").rename(folder / "elsewhere")
    (path / "variables").symlink_to(folder / "elsewhere")
    return path


def metadata_outside(old_models: Path, folder: Path) -> Path:
    path = Path(shutil.copytree(old_models / "with_features" / "saved_model", folder / "saved_model"))
    (path / "keras_metadata.pb").rename(folder / "elsewhere")
    (path / "keras_metadata.pb").symlink_to(folder / "elsewhere")
    return path


HOSTILE: list[tuple[Callable[[Path, Path], Path], type[BundleError], str]] = [
    (pickled_weights, UnsafeError, "weights of PyTorch in a pickle"),
    (pickle_alone, UnsafeError, "weights of PyTorch in a pickle"),
    (huge_header, LimitError, "the header is too long"),
    (weights_outside, UnsafeError, "a link or device where a model has a file"),
    (external_legacy, UnsafeError, "a tensor whose values are in another file"),
    (external_structural, UnsafeError, "a tensor whose values are in another file"),
    (unnamed_tensor, FormatError, "a tensor that no layer of the file names"),
    (shard_outside, UnsafeError, "a link or device where a model has a file"),
    (shard_missing, FormatError, "a data file of the checkpoint is missing"),
    (shard_short, FormatError, "a tensor ends after its data file"),
    (overlapping, FormatError, "two tensors of the checkpoint overlap"),
    (compressed_index, FormatError, "an index that is compressed"),
    (member_outside, UnsafeError, "an archive with other members"),
    (member_twice, UnsafeError, "an archive with other members"),
    (member_encrypted, LimitError, "a member that is encrypted or too large"),
    (member_of_64_mib, LimitError, "a member that is encrypted or too large"),
    (two_graphs, FormatError, "a SavedModel of one graph is needed"),
    (assets, FormatError, "a SavedModel with assets"),
    (cut_graph, FormatError, "a field is longer than its message"),
    (variables_outside, UnsafeError, "a link or device where a model has a file"),
    (metadata_outside, UnsafeError, "a link or device where a model has a file"),
]


@pytest.mark.parametrize(("plant", "kind", "message"), HOSTILE, ids=[plant.__name__ for plant, _, _ in HOSTILE])
def test_a_hostile_member_is_refused(
    plant: Callable[[Path, Path], Path], kind: type[BundleError], message: str, old_models: Path, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=message):
        read(plant(old_models, tmp_path))


def test_a_pickle_is_refused_with_the_way_out(old_models: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsafeError) as caught:
        read(pickled_weights(old_models, tmp_path))
    assert caught.value.place == "hub/pytorch_model.bin"
    assert "safe_serialization=True" in caught.value.fix


def test_an_index_whose_checksum_was_not_made_again_is_damaged(old_models: Path, tmp_path: Path) -> None:
    prefix = overlapping(old_models, tmp_path)
    index = prefix.with_name("ckpt.index")
    data = bytearray(index.read_bytes())
    data[20] ^= 1
    index.write_bytes(bytes(data))
    with pytest.raises((IntegrityError, FormatError)):
        read(prefix)


WATCHED = """
import sys
from pathlib import Path
from bert_bundle.errors import BundleError
from bert_bundle.keras_files.read import read
import pyfive, zipfile
seen = []
def watch(event, arguments):
    if event in ("pickle.find_class", "socket.connect", "subprocess.Popen", "os.system", "marshal.loads", "os.exec"):
        seen.append((event, str(arguments)))
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        seen.append((event, str(arguments)))
def refused():
    for path in sys.argv[1:]:
        try:
            read(Path(path))
        except BundleError:
            yield path
count = len(list(refused()))  # the first time imports what readers import, which unmarshals it
sys.addaudithook(watch)
assert len(list(refused())) == count
assert not seen, seen
print(count)
"""


def test_nothing_is_run_written_or_fetched_while_they_are_refused(old_models: Path, tmp_path: Path) -> None:
    paths = []
    for plant, _, _ in HOSTILE:
        (tmp_path / plant.__name__).mkdir()
        paths.append(str(plant(old_models, tmp_path / plant.__name__)))
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *paths],
        env={**launch.environment(), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == (str(len(HOSTILE)), "")
