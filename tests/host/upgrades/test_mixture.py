"""Environments between two rows: mixtures of their locks, and other releases of one package. Real uv, real index."""

from datetime import date
from pathlib import Path

import pytest

from bert_bundle.errors import EnvironmentNotMadeError
from bert_bundle.host.config.matrix_file import Environment
from bert_bundle.host.environments import locks
from bert_bundle.host.environments.environment import CACHE_VARIABLE
from bert_bundle.host.upgrades.mixture import missing_wheels, mixture, releases_between, with_release
from bert_bundle.host.upgrades.package_differences import Need, Package, PackageChange, Unit
from bert_bundle.host.upgrades.upgrade import LockedEnvironment
from bert_bundle.interpreter.known_breakages import PYTHON

DAY, TODAY = date(2024, 5, 15), date(2025, 9, 15)
SMALL = Environment(id="small", python="3.11", as_of=DAY, packages=("packaging==23.2",), runtime="native")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def made_up(folder: Path, name: str, python: str, **pins: str) -> LockedEnvironment:
    """Return a lock whose hashes are made up: the first digit of each is that of the name."""
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


def test_a_mixture_has_the_pins_and_hashes_of_both_locks(tmp_path: Path, cache: Path) -> None:
    good = made_up(tmp_path, "good", "3.11", a="1 1", b="1 2", gone="1 3", same="1 4")
    bad = made_up(tmp_path, "bad", "3.12", a="2 5", b="2 6", new="1 7", same="1 8")
    mixed = mixture(good, bad, [unit(("a", "1", "2"), ("gone", "1", None)), unit(("new", None, "1"))], "mixed")
    assert mixed.environment.python == "3.11"
    assert mixed.lock.pins == {"a": "2", "b": "1", "new": "1", "same": "1"}
    hashes = {
        p: {h[14:15] for h in found} for p, (_, found) in locks.entries(mixed.lock.path.read_text("utf-8")).items()
    }
    assert hashes == {"a": {"5"}, "b": {"2"}, "new": {"7"}, "same": {"4", "8"}}
    assert mixed.lock.path.parent == cache / "locks"
    other = mixture(good, bad, [unit((PYTHON, "3.11", "3.12"))], "mixed")
    assert (other.environment.python, other.lock.pins) == ("3.12", good.lock.pins)
    assert other.lock.digest != mixed.lock.digest


def test_the_releases_between_two_are_those_of_the_index_at_that_date() -> None:
    assert releases_between(SMALL, "packaging", "23.0", "24.0") == ["23.1", "23.2"]
    early = SMALL.model_copy(update={"as_of": date(2023, 5, 1)})
    assert releases_between(early, "packaging", "24.0", "23.0") == ["23.1"]
    assert releases_between(SMALL, "packaging", "23.1", "23.2") == []


def test_another_release_changes_other_packages_only_where_it_must(tmp_path: Path) -> None:
    small = LockedEnvironment(environment=SMALL, lock=locks.lock(SMALL, tmp_path))
    made = with_release(small, "pluggy", "1.3.0", "older")
    assert made.lock.pins.keys() == small.lock.pins.keys()
    assert {p for p, v in made.lock.pins.items() if v != small.lock.pins[p]} == {"pluggy", "pytest"}
    with pytest.raises(EnvironmentNotMadeError, match="cannot be resolved @ older"):
        with_release(small, "pluggy", "0.0.999", "older")


def test_a_compiled_release_without_a_wheel_for_the_other_python_is_told(tmp_path: Path) -> None:
    good, bad = made_up(tmp_path, "good", "3.12", a="1 1"), made_up(tmp_path, "bad", "3.13", a="1 1")
    old, new = ({"markupsafe": Package(version=version, compiled=True)} for version in ("2.1.5", "3.0.2"))
    late = LockedEnvironment(environment=bad.environment.model_copy(update={"as_of": TODAY}), lock=bad.lock)
    why = "markupsafe 2.1.5 has no wheel for Python 3.13"
    assert missing_wheels((good, old), (late, new)) == (Need(package=PYTHON, other="markupsafe", why=why),)
    assert missing_wheels((late, new), (good, old)) == (Need(package="markupsafe", other=PYTHON, why=why),)
    assert missing_wheels((good, old), (bad, old)) == ()
    assert missing_wheels((good, old), (good, new)) == ()
