"""Lookups of Keras beside the encoder, with Keras 3 on the installed backend: the cases of `lookups`."""

import lookup_models
import numpy as np
import pytest
from lookups import *  # noqa: F403

from bert_bundle import errors
from bert_bundle.keras_models import layer_construction
from bert_bundle.keras_models import runtime as keras_runtime


@pytest.fixture(scope="module")
def runtime():
    return keras_runtime.bind("native")


@pytest.mark.parametrize("class_name", ["Lookup", "Words", "Hashing"])
def test_a_layer_that_computes_on_strings_needs_tensorflow(class_name, runtime):
    fields = {"num_bins": 6} if class_name == "Hashing" else {"table": [["paris", 1], ["rome", 2]]}
    arguments = (runtime.keras, class_name, "found", fields, "float32", False)
    if lookup_models.has_strings(runtime.keras):
        assert layer_construction.make(*arguments).fields == fields
        return
    with pytest.raises(errors.RuntimeUnavailableError, match="a layer that computes on strings") as caught:
        layer_construction.make(*arguments)
    assert (caught.value.place, caught.value.wanted) == ("found", "Keras on TensorFlow")


def test_a_table_of_integers_needs_no_tensorflow(runtime):
    table = [[-5, 3], [12, 1], [1 << 40, 2]]
    lookup = layer_construction.make(runtime.keras, "Lookup", "found", {"table": table, "buckets": 2}, "float32", False)
    found = lookup(runtime.dialect.tensor(np.array([[12, -5], [7, 8]], "int32")))
    assert runtime.dialect.array(found).tolist() == [[1, 3], [1, 0]]
