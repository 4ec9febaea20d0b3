"""Fixtures of the host's tests: the matrix, its real environments, a live worker and a bundle written by it, suites."""

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import old_files, once_per_run
from support.environments import WRITER, environment
from support.paths import ROOT
from support.suites import Suites

from bert_bundle.classifiers import specification
from bert_bundle.host.config.matrix_file import FILE_NAME, Matrix, read_matrix
from bert_bundle.host.environments.environment import ReadyEnvironment
from bert_bundle.host.workers.worker import Worker

# A shell without job control starts background jobs with Ctrl-C ignored, and every child inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)

SUITE = "test_suite.py"
SUITE_SECONDS = 4800  # in one environment, its installation included, beside the other tests on two cores
UNMARKED = "not environments"  # what pyproject.toml selects unless there is another `-m`


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return 2 for `pytest` alone, 0 (this process only) for named tests and for marked ones, which use every core."""
    alone = config.args_source is not pytest.Config.ArgsSource.ARGS
    return 2 if alone and config.option.markexpr == UNMARKED else 0


@pytest.hookimpl(tryfirst=True)  # before `-m` selects by the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test in tests/environments, so that no file there can forget to; order those of suites last."""
    for item in items:
        if ROOT / "tests" / "environments" in item.path.parents:
            item.add_marker(pytest.mark.environments)
    items.sort(key=lambda item: item.path.name == SUITE)


@pytest.fixture(scope="session", autouse=True)
def suites(request: pytest.FixtureRequest) -> Iterator[Suites]:
    """Yield the in-environment suites that selected tests read; they begin with the session, beside its tests.

    One at a time, so that only one TensorFlow is running beside those of the tests; two once only suites are left.
    """
    read = (item for item in request.session.items if item.path.name == SUITE and isinstance(item, pytest.Function))
    chosen = [item.callspec.params for item in read if hasattr(item, "callspec")]
    command = (sys.executable, "-m", "support.in_environment_of")
    commands = {
        name: (*command, name, f"--share={share}", "-q", "--durations=3")
        for name, share in ((str(each["name"]), each["share"]) for each in chosen)
    }
    with Suites(commands, folder=str(ROOT / "tests"), seconds=SUITE_SECONDS) as running:
        yield running


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
def old_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of files that TensorFlow 2.15 wrote: some shapes of old_models.py. Copy one to change it."""
    weights = "legacy.h5,model.weights.h5,ckpt"
    shapes = [
        "with_features:saved_model,model.h5,model.keras,exported,served," + weights,
        "frozen:model.h5,model.keras",
        "custom_layer:saved_model",
        "with_a_head:hugging_face,safetensors,inside,sharded,sharded_safetensors," + weights,
    ]
    return once_per_run.folder(
        tmp_path_factory, "old_models", lambda folder: old_files.write(environment(WRITER), folder, shapes)
    )


@pytest.fixture(scope="session")
def classic_bundle(writer: Worker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the classic classifier as a bundle, written by TensorFlow 2.15. Copy it before changing anything."""
    path = tmp_path_factory.mktemp("classic") / "bundle"
    writer.ask("generate", specification=specification.CLASSIC, target=str(path))
    return path
