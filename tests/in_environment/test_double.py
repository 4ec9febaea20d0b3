"""Encoders of transformers in a float64 replay: nothing that they compute is rounded to float32."""

import numpy as np
import pytest
from test_families import FAMILIES, batch, build

from bert_bundle.encoders import float64_patches, transformers
from bert_bundle.keras_models import keras2


class InDouble:
    """The encoder of a float64 replay: `weights` by PyTorch name, `outputs` of a batch with padding."""

    wanted = frozenset(["hidden_states.0", "attentions.0"])

    def __init__(self, family, keras):
        live = build(keras, family + " Model").encoder
        config, self.keras = transformers.config(live, "x"), keras
        self.weights = {name: np.asarray(w, "float64") for name, w in transformers.tensors(live).items()}
        given = zip(("input_ids", "attention_mask"), batch(live))
        self.given = {name: keras2.tensor(array) for name, array in given}
        with keras2.precision(keras, "float64"):
            self.encoder = transformers.build(transformers.family_of(live), config, "encoder", self.wanted)
            transformers.call(self.encoder, self.given, self.wanted)  # that makes its weights

    def outputs(self, **changed):
        transformers.assign(self.encoder, dict(self.weights, **changed), self.keras, "x")
        with keras2.precision(self.keras, "float64"):
            return transformers.call(self.encoder, self.given, self.wanted)

    def projected(self, states, role):
        """Return what the first layer makes of (n, length, 12) as "query" or "key": (n, 2 heads, length, 6)."""
        names = (role + ".weight", role[0] + "_lin.weight", "attn." + role[0] + ".weight")
        name = next(n for n in sorted(self.weights) if n.endswith(names))
        x = states @ self.weights[name].T + self.weights[name.replace("weight", "bias")]
        return x.reshape((*x.shape[:2], 2, 6)).transpose(0, 2, 1, 3)


def _bend(family, keras):
    """How far from straight the output moves with a query weight that does by 1e-10 and by 1e-8 of itself.

    Float32 holds neither: there the one is not a hundredth of the other.
    """
    live = InDouble(family, keras)
    names = ("q_lin.weight", "query.weight", "query_proj.weight", "attn.q.weight")
    query = next(name for name in sorted(live.weights) if name.endswith(names))
    moved = [{query: live.weights[query] * (1 + part)} for part in (0, 1e-10, 1e-8)]
    found = [np.asarray(live.outputs(**change)["last_hidden_state"]) for change in moved]
    assert found[0].dtype == np.float64
    little, more = found[1] - found[0], found[2] - found[0]
    return np.abs(100 * little - more).max() / np.abs(more).max()


def _attention(family, keras):
    """How far the first layer's attention is from the softmax of Q K^T / sqrt(6) (Vaswani et al. 2017, equation 1)."""
    live = InDouble(family, keras)
    outputs = live.outputs(**{name: 0 * weight for name, weight in live.weights.items() if "relative" in name})
    states, mask = np.asarray(outputs["hidden_states"][0]), np.asarray(live.given["attention_mask"])
    scores = live.projected(states, "query") @ live.projected(states, "key").swapaxes(-1, -2) / np.sqrt(6)
    weights = np.exp(scores - scores.max(-1, keepdims=True)) * mask[:, None, None, :]
    return np.abs(weights / weights.sum(-1, keepdims=True) - np.asarray(outputs["attentions"][0])).max()


@pytest.mark.parametrize("family", list(FAMILIES))
def test_a_float64_encoder_computes_nothing_in_float32(family, keras):
    assert _bend(family, keras) < 1e-2


def test_an_attention_in_float32_would_be_noticed(keras, monkeypatch):
    """Planted: DistilBERT's attention as transformers wrote it."""
    monkeypatch.setattr(float64_patches, "mend", lambda encoder, family: None)
    assert _bend("distilbert", keras) > 0.1


@pytest.mark.parametrize("family", [name for name in FAMILIES if "deberta" not in name])  # its scores have more parts
def test_a_float64_attention_divides_by_the_root_of_a_head_s_size(family, keras):
    assert _attention(family, keras) < 1e-14


@pytest.mark.parametrize("family", ["bert", "distilbert", "xlm-roberta", "electra"])
def test_a_root_that_is_rounded_to_float32_would_be_noticed(family, keras, monkeypatch):
    """Planted: the attention as transformers wrote it."""
    monkeypatch.setattr(float64_patches, "mend", lambda encoder, family: None)
    assert _attention(family, keras) > 1e-10


def test_a_float64_context_leaves_a_policy_that_nobody_has_set_as_it_was(keras):
    """A model of open length is computed in float64 first: what was built after its save was float64, too."""
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(None)  # as in a new process
    try:
        with keras2.compute_context(True), keras2.precision(keras, "float64"):
            assert keras.mixed_precision.global_policy().name == "float64"
        assert keras.mixed_precision.global_policy().name == keras.backend.floatx() == "float32"
    finally:
        keras.mixed_precision.set_global_policy(before)
