"""The in-environment suite, the seed's three cases among it, in every environment of the group `ci`."""

import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from bert_bundle import isolation
from bert_bundle.matrix.environment import Made
from bert_bundle.matrix.spec import FILE_NAME, read_matrix

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT / "tests" / "in_environment"
ENVIRONMENTS = [row.id for row in read_matrix(ROOT / FILE_NAME).select(groups=["ci"])]
SECONDS = 900

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def runs(made: Callable[[str], Made]) -> Iterator[dict[str, Future[Done]]]:
    """One run of the suite in each environment, two at a time: a TensorFlow process fills a core.

    The newest first: they have Keras 3 too, and most to do; a long run that starts last leaves a core idle.
    """

    def run(name: str) -> Done:
        return subprocess.run(
            [made(name).python, SUITE, "-q", "--durations=3"],
            env=isolation.environment(), capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(run, name) for name in reversed(ENVIRONMENTS)}


def test_the_group_holds_six_environments_from_2_6_to_2_21() -> None:
    assert len(ENVIRONMENTS) == 6
    assert ENVIRONMENTS[0].startswith("tf2.6-")
    assert ENVIRONMENTS[-1].startswith("tf2.21-")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_suite_passes_in_the_environment_and_skips_nothing(name: str, runs: dict[str, Future[Done]]) -> None:
    done = runs[name].result()
    closing = done.stdout.strip().splitlines()[-1]
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(r"[1-9][0-9]+ passed in [0-9.]+s.*", closing), closing
