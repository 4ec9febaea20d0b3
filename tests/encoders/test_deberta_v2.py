"""DeBERTa: which configurations a bundle holds, and the modules that their fields ask for."""

from typing import Any

import pytest

from bert_bundle.encoders.checkpoint_names import renamed, shapes
from bert_bundle.encoders.configuration import canonical_config, longest, usual_length
from bert_bundle.encoders.families import BERT, DEBERTA_V2
from bert_bundle.errors import ModelError

PLACE = "encoders/deberta/config.json"
WHOLE = {"architectures": ["DebertaV2Model"], "model_type": "deberta-v2", **DEBERTA_V2.fields}


def live(**changes: Any) -> dict[str, Any]:
    """Return what `to_dict()` of a live configuration of DeBERTa holds."""
    settings = {"pos_att_type": ["p2c", "c2p"], "pooler_hidden_size": 1536, "position_biased_input": False}
    return {**DEBERTA_V2.fields, **settings, **changes}


def test_positions_of_deberta_are_written_in_one_order_and_are_no_limit_without_a_table() -> None:
    config = canonical_config(DEBERTA_V2, live(), PLACE)
    assert config["pos_att_type"] == "c2p|p2c"
    assert "pooler_hidden_size" not in config
    assert longest(config) > 10_000
    assert usual_length(config) == 512


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"relative_attention": False}, "norm_rel_ebd"),
        ({"norm_rel_ebd": "batch_norm"}, "norm_rel_ebd"),
        ({"conv_kernel_size": 4}, "conv_kernel_size"),
        ({"conv_kernel_size": -1}, "conv_kernel_size"),
        ({"conv_act": "evil"}, "conv_act"),
        ({"conv_groups": 2}, "conv_groups"),
        ({"pos_att_type": ["p2p"]}, "pos_att_type"),
        ({"pooler_dropout": 0.1}, "pooler_dropout"),
        ({"pooler_hidden_act": "evil"}, "pooler_hidden_act"),
        ({"pooler_hidden_size": 12}, "pooler_hidden_size"),
        ({"embedding_size": 12, "position_biased_input": True}, "position_biased_input"),
        ({"embedding_size": 0}, "embedding_size"),
        ({"attention_head_size": 12}, "attention_head_size"),
        ({"type_vocab_size": -1}, "type_vocab_size"),
        ({"position_buckets": -2}, "position_buckets"),
        ({"position_buckets": 2}, "position_buckets"),
        ({"position_buckets": 5}, "position_buckets"),
        ({"position_buckets": 1022}, "position_buckets"),
        ({"position_buckets": 18, "max_relative_positions": 10}, "position_buckets"),
    ],
)
def test_what_a_rebuilt_deberta_would_not_honour_is_refused_by_field(change: dict[str, Any], field: str) -> None:
    canonical_config(DEBERTA_V2, live(attention_head_size=64, embedding_size=1536, position_buckets=256), PLACE)
    with pytest.raises(ModelError) as caught:
        canonical_config(DEBERTA_V2, live(**change), PLACE)
    assert caught.value.place.replace("#/", " ") == f"{PLACE} {field}"


@pytest.mark.parametrize("kinds", [["p2c", "c2p"], ["c2p", "p2c"], ("p2c", "c2p"), "p2c|c2p", "C2P | p2c"], ids=repr)
def test_parts_of_deberta_s_scores_are_written_in_one_order(kinds: Any) -> None:
    assert canonical_config(DEBERTA_V2, live(pos_att_type=kinds), PLACE)["pos_att_type"] == "c2p|p2c"


@pytest.mark.parametrize("kinds", [None, [], ""], ids=repr)
def test_no_parts_for_positions_are_written_as_empty_text(kinds: Any) -> None:
    assert canonical_config(DEBERTA_V2, live(pos_att_type=kinds), PLACE)["pos_att_type"] == ""


def test_what_a_live_deberta_leaves_out_is_what_its_code_takes_it_for() -> None:
    names = (
        "relative_attention",
        "share_att_key",
        "norm_rel_ebd",
        "pos_att_type",
        "embedding_size",
        "conv_kernel_size",
    )
    config = {name: value for name, value in live(hidden_size=768, pooler_hidden_size=768).items() if name not in names}
    found = canonical_config(DEBERTA_V2, config, PLACE)
    assert [found[name] for name in names] == [False, False, "none", "", 768, 0]


@pytest.mark.parametrize(
    ("changes", "wanted", "unwanted"),
    [
        (
            {"conv_kernel_size": 3},
            {
                "encoder.conv.conv.weight": (8, 8, 3),
                "encoder.conv.conv.bias": (8,),
                "encoder.conv.LayerNorm.bias": (8,),
            },
            "encoder.nothing",
        ),
        ({"relative_attention": False, "norm_rel_ebd": "none"}, {}, "encoder.rel_embeddings.weight"),
        ({"norm_rel_ebd": "none"}, {"encoder.rel_embeddings.weight": (1024, 8)}, "encoder.LayerNorm.weight"),
        ({"position_buckets": 6}, {"encoder.rel_embeddings.weight": (12, 8)}, "embeddings.embed_proj.weight"),
        (
            {"share_att_key": False, "pos_att_type": "c2p"},
            {"encoder.layer.1.attention.self.pos_key_proj.weight": (8, 8)},
            "encoder.layer.1.attention.self.pos_query_proj.weight",
        ),
        (
            {"embedding_size": 4, "position_biased_input": False, "type_vocab_size": 2},
            {
                "embeddings.embed_proj.weight": (8, 4),
                "embeddings.LayerNorm.weight": (8,),
                "embeddings.token_type_embeddings.weight": (2, 4),
            },
            "embeddings.embed_proj.bias",
        ),
    ],
    ids=str,
)
def test_deberta_has_the_modules_that_its_fields_ask_for(
    changes: dict[str, Any], wanted: dict[str, tuple[int, ...]], unwanted: str
) -> None:
    small = {"hidden_size": 8, "embedding_size": 8, "num_attention_heads": 2, "num_hidden_layers": 2}
    found = shapes({**WHOLE, **small, **changes})
    assert {name: found.get(name) for name in wanted} == wanted
    assert unwanted not in found


def test_a_flag_of_a_part_has_its_pytorch_name_as_well() -> None:
    assert renamed("embeddings.dense_12", DEBERTA_V2) == "embeddings.embed_proj"
    assert renamed("encoder.layer.0.attention.self.pos_proj", DEBERTA_V2).endswith("self.pos_key_proj")
    for path in ("encoder.layer.0.output.dense", "embeddings.dense_x", "my_embeddings.dense"):
        assert renamed(path, DEBERTA_V2) == path
    assert renamed("embeddings.dense", BERT) == "embeddings.dense"
