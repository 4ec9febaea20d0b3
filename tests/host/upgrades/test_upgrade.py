"""The environment that an upgrade gives: what changes in its lock, and what is refused. Real uv, real index."""

from datetime import date
from pathlib import Path

import pytest

from bert_bundle.errors import ConfigError, EnvironmentNotMadeError
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.environments import locks
from bert_bundle.host.environments.environment import CACHE_VARIABLE
from bert_bundle.host.upgrades import upgrade
from bert_bundle.host.upgrades.upgrade import LockedEnvironment, Upgrade
from bert_bundle.progress import silent

DAY, TODAY = date(2024, 5, 15), date(2025, 9, 15)
SMALL = Environment(
    id="small", python="3.11", as_of=DAY, packages=("packaging==23.2",), runtime="native", groups=("ci",)
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> LockedEnvironment:
    return LockedEnvironment(environment=SMALL, lock=locks.lock(SMALL, tmp_path_factory.mktemp("matrix")))


def upgraded(base: LockedEnvironment, *asked: str) -> Upgrade:
    return upgrade.upgrade(base, asked, instead_of="small", today=TODAY, progress=silent)


def test_an_upgrade_changes_only_what_it_must_and_records_what_that_was(small: LockedEnvironment) -> None:
    assert small.lock.pins["pytest"] == "8.2.0"  # which requires pluggy 1.5 or newer
    made = upgraded(small, "pluggy==1.3.0")
    assert [change.package for change in made.package_changes] == ["pytest"]
    assert made.package_changes[0].before == "8.2.0"
    after = made.locked.lock.pins
    assert {p for p in after if after[p] != small.lock.pins[p]} == {"pluggy", "pytest"}
    assert (made.id, made.source, made.asked) == ("with-pluggy-1.3.0", "small", ("pluggy==1.3.0",))
    assert made.locked.environment.pins == {"pluggy": "1.3.0", "packaging": "23.2"}
    assert (made.locked.environment.as_of, made.locked.environment.groups) == (DAY, ())


def test_the_same_upgrade_is_the_same_lock(small: LockedEnvironment) -> None:
    first, again = upgraded(small, "pluggy==1.3.0"), upgraded(small, "pluggy==1.3.0")
    assert first.locked.lock == again.locked.lock


def test_a_release_newer_than_the_date_of_the_row_is_resolved_at_today_s_date(small: LockedEnvironment) -> None:
    made = upgraded(small, "packaging==25.0")
    assert (made.locked.environment.as_of, made.package_changes) == (TODAY, ())


def test_incompatible_versions_are_an_environment_that_cannot_be_made(small: LockedEnvironment) -> None:
    with pytest.raises(
        EnvironmentNotMadeError, match=r"the upgrade cannot be resolved @ with-pytest(.|\n)*pluggy"
    ) as caught:
        upgraded(small, "pytest==8.2.0", "pluggy==1.3.0")
    assert caught.value.exit_code == 4
    with pytest.raises(EnvironmentNotMadeError, match=r"packaging==0\.0\.999 in Python 3\.11, from small"):
        upgraded(small, "packaging==0.0.999")


def test_tensorflow_is_taken_as_the_build_that_is_there(tmp_path: Path) -> None:
    words: list[str] = []
    row = SMALL.model_copy(update={"id": "base", "packages": ("tensorflow-cpu==2.15.1",)})
    text = f"tensorflow-cpu==2.15.1 --hash=sha256:{'1' * 64}\n"
    base = LockedEnvironment(environment=row, lock=locks.write_derived_lock(tmp_path / "base.txt", text))
    with pytest.raises(EnvironmentNotMadeError, match=r"wanted: tensorflow-cpu==2\.0\.999 in"):
        upgrade.upgrade(base, ["tensorflow==2.0.999"], instead_of="base", today=TODAY, progress=words.append)
    assert words[0] == "tensorflow is taken as tensorflow-cpu, the build of it that base has"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["tensorflow"], "not pinned to one release"),
        (["tensorflow>=2.20"], "not pinned to one release"),
        (["tensorflow==2.*"], "not pinned to one release"),
        (["=2"], "not a requirement"),
        (["-r", "x"], "not a requirement"),
        (["a@https://x.org/a.whl"], "not pinned to one release"),
        ([], "--with names no package"),
        (["a==1", "A==2"], "--with names a package twice"),
        (["tensorflow==2.21.0", "tensorflow-cpu==2.21.0"], "--with names a package twice"),
    ],
)
def test_anything_but_requirements_of_one_release_is_refused(asked: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=f"{message} @ --with"):
        upgrade.parse_requested(asked)


def test_an_id_is_short_and_has_only_the_characters_of_a_row_s_id() -> None:
    assert upgrade.upgrade_id(["tensorflow==2.21.0", "numpy==1!2.0+x"]) == "with-tensorflow-2.21.0-numpy-1-2.0-x"
    many = [f"a-package-of-a-long-name-{i}==1.0" for i in range(4)]
    assert len(upgrade.upgrade_id(many)) == 64
    assert upgrade.upgrade_id(many) == upgrade.upgrade_id(many) != upgrade.upgrade_id(many[::-1])
