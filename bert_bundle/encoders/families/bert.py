"""BERT (Devlin et al. 2018), and what the families that are built like it share with it."""

from bert_bundle.encoders.families.family import (
    EVERY_TOKEN,
    POOLED,
    WORDPIECE,
    Dense,
    Family,
    Head,
    Tokenizer,
    Weights,
    post_norm,
)

ARGUMENTS = ("input_ids", "attention_mask", "token_type_ids", "position_ids", "head_mask", "inputs_embeds")
SIZES = {
    "vocab_size": 30522,
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
}
FIELDS = {
    **SIZES,
    "type_vocab_size": 2,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "classifier_dropout": None,
}
HONOURED = {"position_embedding_type": ("absolute",)}
BLOCK = post_norm(  # the names of Google's first checkpoints
    query="attention.self.query",
    key="attention.self.key",
    value="attention.self.value",
    out="attention.output.dense",
    norm="attention.output.LayerNorm",
    up="intermediate.dense",
    down="output.dense",
    last_norm="output.LayerNorm",
)
TOKENS = Head(EVERY_TOKEN, (Dense("classifier"),))
SPAN = Head(EVERY_TOKEN, (Dense("qa_outputs", dropout=False),))

BERT = Family(
    model_type="bert",
    title="Bert",
    arguments=ARGUMENTS,
    fields=FIELDS,
    honoured=HONOURED,
    weights=Weights("bert", BLOCK, pooler="pooler.dense"),
    heads={
        "ForSequenceClassification": Head(POOLED, (Dense("classifier"),)),
        "ForTokenClassification": TOKENS,
        "ForQuestionAnswering": SPAN,
    },
    tokenizer=Tokenizer("BertTokenizer", WORDPIECE, token_types=True),
)
