"""The manifest: its parser refuses everything that its writer did not write."""

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bert_bundle.errors import BundleError, FormatError, IntegrityError, LimitError, UnsafeError, VersionError
from bert_bundle.format import layout, strict_json
from bert_bundle.format.files import sha256
from bert_bundle.format.manifest import File, Manifest
from bert_bundle.interpreter.known_breakages import RUNTIMES

DIGEST = "0123456789abcdef" * 4
MANIFEST = Manifest(
    writer={"python": "3.11.7", "bert_bundle": "0.1.0", "packages": {"numpy": "1.26.4"}},
    runtime="transformers",
    signature={"inputs": [], "outputs": []},
    labels=("no", "yes"),
    tokenizer={"max_length": 16},
    encoders={"bert": {"class": "BertModel"}},
    proof={"proven": True},
    metadata={"team": "münchen"},
    files={"graph.json": File(3, DIGEST), "tokenizer/vocab.txt": File(0, DIGEST)},
)
DICTS = ("encoders", "files", "metadata", "proof", "signature", "tokenizer", "writer")
WRONG: dict[str, list[Any]] = {
    **{name: [None, [], "x", 1, True] for name in DICTS},
    "digest": [None, [], {}, 1, True],
    "labels": [None, {}, "no", 1, [1], ["no", None], [["no"]], ["no", "no"]],
    "custom_objects": [None, {}, 1, "Mine", [], [1], ["B", "A"], ["A", "A"], ["A", None]],
    "runtime": [None, [], {}, 1, "", "torch", "Transformers"],
}


def signed(document: dict[str, Any]) -> bytes:
    """Return the document with a matching digest: what a forger would write."""
    rest = {name: value for name, value in document.items() if name != "digest"}
    return strict_json.canonical({"digest": sha256(strict_json.canonical(rest)), **rest})


def changed(**fields: Any) -> bytes:
    return signed({**MANIFEST.to_json(), **fields})


def files(path: str, **fields: Any) -> bytes:
    return changed(files={path: {"sha256": DIGEST, "size": 1, **fields}})


def test_a_manifest_comes_back_from_its_bytes() -> None:
    again = Manifest.parse(MANIFEST.to_bytes())
    assert again == MANIFEST
    assert again.digest == MANIFEST.digest
    assert changed() == MANIFEST.to_bytes()


def test_a_manifest_shows_itself_on_one_line_whatever_is_in_it() -> None:
    digest = MANIFEST.digest[:12]
    assert repr(MANIFEST) == f"Manifest({digest}: BertModel, 2 labels, written by numpy 1.26.4)"
    packages = {"numpy": "1.26.4", "keras": "2.15.0", "tensorflow-cpu": "2.15.1"}
    shown = dataclasses.replace(
        MANIFEST,
        writer={"packages": packages},
        encoders={"a": {"class": "B\n"}, "b": {"class": "A"}, "c": 3},
        labels=("no",),
    )
    assert repr(shown).endswith(": A, B\\n, 1 label, written by tensorflow-cpu 2.15.1)")
    for writer in ({}, {"packages": 3}, {"packages": {"scipy": "1"}}):
        assert repr(dataclasses.replace(MANIFEST, writer=writer)).endswith(", written by unknown packages)")
    assert len(repr(dataclasses.replace(MANIFEST, encoders={"a": {"class": "x" * 9999}}))) < 350


def test_only_the_manifest_of_a_bundle_with_custom_classes_lists_them() -> None:
    assert "custom_objects" not in MANIFEST.to_json()
    manifest = Manifest.parse(changed(custom_objects=["Attention2", "mine>Pool"]))
    assert manifest.custom_objects == ("Attention2", "mine>Pool")
    assert manifest.to_bytes() == changed(custom_objects=["Attention2", "mine>Pool"])


@pytest.mark.parametrize(("field", "value"), [(field, value) for field in WRONG for value in WRONG[field]])
def test_a_field_of_the_wrong_type_is_named(field: str, value: Any) -> None:
    document = {**MANIFEST.to_json(), field: value}
    with pytest.raises(FormatError, match="the manifest is malformed") as caught:
        Manifest.parse(strict_json.canonical(document) if field == "digest" else signed(document))
    assert caught.value.place == f"bundle.json#/{field}"


@pytest.mark.parametrize("field", sorted({*MANIFEST.to_json()} - {"format"}))
def test_a_missing_field_is_named(field: str) -> None:
    document = MANIFEST.to_json()
    del document[field]
    with pytest.raises(FormatError, match="the manifest is malformed") as caught:
        Manifest.parse(strict_json.canonical(document) if field == "digest" else signed(document))
    assert caught.value.place == f"bundle.json#/{field}"


@pytest.mark.parametrize("document", [[], "x", 1, None, {}, {"format": "BERT_BUNDLE"}, {"format": ["bert_bundle"]}])
def test_json_that_is_not_a_manifest_is_refused(document: Any) -> None:
    with pytest.raises(FormatError, match="not a bundle's manifest"):
        Manifest.parse(strict_json.canonical(document))


@pytest.mark.parametrize("version", [0, -1, "1", 1.0, True, None, [1]])
def test_an_invalid_format_version_is_malformed(version: Any) -> None:
    with pytest.raises(FormatError, match="the manifest is malformed") as caught:
        Manifest.parse(changed(format_version=version))
    assert caught.value.place == "bundle.json#/format_version"


@pytest.mark.parametrize("version", [2, 999, 2**70])
def test_a_newer_format_asks_for_a_newer_bert_bundle(version: int) -> None:
    with pytest.raises(VersionError, match="the bundle has a newer format") as caught:
        Manifest.parse(changed(format_version=version))
    assert (caught.value.wanted, caught.value.found) == ("at most 1", str(version))
    assert caught.value.fix == "install a newer bert_bundle"


