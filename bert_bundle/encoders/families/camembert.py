"""CamemBERT (Martin et al. 2019): RoBERTa with another vocabulary."""

from dataclasses import replace

from bert_bundle.encoders.families.family import UNIGRAM, Tokenizer
from bert_bundle.encoders.families.xlm_roberta import XLM_ROBERTA

CAMEMBERT = replace(
    XLM_ROBERTA,
    model_type="camembert",
    title="Camembert",
    tokenizer=Tokenizer("CamembertTokenizer", UNIGRAM, token_types=False),
)
