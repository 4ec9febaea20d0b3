"""The encoder families that a bundle holds: one file and one `Family` each, registered in `FAMILIES`.

Field names and defaults are those of `transformers`' configuration classes (4.57); a field that decides nothing about
the function or the labels is not kept, so that every release writes the same bytes.
"""

import re
from typing import Any, Mapping, Tuple

from bert_bundle.encoders.families import general
from bert_bundle.encoders.families.albert import ALBERT
from bert_bundle.encoders.families.bert import BERT
from bert_bundle.encoders.families.camembert import CAMEMBERT
from bert_bundle.encoders.families.deberta_v2 import DEBERTA_V2
from bert_bundle.encoders.families.distilbert import DISTILBERT
from bert_bundle.encoders.families.electra import ELECTRA
from bert_bundle.encoders.families.family import GENERAL, HEADS, PER_LAYER, POOLER, TRACED, Family
from bert_bundle.encoders.families.mpnet import MPNET
from bert_bundle.encoders.families.roberta import ROBERTA
from bert_bundle.encoders.families.xlm_roberta import XLM_ROBERTA

__all__ = [
    "ALBERT",
    "BERT",
    "BY_MAIN_LAYER",
    "BY_MODEL_TYPE",
    "BY_TENSORFLOW",
    "CAMEMBERT",
    "CLASSES",
    "DEBERTA_V2",
    "DISTILBERT",
    "ELECTRA",
    "FAMILIES",
    "GENERAL",
    "HEADS",
    "MPNET",
    "PER_LAYER",
    "POOLER",
    "ROBERTA",
    "TRACED",
    "XLM_ROBERTA",
    "Family",
    "folder_name",
    "known",
    "of_layer",
]

FAMILIES: Tuple[Family, ...] = (BERT, DISTILBERT, ROBERTA, XLM_ROBERTA, ELECTRA, CAMEMBERT, ALBERT, MPNET, DEBERTA_V2)
BY_MODEL_TYPE: Mapping[str, Family] = {family.model_type: family for family in FAMILIES}
_ALL = (*FAMILIES, *(family.with_head(head) for family in FAMILIES for head in HEADS))
CLASSES: Mapping[str, Family] = {family.architecture: family for family in _ALL}
BY_TENSORFLOW: Mapping[str, Family] = {family.tensorflow: family for family in _ALL}
BY_MAIN_LAYER: Mapping[str, Family] = {family.main_layer: family for family in FAMILIES}


def of_layer(class_name: str, config: Mapping[str, Any]) -> Family:
    """Return the family of an encoder's record in a graph: its class and its configuration there."""
    family = general.of_name(class_name) if GENERAL in config else CLASSES[class_name]
    return family if config.get(POOLER, True) else family.without_pooler()


def known() -> str:
    """Return the TensorFlow classes that a bundle holds, in words."""
    plain = ", ".join(family.tensorflow for family in FAMILIES)
    heads = " or ".join((*HEADS, "MainLayer"))
    return "{}, or with {} in place of Model, or any other TF...Model of texts".format(plain, heads)


def folder_name(layer_name: str, taken: Mapping[str, Any]) -> str:
    """Return the folder of an encoder: its layer's name in letters, digits, `_` and `-`, numbered if taken."""
    plain = re.sub(r"[^A-Za-z0-9_\-]", "_", layer_name).strip("-_") or "encoder"
    name, number = plain, 1
    while name.casefold() in {t.casefold() for t in taken}:
        number += 1
        name = "{}_{}".format(plain, number)
    return name
