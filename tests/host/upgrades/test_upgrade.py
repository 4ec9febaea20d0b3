"""Environments that no row describes: locks composed from two, and locks that an upgrade gives. Real uv, real index."""

from datetime import date
from pathlib import Path

import pytest

from bert_bundle.errors import ConfigError, EnvironmentNotMadeError
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.environments import locks
from bert_bundle.host.environments.environment import CACHE_VARIABLE
from bert_bundle.host.upgrades import upgrade
from bert_bundle.host.upgrades.package_differences import Need, Package, PackageChange, Unit
from bert_bundle.host.upgrades.upgrade import LockedEnvironment, Upgrade
from bert_bundle.host.workers.worker import silent
from bert_bundle.interpreter.known_breakages import PYTHON

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


def made_up(folder: Path, name: str, python: str, **pins: str) -> LockedEnvironment:
    """A lock whose hashes are made up: the first digit of each is that of the name."""
    entries = {p.replace("_", "-"): v.split() for p, v in pins.items()}
    text = "".join(
        f"{p}=={version} " + " ".join(f"--hash=sha256:{h * 64}" for h in hashes) + "\n"
        for p, (version, *hashes) in entries.items()
    )
    row = Environment(id=name, python=python, as_of=DAY, packages=("a==1",), runtime="native")
    return LockedEnvironment(environment=row, lock=locks.write_derived_lock(folder / f"{name}.txt", text))


def unit(*changes: tuple[str, str | None, str | None]) -> Unit:
    made = tuple(PackageChange(package=p, before=before, after=after) for p, before, after in changes)
    return Unit(name=changes[0][0], changes=made, together=(), needs=frozenset())


def upgraded(base: LockedEnvironment, *asked: str) -> Upgrade:
    return upgrade.upgrade(base, asked, instead_of="small", today=TODAY, progress=silent)


def test_a_mixture_holds_the_pins_and_hashes_of_either_lock_and_nothing_is_resolved(
    tmp_path: Path, cache: Path
) -> None:
    good = made_up(tmp_path, "good", "3.11", a="1 1", b="1 2", gone="1 3", same="1 4")
    bad = made_up(tmp_path, "bad", "3.12", a="2 5", b="2 6", new="1 7", same="1 8")
    mixed = upgrade.mixture(good, bad, [unit(("a", "1", "2"), ("gone", "1", None)), unit(("new", None, "1"))], "mixed")
    assert mixed.environment.python == "3.11"
    assert mixed.lock.pins == {"a": "2", "b": "1", "new": "1", "same": "1"}
    hashes = {
        p: {h[14:15] for h in found} for p, (_, found) in locks.entries(mixed.lock.path.read_text("utf-8")).items()
    }
    assert hashes == {"a": {"5"}, "b": {"2"}, "new": {"7"}, "same": {"4", "8"}}
    assert mixed.lock.path.parent == cache / "locks"
    other = upgrade.mixture(good, bad, [unit((PYTHON, "3.11", "3.12"))], "mixed")
    assert (other.environment.python, other.lock.pins) == ("3.12", good.lock.pins)
    assert other.lock.digest != mixed.lock.digest


def test_an_upgrade_changes_what_it_must_and_says_what_that_was(small: LockedEnvironment) -> None:
    assert small.lock.pins["pytest"] == "8.2.0"  # which wants a pluggy of 1.5 or newer
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


def test_what_was_not_out_on_the_day_of_the_row_is_resolved_as_of_today(small: LockedEnvironment) -> None:
    made = upgraded(small, "packaging==25.0")
    assert (made.locked.environment.as_of, made.package_changes) == (TODAY, ())


def test_what_cannot_be_had_together_is_an_environment_that_is_not_made(small: LockedEnvironment) -> None:
    with pytest.raises(
        EnvironmentNotMadeError, match=r"the upgrade cannot be had @ with-pytest(.|\n)*pluggy"
    ) as caught:
        upgraded(small, "pytest==8.2.0", "pluggy==1.3.0")
    assert caught.value.exit_code == 4
    with pytest.raises(EnvironmentNotMadeError, match=r"packaging==0\.0\.999 in python 3\.11, from small"):
        upgraded(small, "packaging==0.0.999")


def test_tensorflow_is_taken_as_the_build_that_is_there(tmp_path: Path) -> None:
    words: list[str] = []
    base = made_up(tmp_path, "base", "3.11", tensorflow_cpu="2.15.1 1")
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
        ([], "no upgrade"),
        (["a==1", "A==2"], "a package twice"),
        (["tensorflow==2.21.0", "tensorflow-cpu==2.21.0"], "a package twice"),
    ],
)
def test_what_asks_for_no_one_release_is_refused(asked: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=f"{message} @ --with"):
        upgrade.parse_requested(asked)


def test_a_name_is_short_and_of_the_letters_that_a_row_may_have() -> None:
    assert upgrade.upgrade_id(["tensorflow==2.21.0", "numpy==1!2.0+x"]) == "with-tensorflow-2.21.0-numpy-1-2.0-x"
    many = [f"a-package-of-a-long-name-{i}==1.0" for i in range(4)]
    assert len(upgrade.upgrade_id(many)) == 64
    assert upgrade.upgrade_id(many) == upgrade.upgrade_id(many) != upgrade.upgrade_id(many[::-1])


def test_the_releases_between_two_are_those_of_the_index_on_that_day() -> None:
    assert upgrade.releases(SMALL, "packaging", "23.0", "24.0") == ["23.1", "23.2"]
    early = SMALL.model_copy(update={"as_of": date(2023, 5, 1)})
    assert upgrade.releases(early, "packaging", "24.0", "23.0") == ["23.1"]
    assert upgrade.releases(SMALL, "packaging", "23.1", "23.2") == []


def test_another_release_takes_with_it_only_what_it_must(small: LockedEnvironment) -> None:
    made = upgrade.with_release(small, "pluggy", "1.3.0", "older")
    assert made.lock.pins.keys() == small.lock.pins.keys()
    assert {p for p, v in made.lock.pins.items() if v != small.lock.pins[p]} == {"pluggy", "pytest"}
    with pytest.raises(EnvironmentNotMadeError, match="cannot be locked @ older"):
        upgrade.with_release(small, "pluggy", "0.0.999", "older")


def test_a_compiled_release_without_a_wheel_for_the_other_python_is_told(tmp_path: Path) -> None:
    good, bad = made_up(tmp_path, "good", "3.12", a="1 1"), made_up(tmp_path, "bad", "3.13", a="1 1")
    old, new = ({"markupsafe": Package(version=version, compiled=True)} for version in ("2.1.5", "3.0.2"))
    late = LockedEnvironment(environment=bad.environment.model_copy(update={"as_of": TODAY}), lock=bad.lock)
    why = "markupsafe 2.1.5 has no wheel for python 3.13"
    assert upgrade.wheels((good, old), (late, new)) == (Need(package=PYTHON, other="markupsafe", why=why),)
    assert upgrade.wheels((late, new), (good, old)) == (Need(package="markupsafe", other=PYTHON, why=why),)
    assert upgrade.wheels((good, old), (bad, old)) == ()
    assert upgrade.wheels((good, old), (good, new)) == ()
