"""MPNet (Song et al. 2020): RoBERTa without token types, with a bias for the distance of two tokens."""

from bert_bundle.encoders.families import bert
from bert_bundle.encoders.families.family import WORDPIECE, Family, Module, Tokenizer, Weights, post_norm
from bert_bundle.encoders.families.roberta import ROBERTA

MPNET = Family(
    model_type="mpnet",
    title="MPNet",
    arguments=("input_ids", "attention_mask", "position_ids", "head_mask", "inputs_embeds"),
    fields={**bert.SIZES, "vocab_size": 30527, "relative_attention_num_buckets": 32, "pad_token_id": 1},
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
        embeddings_last=True,
    ),
    heads={
        "ForSequenceClassification": ROBERTA.heads["ForSequenceClassification"],
        "ForTokenClassification": bert.TOKENS,
        "ForQuestionAnswering": bert.SPAN,
    },
    tokenizer=Tokenizer("MPNetTokenizer", WORDPIECE, token_types=False),
)
