"""MPNet (Song et al. 2020): RoBERTa without token types, with a bias for the distance of two tokens."""

from bert_bundle.encoders.families import bert
from bert_bundle.encoders.families.family import WORDPIECE, Family, Module, Tokenizer, Weights, post_norm
from bert_bundle.encoders.families.roberta import ROBERTA

MPNET = Family(
    model_type="mpnet",
    title="MPNet",
    arguments=("input_ids", "attention_mask", "position_ids", "head_mask", "inputs_embeds"),
    fields={
        "vocab_size": 30527,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": 512,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
        "relative_attention_num_buckets": 32,
        "pad_token_id": 1,
    },
    constants={"type_vocab_size": 0},
    bounds={"relative_attention_num_buckets": (4, 511)},  # outside of them TensorFlow divides by zero
    first_position=ROBERTA.first_position,
    weights=Weights(
        "mpnet",
        post_norm(
            query="attention.attn.q",
            key="attention.attn.k",
            value="attention.attn.v",
            out="attention.attn.o",
            norm="attention.LayerNorm",
            up="intermediate.dense",
            down="output.dense",
            last_norm="output.LayerNorm",
        ),
        distances=Module(
            "encoder.relative_attention_bias", ("relative_attention_num_buckets", "num_attention_heads"), bias=False
        ),
        pooler="pooler.dense",
        always_pools=True,
    ),
    heads={
        "ForSequenceClassification": ROBERTA.heads["ForSequenceClassification"],
        "ForTokenClassification": bert.TOKENS,
        "ForQuestionAnswering": bert.SPAN,
    },
    tokenizer=Tokenizer("MPNetTokenizer", WORDPIECE, token_types=False),
)
