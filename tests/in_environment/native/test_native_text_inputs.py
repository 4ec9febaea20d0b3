"""How texts become arrays, with Keras 3 on the installed backend: the cases of `text_inputs`."""

import pytest
from text_inputs import *  # noqa: F403

from bert_bundle.classifiers.model_builder import ModelBuilder


@pytest.fixture
def builder():
    return ModelBuilder("native")
