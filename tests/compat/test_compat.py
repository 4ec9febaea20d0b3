"""Bundles written by earlier commits (README.md has how) are read, and predict what they predicted."""

from pathlib import Path

import pytest
from support.bundle_files import read_golden

import bert_bundle
from bert_bundle.format import golden as goldens
from bert_bundle.format.open_bundle import open_bundle
from bert_bundle.grading.grades import judge
from bert_bundle.host.workers.worker import Worker
from bert_bundle.loading.replay import read_for_replay

HERE = Path(__file__).resolve().parent

# Folder -> digest of the manifest, which has the digests of all files: what is read is what was written then.
DIGESTS = {
    "classic-tf2.4": "1c4c84fcd8495b4d6127e5a4769ca700d7177abc989776044b980a5515699d2a",
    "nested-jax0.12": "e475955fd2661e440cd472a70fd42e1895b2b6c580708f4d47a4d7e2bdc8d8ca",
    "siamese-tf2.21": "6e01ab01458af31bd53a4a8b627c4ced56d26b0796e888a8742f30e2fb699185",
}


def test_every_folder_here_is_a_bundle_whose_digest_is_known() -> None:
    folders = [path.name for path in HERE.iterdir() if path.is_dir() and not path.name.startswith("_")]
    assert sorted(folders) == sorted(DIGESTS)


@pytest.mark.parametrize("name", DIGESTS)
def test_an_old_bundle_is_whole(name: str) -> None:
    manifest = bert_bundle.inspect(HERE / name)
    assert manifest.digest == DIGESTS[name]
    assert manifest.proof == {"proven": True}


@pytest.mark.parametrize("name", DIGESTS)
def test_everything_in_an_old_bundle_is_read_without_tensorflow(name: str) -> None:
    inputs = read_for_replay(open_bundle(str(HERE / name)), "auto")
    assert set(inputs.parts.encoders) == set(inputs.bundle.manifest.encoders)
    assert len(inputs.golden.measured) == 4


@pytest.mark.parametrize("name", DIGESTS)
def test_the_golden_of_an_old_bundle_is_written_as_the_same_bytes_today(name: str) -> None:
    files = goldens.to_files(read_golden(str(HERE / name)))
    assert files == {path: (HERE / name / path).read_bytes() for path in files}


@pytest.mark.parametrize("name", DIGESTS)
def test_an_old_bundle_predicts_the_same_in_tensorflow_2_15(name: str, writer: Worker) -> None:
    figures = judge(read_golden(str(HERE / name)), writer.ask("replay", bundle=str(HERE / name)))
    assert (figures.grade, figures.labels_changed, figures.first_layer) == ("identical", 0, None)
