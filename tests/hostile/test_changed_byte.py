"""A changed byte anywhere in a bundle is refused, shown for every file of a real one but its card."""

import json
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bundle_files import tree

import bert_bundle
from bert_bundle.errors import REFUSED, FormatError, IntegrityError, RuntimeUnavailableError, UnsafeError, VersionError
from bert_bundle.format import layout
from bert_bundle.format.files import COPY_AGAIN, listing
from bert_bundle.host.cli import main

FILES = [
    "bundle.json",
    "encoders/bert_encoder/config.json",
    "encoders/bert_encoder/model.safetensors",
    "golden/facts.json",
    "golden/inputs.json",
    "golden/tensors.safetensors",
    "graph.json",
    "tokenizer/special_tokens_map.json",
    "tokenizer/tokenizer.json",
    "tokenizer/tokenizer_config.json",
    "tokenizer/vocab.txt",
    "weights.safetensors",
]
WHOLE = 4096  # bytes up to which every byte of a file is changed
SPREAD = 300  # changed bytes of a larger one
# What a changed byte makes of the manifest: no JSON, another digest, another path, an unknown field or version.
MANIFEST = (FormatError, IntegrityError, UnsafeError, VersionError)
HEAVY = {"tensorflow", "transformers", "keras", "tf_keras", "torch", "jax"}


@pytest.fixture(scope="module")
def bundle(classic_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(classic_bundle, tmp_path_factory.mktemp("changed") / "bundle"))


@pytest.fixture(autouse=True)
def whole(bundle: Path) -> Iterator[None]:
    """Every test leaves the bundle as it found it."""
    before = tree(str(bundle))
    yield
    assert tree(str(bundle)) == before


def positions(size: int) -> list[int]:
    """First, middle, last and a seeded spread; every byte of a small file."""
    if size <= WHOLE:
        return list(range(size))
    spread = random.Random(size).sample(range(size), SPREAD)
    return sorted({0, 7, 8, size // 2, size - 1, *spread})


def check(bundle: Path, path: str) -> None:
    """Check that the bundle, changed at `path`, is refused by name."""
    if path == layout.MANIFEST:
        with pytest.raises(MANIFEST) as caught:
            bert_bundle.inspect(bundle)
        assert caught.value.message
        assert caught.value.place
        return
    with pytest.raises(IntegrityError, match="a file is not what was written") as caught:
        bert_bundle.inspect(bundle)
    assert caught.value.place == path
    assert caught.value.wanted != caught.value.found
    assert caught.value.fix == COPY_AGAIN


def test_the_list_of_files_is_complete(bundle: Path) -> None:
    assert listing(str(bundle)) == sorted([*FILES, layout.CARD])
    assert bert_bundle.inspect(bundle).labels == ("class 0", "class 1")


@pytest.mark.parametrize("path", FILES)
def test_a_flipped_bit_is_refused_wherever_it_is(bundle: Path, path: str) -> None:
    data = (bundle / path).read_bytes()
    bits = random.Random(path)
    with open(bundle / path, "r+b", buffering=0) as file:
        for position in positions(len(data)):
            file.seek(position)
            file.write(bytes([data[position] ^ (1 << bits.randrange(8))]))
            check(bundle, path)
            file.seek(position)
            file.write(data[position : position + 1])


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("change", ["a byte more", "a newline more", "a byte less", "nothing left"])
def test_a_file_that_grew_or_shrank_is_refused(bundle: Path, path: str, change: str) -> None:
    data = (bundle / path).read_bytes()
    made = {"a byte more": data + b"x", "a newline more": data + b"\n", "a byte less": data[:-1], "nothing left": b""}
    (bundle / path).write_bytes(made[change])
    check(bundle, path)
    (bundle / path).write_bytes(data)


@pytest.mark.parametrize("path", FILES)
def test_load_refuses_a_changed_byte_before_anything_heavy_is_imported(bundle: Path, path: str) -> None:
    data = (bundle / path).read_bytes()
    changed = bytearray(data)
    changed[len(data) // 2] ^= 1
    (bundle / path).write_bytes(changed)
    with pytest.raises(MANIFEST if path == layout.MANIFEST else IntegrityError):
        bert_bundle.load(bundle)
    (bundle / path).write_bytes(data)
    assert not HEAVY & set(sys.modules)


def test_an_unchanged_bundle_fails_only_for_lack_of_tensorflow(bundle: Path) -> None:
    with pytest.raises(RuntimeUnavailableError, match="needs TensorFlow, which is not installed"):
        bert_bundle.load(bundle)


@pytest.mark.parametrize("path", FILES)
def test_the_command_prints_one_error_and_exits_with_5(
    bundle: Path, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = (bundle / path).read_bytes()
    (bundle / path).write_bytes(data[:-1])
    assert main(["inspect", str(bundle), "--json"]) == REFUSED
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["place"] == path
    assert err == ""
    (bundle / path).write_bytes(data)
