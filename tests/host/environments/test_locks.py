"""Lock files: what one contains, that its row decides it, and which ones are refused. Real uv, real index."""

import re
from datetime import date
from pathlib import Path

import pytest

from bert_bundle.errors import ConfigError, EnvironmentNotMadeError
from bert_bundle.host.config.matrix_file import Environment, read_matrix
from bert_bundle.host.config.matrix_location import default_matrix_path
from bert_bundle.host.config.requirements import Pins
from bert_bundle.host.environments.locks import FOLDER, NEEDED, Lock, entries, lock, read_lock, same_files

REPOSITORY = default_matrix_path(Path(__file__).parent)
SMALL = Environment(
    id="small", python="3.11", as_of=date(2024, 5, 15), packages=("packaging==23.2",), runtime="native", groups=()
)

OF_A_MACHINE = re.compile(r"/|\\[^\n]|--(?!hash=sha256:|env )|^\s*-[^-]|\bvia\b", re.MULTILINE)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Lock:
    return lock(SMALL, tmp_path_factory.mktemp("matrix"))


def changed(environment: Environment, **fields: object) -> Environment:
    return environment.model_copy(update=fields)


def copied(small: Lock, folder: Path, old: str = "", new: str = "") -> Path:
    """Return a folder that holds `small` with `old` replaced once by `new`."""
    text = small.path.read_text("utf-8")
    assert old in text
    (folder / small.path.name).write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("environment", read_matrix(REPOSITORY).environments, ids=lambda e: e.id)
def test_every_row_has_a_fresh_lock_that_holds_exactly_its_packages(environment: Environment) -> None:
    pins = read_lock(environment, REPOSITORY.parent / FOLDER).pins
    assert environment.pins.items() <= pins.items()
    assert set(NEEDED) <= set(pins)


def test_tensorflow_is_installed_once(tmp_path: Path) -> None:
    """Two builds under the same file names: which one runs would be luck."""
    for environment in read_matrix(REPOSITORY).environments:
        pins = read_lock(environment, REPOSITORY.parent / FOLDER).pins
        builds = pins.keys() & {"tensorflow", "tensorflow-cpu"}
        assert builds == environment.pins.keys() & {"tensorflow-cpu"}
    asked = changed(SMALL, packages=("tensorflow==2.15.1", "tf-keras==2.15.1"))  # no pin of the CPU build
    assert "tensorflow" in lock(asked, tmp_path).pins


def test_there_is_no_lock_without_a_row() -> None:
    rows = {f"{e.id}.txt" for e in read_matrix(REPOSITORY).environments}
    assert {path.name for path in (REPOSITORY.parent / FOLDER).iterdir()} == rows


@pytest.mark.parametrize("path", sorted((REPOSITORY.parent / FOLDER).iterdir()), ids=lambda p: p.stem)
def test_no_lock_holds_a_path_a_host_or_an_option(path: Path) -> None:
    assert not OF_A_MACHINE.search(path.read_text("utf-8"))


@pytest.mark.parametrize("planted", ["# via -r /home/me/x.in", "--index-url https://index.example", "-e ."])
def test_what_a_lock_may_not_hold_is_found(small: Lock, planted: str) -> None:
    assert OF_A_MACHINE.search(f"{small.path.read_text('utf-8')}{planted}\n")


def test_a_lock_says_how_it_is_made_and_holds_what_every_environment_needs(small: Lock) -> None:
    text = small.path.read_text("utf-8")
    assert text.startswith(
        "# made by: bert-bundle matrix lock --env small\n# python 3.11 as of 2024-05-15: packaging=="
    )
    assert small.path.name == "small.txt"
    assert small.pins["packaging"] == "23.2"
    assert set(NEEDED) <= set(small.pins)
    assert re.fullmatch("[0-9a-f]{64}", small.digest)


