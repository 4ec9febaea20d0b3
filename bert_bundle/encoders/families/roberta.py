"""RoBERTa (Liu et al. 2019): BERT with other positions, another head and another vocabulary."""

from bert_bundle.encoders.families import bert
from bert_bundle.encoders.families.family import (
    BYTE_LEVEL,
    FIRST_TOKEN,
    Dense,
    Family,
    Head,
    Tokenizer,
    Weights,
)

ROBERTA = Family(
    model_type="roberta",
    title="Roberta",
    arguments=bert.ARGUMENTS,
    fields={**bert.FIELDS, "vocab_size": 50265, "pad_token_id": 1},
    honoured=bert.HONOURED,
    # The TensorFlow classes number positions from 2 whatever the configuration says, PyTorch's from pad_token_id + 1.
    first_position=2,
    weights=Weights("roberta", bert.BLOCK, pooler="pooler.dense", embeddings_last=True),
    heads={
        "ForSequenceClassification": Head(
            FIRST_TOKEN,
            (Dense("classifier.dense", "hidden_size", activation="tanh"), Dense("classifier.out_proj")),
        ),
        "ForTokenClassification": bert.TOKENS,
        "ForQuestionAnswering": bert.SPAN,
    },
    tokenizer=Tokenizer("RobertaTokenizer", BYTE_LEVEL, token_types=False),
    float32_masks=("TFRobertaMainLayer",),  # transformers 4.5
)
