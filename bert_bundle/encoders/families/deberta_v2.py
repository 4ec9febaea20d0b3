"""DeBERTa (He et al. 2020) in its second and third version: attention to contents and to relative positions apart."""

from bert_bundle.encoders.families import bert
from bert_bundle.encoders.families.family import (
    DISENTANGLED,
    FIRST_TOKEN,
    UNIGRAM,
    Block,
    Dense,
    Family,
    Head,
    Module,
    Tokenizer,
    Weights,
    post_norm,
)
from bert_bundle.encoders.families.relative import LAYER_NORM

_ATTENTION = "attention.self."
_BLOCK = post_norm(
    query=_ATTENTION + "query_proj",
    key=_ATTENTION + "key_proj",
    value=_ATTENTION + "value_proj",
    out="attention.output.dense",
    norm="attention.output.LayerNorm",
    up="intermediate.dense",
    down="output.dense",
    last_norm="output.LayerNorm",
)
_POSITIONS = {
    "position_key": Module(_ATTENTION + "pos_key_proj", ("position_keys", "hidden_size")),
    "position_query": Module(_ATTENTION + "pos_query_proj", ("position_queries", "hidden_size")),
}

DEBERTA_V2 = Family(
    model_type="deberta-v2",
    title="DebertaV2",
    arguments=("input_ids", "attention_mask", "token_type_ids", "position_ids", "inputs_embeds"),
    fields={
        "vocab_size": 128100,
        "embedding_size": 1536,
        "hidden_size": 1536,
        "num_hidden_layers": 24,
        "num_attention_heads": 24,
        "intermediate_size": 6144,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": 512,
        "type_vocab_size": 0,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-7,
        "pad_token_id": 0,
        "position_biased_input": True,
        "relative_attention": True,
        "max_relative_positions": -1,
        "position_buckets": -1,
        "pos_att_type": "c2p|p2c",
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
        "conv_kernel_size": 0,
        "conv_act": "tanh",
        "conv_groups": 1,
        "pooler_dropout": 0,
        "pooler_hidden_act": "gelu",
        "cls_dropout": None,
    },
    omitted={"relative_attention": False, "pos_att_type": "", "share_att_key": False, "norm_rel_ebd": "none"},
    same={"embedding_size": "hidden_size"},
    alike={"pooler_hidden_size": "hidden_size"},
    honoured={
        "pos_att_type": ("", "c2p", "p2c", "c2p|p2c"),
        "norm_rel_ebd": ("none", LAYER_NORM),
        "conv_groups": (1,),  # TensorFlow's class has one, whatever the configuration contains
        "pooler_dropout": (0, 0.0),
    },
    bounds={
        "type_vocab_size": (0, 1 << 20),
        "max_relative_positions": (-1, 1 << 14),
        "position_buckets": (-1, 1 << 14),
        "conv_kernel_size": (0, 1 << 10),
    },
    weights=Weights(
        "deberta",
        Block(DISENTANGLED, {**_BLOCK.modules, **_POSITIONS}),
        own_projection=Module("embeddings.embed_proj", ("projected", "embedding_size"), bias=False),
        distances=Module("encoder.rel_embeddings", ("relative_rows", "hidden_size"), bias=False),
        distances_norm=Module("encoder.LayerNorm", ("relative_norm",)),
        convolution=Module("encoder.conv.conv", ("convolved", "hidden_size", "conv_kernel_size")),
        convolution_norm=Module("encoder.conv.LayerNorm", ("convolved",)),
        renamed={
            "self.pos_proj": "self.pos_key_proj",
            "self.pos_q_proj": "self.pos_query_proj",
            "embeddings.dense": "embeddings.embed_proj",  # in transformers 4.25 it has no name of its own
        },
    ),
    heads={
        "ForSequenceClassification": Head(
            FIRST_TOKEN,
            (Dense("pooler.dense", "hidden_size", activation="pooler_hidden_act", dropout=False), Dense("classifier")),
            dropout="cls_dropout",
        ),
        "ForTokenClassification": bert.TOKENS,
        "ForQuestionAnswering": bert.SPAN,
    },
    tokenizer=Tokenizer("DebertaV2Tokenizer", UNIGRAM, token_types=True),
    masks_embeddings=True,
    first_release=(4, 25),  # in 4.12 its dense layers do not know their sizes in a functional model
    float32_layers=(
        "TFDebertaV2DisentangledSelfAttention",
        "TFDebertaV2Embeddings",
        "TFDebertaV2ConvLayer",
        "TFDebertaV2XSoftmax",
    ),
)
