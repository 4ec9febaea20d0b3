"""Live fast tokenizers of transformers 4 whose classes no family has, small, by name, and texts for them."""

import json
import os
import tempfile

import transformers as library

from bert_bundle.classifiers import vocabularies

TEXTS = ["My invoice is wrong, please", "why?", "", "  a  refund<mask> é\u0301", "dark mode " * 9, "</s> 🙏 東京"]
MASK = {"mask_token": "<mask>"}
ENDS = {"cls_token": "<s>", "sep_token": "</s>", "bos_token": "<s>", "eos_token": "</s>"}
COMMON = {"pad_token": "<pad>", "unk_token": "<unk>", "eos_token": "</s>"}
CLASSES = {  # class -> (family whose vocabulary it has, post-processor, arguments)
    "T5TokenizerFast": ("xlm-roberta", ["A", "</s>"], dict(COMMON, extra_ids=0)),
    "XLNetTokenizerFast": ("xlm-roberta", ["A", "</s>", "<s>:2"], dict(COMMON, **ENDS, **MASK)),
    "GPT2TokenizerFast": ("roberta", ["A"], dict(COMMON, bos_token="<s>")),
    "FunnelTokenizerFast": ("mpnet", ["<s>:2", "A", "</s>"], dict(COMMON, **ENDS, **MASK)),
    "PreTrainedTokenizerFast": ("xlm-roberta", ["<s>", "A", "</s>"], dict(COMMON, **ENDS, **MASK)),
}


def present():
    """Return the names of those classes that this transformers has, with their dependencies."""
    return [name for name in CLASSES if getattr(library, name, None) is not None]


def make(name, **settings):
    """Return a live tokenizer as a published tokenizer.json gives it."""
    family, template, arguments = CLASSES[name]
    document = vocabularies.describe(family).document()
    document["post_processor"] = _template(document, template)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "tokenizer.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file)
        given = {} if name == "PreTrainedTokenizerFast" else dict.fromkeys(_files(name))
        return getattr(library, name)(tokenizer_file=path, model_max_length=40, **dict(given, **arguments), **settings)


def size(tokenizer):
    """Return how many ids it has."""
    return max(tokenizer.get_vocab().values()) + 1


def _files(name):
    return ["vocab_file", "merges_file"] if name == "GPT2TokenizerFast" else ["vocab_file"]


def _template(document, parts):
    """Return the post-processor that puts tokens, as `token` or `token:type`, around a text `A` and its pair."""
    ids = {token["content"]: token["id"] for token in document["added_tokens"]}
    single, pair = [], []
    for part in parts:
        token, _, kind = part.partition(":")
        piece = {"id": token, "type_id": int(kind or 0)}
        single.append({"Sequence": piece} if token == "A" else {"SpecialToken": piece})
        pair.append(single[-1])
        if token == "A":
            pair.append({"Sequence": {"id": "B", "type_id": 1}})
    used = sorted({part.partition(":")[0] for part in parts} - {"A"})
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": pair,
        "special_tokens": {t: {"id": t, "ids": [ids[t]], "tokens": [t]} for t in used},
    }
