"""Environments on disk: made once, read back from inside, made again if they do not match their lock.

Real uv on a row without TensorFlow, which takes a second.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from bert_bundle.errors import EnvironmentNotMadeError
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.environments.environment import CACHE_VARIABLE, ReadyEnvironment, cache_root, discard, make
from bert_bundle.host.environments.locks import Lock, lock, read_lock

pytestmark = pytest.mark.environments  # makes small ones

SMALL = Environment(
    id="small", python="3.11", as_of=date(2024, 5, 15), packages=("packaging==23.2",), runtime="native", groups=()
)
# What another process runs: argv is the folder of the locks.
MAKE = """
import sys
from pathlib import Path
from bert_bundle.host.environments.environment import make
from bert_bundle.host.environments.locks import read_lock
from bert_bundle.host.config.matrix_file import Environment
small = Environment.model_validate_json(sys.argv[2])
make(small, read_lock(small, Path(sys.argv[1])), progress=lambda text: print(text, flush=True))
"""


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Lock:
    return lock(SMALL, tmp_path_factory.mktemp("matrix"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "environments"


def made_with_words(locked: Lock, environment: Environment = SMALL) -> tuple[ReadyEnvironment, list[str]]:
    words: list[str] = []
    return make(environment, locked, progress=words.append), words


def maker(locked: Lock) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", MAKE, locked.path.parent, SMALL.model_dump_json()],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def site_packages(made: ReadyEnvironment) -> Path:
    return made.python.parents[1] / "lib" / "python3.11" / "site-packages"


def test_what_is_made_holds_exactly_its_lock_as_read_back_from_inside(locked: Lock, cache: Path) -> None:
    made, words = made_with_words(locked)
    assert made.packages == locked.pins
    assert (made.id, made.lock_digest, made.python_version[:5]) == ("small", locked.digest, "3.11.")
    assert made.python == cache / locked.digest[:16] / "bin" / "python"
    assert words[0] == f"small: installing {len(locked.pins)} packages for Python 3.11"
    assert words[1].startswith("small: ready in ")
    script = "import packaging, sys; print(packaging.__version__, sys.version_info[:2])"
    ran = subprocess.run([made.python, "-I", "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "23.2 (3, 11)\n"


def test_what_is_there_is_used_without_uv_and_within_a_second(
    locked: Lock, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = made_with_words(locked)
    monkeypatch.setenv("UV_CACHE_DIR", "/dev/null/none")  # any call of uv fails now
    started = time.monotonic()
    assert made_with_words(locked) == (first, [])
    assert time.monotonic() - started < 1
    shutil.rmtree(cache / locked.digest[:16])
    with pytest.raises(EnvironmentNotMadeError, match="could not be made"):  # the detector of uv calls detects
        made_with_words(locked)


def test_the_hosts_own_packages_are_not_mistaken_for_the_environments(
    locked: Lock, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "stray-1.0.dist-info").mkdir()
    (tmp_path / "stray-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: stray\nVersion: 1.0\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert made_with_words(locked)[0].packages == locked.pins


@pytest.mark.parametrize("damage", ["gone", "other version", "added", "broken interpreter"])
def test_a_damaged_environment_is_made_again(locked: Lock, cache: Path, damage: str) -> None:
    made, _ = made_with_words(locked)
    metadata = site_packages(made) / "packaging-23.2.dist-info"
    if damage == "gone":
        shutil.rmtree(metadata)
    elif damage == "other version":
        text = (metadata / "METADATA").read_text("utf-8").replace("Version: 23.2", "Version: 23.1")
        (metadata / "METADATA").unlink()  # a hard link into uv's cache: never written through
        (metadata / "METADATA").write_text(text, encoding="utf-8")
    elif damage == "added":
        shutil.copytree(metadata, metadata.with_name("packaging-24.0.dist-info"))
    else:
        made.python.unlink()
    again, words = made_with_words(locked)
    assert words[0] == "small: damaged, making it again"
    assert again == made


def test_a_half_built_environment_is_made_again(locked: Lock, cache: Path) -> None:
    folder = cache / locked.digest[:16]
    with maker(locked) as killed:
        while not folder.exists():
            time.sleep(0.002)
        os.killpg(killed.pid, signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    made, words = made_with_words(locked)
    assert words[0] == "small: incomplete, making it again"
    assert made.packages == locked.pins


def test_of_two_processes_one_makes_it_and_the_other_waits(locked: Lock, cache: Path) -> None:
    with maker(locked) as one, maker(locked) as other:
        said = sorted([one.communicate()[0], other.communicate()[0]], key=len)
    assert (one.returncode, other.returncode) == (0, 0)
    assert said[0] == "small: waiting for another process to make it\n"
    assert said[1].startswith("small: installing")
    assert made_with_words(locked)[1] == []


def test_a_failure_has_the_message_of_uv_and_keeps_what_was_built(locked: Lock, cache: Path, tmp_path: Path) -> None:
    hashes = r"(\npackaging==23\.2)( \\\n +--hash=sha256:[0-9a-f]{64})+"
    wrong, replaced = re.subn(hashes, r"\1 --hash=sha256:" + "0" * 64, locked.path.read_text("utf-8"))
    assert replaced == 1
    (tmp_path / "small.txt").write_text(wrong, encoding="utf-8")
    tampered = read_lock(SMALL, tmp_path)
    with pytest.raises(EnvironmentNotMadeError, match="could not be made @ small") as caught:
        made_with_words(tampered)
    assert caught.value.exit_code == 4
    assert "Hash mismatch for `packaging==23.2`" in caught.value.found
    kept = cache / f"{tampered.digest[:16]}.failed"
    assert str(kept) in caught.value.fix
    assert (kept / "bin" / "python").exists()
    assert "0" * 64 in (kept / "uv.log").read_text("utf-8")
    assert not (cache / tampered.digest[:16]).exists()


def test_a_missing_interpreter_is_an_environment_that_cannot_be_made(locked: Lock, cache: Path) -> None:
    with pytest.raises(EnvironmentNotMadeError, match=r"no interpreter for Python 3.77"):
        made_with_words(locked, SMALL.model_copy(update={"python": "3.77"}))


def test_a_cache_that_cannot_be_written_is_named(locked: Lock, cache: Path) -> None:
    cache.parent.parent.mkdir(exist_ok=True)
    cache.parent.write_text("a file, not a folder", encoding="utf-8")
    with pytest.raises(EnvironmentNotMadeError, match=r"cache of environments cannot be used(.|\n)*BERT_BUNDLE_CACHE"):
        made_with_words(locked)


def test_without_an_override_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    assert cache_root().name == "bert_bundle"


def test_the_size_of_an_environment_is_measured_once_and_kept(locked: Lock, cache: Path) -> None:
    made, _ = made_with_words(locked)
    assert 1_000_000 < made.size < 1_000_000_000
    (made.python.parents[1] / "more").write_bytes(b"x" * 1_000_000)
    assert made_with_words(locked)[0].size == made.size


def test_an_environment_that_was_completed_without_its_size_is_measured(locked: Lock, cache: Path) -> None:
    made, _ = made_with_words(locked)
    (made.python.parents[1] / "complete.json").write_text("{}")
    assert made_with_words(locked)[0].size == pytest.approx(made.size, rel=0.01)


def test_an_environment_that_is_discarded_is_gone_and_can_be_made_again(locked: Lock, cache: Path) -> None:
    made, _ = made_with_words(locked)
    discard(locked)
    assert not made.python.parents[1].exists()
    assert made_with_words(locked)[0].python.exists()
    discard(locked)
    discard(locked)  # of nothing