@pytest.mark.parametrize("value", [1, {}, {"must_understand": True}, {"must_understand": 0}, {"must_understand": None}])
def test_an_unknown_field_is_refused(value: Any) -> None:
    with pytest.raises(VersionError, match="a field that this bert_bundle does not know") as caught:
        Manifest.parse(changed(quantization=value))
    assert caught.value.place == "bundle.json#/quantization"


def test_an_unknown_field_that_need_not_be_understood_is_kept() -> None:
    data = changed(quantization={"must_understand": False, "bits": 8})
    manifest = Manifest.parse(data)
    assert manifest.extra == {"quantization": {"must_understand": False, "bits": 8}}
    assert manifest.to_bytes() == data


@pytest.mark.parametrize(
    "data",
    [
        strict_json.canonical({**MANIFEST.to_json(), "digest": DIGEST}),
        strict_json.canonical({**MANIFEST.to_json(), "labels": ["yes", "no"]}),
        MANIFEST.to_bytes().rstrip(),
        MANIFEST.to_bytes() + b"\n",
        json.dumps(MANIFEST.to_json()).encode(),
        MANIFEST.to_bytes().replace(b"\\u00fc", "ü".encode()),
        MANIFEST.to_bytes().replace(b'"size": 3', b'"size":  3'),
    ],
    ids=["digest", "labels", "no newline", "two newlines", "other spaces", "no escape", "one space more"],
)
def test_an_equal_manifest_in_other_bytes_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="the manifest is not what was written") as caught:
        Manifest.parse(data)
    assert caught.value.fix == "copy the whole bundle again from where it was saved"


def test_a_manifest_lists_every_file_but_itself() -> None:
    with pytest.raises(FormatError, match="the manifest is malformed") as caught:
        Manifest.parse(files("bundle.json"))
    assert caught.value.found == "the manifest itself"


@pytest.mark.parametrize(
    ("field", "value"),
    [("size", v) for v in (-1, 1.0, "1", None, True)]
    + [("sha256", v) for v in (None, 1, "", DIGEST[:-1], DIGEST.upper(), DIGEST[:-1] + "g", DIGEST + "0", [DIGEST])]
    + [("mode", 0o755)],
)
def test_a_file_has_a_natural_size_and_a_digest_and_nothing_else(field: str, value: Any) -> None:
    with pytest.raises(FormatError, match="the manifest is malformed") as caught:
        Manifest.parse(files("tokenizer/vocab.txt", **{field: value}))
    assert caught.value.place.startswith("bundle.json#/files/tokenizer~1vocab.txt")


@pytest.mark.parametrize("path", ["../x.json", "/etc/passwd", "a//b.json", "CON.json", "a:ads.json", ""])
def test_a_path_that_leaves_the_bundle_is_unsafe(path: str) -> None:
    with pytest.raises(UnsafeError, match="could reach outside of the bundle"):
        Manifest.parse(files(path))


@pytest.mark.parametrize(
    "path",
    [
        "sitecustomize.py",
        "encoders/bert/pytorch_model.bin",
        "golden/extra_data.pickle",
        "a.pkl",
        "x.pth",
        "saved_model.pb",
        "custom_ops.so",
        "model.h5",
        "model.keras",
        "training_args.bin",
        "weights",
        "a.json.py",
    ],
)
def test_a_kind_of_file_that_something_could_run_is_unsafe_though_listed(path: str) -> None:
    with pytest.raises(UnsafeError, match="a type of file that a bundle may not contain") as caught:
        Manifest.parse(files(path))
    assert caught.value.place == path


def test_two_paths_that_are_one_where_case_does_not_count_are_malformed() -> None:
    record = {"sha256": DIGEST, "size": 1}
    with pytest.raises(FormatError, match="two paths differ only in case"):
        Manifest.parse(changed(files={"tokenizer/Vocab.txt": record, "tokenizer/vocab.txt": record}))


def test_the_runtimes_are_those_of_the_format() -> None:
    assert RUNTIMES == ("transformers", "native")
    assert Manifest.parse(changed(runtime="native")).runtime == "native"


def test_a_manifest_has_a_size_limit() -> None:
    assert layout.limit_of(layout.MANIFEST) == 4 << 20


def test_every_truncation_of_a_real_manifest_is_refused(classic_bundle: Path) -> None:
    data = (classic_bundle / layout.MANIFEST).read_bytes()
    for length in range(len(data) - 1):
        with pytest.raises(FormatError):
            Manifest.parse(data[:length])
    with pytest.raises(IntegrityError):  # only the last newline is missing
        Manifest.parse(data[:-1])


def test_every_flipped_bit_of_a_real_manifest_is_refused(classic_bundle: Path) -> None:
    data = (classic_bundle / layout.MANIFEST).read_bytes()
    refusals: Counter[type[BaseException]] = Counter()
    for position in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[position] ^= 1 << bit
            with pytest.raises(BundleError) as caught:
                Manifest.parse(bytes(flipped))
            refusals[caught.type] += 1
    assert refusals.total() == 8 * len(data)
    assert set(refusals) == {FormatError, IntegrityError, UnsafeError, VersionError}
    assert refusals[IntegrityError] + refusals[FormatError] > 0.9 * refusals.total()


def test_a_path_of_any_length_is_a_limit() -> None:
    with pytest.raises(LimitError, match="a path is too long"):
        Manifest.parse(files("a" * 4096 + ".json"))
