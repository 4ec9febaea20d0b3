"""Shapes of public code: what is saved predicts its owner's figures, what is refused is refused as listed.

Each environment builds a third of them, so that this takes a minute; all in the profile `nightly`.
"""

import profiles
import pytest
from support.shapes import catalogue, recorded, refusals, run, use

import bert_bundle

CHOSEN = catalogue.SHAPES if profiles.NAME == "nightly" else catalogue.third(run.release())


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
