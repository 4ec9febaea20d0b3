"""Fixtures of the host's tests: the matrix, its real environments, a live worker and a bundle written by it."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.environments import WRITER, environment
from support.paths import ROOT

from bert_bundle.classifiers import specification
from bert_bundle.host.config.matrix_file import FILE_NAME, Matrix, read_matrix
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.workers.worker import Worker

# A shell without job control starts background jobs with Ctrl-C ignored, and every child inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before `-m` selects by the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test in tests/environments, so that no file there can forget to."""
    for item in items:
        if ROOT / "tests" / "environments" in item.path.parents:
            item.add_marker(pytest.mark.environments)


@pytest.fixture(scope="session")
def matrix() -> Matrix:
    return read_matrix(ROOT / FILE_NAME)


@pytest.fixture(scope="session")
def made() -> Callable[[str], ReadyEnvironment]:
    """Return the function that finds or makes the environment of a row."""
    return environment


@pytest.fixture(scope="session")
def writer() -> Iterator[Worker]:
    """Yield a live worker in TensorFlow 2.15, for whatever a test needs written or replayed."""
    with Worker(environment(WRITER), "writer") as worker:
        yield worker


@pytest.fixture(scope="session")
def classic_bundle(writer: Worker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the classic classifier as a bundle, written by TensorFlow 2.15. Copy it before changing anything."""
    path = tmp_path_factory.mktemp("classic") / "bundle"
    writer.ask("generate", specification=specification.CLASSIC, target=str(path))
    return path
