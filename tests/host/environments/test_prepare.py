"""Environments made before a run, or made and removed by the jobs that use them. Real uv."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from support.entries import FAKE

from bert_bundle.errors import ConfigError, EnvironmentNotMadeError
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.environments.environment import CACHE_VARIABLE
from bert_bundle.host.environments.locks import FOLDER, lock
from bert_bundle.host.environments.nearest import this_interpreter
from bert_bundle.host.environments.prepare import FailedEnvironment, opened, plan, prepare, unique, with_locks
from bert_bundle.host.runs import run as runs
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.progress import silent

pytestmark = pytest.mark.environments  # makes small ones

ROWS = [
    Environment(
        id=name,
        python="3.11",
        as_of=date(2024, 5, 15),
        packages=(f"packaging=={version}",),
        runtime="native",
        groups=(),
    )
    for name, version in (("one", "23.2"), ("two", "23.1"))
]
FORGED = RunOptions(entry=FAKE, time_limit=30)


@pytest.fixture(scope="module")
def locks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("matrix")
    for row in ROWS:
        lock(row, folder)
    return folder / FOLDER


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "environments"


def folders(cache: Path) -> Iterator[Path]:
    return (path for path in cache.glob("*") if path.is_dir())


def test_a_prepared_environment_stays_and_a_temporary_one_exists_only_while_in_use(locks: Path, cache: Path) -> None:
    temporary = plan(with_locks(ROWS, locks))
    assert not cache.exists()
    with opened(temporary[0], silent) as environment:
        assert environment.error is None
        assert environment.python.exists()
    assert list(folders(cache)) == []
    (kept, _) = prepare(ROWS, locks, progress=silent)
    with opened(kept, silent) as environment:
        assert environment is kept
    assert len(list(folders(cache))) == 2


def test_a_temporary_environment_without_a_lock_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the environment has no lock"):
        with_locks(ROWS, tmp_path)


def test_a_run_over_promises_has_no_more_environments_on_disk_than_jobs(
    locks: Path, cache: Path, tmp_path: Path
) -> None:
    most: list[int] = []

    def watch(_: str) -> None:
        most.append(len(list(folders(cache))))

    places = plan(with_locks(ROWS, locks))
    found = runs.cross(
        places, places, [{}], folder=tmp_path / "kept", executor=Local(1), progress=watch, options=FORGED
    )
    assert {v.grade for v in found.verdicts} == {"bitwise"}
    assert (len(found.verdicts), found.exit_code) == (4, 0)
    assert [place.id for place in found.environments] == ["one", "two"]
    assert max(most) == 1
    assert found.disk > 2_000_000
    assert list(folders(cache)) == []


def test_an_environment_that_failed_once_counts_as_failed() -> None:
    failed = FailedEnvironment(id="this interpreter", error=EnvironmentNotMadeError("no interpreter"))
    assert unique([this_interpreter(), failed]) == unique([failed, this_interpreter()]) == (failed,)
    assert [place.id for place in unique([this_interpreter(), this_interpreter()])] == ["this interpreter"]
