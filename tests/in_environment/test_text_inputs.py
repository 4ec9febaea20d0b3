"""How texts become arrays, with transformers' TensorFlow classes: the cases of `text_inputs`."""

import pytest
from text_inputs import *  # noqa: F403

from bert_bundle.classifiers.model_builder import ModelBuilder


@pytest.fixture
def builder():
    return ModelBuilder("transformers")
