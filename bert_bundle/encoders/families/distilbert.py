"""DistilBERT (Sanh et al. 2019): BERT without token types and pooler, and other names of fields and modules."""

from bert_bundle.encoders.families.family import (
    EVERY_TOKEN,
    FIRST_TOKEN,
    WORDPIECE,
    Dense,
    Family,
    Head,
    Tokenizer,
    Weights,
    post_norm,
)

DISTILBERT = Family(
    model_type="distilbert",
    title="DistilBert",
    arguments=("input_ids", "attention_mask", "head_mask", "inputs_embeds"),
    fields={
        "vocab_size": 30522,
        "max_position_embeddings": 512,
        "sinusoidal_pos_embds": False,
        "n_layers": 6,
        "n_heads": 12,
        "dim": 768,
        "hidden_dim": 3072,
        "dropout": 0.1,
        "attention_dropout": 0.1,
        "activation": "gelu",
        "initializer_range": 0.02,
        "qa_dropout": 0.1,
        "seq_classif_dropout": 0.2,
        "pad_token_id": 0,
    },
    field_names={
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
        "hidden_act": "activation",
        "hidden_dropout_prob": "dropout",
        "attention_probs_dropout_prob": "attention_dropout",
    },
    constants={"type_vocab_size": 0, "layer_norm_eps": 1e-12},
    weights=Weights(
        "distilbert",
        post_norm(
            query="attention.q_lin",
            key="attention.k_lin",
            value="attention.v_lin",
            out="attention.out_lin",
            norm="sa_layer_norm",
            up="ffn.lin1",
            down="ffn.lin2",
            last_norm="output_layer_norm",
        ),
        blocks="transformer.layer.{}",
    ),
    heads={
        "ForSequenceClassification": Head(
            FIRST_TOKEN,
            (Dense("pre_classifier", "hidden_size", activation="relu", dropout=False), Dense("classifier")),
            dropout="seq_classif_dropout",
        ),
        "ForTokenClassification": Head(EVERY_TOKEN, (Dense("classifier"),)),
        "ForQuestionAnswering": Head(EVERY_TOKEN, (Dense("qa_outputs"),), dropout="qa_dropout"),
    },
    tokenizer=Tokenizer("DistilBertTokenizer", WORDPIECE, token_types=False),
    masked_score=-1e30,
    float32_layers=("TFMultiHeadSelfAttention",),  # in every release of transformers 4: it casts its queries
)
