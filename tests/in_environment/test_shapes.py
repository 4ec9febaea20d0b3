"""Shapes of public code: what is saved predicts its owner's figures, what is refused is refused as listed.

Each environment builds a sixth of them, so that this takes less than a minute; all in the profile `nightly`.
"""

import profiles
import pytest
from support.shapes import catalogue, recorded, refusals, run, use

import bert_bundle

CHOSEN = catalogue.SHAPES if profiles.NAME == "nightly" else catalogue.share(run.release())


def saved(shape, path):
    """Save a shape; return what its owner has."""
    case = shape.build()
    owned = recorded.record(case, recorded.called)
    bert_bundle.save(case.model, path, tokenizer=case.tokenizer, prove=False, **case.save)
    return owned


@pytest.mark.parametrize("shape", run.buildable(CHOSEN), ids=lambda shape: shape.name)
def test_a_shape_predicts_its_owner_s_figures_or_is_refused_as_listed(shape, keras, tmp_path):
    refused = refusals.refusal(shape, run.release())
    if refused:
        with pytest.raises(Exception, match=refused.message):
            saved(shape, tmp_path / "bundle")
    else:
        owned = saved(shape, tmp_path / "bundle")
        assert list(use.faults(bert_bundle.load(tmp_path / "bundle"), owned, use.QUICK)) == []


def test_what_a_bundle_gets_wrong_is_found(keras, tmp_path):
    """Planted faults: a weight and a flag changed after the load."""
    (shape,) = (each for each in catalogue.SHAPES if each.name == "lambda_slice")
    owned = saved(shape, tmp_path / "bundle")
    bundle = bert_bundle.load(tmp_path / "bundle")
    head = bundle.model.layers[-1]
    head.set_weights([weight + 0.5 * (weight.ndim == 2) * weight.std(0) for weight in head.get_weights()])
    head.trainable = False
    assert [fault.split(" ")[0] for fault in use.faults(bundle, owned, use.QUICK)] == [
        "predict(texts):",
        "model(arrays):",
        "trainable:",
    ]
