"""The forecast of the space that environments will take, and that what does not fit is refused before it is made."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.environments import WRITER
from support.fake_bundles import fake_generate
from support.paths import ROOT

from bert_bundle.errors import EnvironmentNotMadeError
from bert_bundle.host.cli import main
from bert_bundle.host.config.matrix_file import Matrix
from bert_bundle.host.environments.environment import CACHE_VARIABLE, MARKER, folder_of
from bert_bundle.host.environments.forecast import USUAL_SIZE, check_space, forecast
from bert_bundle.host.environments.locks import FOLDER
from bert_bundle.host.environments.prepare import Locked, with_locks
from bert_bundle.progress import silent

NAMES = ("tf2.6-hf4.12-py3.8", "tf2.15-hf4.40-py3.11", "tf2.21-hf4.57-py3.13")
HUGE = 10**18


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "not" / "made" / "yet"))
    return tmp_path / "not" / "made" / "yet" / "environments"


@pytest.fixture
def needed(matrix: Matrix) -> list[Locked]:
    return with_locks(matrix.select(names=NAMES), ROOT / FOLDER)


def plant(cache: Path, folder: str, **marker: Any) -> None:
    """Plant an environment in the cache, of which there is nothing but its marker."""
    (cache / folder).mkdir(parents=True)
    (cache / folder / MARKER).write_text(json.dumps(marker))


def test_without_a_cache_each_is_of_the_usual_size(cache: Path, needed: list[Locked]) -> None:
    found = forecast(needed)
    assert found is not None
    assert (found.environments, found.size) == (3, 3 * USUAL_SIZE)
    assert found.free > 0
    assert str(found).startswith("3 environments to make, about 3.9 GB, ")
    assert not cache.exists()


def test_a_row_that_was_made_from_an_earlier_lock_has_its_size_and_others_the_median(
    cache: Path, needed: list[Locked]
) -> None:
    plant(cache, "a", environment=NAMES[0], size=700)
    plant(cache, "b", environment="other", size=5000)
    plant(cache, "c", environment="another", size=1000)
    plant(cache, "old", environment="no size")
    (cache / "damaged").mkdir()
    (cache / "damaged" / MARKER).write_text("{")
    found = forecast(needed)
    assert found is not None
    assert found.size == 700 + 1000 + 1000


def test_what_is_in_the_cache_is_not_made(cache: Path, needed: list[Locked]) -> None:
    for number, (row, lock) in enumerate(needed):
        plant(cache, folder_of(lock).name, environment=row.id, size=1000 + number)
        found = forecast(needed)
        assert (found.environments if found else 0) == 2 - number
    told: list[str] = []
    check_space(needed, told.append)
    assert told == []


def test_environments_that_are_removed_after_use_count_while_they_are_there(cache: Path, needed: list[Locked]) -> None:
    for name, size in zip(NAMES, (1_000_000_000, 2_000_000_000, 4_000_000_000), strict=True):
        plant(cache, name, environment=name, size=size)
    told: list[str] = []
    check_space(needed, told.append, at_a_time=2)
    assert [line.rsplit(", ", 1)[0] for line in told] == ["3 environments to make, 2 at a time, about 6.0 GB"]
    check_space(needed, told.append, at_a_time=5)
    assert told[1].startswith("3 environments to make, about 7.0 GB, ")


def test_what_does_not_fit_is_refused(cache: Path, needed: list[Locked]) -> None:
    plant(cache, "huge", environment=NAMES[1], size=HUGE)
    with pytest.raises(EnvironmentNotMadeError, match="the environments do not fit the disk") as raised:
        check_space(needed, silent)
    assert raised.value.wanted.startswith("about 3000000000 GB for 3 environments")


@pytest.mark.parametrize("more", [(), ("--discard-environments",)])
@pytest.mark.parametrize("command", ["audit", "gate", "matrix run", "bisect", "demo", "verify"])
def test_a_command_that_does_not_fit_ends_with_4_at_once_and_makes_nothing(
    command: str, more: tuple[str, ...], cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name in ("tf2.6-hf4.12-py3.8", WRITER, "tf2.21-hf4.57-py3.13", "tf2.10-hf4.25-py3.9"):
        plant(cache, name, environment=name, size=HUGE)
    fake_generate(progress=silent, specification={}, target=str(tmp_path / "router"))
    (tmp_path / "compat_matrix.yaml").write_text((ROOT / "compat_matrix.yaml").read_text())
    (tmp_path / FOLDER).symlink_to(ROOT / FOLDER)
    monkeypatch.chdir(tmp_path)
    arguments = {
        "matrix run": ["--env", WRITER],
        "demo": [],
        "bisect": ["router", "--good", WRITER, "--bad", "tf2.21-hf4.57-py3.13"],
        "audit": ["router", "--env", WRITER],
    }.get(command, ["router"])
    before = sorted(cache.iterdir())
    assert main([*command.split(), *arguments, *more]) == 4
    err = capsys.readouterr().err
    assert "the environments do not fit the disk" in err
    assert sorted(path for path in cache.iterdir() if path.suffix != ".lock") == before
