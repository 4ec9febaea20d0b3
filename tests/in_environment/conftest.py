"""What the in-environment suite shares: this process pinned like a worker, and classifiers built once."""

import functools
import gc

from bert_bundle.interpreter import launch

launch.pin()  # before anything imports tensorflow

import profiles  # noqa: E402
import pytest  # noqa: E402

pytest.register_assert_rewrite("machine", "properties")

import bert_bundle  # noqa: E402
from bert_bundle.classifiers import specification  # noqa: E402
from bert_bundle.keras_models import keras2  # noqa: E402
from bert_bundle.keras_models import runtime as keras_runtime  # noqa: E402

profiles.use()


@pytest.fixture(scope="session", autouse=True)
def without_autograph():
    """The tests' own models are built as `load` builds: AutoGraph would be half of what this suite takes."""
    with keras2.autograph("DISABLED"):
        # What TensorFlow is made of stays, and 700 objects are a part of one model (measured: 24 s -> 8 s of 232).
        gc.freeze()
        gc.set_threshold(5000, 10, 10)
        yield


@pytest.fixture
def as_users_build():
    """AutoGraph as users have it: for tests of code of the caller's, which Keras runs through it."""
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
    """The classic classifier: first token, ten numerical features."""
    return specification.build({})


@pytest.fixture(scope="session")
def classic_bundle(classic, tmp_path_factory):
    return save(classic, tmp_path_factory.mktemp("classic") / "bundle")


def save(made, path, **changes):
    """Saves without the proof in a fresh process (that has its own tests), and says where."""
    arguments = {
        "tokenizer": made.tokenizer,
        "labels": made.labels,
        "examples": made.examples,
        "max_length": made.max_length,
        "prove": False,
    }
    arguments.update(changes)
    bert_bundle.save(made.model, path, **arguments)
    return path


@pytest.fixture(scope="session", name="save")
def save_fixture():
    return save


@pytest.fixture(scope="session")
def family_bundle(keras, tmp_path_factory):
    """case of test_families -> the bundle of its model, saved once for all that read it."""
    from test_families import build

    @functools.lru_cache(maxsize=None)
    def saved(case):
        return save(build(keras, case), tmp_path_factory.mktemp("family") / "bundle")

    return saved
