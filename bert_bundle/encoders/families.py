"""The encoder families a bundle holds: their classes, the configuration that defines them, their call; checks nothing.

Field names and defaults are those of `transformers`' configuration classes (4.57); a field that decides nothing about
the function or the labels is not kept, so that every release writes the same bytes.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any, Mapping, Tuple

PER_LAYER = ("hidden_states", "attentions")  # outputs of a call that asks for them, one tensor for each layer
HEADS: Mapping[str, Tuple[str, ...]] = {  # what follows the family in a class's name -> outputs of every call
    "ForSequenceClassification": ("logits",),
    "ForTokenClassification": ("logits",),
    "ForQuestionAnswering": ("start_logits", "end_logits"),
}


@dataclass(frozen=True)
class Family:
    """One family: its encoder class, or, with `head`, the class of transformers that puts a head on it.

    model_type      as in config.json             architecture  the PyTorch class that opens the folder
    tensorflow      the class of transformers 4   arguments     of its call, in order
    always          outputs of every call, in order
    fields          configuration fields, each with its default
    own             BERT's name of a field -> the family's, where that is another
    first_position  row of the position table that a text's first token takes
    head            a key of `HEADS`, or nothing
    """

    model_type: str
    architecture: str
    tensorflow: str
    arguments: Tuple[str, ...]
    always: Tuple[str, ...]
    fields: Mapping[str, Any]
    own: Mapping[str, str] = field(default_factory=dict)
    first_position: int = 0
    head: str = ""

    @property
    def outputs(self) -> Tuple[str, ...]:
        """Outputs of a call that asks for everything, without return_dict, in order."""
        return self.always + PER_LAYER

    def with_head(self, head: str) -> "Family":
        """The same family as the class with that head."""
        name = self.architecture[: -len("Model")] + head
        return replace(self, architecture=name, tensorflow="TF" + name, always=HEADS[head], head=head)


_ARGUMENTS = ("input_ids", "attention_mask", "token_type_ids", "position_ids", "head_mask", "inputs_embeds")
_FIELDS = {
    "vocab_size": 30522,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "classifier_dropout": None,
}

BERT = Family(
    model_type="bert",
    architecture="BertModel",
    tensorflow="TFBertModel",
    arguments=_ARGUMENTS,
    always=("last_hidden_state", "pooler_output"),
    fields=_FIELDS,
)
DISTILBERT = Family(
    model_type="distilbert",
    architecture="DistilBertModel",
    tensorflow="TFDistilBertModel",
    arguments=("input_ids", "attention_mask", "head_mask", "inputs_embeds"),
    always=("last_hidden_state",),
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
    own={
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
        "hidden_act": "activation",
        "hidden_dropout_prob": "dropout",
        "attention_probs_dropout_prob": "attention_dropout",
    },
)
# The TensorFlow classes number positions from 2 whatever the configuration says, PyTorch's from pad_token_id + 1.
ROBERTA = Family(
    model_type="roberta",
    architecture="RobertaModel",
    tensorflow="TFRobertaModel",
    arguments=_ARGUMENTS,
    always=("last_hidden_state", "pooler_output"),
    fields={**_FIELDS, "vocab_size": 50265, "pad_token_id": 1},
    first_position=2,
)
XLM_ROBERTA = replace(
    ROBERTA,
    model_type="xlm-roberta",
    architecture="XLMRobertaModel",
    tensorflow="TFXLMRobertaModel",
    fields={**_FIELDS, "pad_token_id": 1},
)
ELECTRA = Family(
    model_type="electra",
    architecture="ElectraModel",
    tensorflow="TFElectraModel",
    arguments=_ARGUMENTS,
    always=("last_hidden_state",),
    fields={
        **_FIELDS,
        "embedding_size": 128,
        "hidden_size": 256,
        "num_attention_heads": 4,
        "intermediate_size": 1024,
    },
)

FAMILIES: Tuple[Family, ...] = (BERT, DISTILBERT, ROBERTA, XLM_ROBERTA, ELECTRA)
BY_MODEL_TYPE: Mapping[str, Family] = {family.model_type: family for family in FAMILIES}
_ALL = (*FAMILIES, *(family.with_head(head) for family in FAMILIES for head in HEADS))
CLASSES: Mapping[str, Family] = {family.architecture: family for family in _ALL}
BY_TENSORFLOW: Mapping[str, Family] = {family.tensorflow: family for family in _ALL}


def known() -> str:
    """The TensorFlow classes that a bundle holds, in words."""
    plain = ", ".join(family.tensorflow for family in FAMILIES)
    return "{}, or with {} in place of Model".format(plain, " or ".join(HEADS))


def folder_name(layer_name: str, taken: Mapping[str, Any]) -> str:
    """The folder of an encoder: its layer's name in letters, digits, `_` and `-`, numbered when taken."""
    plain = re.sub(r"[^A-Za-z0-9_\-]", "_", layer_name).strip("-_") or "encoder"
    name, number = plain, 1
    while name.casefold() in {t.casefold() for t in taken}:
        number += 1
        name = "{}_{}".format(plain, number)
    return name
