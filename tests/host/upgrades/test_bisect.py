"""Bisections over real mixtures of real locks, without TensorFlow in them; the reader repeats a golden and has a fault.

What is left of two rows of the matrix when TensorFlow and what is large is taken out: made by uv in about a second.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.entries import fakes
from support.fake_bundles import fake_generate
from support.paths import ROOT

from bert_bundle.errors import ConfigError, EnvironmentNotMadeError
from bert_bundle.host.config.matrix_file import Environment, Matrix
from bert_bundle.host.environments import locks
from bert_bundle.host.environments.environment import CACHE_VARIABLE
from bert_bundle.host.runs.local_executor import Local
from bert_bundle.host.runs.run_options import RunOptions
from bert_bundle.host.upgrades.bisect import Bisection, bisect
from bert_bundle.host.upgrades.trials import BisectTrials
from bert_bundle.host.upgrades.upgrade import LockedEnvironment
from bert_bundle.progress import Progress, silent

pytestmark = pytest.mark.environments  # makes small ones

GOOD, BAD = "tf2.16-hf4.41-py3.12", "tf2.19-hf4.53-py3.12"
LARGE = {
    "grpcio",
    "h5py",
    "keras",
    "libclang",
    "ml-dtypes",
    "optree",
    "tensorboard",
    "tensorflow-cpu",
    "tf-keras",
    "tokenizers",
    "transformers",
}
CULPRIT = {"typing-extensions": "4.15.0"}  # as in BAD


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def bundle(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))
    fake_generate(progress=silent, specification={}, target=str(tmp_path / "router"))
    return tmp_path / "router"


def light(matrix: Matrix, name: str, folder: Path, only: frozenset[str] = frozenset()) -> LockedEnvironment:
    """Return a small row; with `only`, just these packages and what a worker needs, the same in every row."""
    (row,) = matrix.select(names=[name])
    whole, of_good = (locks.entries((ROOT / locks.FOLDER / f"{n}.txt").read_text("utf-8")) for n in (name, GOOD))
    kept = {n: e for n, e in whole.items() if n not in LARGE and (not only or n in only)}
    kept |= {n: of_good[n] for n in ("numpy", "safetensors") if only}
    text = "".join(f"{n}=={version} " + " ".join(hashes) + "\n" for n, (version, hashes) in kept.items())
    version = kept["numpy"][0]
    environment = Environment(
        id=f"light-{name}", python=row.python, as_of=row.as_of, packages=(f"numpy=={version}",), runtime=row.runtime
    )
    return LockedEnvironment(environment=environment, lock=locks.write_derived_lock(folder / f"{name}.txt", text))


def bisected(
    ends: tuple[LockedEnvironment, LockedEnvironment],
    bundle: Path,
    faults: Mapping[str, Any],
    progress: Progress = silent,
    releases: bool = False,
) -> Bisection:
    options = RunOptions(entry=fakes(**faults), time_limit=60)
    trials = BisectTrials(bundle, executor=Local(2), progress=progress, options=options, keep=False)
    return bisect(*ends, trials, releases=releases)


def test_a_planted_culprit_among_thirty_packages_and_more_is_found_in_twelve_environments(
    matrix: Matrix, bundle: Path, cache: Path, tmp_path: Path
) -> None:
    ends = light(matrix, GOOD, tmp_path), light(matrix, BAD, tmp_path)
    words: list[str] = []
    found = bisected(ends, bundle, {"drifts_with": CULPRIT}, words.append)
    assert found.changes >= 30
    assert [[unit.name for unit in group] for group in found.culprits] == [["typing-extensions"]]
    (change,) = found.culprits[0][0].changes
    assert str(change) == "typing-extensions 4.12.2 -> 4.15.0"
    assert (found.needed, found.exact, found.exit_code) == ((), True, 0)
    assert found.environments <= 12
    assert (found.good.grade, found.bad.grade, found.bad.reader) == ("bitwise", "drift", ends[1].environment.id)
    assert sorted(path.name for path in (cache / "environments").iterdir() if path.is_dir()) == sorted(
        end.lock.digest[:16] for end in ends
    )
    assert (
        f"{found.good.grade} -> {found.bad.grade}: {found.changes} packages differ, in {len(found.units)} units"
        in words
    )
    assert sum(word.startswith("step 1 of at most 7: ") for word in words) == 1


SOME = frozenset({"idna", "typing-extensions", "wrapt"})


def test_what_the_culprit_does_not_run_without_is_needed_and_not_to_blame(
    matrix: Matrix, bundle: Path, tmp_path: Path
) -> None:
    ends = light(matrix, GOOD, tmp_path, SOME), light(matrix, BAD, tmp_path, SOME)
    found = bisected(ends, bundle, {"drifts_with": CULPRIT, "crashes_with": [{**CULPRIT, "idna": "3.7"}]})
    assert [[unit.name for unit in group] for group in found.culprits] == [["typing-extensions"]]
    assert [unit.name for unit in found.needed] == ["idna"]
    assert {step.verdict.grade for step in found.steps if step.answer == "unresolved"} == {"crashed"}


def test_an_interrupt_in_the_third_step_leaves_the_first_two(matrix: Matrix, bundle: Path, tmp_path: Path) -> None:
    ends = light(matrix, GOOD, tmp_path), light(matrix, BAD, tmp_path)

    def progress(text: str) -> None:
        if text.startswith("step 3 of"):
            raise KeyboardInterrupt

    found = bisected(ends, bundle, {"drifts_with": CULPRIT}, progress)
    assert (len(found.steps), found.culprits, found.interrupted, found.exit_code) == (2, (), True, 130)
    assert {step.answer for step in found.steps} <= {"good", "bad"}


def test_what_has_no_answer_apart_is_not_told_apart_and_that_is_no_success(
    matrix: Matrix, bundle: Path, tmp_path: Path
) -> None:
    ends = light(matrix, GOOD, tmp_path, SOME), light(matrix, BAD, tmp_path, SOME)
    old, new = ends[0].lock.pins, ends[1].lock.pins
    apart = [{"typing-extensions": a["typing-extensions"], "idna": b["idna"]} for a, b in ((old, new), (new, old))]
    found = bisected(ends, bundle, {"drifts_with": CULPRIT, "crashes_with": apart})
    assert [{unit.name for unit in group} for group in found.culprits] == [{"idna", "typing-extensions"}]
    assert (found.exact, found.exit_code) == (False, 3)


def test_the_first_release_that_is_bad_is_named_with_the_last_good_one(
    matrix: Matrix, bundle: Path, tmp_path: Path
) -> None:
    only = frozenset({"typing-extensions"})
    ends = light(matrix, GOOD, tmp_path, only), light(matrix, BAD, tmp_path, only)
    found = bisected(ends, bundle, {"drifts_with": CULPRIT}, releases=True)
    assert found.release is not None
    assert (found.release.package, found.release.last_good, found.release.first_bad, found.release.exact) == (
        "typing-extensions",
        "4.14.1",
        "4.15.0",
        True,
    )
    assert found.release.package_changes == ()
    tried = [step.upgraded[0] for step in found.release.steps]
    assert {"typing-extensions==4.14.1"} < set(tried)
    assert len(tried) <= 4  # of the five releases between 4.12.2 and 4.15.0
    assert found.environments == 2 + len(found.steps) + len(tried)


def test_two_environments_that_agree_are_nothing_to_bisect(matrix: Matrix, bundle: Path, tmp_path: Path) -> None:
    ends = light(matrix, GOOD, tmp_path, SOME), light(matrix, BAD, tmp_path, SOME)
    with pytest.raises(ConfigError, match=r"there is nothing to bisect(.|\n)*light-tf2.16(.|\n)*: bitwise.*: bitwise"):
        bisected(ends, bundle, {})
    with pytest.raises(ConfigError, match=r"nothing to bisect(.|\n)*2.19-hf4.53-py3.12: crashed"):
        bisected(ends, bundle, {"crashes_with": [CULPRIT]})


def test_an_end_that_cannot_be_made_is_an_error_and_no_answer(matrix: Matrix, bundle: Path, tmp_path: Path) -> None:
    good, bad = light(matrix, GOOD, tmp_path, SOME), light(matrix, BAD, tmp_path, SOME)
    text = bad.lock.path.read_text("utf-8").replace("wrapt==1.17.3", "wrapt==1.17.999")
    broken = LockedEnvironment(
        environment=bad.environment, lock=locks.write_derived_lock(tmp_path / "broken.txt", text)
    )
    with pytest.raises(EnvironmentNotMadeError, match=r"could not be made @ light-tf2\.19"):
        bisected((good, broken), bundle, {"drifts_with": CULPRIT})


def test_two_runtimes_are_refused(matrix: Matrix, bundle: Path, tmp_path: Path) -> None:
    good, bad = light(matrix, GOOD, tmp_path, SOME), light(matrix, BAD, tmp_path, SOME)
    native = LockedEnvironment(environment=bad.environment.model_copy(update={"runtime": "native"}), lock=bad.lock)
    with pytest.raises(ConfigError, match="have different runtimes"):
        bisected((good, native), bundle, {})
