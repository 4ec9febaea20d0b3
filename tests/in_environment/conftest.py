"""What the in-environment suite shares: this process pinned like a worker, and classifiers built once."""

from bert_bundle import isolation

isolation.pin()  # before anything imports tensorflow

import profiles  # noqa: E402
import pytest  # noqa: E402

pytest.register_assert_rewrite("machine", "properties")

import bert_bundle  # noqa: E402
from bert_bundle.model import keras as keras_runtime  # noqa: E402
from bert_bundle.testing import classifiers  # noqa: E402

profiles.use()


@pytest.fixture(scope="session")
def runtime():
    return keras_runtime.bind()


@pytest.fixture(scope="session")
def keras(runtime):
    return runtime.keras


@pytest.fixture(scope="session")
def classic():
    """The classic classifier: first token, ten numerical features."""
    return classifiers.build({})


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
