"""XLM-R (Conneau et al. 2019): RoBERTa with another vocabulary."""

from dataclasses import replace

from bert_bundle.encoders.families import bert
from bert_bundle.encoders.families.family import UNIGRAM, Tokenizer
from bert_bundle.encoders.families.roberta import ROBERTA

XLM_ROBERTA = replace(
    ROBERTA,
    model_type="xlm-roberta",
    title="XLMRoberta",
    fields={**bert.FIELDS, "pad_token_id": 1},
    tokenizer=Tokenizer("XLMRobertaTokenizer", UNIGRAM, token_types=False),
)
