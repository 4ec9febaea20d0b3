"""Fixtures of the in-environment suite: this process is pinned like a worker, and classifiers are built once."""

import functools
import gc

from bert_bundle.interpreter import launch

launch.pin()  # before anything imports tensorflow

import profiles  # noqa: E402
import pytest  # noqa: E402
from support import shares  # noqa: E402

pytest.register_assert_rewrite("machine", "properties", "text_inputs")

import bert_bundle  # noqa: E402
from bert_bundle.classifiers import specification  # noqa: E402
from bert_bundle.keras_models import keras2  # noqa: E402
from bert_bundle.keras_models import runtime as keras_runtime  # noqa: E402

profiles.use()


def pytest_addoption(parser):
    parser.addoption("--share", metavar="I/N", default="1/1", help="run share I of N of the tests")


def pytest_collection_modifyitems(config, items):
    """Deselect the tests of other shares."""
    others = [item for item in items if not shares.in_share(item.name, config.option.share)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if shares.in_share(item.name, config.option.share)]


@pytest.fixture(scope="session", autouse=True)
def without_autograph():
    """Build the tests' own models as `load` builds: AutoGraph would take half of this suite's time."""
    with keras2.autograph("DISABLED"):
        # TensorFlow's own objects stay, and one model has 700 (measured: collecting took 24 s of 232, now 8 s).
        gc.freeze()
        gc.set_threshold(5000, 10, 10)
        yield


@pytest.fixture
def as_users_build():
    """Leave AutoGraph on, as users have it, for tests of user-defined code, which Keras runs through it."""
    with keras2.autograph("UNSPECIFIED"):
        yield


@pytest.fixture(scope="session")
def runtime():
    return keras_runtime.bind()


@pytest.fixture(scope="session")
def keras(runtime):
    return runtime.keras


@pytest.fixture(scope="session")
def classic():
    """Return the classic classifier: first token, ten numerical features."""
    return specification.build({})


@pytest.fixture(scope="session")
def classic_bundle(classic, tmp_path_factory):
    return save(classic, tmp_path_factory.mktemp("classic") / "bundle")


def save(made, path, **changes):
    """Save without the proof in a fresh process, which has its own tests; return the path."""
    arguments = {
        "tokenizer": made.tokenizer,
        "labels": made.labels,
        "examples": made.examples,
        "max_length": made.max_length,
        "prove": False,
        **made.options,
    }
    arguments.update(changes)
    bert_bundle.save(made.model, path, **arguments)
    return path


@pytest.fixture(scope="session", name="save")
def save_fixture():
    return save


@pytest.fixture(scope="session")
def family_bundle(keras, tmp_path_factory):
    """Return a function from a case of test_families to the bundle of its model, saved once for all tests."""
    from test_families import build

    @functools.lru_cache(maxsize=None)
    def saved(case):
        return save(build(keras, case), tmp_path_factory.mktemp("family") / "bundle")

    return saved
