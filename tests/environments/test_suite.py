"""The in-environment suite in every environment of the group `ci`, two at a time."""

import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from support.paths import ROOT

from bert_bundle.host.config.matrix_file import Matrix
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.interpreter import launch

# The newest first: it has Keras 3 too, and takes longest.
ENVIRONMENTS = (
    "tf2.21-hf4.57-py3.13",
    "tf2.18-hf4.48-py3.12",
    "tf2.15-hf4.40-py3.11",
    "tf2.13-hf4.35-py3.11",
    "tf2.10-hf4.25-py3.9",
    "tf2.6-hf4.12-py3.8",
)
SECONDS = 1200  # for one environment beside another on two cores, its installation included

Suite = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def suites(
    request: pytest.FixtureRequest, made: Callable[[str], ReadyEnvironment]
) -> Iterator[dict[str, Future[Suite]]]:
    """Start the suite in each environment that a selected test asks for; map the environment to its run."""

    def run(name: str) -> Suite:
        command = [str(made(name).python), "tests/in_environment", "-q", "--durations=3"]
        return subprocess.run(
            command, env=launch.environment(), cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
        )

    selected = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(run, name) for name in ENVIRONMENTS if name in selected}
        pool.shutdown(cancel_futures=True)  # whatever has not begun, where `pytest -x` stops at a failure


def test_these_are_the_environments_of_the_group_ci(matrix: Matrix) -> None:
    assert {row.id for row in matrix.select(groups=["ci"])} == set(ENVIRONMENTS)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_suite_passes_in_the_environment_and_skips_nothing(name: str, suites: dict[str, Future[Suite]]) -> None:
    done = suites[name].result()
    assert done.returncode == 0, done.stdout + done.stderr
    closing = done.stdout.strip().splitlines()[-1]
    assert re.fullmatch(r"[1-9][0-9]+ passed in [0-9.]+s.*", closing), closing