def test_the_same_row_gives_the_same_bytes_whatever_lay_there(small: Lock, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    copied(small, tmp_path / FOLDER, f"pytest=={small.pins['pytest']}", "pytest==8.0.0")
    assert lock(SMALL, tmp_path).path.read_bytes() == small.path.read_bytes()


def test_the_day_decides_what_is_known(small: Lock, tmp_path: Path) -> None:
    earlier = lock(changed(SMALL, as_of=date(2023, 11, 20)), tmp_path)
    assert earlier.pins["pytest"].startswith("7.")
    assert small.pins["pytest"].startswith("8.")


def test_safetensors_is_there_before_its_day(tmp_path: Path) -> None:
    before = changed(SMALL, python="3.9", as_of=date(2022, 6, 1), packages=("packaging==21.3",))
    assert lock(before, tmp_path).pins["safetensors"] == "0.3.1"


def test_incompatible_packages_are_an_environment_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentNotMadeError, match=r"cannot be resolved @ small(.|\n)*pluggy") as caught:
        lock(changed(SMALL, packages=("pytest==8.2.0", "pluggy==0.13.0")), tmp_path)
    assert caught.value.exit_code == 4
    assert list(tmp_path.iterdir()) == []


def test_a_missing_lock_is_refused_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no lock @ small.txt(.|\n)*run bert-bundle matrix lock --env small"):
        read_lock(SMALL, tmp_path)


@pytest.mark.parametrize(
    "fields",
    [{"packages": ("packaging==24.0",)}, {"python": "3.12"}, {"as_of": date(2024, 5, 16)}],
    ids=lambda fields: next(iter(fields)),
)
def test_a_lock_of_a_row_that_changed_since_is_stale(small: Lock, fields: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"the lock is stale(.|\n)*run bert-bundle matrix lock"):
        read_lock(changed(SMALL, **fields), small.path.parent)


def test_what_does_not_decide_the_packages_leaves_the_lock_fresh(small: Lock) -> None:
    other = changed(SMALL, runtime="transformers", groups=("ci",))
    assert read_lock(other, small.path.parent) == small


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\npackaging==23.2", "\n--index-url==23.2", "malformed"),
        ("\npackaging==23.2", "\n-r other.txt\npackaging==23.2", "malformed"),
        ("\npackaging==23.2", "\npackaging>=23.2", "malformed"),
        ("--hash=sha256:", "--hash=md5:", "malformed"),
        ("packaging==23.2 \\\n", "packaging==23.2\n", "malformed"),
        ("\npackaging==23.2", "\npackaging==23.1", "does not have what its row requires"),
        ("safetensors==", "safetensor==", "does not have what its row requires"),
    ],
)
def test_a_lock_edited_by_hand_is_refused(small: Lock, tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_lock(SMALL, copied(small, tmp_path, old, new))


def test_two_locks_are_of_the_same_files_though_one_knows_of_later_ones() -> None:
    a, b = "--hash=sha256:" + "a" * 64, "--hash=sha256:" + "b" * 64
    one: Pins = {"numpy": ("1.26.4", frozenset({a}))}
    assert same_files(one, {"numpy": ("1.26.4", frozenset({a, b}))})
    assert same_files({"numpy": ("1.26.4", frozenset({a, b}))}, one)
    assert not same_files(one, {"numpy": ("1.26.4", frozenset({b}))})
    assert not same_files(one, {"numpy": ("1.26.3", frozenset({a}))})
    assert not same_files(one, {**one, "six": ("1.16.0", frozenset({a}))})


def test_the_lock_of_a_row_of_the_users_own_is_its_pins_whatever_else_is_in_the_file(tmp_path: Path) -> None:
    own = REPOSITORY.parent / FOLDER / "tf2.15-hf4.40-py3.11.txt"
    path, text = tmp_path / "requirements.txt", own.read_text("utf-8")
    row = Environment(id="today", python="3.11", lock="requirements.txt", runtime="transformers")
    path.write_text(text)
    one = read_lock(row, tmp_path / FOLDER)
    other_hash = "--hash=sha256:" + "0" * 64
    path.write_text(f"# another comment\n{text}colorama==0.4.6 ; sys_platform == 'win32' {other_hash}\n")
    assert read_lock(row, tmp_path / FOLDER) == one
    assert entries(one.text) == entries(text)
