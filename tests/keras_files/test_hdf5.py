"""HDF5: plain tensors are read; what points elsewhere, or declares more than it holds, is refused before it is read."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from bert_bundle.errors import BundleError, FormatError, LimitError, UnsafeError
from bert_bundle.keras_files.hdf5 import Hdf5

VALUES = np.arange(6, dtype="float32").reshape(2, 3)


def written(path: Path, write: Callable[[h5py.File], object]) -> Path:
    with h5py.File(path, "w") as file:
        write(file)
    return path


def test_tensors_and_attributes_are_read(tmp_path: Path) -> None:
    def write(file: h5py.File) -> None:
        file.attrs["keras_version"] = "2.10.0"
        group = file.create_group("dense")
        group.attrs["weight_names"] = [b"dense/kernel:0"]
        group.create_dataset("dense/kernel:0", data=VALUES)
        group.create_dataset("packed", data=VALUES, compression="gzip", shuffle=True)

    found = Hdf5(written(tmp_path / "model.h5", write), "model.h5")
    assert found.paths == ("dense/dense/kernel:0", "dense/packed")
    np.testing.assert_array_equal(found.array("dense/dense/kernel:0"), VALUES)
    np.testing.assert_array_equal(found.array("dense/packed"), VALUES)
    assert found.attributes() == {"keras_version": "2.10.0"}
    assert found.attributes("dense") == {"weight_names": ["dense/kernel:0"]}
    with pytest.raises(FormatError, match="a tensor that the file does not have"):
        found.array("dense/bias")


def external_values(file: h5py.File) -> None:
    secret = Path(file.filename).with_name("secret")
    secret.write_bytes(b"0123456789abcdef01234567")
    file.create_dataset("kernel", (2, 3), "float32", external=[(str(secret), 0, 24)])


def external_link(file: h5py.File) -> None:
    file["kernel"] = h5py.ExternalLink("other.h5", "/kernel")


def soft_link(file: h5py.File) -> None:
    file["kernel"] = h5py.SoftLink("/elsewhere")


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((2, 3), "float32")
    layout[:] = h5py.VirtualSource("other.h5", "kernel", (2, 3))
    file.create_virtual_dataset("kernel", layout)


def cycle(file: h5py.File) -> None:
    file.create_group("a")["b"] = file["/"]


def text(file: h5py.File) -> None:
    file.create_dataset("kernel", data=np.array([b"x", b"y"], object), dtype=h5py.string_dtype())


def other_filter(file: h5py.File) -> None:
    file.create_dataset("kernel", data=VALUES, compression="lzf")


def nothing_stored(file: h5py.File) -> None:
    file.create_dataset("kernel", (1 << 17, 1 << 15), "float32", chunks=(1024, 1024), compression="gzip")


@pytest.mark.parametrize(
    ("write", "kind", "message"),
    [
        (external_values, UnsafeError, "a tensor whose values are in another file"),
        (external_link, FormatError, "an HDF5 file that cannot be read"),
        (soft_link, UnsafeError, "a link to another place"),
        (virtual, UnsafeError, "a tensor that is made of others"),
        (cycle, UnsafeError, "a group that contains itself"),
        (text, UnsafeError, "a tensor that is not plain numbers"),
        (other_filter, UnsafeError, "a tensor that is compressed in an unusual way"),
        (nothing_stored, LimitError, "a tensor larger than what the file can hold"),
    ],
)
def test_what_keras_does_not_write_is_refused(
    write: Callable[[h5py.File], None], kind: type[BundleError], message: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "model.h5", write)
    with pytest.raises(kind, match=message):
        Hdf5(path, "model.h5")


@pytest.mark.parametrize("position", range(0, 800, 40))
def test_a_damaged_file_is_read_or_refused_with_a_typed_error(position: int, tmp_path: Path) -> None:
    path = written(tmp_path / "model.h5", lambda file: file.create_dataset("dense/kernel", data=VALUES))
    data = bytearray(path.read_bytes())
    data[position] ^= 0xFF
    try:
        found = Hdf5(bytes(data), "model.h5")
        assert all(found.array(path).dtype.kind in "biuf" for path in found.paths)
    except BundleError:
        pass
