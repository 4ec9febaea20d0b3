"""ELECTRA's discriminator (Clark et al. 2020): BERT with narrow embeddings, without a pooler, with another head."""

from bert_bundle.encoders.families import bert
from bert_bundle.encoders.families.family import FIRST_TOKEN, WORDPIECE, Dense, Family, Head, Tokenizer, Weights

ELECTRA = Family(
    model_type="electra",
    title="Electra",
    arguments=bert.ARGUMENTS,
    fields={
        **bert.FIELDS,
        "embedding_size": 128,
        "hidden_size": 256,
        "num_attention_heads": 4,
        "intermediate_size": 1024,
    },
    honoured=bert.HONOURED,
    weights=Weights("electra", bert.BLOCK, projection="embeddings_project"),
    heads={
        "ForSequenceClassification": Head(
            FIRST_TOKEN,
            (Dense("classifier.dense", "hidden_size", activation="gelu"), Dense("classifier.out_proj")),
        ),
        "ForTokenClassification": bert.TOKENS,
        "ForQuestionAnswering": bert.SPAN,
    },
    tokenizer=Tokenizer("ElectraTokenizer", WORDPIECE, token_types=True),
)
