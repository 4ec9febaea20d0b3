"""Native encoders of a family that no bundle has yet: layers that share a block, modules in other places."""

from dataclasses import replace

import numpy as np
import pytest
from support.shared_block_family import SHARED_WEIGHTS

from bert_bundle.encoders.families import BERT
from bert_bundle.keras_models import runtime as keras_runtime

SIZES = {
    "vocab_size": 20,
    "hidden_size": 12,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 20,
    "max_position_embeddings": 8,
}
SHARED = replace(
    BERT,
    model_type="shared",
    fields={**BERT.fields, "embedding_size": 12, "num_hidden_groups": 2},
    weights=SHARED_WEIGHTS,
)
WANTED = frozenset(["hidden_states.0"])


@pytest.fixture(scope="module")
def native():
    return keras_runtime.bind("native")


def weights_of(encoder, native):
    random, found = np.random.RandomState(3), native.encoders.tensors(encoder)
    return {name: np.asarray(random.standard_normal(found[name].shape), "float32") for name in sorted(found)}


def states(encoder, native):
    ids = native.dialect.tensor(np.arange(14).reshape(2, 7).astype("int32"))
    found = native.encoders.call(encoder, {"input_ids": ids, "training": False}, WANTED)
    return [native.dialect.array(state) for state in (*found["hidden_states"], found["pooler_output"])]


def test_consecutive_layers_share_a_block_and_compute_what_as_many_blocks_compute(native):
    shared = native.encoders.build(SHARED, {**SHARED.fields, **SIZES}, "shared", WANTED)
    weights = weights_of(shared, native)
    assert {name.split(".")[2] for name in weights if ".groups." in name} == {"0", "1"}
    weights.update({"encoder.map_in.weight": np.eye(12, dtype="f"), "encoder.map_in.bias": np.zeros(12, "f")})
    native.encoders.assign(shared, weights, native.keras, "x")
    own = {}
    for name, array in weights.items():
        if ".groups." in name:
            _, _, group, _, _, rest = name.split(".", 5)
            own.update({"encoder.layer.{}.{}".format(2 * int(group) + i, rest): array for i in range(2)})
        elif "map_in" not in name:
            own[name.replace("pooler.", "pooler.dense.")] = array
    plain = native.encoders.build(BERT, {**BERT.fields, **SIZES}, "plain", WANTED)
    native.encoders.assign(plain, own, native.keras, "x")
    found, wanted = states(shared, native), states(plain, native)
    assert len(found) == len(wanted) == 6
    for a, b in zip(found, wanted):
        np.testing.assert_array_equal(a, b)
    assert all(np.abs(a - b).max() > 1e-3 for a, b in zip(found[:4], found[1:5]))


def test_a_shared_block_is_frozen_by_its_path(native):
    shared = native.encoders.build(SHARED, {**SHARED.fields, **SIZES}, "shared", WANTED)
    frozen = {"shared.encoder.groups.1.layers.0.attention": False}
    assert native.encoders.flags(shared) == {}
    native.encoders.set_flags(shared, True, frozen, "x")
    assert native.encoders.flags(shared) == frozen
