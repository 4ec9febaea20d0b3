"""A specification with `steps` is trained: by the environment's own Keras, and each time to the same bits."""

import numpy as np
import pytest

from bert_bundle.format.golden import read_golden
from bert_bundle.testing import classifiers

CALM = {"dropout": 0.0, "attention_dropout": 0.0, "layers": 1}  # nothing is drawn while it trains


@pytest.mark.parametrize("classes", [1, 3])
def test_steps_move_the_predictions_and_repeat_to_the_bit(classes, save, tmp_path):
    def written(name, **changes):
        made = classifiers.build({**CALM, "classes": classes, **changes})
        return read_golden(str(save(made, tmp_path / name)))

    before, after, again = written("before"), written("after", steps=2), written("again", steps=2)
    name = "probabilities"
    assert np.abs(after.double[name] - before.double[name]).max() > 1e-3
    np.testing.assert_array_equal(after.single[name], again.single[name])
    np.testing.assert_array_equal(after.double[name], again.double[name])
