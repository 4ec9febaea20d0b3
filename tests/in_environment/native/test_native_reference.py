"""The native encoders compared with the reference: every family, head and activation, in float64, on any backend."""

import against_reference
import numpy as np
import pytest
from support import numpy_reference

from bert_bundle.classifiers.model_builder import VOCABULARY, ModelBuilder
from bert_bundle.encoders import native_layers
from bert_bundle.encoders.families import CLASSES

LENGTH, PADDED, TYPES = 12, (12, 5, 1), 3  # tokens of a row, and how many of them are no padding
OWN = {"share_att_key": False, "position_biased_input": False}
# Fields that leave DeBERTa's defaults, and others with which the same weights compute something else.
DEBERTA = {
    "buckets": ({"position_buckets": 10}, {"max_relative_positions": 14}),
    "few positions": (
        {"max_relative_positions": 5, "pos_att_type": "c2p", "type_vocab_size": 0},
        {"pos_att_type": "p2c"},
    ),
    "few buckets": ({"max_relative_positions": 5, "position_buckets": 4}, {"max_relative_positions": 20}),
    "its own keys": (dict(OWN, pos_att_type="c2p"), {"share_att_key": True}),
    "its own queries": (dict(OWN, pos_att_type="p2c", norm_rel_ebd="none"), {"share_att_key": True}),
    "its own keys and queries": (OWN, {"share_att_key": True}),
    "no relative positions": ({"relative_attention": False, "norm_rel_ebd": "none"}, {"pos_att_type": "c2p"}),
    "no parts for positions": ({"pos_att_type": ""}, {"pos_att_type": "c2p|p2c"}),
    "a convolution": ({"conv_kernel_size": 5, "conv_act": "gelu"}, {"conv_act": "tanh"}),
    "a projection": ({"embedding_size": 12, "position_biased_input": False}, {"pos_att_type": "p2c"}),
    "another pooler": ({"pooler_hidden_act": "tanh"}, {"pooler_hidden_act": "gelu"}),
}
MODELS = [name for name, family in CLASSES.items() if not family.head]
CASES = [(name, "gelu") for name in CLASSES] + [
    ("BertModel", name) for name in numpy_reference.ACTIVATIONS if name != "gelu"
]


@pytest.fixture(scope="module")
def builder():
    return ModelBuilder("native")


def drawn(builder, name, activation, **fields):
    """Return (configuration, tensors, batch by argument) of a small encoder of that class, with these fields."""
    family, random = CLASSES[name], np.random.RandomState(7)
    # The root of 8 is one that float32 does not hold.
    sizes = {"num_attention_heads": 2, "type_vocab_size": TYPES, **fields}
    made = builder.encoder(family.model_type, family.head, hidden_act=activation, **sizes)
    tensors = {}
    for key, array in sorted(builder.runtime.encoders.tensors(made).items()):
        tensors[key] = np.asarray(0.3 * random.standard_normal(array.shape) + key.lower().endswith("norm.weight"), "f")
    mask = (np.arange(LENGTH) < np.array(PADDED)[:, None]).astype("int32")
    pad = made.config["pad_token_id"]
    ids = np.where(mask == 1, random.randint(pad + 1, VOCABULARY, mask.shape), pad).astype("int32")
    given = {"input_ids": ids, "attention_mask": mask}
    if made.config.get("type_vocab_size"):
        given["token_type_ids"] = random.randint(0, TYPES, mask.shape).astype("int32")
    return made.config, tensors, given


def distances(builder, name, config, tensors, given):
    found = against_reference.outputs(builder.runtime, CLASSES[name], config, tensors, given)
    return against_reference.distances(found, against_reference.wanted(config, tensors, given))


@pytest.mark.parametrize(("name", "activation"), CASES)
def test_a_float64_encoder_computes_what_the_papers_say_output_by_output(name, activation, builder):
    # TensorFlow's GELU has its constants in float32, whatever calls it.
    rounded = activation.startswith("gelu") and builder.keras.config.backend() == "tensorflow"
    bound = numpy_reference.ROUNDED if rounded else numpy_reference.EXACT
    found = distances(builder, name, *drawn(builder, name, activation))
    assert max(found.values()) < bound, found


@pytest.mark.parametrize("variant", list(DEBERTA))
def test_what_the_fields_of_deberta_change_is_what_its_code_says(variant, builder):
    fields, planted = DEBERTA[variant]
    name = "DebertaV2ForSequenceClassification"
    config, tensors, given = drawn(builder, name, "relu", **{"embedding_size": 16, **fields})
    found = against_reference.outputs(builder.runtime, CLASSES[name], config, tensors, given)
    away = against_reference.distances(found, against_reference.wanted(config, tensors, given))
    assert max(away.values()) < numpy_reference.ROUNDED, away
    away = against_reference.distances(found, against_reference.wanted(dict(config, **planted), tensors, given))
    assert max(away.values()) > 1e-4


@pytest.mark.parametrize("name", [name for name in MODELS if "Deberta" not in name])
def test_a_text_that_is_masked_out_entirely_shows_what_a_mask_adds(name, builder, monkeypatch):
    config, tensors, given = drawn(builder, name, "gelu")
    given["attention_mask"] = 0 * given["attention_mask"]
    assert max(distances(builder, name, config, tensors, given).values()) < numpy_reference.ROUNDED
    for constant in ("MASK", "DISTILBERT_MASK"):  # planted: each other's
        monkeypatch.setattr(numpy_reference, constant, 1e34 / getattr(numpy_reference, constant))
    assert max(distances(builder, name, config, tensors, given).values()) > 1e-3


def test_a_text_that_deberta_does_not_see_is_zero_until_the_first_norm(builder):
    config, tensors, given = drawn(builder, "DebertaV2Model", "gelu")
    given["attention_mask"] = 0 * given["attention_mask"]
    found = against_reference.outputs(builder.runtime, CLASSES["DebertaV2Model"], config, tensors, given)
    assert not found["hidden_states.0"].any()
    assert not found["attentions.0"].any()
    assert found["last_hidden_state"].any()
    wanted = against_reference.wanted(config, tensors, given)
    assert max(abs(found[name] - wanted[name]).max() for name in wanted) < 1e-6


FAULTS = {
    "a tanh GELU": ("activate", lambda honest: lambda name, x: honest("gelu_new", x)),
    "an epsilon": ("Normalization", lambda honest: lambda size, epsilon, dtype: honest(size, epsilon + 1e-5, dtype)),
}


@pytest.mark.parametrize("fault", list(FAULTS))
@pytest.mark.parametrize("name", MODELS)
def test_an_encoder_of_ours_that_computes_something_else_is_noticed(name, fault, builder, monkeypatch):
    given = drawn(builder, name, "gelu")
    part, change = FAULTS[fault]
    monkeypatch.setattr(native_layers, part, change(getattr(native_layers, part)))
    found = distances(builder, name, *given)
    assert max(found.values()) > 10 * numpy_reference.ROUNDED
