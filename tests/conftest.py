"""What the host's tests share: the real environments of compat_matrix.yaml, live workers in them, bundles made once."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from support.paths import ROOT

from bert_bundle.classifiers import specification
from bert_bundle.host.config.matrix_file import FILE_NAME, Matrix, read_matrix
from bert_bundle.host.environments.environment import ReadyEnvironment, make
from bert_bundle.host.environments.locks import FOLDER, read_lock
from bert_bundle.host.workers.worker import Worker

# A shell without job control starts what runs in its background with Ctrl-C ignored, and every child inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)

WRITER = "tf2.15-hf4.40-py3.11"
SUITE = "test_suite.py"
SUITE_SECONDS = 1200  # in one environment that is made first, beside another and the tests of the host on two cores

Done = subprocess.CompletedProcess[str]


def environment(name: str) -> ReadyEnvironment:
    """Makes (or finds in the cache) the environment of that id."""
    (row,) = read_matrix(ROOT / FILE_NAME).select(names=[name])
    return make(row, read_lock(row, ROOT / FOLDER), progress=print)


@pytest.fixture(scope="session")
def matrix() -> Matrix:
    return read_matrix(ROOT / FILE_NAME)


@pytest.fixture(scope="session")
def made() -> Callable[[str], ReadyEnvironment]:
    return environment


@pytest.fixture(scope="session")
def writer(made: Callable[[str], ReadyEnvironment]) -> Iterator[Worker]:
    """A live worker in TensorFlow 2.15, for whatever a test needs written or replayed."""
    with Worker(made(WRITER), "writer") as worker:
        yield worker


@pytest.fixture(scope="session")
def classic_bundle(writer: Worker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The classic classifier as a bundle, written by TensorFlow 2.15. Copy it before changing anything."""
    path = tmp_path_factory.mktemp("classic") / "bundle"
    writer.ask("generate", specification=specification.CLASSIC, target=str(path))
    return path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who reads `suite_runs` comes last: everything else runs beside them."""
    items.sort(key=lambda item: item.path.name == SUITE)


@pytest.fixture(scope="session", autouse=True)
def suite_runs(request: pytest.FixtureRequest, matrix: Matrix) -> Iterator[dict[str, Future[Done]]]:
    """One run of the in-environment suite in each environment of `ci`, two at a time; none where nobody reads them.

    They begin with the session and take what its other tests leave of two cores, which is most of one: a higher nice
    value keeps them out of the way of tests that look at a clock. The newest environment first: those have Keras 3 too,
    and most to do.
    """
    variables = dict(os.environ)  # of now: tests change them

    def run(name: str) -> Done:
        return subprocess.run(
            [sys.executable, "-m", "support.in_environment_of", name, "-q", "--durations=3"],
            env=variables, cwd=ROOT / "tests", capture_output=True, text=True, timeout=SUITE_SECONDS, check=False,
        )  # fmt: skip

    read = any(item.path.name == SUITE for item in request.session.items)
    names = [row.id for row in matrix.select(groups=["ci"])][::-1] if read else []
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(run, name) for name in names}
