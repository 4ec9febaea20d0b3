"""How texts become arrays, with Keras 3 on the installed backend: the cases of `text_inputs`."""

import pytest
import text_inputs
from text_inputs import *  # noqa: F403

from bert_bundle.classifiers.model_builder import ModelBuilder


@pytest.fixture
def builder():
    return ModelBuilder("native")


def test_a_model_that_is_called_for_each_text_of_a_document_reads_documents(builder, tmp_path):
    text_inputs.check_called_for_each_text(builder, tmp_path)
